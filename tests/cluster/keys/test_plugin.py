from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from sovereign_ai.cluster.keys import plugin
from sovereign_ai.cluster.keys.custody import Custody, ModuleLocation
from sovereign_ai.cluster.keys.messages import KMS
from sovereign_ai.cluster.keys.pkcs11 import ModuleError, Pkcs11Module, WithdrawnError
from sovereign_ai.cluster.keys.plugin import WITHDRAWN, KeyService

CUSTODY = Custody(ModuleLocation(Path("/m"), "t", Path("/p"), {}), "lab-1", {})


class FakeModule:
    """Encrypts by reversing; `error` is raised instead where it is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.probes = 0

    def _check(self) -> None:
        if self.error:
            raise self.error

    def probe(self, _label: str) -> int:
        self.probes += 1
        self._check()
        return 3

    def encrypt(self, _label: str, data: bytes, _bound: bytes) -> tuple[int, bytes]:
        self._check()
        return 3, data[::-1]

    def decrypt(self, _label: str, _number: int, data: bytes, _bound: bytes) -> bytes:
        self._check()
        return data[::-1]


class AbortedError(Exception):
    pass


class Context:
    def abort(self, code: Any, _text: str) -> None:
        raise AbortedError(code.name)


def service(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeModule, KeyService, list[bool]]:
    monkeypatch.setattr(plugin, "_PROBE_SECONDS", -1.0)
    module, ended = FakeModule(), list[bool]()
    return (
        module,
        KeyService(cast("Pkcs11Module", module), CUSTODY, "plane", lambda: ended.append(True)),
        ended,
    )


def test_a_seed_comes_back_under_the_version_that_encrypted_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _, keys, _ = service(monkeypatch)
    answer = keys.encrypt(KMS["EncryptRequest"](plaintext=b"seed"), Context())
    assert answer.key_id == "lab-1/plane/3"
    request = KMS["DecryptRequest"](ciphertext=answer.ciphertext, key_id=answer.key_id)
    assert keys.decrypt(request, Context()).plaintext == b"seed"


def test_withdrawal_and_silence_have_different_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    module, keys, _ = service(monkeypatch)
    request = KMS["EncryptRequest"](plaintext=b"seed")
    for error, code in (
        (WithdrawnError(), "FAILED_PRECONDITION"),
        (ModuleError("DeviceError"), "UNAVAILABLE"),
    ):
        module.error = error
        with pytest.raises(AbortedError, match=code):
            keys.encrypt(request, Context())
    module.error = WithdrawnError()
    assert keys.status(None, None).healthz == WITHDRAWN


def test_a_key_id_of_another_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _, keys, _ = service(monkeypatch)
    with pytest.raises(AbortedError, match="INVALID_ARGUMENT"):
        keys.decrypt(KMS["DecryptRequest"](ciphertext=b"", key_id="lab-1/high/3"), Context())
    with pytest.raises(AbortedError, match="INVALID_ARGUMENT"):
        keys.encrypt(KMS["EncryptRequest"](plaintext=b"x" * 5000), Context())


def test_a_module_that_keeps_failing_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    module, keys, ended = service(monkeypatch)
    module.error = ModuleError("DeviceError")
    for _ in range(4):
        assert keys.status(None, None).healthz == "the module gives no answer"
    assert ended == []
    keys.status(None, None)
    assert ended == [True]


def test_many_status_calls_make_one_probe_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    module, keys, _ = service(monkeypatch)
    keys.status(None, None)
    monkeypatch.setattr(plugin, "_PROBE_SECONDS", 60.0)
    for _ in range(5):
        assert keys.status(None, None).key_id == "lab-1/plane/3"
    assert module.probes == 1
