"""Files beside a description that bring signatures of images and keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load, read_data
from tests.rules.subject import FACTORY
from tests.support.image_signatures import (
    KeyPair,
    bundle,
    digest_of,
    envelope,
    key_pair,
    message_bundle,
    openssl,
    simple_signing,
    statement,
)

ONE = digest_of("one")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return key_pair(tmp_path_factory.mktemp("keys"), "cosign")


@pytest.fixture
def stack(tmp_path: Path, key: KeyPair) -> Path:
    """A stack with a key beside its description, and an empty folder of signatures."""
    (tmp_path / "cosign.pub").write_bytes(key.public.read_bytes())
    (tmp_path / "signatures").mkdir()
    write(tmp_path)
    return tmp_path


def write(stack: Path, **images: Any) -> None:
    whole = {
        "registries": ["registry.example.com/ai"],
        "signers": [{"name": "release", "key": "cosign.pub"}],
        "signatures": ["signatures"],
        **images,
    }
    (stack / "factory.yaml").write_text(yaml.safe_dump({**FACTORY, "images": whole}), encoding="utf-8")


def refused(stack: Path) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        load(stack)
    return [(problem.code, Path(problem.where.file or "").name) for problem in caught.value.problems]


def test_keys_and_signatures_become_part_of_the_description_and_its_digest(stack: Path, key: KeyPair) -> None:
    before = load(stack)
    assert before.images.signers[0].key == key.text
    (stack / "signatures" / "a.json").write_text(
        json.dumps(bundle(dsseEnvelope=envelope(key, statement(ONE))))
    )
    (stack / "signatures" / "b.payload").write_bytes(simple_signing(ONE))
    (stack / "signatures" / "b.sig").write_text(key.sign(simple_signing(ONE)) + "\n")
    (stack / "signatures" / "c.json").write_text(json.dumps(message_bundle(key, b"{}")))
    (stack / "signatures" / "d.json").write_text(json.dumps(envelope(key, statement(ONE))))
    after = load(stack)
    assert [(each.file, each.form) for each in after.images.signatures] == [
        ("signatures/a.json", "statement"),
        ("signatures/b.payload", "simple-signing"),
        ("signatures/c.json", "digest"),
        ("signatures/d.json", "statement"),
    ]
    assert before.digest != after.digest
    write(stack, signatures=["signatures", "e.json"])
    (stack / "e.json").write_text(json.dumps(envelope(key, statement(ONE))))
    assert load(stack).images.signatures[-1].file == "e.json"
    # As data it needs no files.
    again = read_data(after.to_data(), "data").factory
    assert again.digest == after.digest
    assert AIFactory.model_validate(after.to_data()).images == after.images


def test_without_signers_the_canonical_text_is_as_it_was(stack: Path) -> None:
    plain = {**FACTORY, "images": {"registries": ["registry.example.com/ai"]}}
    (stack / "factory.yaml").write_text(yaml.safe_dump(plain), encoding="utf-8")
    assert set(load(stack).to_data()["images"]) == {"registries", "digests"}


def _changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[KeyPair], bytes]:
    def make(key: KeyPair) -> bytes:
        document = message_bundle(key, b"{}")
        change(document)
        return json.dumps(document).encode()

    return make


BAD: dict[str, tuple[str, Callable[[KeyPair], bytes]]] = {
    "no JSON": ("bad-json", lambda _: b"no"),
    "two names": ("duplicate-key", lambda _: b'{"mediaType": 1, "mediaType": 2}'),
    "deep": ("too-deep", lambda _: b"[" * 100 + b"]" * 100),
    "another version": (
        "bad-signature",
        _changed(lambda it: it.update(mediaType="application/vnd.dev.sigstore.bundle.v0.2+json")),
    ),
    "a list": ("bad-signature", lambda _: b"[]"),
    "a certificate": (
        "no-public-key",
        _changed(lambda it: it.update(verificationMaterial={"certificate": {"rawBytes": "AAAA"}})),
    ),
    "nothing signed": ("bad-signature", _changed(lambda it: it.pop("messageSignature"))),
    "two contents": ("bad-signature", _changed(lambda it: it.update(dsseEnvelope={}))),
    "another hash": (
        "bad-signature",
        _changed(lambda it: it["messageSignature"]["messageDigest"].update(algorithm="SHA2_512")),
    ),
    "a short digest": (
        "bad-signature",
        _changed(lambda it: it["messageSignature"]["messageDigest"].update(digest="AAAA")),
    ),
    "no digest": ("bad-signature", _changed(lambda it: it["messageSignature"].pop("messageDigest"))),
    "no base64": ("bad-signature", _changed(lambda it: it["messageSignature"].update(signature="!"))),
    "a number": ("bad-signature", _changed(lambda it: it["messageSignature"].update(signature=1))),
    "a message that is none": ("bad-signature", _changed(lambda it: it.update(messageSignature=[]))),
    "another payload": (
        "bad-signature",
        lambda key: json.dumps(bundle(dsseEnvelope=envelope(key, statement(ONE), "text/plain"))).encode(),
    ),
    "two signatures": (
        "bad-signature",
        lambda key: json.dumps(
            bundle(dsseEnvelope={**envelope(key, statement(ONE)), "signatures": [{"sig": "AAAA"}] * 2})
        ).encode(),
    ),
    "no payload": (
        "bad-signature",
        lambda key: json.dumps({**envelope(key, statement(ONE)), "payload": None}).encode(),
    ),
    "too large": ("too-large", lambda _: b" " * (300 << 10)),
}


@pytest.mark.parametrize("name", BAD)
def test_a_document_that_cannot_be_verified_is_a_problem_at_its_file(
    name: str, stack: Path, key: KeyPair
) -> None:
    code, make = BAD[name]
    (stack / "signatures" / "a.json").write_bytes(make(key))
    assert refused(stack) == [(code, "a.json")]


def test_a_file_or_folder_that_is_not_there_is_called_missing(stack: Path) -> None:
    write(stack, signatures=["nowhere"])
    assert refused(stack) == [("no-file", "nowhere")]


def test_every_problem_of_every_file_and_of_the_description_is_reported_at_once(stack: Path) -> None:
    folder = stack / "signatures"
    (folder / "a.json").write_text("[]")
    (folder / "b.payload").write_text("{}")
    (folder / "c.sig").write_text("AAAA")
    (folder / "d.payload").write_text("{}")
    (folder / "d.sig").write_text("no base64!")
    (folder / "e.json").mkdir()
    write(stack, digests="perhaps", signers=[{"name": "release", "key": "other.pub"}])
    codes = {code for code, _ in refused(stack)}
    assert codes == {"no-key", "bad-signature", "no-file", "no-signature", "not-allowed"}
    assert len(refused(stack)) == 7


@pytest.mark.parametrize("name", ["../signatures", "/etc", "a/b", "..", ""])
def test_a_file_is_named_without_a_path(stack: Path, name: str) -> None:
    write(stack, signatures=[name])
    assert refused(stack) == [("no-file", "factory.yaml")]
    write(stack, signers=[{"name": "release", "key": f"{name}/x.pub"}])
    assert refused(stack) == [("no-file", "factory.yaml")]


def test_only_a_file_has_files_beside_it() -> None:
    images = {"registries": ["r.example.com"], "signers": [], "signatures": ["signatures"]}
    with pytest.raises(SpecError) as caught:
        read_data({**FACTORY, "images": images}, "data")
    fields = {problem.where.field for problem in caught.value.problems}
    # No signer is listed either.
    assert fields == {"images.signatures", "images.signatures[0]"}


@pytest.mark.parametrize("kind", ["RSA", "P-384", "secret", "off the curve"])
def test_a_key_that_nobody_can_verify_with_is_refused(stack: Path, key: KeyPair, kind: str) -> None:
    made = {
        "RSA": ("genpkey", "-algorithm", "RSA"),
        "P-384": ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
    }
    if kind in made:
        private = openssl(*made[kind])
        (stack / "cosign.pub").write_bytes(openssl("pkey", "-pubout", given=private))
    elif kind == "secret":
        (stack / "cosign.pub").write_bytes(key.private.read_bytes())
    else:
        raw = bytearray(base64.b64decode(key.text))
        raw[-1] ^= 1
        write(stack, signers=[{"name": "release", "key": base64.b64encode(bytes(raw)).decode()}])
    assert refused(stack) == [("bad-signer-key", "factory.yaml")]


def test_signers_have_names_of_their_own_and_sign_for_declared_registries(stack: Path) -> None:
    signer = {"name": "release", "key": "cosign.pub", "registries": ["registry.example.com/a"]}
    write(stack, signers=[signer, {"name": "release", "key": "cosign.pub"}])
    assert {code for code, _ in refused(stack)} == {"duplicate-name", "unknown-name", "contradiction"}
    write(
        stack,
        signers=[
            {"name": "release", "key": "cosign.pub"},
            {"name": "build", "key": "cosign.pub", "builder": "b"},
        ],
    )
    assert len(load(stack).images.signers) == 2
    (stack / "signatures" / "d.payload").write_text("{}")
    (stack / "signatures" / "d.sig").write_text("AAAA")
    write(stack, signers=[])
    assert {code for code, _ in refused(stack)} == {"missing-field"}
