"""Keys in SoftHSM: they sign evidence, waivers and the log; and modules that lie, as fakes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pkcs11  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11.util.ec import encode_named_curve_parameters  # type: ignore[import-untyped]
from typer.testing import CliRunner, Result

from sovereign_ai.attest import hardware_key
from sovereign_ai.attest.hardware_key import HardwareKey, signing_key
from sovereign_ai.attest.key_uri import MODULE, PIN_FILE, parse_key_uri
from sovereign_ai.attest.signing import private_key
from sovereign_ai.cli.main import app
from sovereign_ai.cluster.keys.custody import ModuleLocation
from sovereign_ai.cluster.keys.pkcs11 import ModuleError, open_session
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from tests.support import softhsm

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
needs_softhsm = pytest.mark.skipif(shutil.which("softhsm2-util") is None, reason="needs Debian's softhsm2")
EDWARDS, POINT = pkcs11.KeyType.EC_EDWARDS, pkcs11.Attribute.EC_POINT


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> ModuleLocation:
    """A token with the pairs `evidence` and `next`, a lone private key, and two pairs of one label."""
    location = softhsm.token(tmp_path_factory)
    session = open_session(pkcs11, location, writable=True)
    curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("1.3.101.112")}
    parameters = session.create_domain_parameters(EDWARDS, curve, local=True)
    for number, label in enumerate(("evidence", "next", "twice", "twice", "lone")):
        public, _ = parameters.generate_keypair(
            mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True, label=label, id=bytes([number])
        )
        if label == "lone":
            public.destroy()
    session.close()
    return location


def uri(place: ModuleLocation, name: str) -> str:
    return f"pkcs11:token={place.token};{name}?module-path={place.library}&pin-source={place.pin_file}"


def sign(folder: Path, key: str, *more: str) -> Result:
    words = ["--key", key, "--log", str(folder / "lab.jsonl"), "-o", str(folder / "evidence.json"), *more]
    return CliRunner().invoke(app, ["evidence", "sign", LAB, *words, "--json"])


def verify(folder: Path, public: bytes) -> Result:
    (folder / "public.pem").write_bytes(public)
    words = ["--key", str(folder / "public.pem"), "--log", str(folder / "lab.jsonl"), "--json"]
    return CliRunner().invoke(app, ["evidence", "verify", str(folder / "evidence.json"), LAB, *words])


def public_of(place: ModuleLocation, name: str) -> bytes:
    key = signing_key(Path(uri(place, name))).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@needs_softhsm
def test_evidence_signed_in_the_module_verifies_with_its_public_key(
    place: ModuleLocation, tmp_path: Path
) -> None:
    said = sign(tmp_path, uri(place, "object=evidence"))
    assert said.exit_code == 0, said.output
    assert verify(tmp_path, public_of(place, "object=evidence")).exit_code == 0
    assert verify(tmp_path, public_of(place, "object=next")).exit_code == 1
    pin = place.pin_file.read_text().strip()
    assert pin not in said.output
    assert pin not in (tmp_path / "evidence.json").read_text()


@needs_softhsm
def test_the_module_and_the_pin_file_may_stand_in_the_environment(
    place: ModuleLocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODULE, str(place.library))
    monkeypatch.setenv(PIN_FILE, str(place.pin_file))
    assert sign(tmp_path, f"pkcs11:token={place.token};id=%00").exit_code == 0


@needs_softhsm
def test_the_log_is_handed_over_from_one_key_of_the_module_to_another(
    place: ModuleLocation, tmp_path: Path
) -> None:
    sign(tmp_path, uri(place, "object=evidence"))
    words = ["--key", uri(place, "object=evidence"), "--next", uri(place, "object=next")]
    log = ["--log", str(tmp_path / "lab.jsonl")]
    assert CliRunner().invoke(app, ["evidence", "rotate", LAB, *words, *log]).exit_code == 0
    old = sign(tmp_path, uri(place, "object=evidence"))
    assert (old.exit_code, json.loads(old.stdout)["problems"][0]["code"]) == (2, "key-superseded")
    assert sign(tmp_path, uri(place, "object=next")).exit_code == 0
    assert verify(tmp_path, public_of(place, "object=evidence")).exit_code == 0


@needs_softhsm
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("object=absent", "no-key"),
        ("object=twice", "no-key"),
        ("object=lone", "no-key"),
        ("object=evidence;id=%01", "no-key"),
    ],
)
def test_a_name_that_is_not_of_one_pair_is_refused_before_anything_is_written(
    name: str, code: str, place: ModuleLocation, tmp_path: Path
) -> None:
    said = sign(tmp_path, uri(place, name))
    assert (said.exit_code, json.loads(said.stdout)["problems"][0]["code"]) == (3, code)
    assert list(tmp_path.iterdir()) == []


@needs_softhsm
def test_one_of_two_pairs_of_a_label_is_named_by_its_id(place: ModuleLocation, tmp_path: Path) -> None:
    assert sign(tmp_path, uri(place, "object=twice;id=%02")).exit_code == 0


@needs_softhsm
def test_a_wrong_token_module_or_pin_file_is_an_error_of_the_environment(
    place: ModuleLocation, tmp_path: Path
) -> None:
    open_pin, empty_pin = tmp_path / "open", tmp_path / "empty"
    open_pin.write_text("1234")
    open_pin.chmod(0o644)
    empty_pin.touch(mode=0o600)
    good = uri(place, "object=evidence")
    for wrong in (
        good.replace(f"token={place.token}", "token=other"),
        good.replace(str(place.library), "/nowhere/module.so"),
        good.replace(str(place.pin_file), str(open_pin)),
        good.replace(str(place.pin_file), str(empty_pin)),
        good.replace(str(place.pin_file), "/nowhere/pin"),
    ):
        said = sign(tmp_path, wrong)
        assert said.exit_code == 3, said.output
        assert "1234" not in said.output


@needs_softhsm
def test_the_same_key_by_the_modules_own_tools_in_another_process(
    place: ModuleLocation, tmp_path: Path
) -> None:
    """The command as a person runs it: the module's configuration comes from the environment."""
    words = ["--key", uri(place, "object=evidence"), "--log", str(tmp_path / "l"), "-o", str(tmp_path / "e")]
    command = [sys.executable, "-m", "sovereign_ai.cli", "evidence", "sign", LAB, *words]
    environment = os.environ | dict(place.environment)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_file_is_still_a_file_and_a_wrong_uri_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError):
        signing_key(tmp_path / "none.pem")
    with pytest.raises(EnvironmentLacksError):
        private_key(tmp_path / "none.pem")
    with pytest.raises(UsageError, match="bad-key-uri"):
        signing_key(Path("pkcs11:token=lab?pin-value=1234"))


