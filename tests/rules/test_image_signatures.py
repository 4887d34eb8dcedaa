"""Which signatures of images count, for which signer and in which registry; all made by `openssl`."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.image_signatures import (
    explain_unsigned,
    review_signatures,
    signed_digests,
    signed_registries,
)
from sovereign_ai.spec.images import Images
from tests.rules.subject import factory_of, plan_of, pod
from tests.support.image_signatures import (
    SIGN,
    KeyPair,
    digest_of,
    key_pair,
    provenance,
    simple_signing,
    statement,
)

ONE, TWO = digest_of("one"), digest_of("two")
BUILDER = "https://ci.example.com/builder/7"
AI, WEB = "registry.example.com/ai", "registry.example.com/web"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, KeyPair]:
    folder = tmp_path_factory.mktemp("keys")
    kinds = {"release": "p256", "build": "ed25519", "stranger": "p256"}
    return {name: key_pair(folder, name, kind) for name, kind in kinds.items()}


def signed(key: KeyPair, content: Any, form: str = "statement") -> dict[str, str]:
    """Give a signature as a description holds it."""
    if form == "digest":
        return entry(form, content[1], key.sign(content[0]))
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = "application/vnd.in-toto+json"
    message = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    made = key.sign(message if form == "statement" else payload)
    return entry(form, base64.b64encode(payload).decode(), made)


def entry(form: str, content: str, signature: str) -> dict[str, str]:
    return {"file": "signatures/x", "form": form, "content": content, "signature": signature}


def images(keys: dict[str, KeyPair], *signatures: dict[str, str], **changes: Any) -> Images:
    signers = [
        {"name": "release", "key": keys["release"].text},
        {"name": "build", "key": keys["build"].text, "builder": BUILDER},
    ]
    whole = {"registries": [AI, WEB], "signers": signers, "signatures": signatures, **changes}
    return Images.model_validate(whole)


def reason(keys: dict[str, KeyPair], signature: dict[str, str]) -> str:
    declared = images(keys, signature)
    [review] = review_signatures(declared)
    assert bool(review.reason) == (signed_digests(declared) == ())
    assert bool(review.reason) == (not review.digests)
    return review.reason


def manifest() -> tuple[bytes, str]:
    import hashlib

    text = b'{"schemaVersion": 2}'
    return text, f"sha256:{hashlib.sha256(text).hexdigest()}"


GOOD: dict[str, tuple[str, str, Callable[[], Any]]] = {
    "a statement": ("release", "statement", lambda: statement(ONE)),
    "a statement of the older version": (
        "release",
        "statement",
        lambda: {**statement(ONE), "_type": "https://in-toto.io/Statement/v0.1"},
    ),
    "a payload of simple signing": ("release", "simple-signing", lambda: simple_signing(ONE)),
    "a manifest": ("release", "digest", manifest),
    "provenance": ("build", "statement", lambda: provenance(ONE, builder=BUILDER)),
    "provenance of the older version": (
        "build",
        "statement",
        lambda: statement(
            ONE, kind="https://slsa.dev/provenance/v0.2", predicate={"builder": {"id": BUILDER}}
        ),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_signature_of_a_declared_signer_counts_in_each_form(name: str, keys: dict[str, KeyPair]) -> None:
    signer, form, content = GOOD[name]
    declared = images(keys, signed(keys[signer], content(), form))
    [review] = review_signatures(declared)
    digest = manifest()[1] if form == "digest" else ONE
    assert (review.digests, review.signer, review.reason) == ((digest,), signer, "")
    assert review.builder == (BUILDER if signer == "build" else "")
    assert signed_digests(declared) == (f"{signer}/{digest}",)
    assert explain_unsigned(declared, f"{AI}/train@{digest}") == ""
    assert explain_unsigned(declared, f"{AI}/train:1@{digest}") == ""


BAD: dict[str, tuple[str, str, str, Callable[[], Any]]] = {
    "a stranger's statement": ("no declared key", "stranger", "statement", lambda: statement(ONE)),
    "a stranger's payload": ("no declared key", "stranger", "simple-signing", lambda: simple_signing(ONE)),
    "a stranger's manifest": ("no declared key", "stranger", "digest", manifest),
    "a manifest under Ed25519": ("only a P-256 key's", "build", "digest", manifest),
    "provenance by who signs images": (
        "is expected",
        "release",
        "statement",
        lambda: provenance(ONE, builder=BUILDER),
    ),
    "provenance of another builder": (
        "is expected",
        "build",
        "statement",
        lambda: provenance(ONE, builder=f"{BUILDER}0"),
    ),
    "a signature by who builds images": ("is expected", "build", "statement", lambda: statement(ONE)),
    "a bill of materials": (
        "neither a signature",
        "release",
        "statement",
        lambda: statement(ONE, kind="https://spdx.dev/Document"),
    ),
    "provenance without a builder": (
        "neither a signature",
        "build",
        "statement",
        lambda: statement(ONE, kind="https://slsa.dev/provenance/v1"),
    ),
    "another version of statements": (
        "no in-toto statement",
        "release",
        "statement",
        lambda: {**statement(ONE), "_type": "https://in-toto.io/Statement/v2"},
    ),
    "no subjects": ("subjects", "release", "statement", statement),
    "too many subjects": ("subjects", "release", "statement", lambda: statement(*[ONE] * 1_001)),
    "a subject without a digest": (
        "no SHA-256",
        "release",
        "statement",
        lambda: {**statement(ONE), "subject": [{"name": ONE}]},
    ),
    "capital letters": ("no SHA-256", "release", "statement", lambda: statement(ONE.upper())),
    "a predicate that is a list": (
        "neither a signature",
        "build",
        "statement",
        lambda: {**statement(ONE), "predicateType": [SIGN]},
    ),
    "a list": ("no in-toto statement", "release", "statement", lambda: [1]),
    "no JSON": ("cannot be read", "release", "statement", lambda: b"no"),
    "two subjects of one name": (
        "stands twice",
        "release",
        "statement",
        lambda: json.dumps(statement(ONE)).replace("{", '{"subject": [], ', 1).encode(),
    ),
    "another payload type": (
        "type is not",
        "release",
        "simple-signing",
        lambda: simple_signing(ONE, type="atomic container signature"),
    ),
    "a payload with a tag": (
        "names no image",
        "release",
        "simple-signing",
        lambda: simple_signing("registry.example.com/ai/train:1"),
    ),
    "a statement as a payload": ("type is not", "release", "simple-signing", lambda: statement(ONE)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_no_declared_signer_signed_for_an_image_counts_for_nothing(
    name: str, keys: dict[str, KeyPair]
) -> None:
    words, signer, form, content = BAD[name]
    assert words in reason(keys, signed(keys[signer], content(), form))


def test_no_byte_of_a_signature_or_of_what_is_signed_can_change(keys: dict[str, KeyPair]) -> None:
    good = signed(keys["release"], statement(ONE))
    assert reason(keys, good) == ""
    other = json.dumps(statement(TWO)).encode()
    assert reason(keys, {**good, "content": base64.b64encode(other).decode()})
    assert reason(keys, {**good, "form": "simple-signing"})
    assert reason(keys, {**good, "form": "digest"})
    assert reason(keys, {**good, "content": ONE})
    assert reason(keys, entry("digest", TWO, signed(keys["release"], manifest(), "digest")["signature"]))
    raw = bytearray(base64.b64decode(good["signature"]))
    raw[-1] ^= 1
    assert reason(keys, {**good, "signature": base64.b64encode(bytes(raw)).decode()})


def test_a_payload_is_signed_in_the_encoding_of_its_form(keys: dict[str, KeyPair]) -> None:
    # A statement whose bytes are signed as they are is no DSSE signature.
    content = json.dumps(statement(ONE)).encode()
    bare = signed(keys["release"], content, "simple-signing")
    assert reason(keys, {**bare, "form": "statement"})


def test_a_signer_signs_for_the_registries_that_it_lists_alone(keys: dict[str, KeyPair]) -> None:
    signature = signed(keys["release"], statement(ONE))
    signers = [
        {"name": "release", "key": keys["release"].text, "registries": [f"{AI}/"]},
        {"name": "build", "key": keys["build"].text, "builder": BUILDER, "registries": [WEB]},
    ]
    declared = images(keys, signature, signers=signers)
    assert signed_digests(declared) == (f"release/{ONE}",)
    assert signed_registries(declared) == (f"{AI}/", f"{WEB}/")
    assert explain_unsigned(declared, f"{AI}/train@{ONE}") == ""
    assert "by build" in explain_unsigned(declared, f"{WEB}/train@{ONE}")
    assert "by release" in explain_unsigned(declared, f"{AI}/train@{TWO}")
    assert "tag" in explain_unsigned(declared, f"{AI}/train:1")
    free = images(keys, signature, signers=signers[:1])
    assert signed_registries(free) == (f"{AI}/",)
    assert explain_unsigned(free, f"{WEB}/train:1") == ""


def test_of_registries_inside_each_other_both_want_a_signature(keys: dict[str, KeyPair]) -> None:
    inner = f"{AI}/prod"
    signers = [
        {"name": "release", "key": keys["release"].text, "registries": [AI]},
        {"name": "build", "key": keys["build"].text, "builder": BUILDER, "registries": [inner]},
    ]
    first = signed(keys["release"], statement(ONE))
    second = signed(keys["build"], provenance(ONE, builder=BUILDER))
    alone = images(keys, first, signers=signers, registries=[AI, inner])
    assert explain_unsigned(alone, f"{AI}/dev/train@{ONE}") == ""
    assert explain_unsigned(alone, f"{inner}/train@{ONE}")
    both = images(keys, first, second, signers=signers, registries=[AI, inner])
    assert explain_unsigned(both, f"{inner}/train@{ONE}") == ""


def test_one_key_may_stand_for_images_and_for_a_builder(keys: dict[str, KeyPair]) -> None:
    text = keys["release"].text
    signers = [{"name": "people", "key": text}, {"name": "builder", "key": text, "builder": BUILDER}]
    made = (
        signed(keys["release"], statement(ONE)),
        signed(keys["release"], provenance(TWO, builder=BUILDER)),
    )
    reviews = review_signatures(images(keys, *made, signers=signers))
    assert [review.signer for review in reviews] == ["people", "builder"]


def test_objects_and_workloads_are_decided_alike(keys: dict[str, KeyPair]) -> None:
    inner = f"{AI}/prod"
    signers = [
        {"name": "release", "key": keys["release"].text, "registries": [AI]},
        {"name": "build", "key": keys["build"].text, "builder": BUILDER, "registries": [inner, WEB]},
        {"name": "all", "key": keys["stranger"].text},
    ]
    made = (
        signed(keys["release"], statement(ONE)),
        signed(keys["build"], provenance(TWO, builder=BUILDER)),
        signed(keys["stranger"], statement(digest_of("three"))),
    )
    declared = images(keys, *made, signers=signers, registries=[AI, inner, WEB])
    factory = factory_of(images=declared)
    context = factory_context(factory, plan_of(factory))
    answers = []
    for place in (AI, inner, WEB):
        for name in ("one", "two", "three", "four"):
            for reference in (f"{place}/x@{digest_of(name)}", f"{place}/x:1@{digest_of(name)}"):
                rules = {finding.rule for finding in evaluate([pod(image=reference)], context)}
                assert ("IMG-004" in rules) == bool(explain_unsigned(declared, reference)), reference
                answers.append("IMG-004" not in rules)
    # Two names each: ONE and three in AI, three in the inner registry (ONE is not by build, TWO not by
    # release), TWO and three in WEB.
    assert answers.count(True) == 2 * (2 + 1 + 2)
