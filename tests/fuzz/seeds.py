"""Writes the seed corpus anew: `python -m tests.fuzz.seeds`. The same bytes come out each time."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sovereign_ai.attest.access import _access_statement as _access_fields
from sovereign_ai.attest.asn1 import tlv
from sovereign_ai.attest.entry import FIRST, canonical, make_entry
from sovereign_ai.attest.evidence import EvidencePart, sign_statement, statement
from sovereign_ai.cluster.keys.custody import PLANE
from sovereign_ai.cluster.keys.envelope import _derived_key
from sovereign_ai.cluster.keys.messages import ETCD, STORED
from tests.fuzz.adopted import SEEDS as ADOPTED_SEEDS
from tests.fuzz.readers import PLACE, SEED, SIGNER, TOKENS

CORPUS = Path(__file__).resolve().parent / "corpus"
_SMALL = Path(__file__).resolve().parents[1] / "hostile" / "small.yaml"
_DAY = date(2026, 11, 24)


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Yield each seed: its reader, its name and its bytes."""
    yield "yaml", "small", _SMALL.read_bytes()
    yield "yaml", "forms", _FORMS
    yield "yaml", "object", _OBJECT
    for reader, texts in ADOPTED_SEEDS.items():
        for name, text in texts.items():
            yield reader, name, text
    observed, access = _evidence_statement(), _access_statement()
    yield "dsse", "envelope", orjson.dumps(sign_statement(observed, SIGNER))
    # The harness signs what it is given, so a bare statement reaches what is behind the signature.
    yield "dsse", "statement", canonical(observed)
    yield "dsse", "access", canonical(access)
    yield "chain", "two-lines", _log()
    yield "chain", "torn", _log() + b'{"at":"2026-11'
    yield "kubeconfig", "token", _kubeconfig({"token": "opaque"})
    yield "kubeconfig", "files", _kubeconfig({"client-certificate": "a.pem", "client-key": "a.key"})
    yield "kubeconfig", "plain", b"clusters:\n- name: c\n  cluster: {server: 'https://10.0.0.1:6443'}\n"
    sealed, stub = _sealed()
    yield "protobuf", "sealed", sealed
    yield "protobuf", "stub", stub
    yield "protobuf", "secret", _secret()
    pair = ETCD["KeyValue"](
        key=PLACE, mod_revision=7, value=b"k8s:enc:sovereign-ai:v1:confidential:" + sealed
    )
    yield "protobuf", "range", ETCD["RangeResponse"](kvs=[pair]).SerializeToString(deterministic=True)
    transaction = ETCD["TxnRequest"]()
    transaction.compare.add(target=2, key=PLACE, mod_revision=7)
    transaction.success.add().request_put.CopyFrom(ETCD["PutRequest"](key=PLACE, value=b"k8s\x00"))
    for kind in ("rsa", "ec"):
        token = (TOKENS / f"{kind}.tst").read_bytes()
        yield "timestamp", kind, token
        # A granted answer with this token.
        yield "timestamp", f"{kind}-answer", tlv(b"\x30", b"\x30\x03\x02\x01\x00" + token)
    yield "protobuf", "transaction", transaction.SerializeToString(deterministic=True)


_FORMS = b"""name: lab # a comment
operator: &who {name: "Example \\u00e9", seat: DE}
sites: [{name: fra1, country: DE, power: {it_budget: 1.5 MW}}]
pools:
  - {name: train, nodes: 0x10, system: dgx-h100}
notes: |
  several
  lines
again: *who
empty: ~
"""
_OBJECT = b"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {group: example.com}
---
"""


def _evidence_statement() -> dict[str, object]:
    """Return the statement of a run with an observation."""
    digests = {"plan": "2" * 64, "objects/lab-1": "3" * 64, "observation": "4" * 64}
    parts = [EvidencePart("spec", "0" * 64, {"pools[train]": "1" * 64})]
    for name, digest in digests.items():
        parts.append(EvidencePart(name, digest, {}))
    observation = {
        "cluster": "lab-1",
        "cluster_uid": "6f1c1c1e-0000-4000-8000-000000000001",
        "plan_digest": digests["plan"],
        "objects_digest": digests["objects/lab-1"],
        "observed_at": "2026-11-24T12:00:00+00:00",
        "ok": True,
        "complete": True,
    }
    return statement(
        parts, factory="lab", now=_DAY, facts={"observation": observation, "verdict": {"ok": True}}
    )


def _access_statement() -> dict[str, object]:
    """Return the statement of a grant of break-glass access."""
    grant = {
        "id": "1f2e3d4c",
        "person": "on-call",
        "approver": "lead",
        "reason": "a job hangs",
        "seat": "DE",
        "namespace": "research",
        "kind": "look",
        "begins": "2026-11-24T12:00:00+00:00",
        "ends": "2026-11-24T14:00:00+00:00",
    }
    at, log = "2026-11-24T12:00:00+00:00", {"entries": 0, "head": ""}
    return _access_fields(grant, "granted", "lab", "lab-1", at, log)


def _log() -> bytes:
    """Return a log of two lines."""
    contents = _evidence_statement()
    payload = orjson.dumps(contents, option=orjson.OPT_SORT_KEYS)
    lines = []
    previous = FIRST
    notes = {"torn/lab.jsonl.torn-2-00000000-00000000": "6" * 64, "witness/0123456789abcdef": "7" * 64}
    for number, at in enumerate(("2026-11-24T12:00:00+00:00", "2026-11-25T12:00:00+00:00")):
        entry = make_entry(number, previous, at, payload, contents, SIGNER, notes if number else {})
        previous = entry["hash"]
        lines.append(canonical(entry) + b"\n")
    return b"".join(lines)


def _kubeconfig(user: dict[str, str]) -> bytes:
    """Return a kubeconfig of one context."""
    authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
    cluster = {"server": "https://127.0.0.1:6443/x", "certificate-authority-data": authority}
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "a",
        "clusters": [{"name": "c", "cluster": cluster}],
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "default"}}],
        "users": [{"name": "u", "user": user}],
    }
    return json.dumps(data).encode()


def _secret() -> bytes:
    """Return a Secret, without the magic number before it."""
    secret = STORED["Secret"](type="Opaque")
    secret.metadata.name, secret.metadata.namespace = "login", "research"
    secret.metadata.labels["app"] = "web"
    secret.metadata.annotations["kubernetes.io/service-account.name"] = "web"
    raw = secret.SerializeToString(deterministic=True)
    return bytes(STORED["Unknown"](raw=raw).SerializeToString(deterministic=True))


def _sealed() -> tuple[bytes, bytes]:
    """Return what a sealed value and the stub beside it hold, encrypted under fixed random parts."""
    stub = _closed(b"k8s\x00" + _secret())
    plane = f"k8s:enc:kms:v2:{PLANE}:".encode() + stub
    whole = STORED["EncryptedObject"].FromString(_closed(plane))
    return bytes(STORED["Sealed"](whole=whole, stub=plane).SerializeToString(deterministic=True)), stub


def _closed(data: bytes) -> bytes:
    """Encrypt as `Seed.close` does."""
    info, nonce = bytes(32), bytes(12)
    encrypted = AESGCM(_derived_key(SEED.secret, info)).encrypt(nonce, data, PLACE)
    message = STORED["EncryptedObject"](
        data=info + nonce + encrypted, key_id=SEED.key_id, seed=SEED.encrypted, seed_type=1
    )
    return bytes(message.SerializeToString(deterministic=True))


def main() -> None:
    """Write every seed."""
    for reader, name, raw in seeds():
        path = CORPUS / reader / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


if __name__ == "__main__":
    main()