class FakeObject:
    """One half of a pair in a fake module."""

    def __init__(self, key: Ed25519PrivateKey, point: bytes | None = None) -> None:
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._key, self._point = key, b"\x04\x20" + raw if point is None else point

    def __getitem__(self, _name: Any) -> bytes:
        return self._point

    def sign(self, data: bytes, **_mechanism: Any) -> bytes:
        return self._key.sign(data)


def _module(monkeypatch: pytest.MonkeyPatch, private: Any, public: Any) -> HardwareKey:
    objects = {pkcs11.ObjectClass.PRIVATE_KEY: private, pkcs11.ObjectClass.PUBLIC_KEY: public}
    session = SimpleNamespace(get_objects=lambda wanted: [objects[wanted[pkcs11.Attribute.CLASS]]])
    monkeypatch.setattr(hardware_key, "_session", lambda *_: session)
    return HardwareKey(parse_key_uri("pkcs11:token=a;object=b?module-path=/c&pin-source=/d", {}))


def test_a_public_key_with_and_without_an_octet_string_around_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    for point in (raw, b"\x04\x20" + raw):
        signer = _module(monkeypatch, FakeObject(key), FakeObject(key, point))
        assert signer.public_key() == key.public_key()


def test_a_pair_whose_halves_do_not_fit_and_a_module_that_fails_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    class Refuses(FakeObject):
        def sign(self, _data: bytes, **_mechanism: Any) -> bytes:
            raise pkcs11.exceptions.KeyFunctionNotPermitted  # type: ignore[attr-defined]

    for private, public in (
        (FakeObject(other), FakeObject(key)),
        (Refuses(key), FakeObject(key)),
        (SimpleNamespace(), FakeObject(key)),
        (FakeObject(key), FakeObject(key, b"short")),
    ):
        with pytest.raises(ModuleError):
            _module(monkeypatch, private, public)


def test_a_module_that_signs_wrongly_later_gives_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Ed25519PrivateKey.generate()
    private = FakeObject(key)
    signer = _module(monkeypatch, private, FakeObject(key))
    assert len(signer.sign(b"x")) == 64
    private._key = Ed25519PrivateKey.generate()
    with pytest.raises(ModuleError, match="does not fit"):
        signer.sign(b"x")
