"""What the commands say when the module fails, on a session that fails as it is told to."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pkcs11.exceptions  # type: ignore[import-untyped]
import pytest

from sovereign_ai.cluster.keys import pkcs11 as module
from sovereign_ai.cluster.keys.custody import ModuleLocation
from sovereign_ai.cluster.keys.pkcs11 import ModuleError, Pkcs11Module, Version, are_usable, open_session
from sovereign_ai.errors import EnvironmentLacksError, ExitCode


class Session:
    """Finds keys of these identifiers, or fails at everything."""

    def __init__(self, *identifiers: bytes) -> None:
        self.identifiers = identifiers

    def get_objects(self, _wanted: Any) -> list[Any]:
        if not self.identifiers:
            raise pkcs11.exceptions.DeviceRemoved
        return [SimpleNamespace(id=one) for one in self.identifiers]

    def close(self) -> None:
        raise pkcs11.exceptions.DeviceRemoved


def opened(session: Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Pkcs11Module:
    pin = folder / "pin"
    pin.touch(mode=0o600)
    pin.write_text("1234")
    token = SimpleNamespace(open=lambda **_: session)
    names = ("Attribute", "ObjectClass", "exceptions")
    library = SimpleNamespace(
        lib=lambda _: SimpleNamespace(get_token=lambda **_: token),
        **{name: getattr(pkcs11, name) for name in names},
    )
    monkeypatch.setattr(module, "load_library", lambda: library)
    return Pkcs11Module(ModuleLocation(folder / "module.so", "lab", pin, {}))


@pytest.mark.parametrize(
    "session", [Session(), Session(b"\x01")], ids=["a device that is gone", "a version that is no number"]
)
@pytest.mark.parametrize(
    "call",
    [
        lambda one: one.versions("high"),
        lambda one: one.generate("high"),
        lambda one: one.allow("high", allowed=False),
    ],
    ids=["versions", "generate", "allow"],
)
def test_a_module_that_fails_is_a_problem_with_a_hint_and_no_defect(
    call: Any, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    failing = opened(session, tmp_path, monkeypatch)
    with pytest.raises(ModuleError, match="pkcs11-failed") as caught:
        call(failing)
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert caught.value.problems[0].hint
    failing.close()


def test_a_key_that_is_not_there_is_not_usable():
    assert not are_usable([])
    assert not are_usable([Version(1, usable=False), Version(2, usable=True)])
    assert are_usable([Version(1, usable=True)])


def test_a_file_that_is_no_module_is_told_apart_from_a_token_and_a_pin(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("1234")
    (tmp_path / "pin").chmod(0o600)
    (tmp_path / "module.so").write_text("no library")
    for name in ("module.so", "missing.so"):
        place = ModuleLocation(tmp_path / name, "lab", tmp_path / "pin", {})
        with pytest.raises(EnvironmentLacksError, match="no PKCS#11 module can be loaded") as caught:
            open_session(pkcs11, place)
        assert "1234" not in str(caught.value)
        assert "libsofthsm2.so" in caught.value.problems[0].hint


@pytest.mark.parametrize("labels", [[], ["lab-1", "", "old"]])
def test_of_a_token_that_is_not_there_the_others_are_named(labels: list[str], tmp_path: Path) -> None:
    def refuse(**_options: Any) -> None:
        raise pkcs11.exceptions.NoSuchToken

    tokens = [SimpleNamespace(label=label) for label in labels]
    library = SimpleNamespace(get_token=refuse, get_tokens=lambda: tokens)
    (tmp_path / "pin").write_text("1234")
    (tmp_path / "pin").chmod(0o600)
    place = ModuleLocation(tmp_path / "module.so", "lab", tmp_path / "pin", {})
    with pytest.raises(EnvironmentLacksError, match="'lab' cannot be found: NoSuchToken") as caught:
        open_session(SimpleNamespace(lib=lambda _path: library), place)
    hint = caught.value.problems[0].hint
    assert hint.endswith("'lab-1', 'old'" if labels else "none")
