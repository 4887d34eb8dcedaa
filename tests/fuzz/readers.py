"""The readers that are fuzzed. Each takes any bytes, and returns or raises one of the project's errors.

Signed content would hide everything behind its signature, since no mutation keeps that. So the readers of
evidence and of the log are also given the same bytes under a signature that fits, and the secret gate values
that are encrypted as they should be.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest import chain
from sovereign_ai.attest.access import access_lines, statements
from sovereign_ai.attest.entry import FIRST, canonical, make_entry
from sovereign_ai.attest.evidence import PAYLOAD, EvidencePart, differences, open_envelope, read_envelope
from sovereign_ai.attest.layout import ACCESS, KEY, PREDICATE
from sovereign_ai.attest.observation import read_binding
from sovereign_ai.attest.signing import base64_text, pae
from sovereign_ai.attest.timestamp import (
    Request,
    StampError,
    read_authorities,
    read_response,
    verify_token,
)
from sovereign_ai.cluster.api.kubeconfig import check_files, read_kubeconfig
from sovereign_ai.cluster.api.transport import server_in
from sovereign_ai.cluster.keys.custody import PLANE
from sovereign_ai.cluster.keys.envelope import SEED_BYTES, DamagedError, Seed
from sovereign_ai.cluster.keys.key_client import KeyRefusedError
from sovereign_ai.cluster.keys.messages import ETCD, STORED
from sovereign_ai.cluster.keys.seal import (
    PLANE_VALUE,
    SEALED,
    Sealer,
    UnsealableError,
    sealed_under,
    stub_of,
    without_data,
)
from sovereign_ai.cluster.keys.secret_proxy import SecretProxy
from sovereign_ai.cluster.keys.store import _stored
from sovereign_ai.errors import SovereignError
from sovereign_ai.files.decoding import decode
from sovereign_ai.files.kinds import DEFINITIONS
from sovereign_ai.files.object_text import parse_objects
from sovereign_ai.spec.reader import read_text
from tests.fuzz.adopted import ADOPTED

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""The key of the fuzzed evidence and log; it signs nothing else."""
SEED = Seed(bytes(SEED_BYTES), "level/1", b"encrypted seed")
PLACE = b"/registry/secrets/research/login"
_WITHDRAWN = "withdrawn"
_OWN_ERRORS = (SovereignError, DamagedError, UnsealableError, KeyRefusedError, StampError)
TOKENS = Path(__file__).resolve().parents[1] / "attest" / "timestamps"
_STAMPED, _ROOTS = (TOKENS / "stamped").read_bytes(), read_authorities(TOKENS / "root.pem")
_PARTS = (EvidencePart("spec", "0" * 64, {"pools[train]": "1" * 64}), EvidencePart("plan", "2" * 64, {}))
_KINDS = (PREDICATE, ACCESS, KEY)


def read_yaml(raw: bytes) -> None:
    """Read a factory description, and the objects of a file of custom resource definitions."""
    _owned(read_text, raw, "factory.yaml")
    _owned(lambda: parse_objects(decode(raw, "objects.yaml", DEFINITIONS), "objects.yaml", DEFINITIONS))


def read_dsse(raw: bytes) -> None:
    """Read an envelope, and a statement that is signed by the key that the reader trusts.

    A statement is read as it stands and in its one spelling, in which it reaches what is behind that check.
    """
    _owned(lambda: _opened(read_envelope(_file("evidence.json", raw))))
    _owned(_opened, _signed(raw))
    with suppress(ValueError):
        _owned(_opened, _signed(canonical(orjson.loads(raw))))


def _signed(raw: bytes) -> dict[str, Any]:
    """Return an envelope of a statement, with a signature that fits."""
    signature = base64_text(SIGNER.sign(pae(PAYLOAD, raw)))
    return {
        "payloadType": PAYLOAD,
        "payload": base64_text(raw),
        "signatures": [{"keyid": "", "sig": signature}],
    }


def _opened(envelope: dict[str, Any]) -> None:
    """Open an envelope, and compare what it states as `evidence verify` does."""
    contents, problems = open_envelope(envelope, SIGNER.public_key(), _KINDS)
    if problems:
        return
    predicate = contents["predicate"]
    if contents["predicateType"] == PREDICATE:
        differences(contents, _PARTS)
        read_binding(predicate.get("observation"))
        log = _file("lab.jsonl", b"")
        chain.compare_statement(log, chain.read_log(log, SIGNER.public_key()), contents)
    if contents["predicateType"] == ACCESS:
        access_lines(predicate)


def read_chain(raw: bytes) -> None:
    """Read a log as it is, and the same lines under numbers, hashes and signatures that fit."""
    _owned(_walked, raw)
    _owned(_walked, _signed_lines(raw))


def _walked(raw: bytes) -> None:
    """Read a log, with what was set aside and the statements that it names."""
    log = _file("lab.jsonl", raw)
    key = SIGNER.public_key()
    state = chain.read_log(log, key)
    if state.broken:
        return
    chain.head(log)
    chain.list_set_aside(log, len(state.runs))
    chain.orphans(log, state, "lab")
    statements(log, key, state.keys, len(state.runs))
    state.keys.lines()


def _signed_lines(raw: bytes) -> bytes:
    """Return a log's lines with fitting numbers, hashes and signatures; what is no object stays."""
    lines: list[bytes] = []
    previous = FIRST
    for number, line in enumerate(raw.splitlines(keepends=True)):
        try:
            entry = orjson.loads(line)
            subjects = entry["subjects"]
            statement: dict[str, list[Any]] = {"subject": []}
            signed = make_entry(number, previous, entry["at"], b"", statement, SIGNER, subjects)
        except (KeyError, TypeError, ValueError):
            lines.append(line)
            continue
        previous = signed["hash"]
        lines.append(canonical(signed) + b"\n")
    return b"".join(lines)


def read_cluster(raw: bytes) -> None:
    """Read a kubeconfig, with the server that its context names."""
    file = _file("config", raw)

    def work() -> None:
        data = read_kubeconfig(file)
        check_files(file, data, None)
        server_in(data, file)

    _owned(work)


def read_protobuf(raw: bytes) -> None:
    """Read what etcd holds and what the API server writes, as the secret gate and the key commands do."""
    proxy = SecretProxy(_Channel(raw), _sealer(), None)  # type: ignore[arg-type]
    for value in (raw, SEALED + raw, PLANE_VALUE + raw, SEALED + b"confidential:" + raw):
        _owned(sealed_under, value)
        _owned(stub_of, value)
        _owned(_stored, ETCD["KeyValue"](key=PLACE, value=value))
        _owned(_run, _sealer().open(PLACE, value))
        _owned(_run, _sealer().seal(PLACE, value, value))
    for plain in (raw, b"k8s\x00" + raw, b"k8s\x00" + STORED["Unknown"](raw=raw).SerializeToString()):
        _owned(without_data, plain, "confidential")
        encrypted = PLANE_VALUE + SEED.close(plain, PLACE).SerializeToString()
        _owned(_run, _sealer().seal(PLACE, encrypted))
    for forwarded in (
        proxy._open_range,
        proxy._open_put,
        proxy._open_deleted,
        proxy._open_txn,
        proxy._seal_put,
        proxy._seal_txn,
    ):
        _owned(_run, forwarded(raw))


class _Key:
    """A key whose service answers at once; it refuses key versions that are called withdrawn."""

    heard = None

    async def seed(self, key_id: str, _encrypted: bytes) -> bytes:
        if key_id == _WITHDRAWN:
            raise KeyRefusedError
        return SEED.secret

    async def writing_seed(self) -> Seed:
        return SEED


class _Channel:
    """etcd, which answers every call with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def unary_unary(self, _method: str) -> Callable[..., Any]:
        async def call(_request: bytes, **_options: object) -> bytes:
            return self._answer

        return call


def _sealer() -> Sealer:
    return Sealer({PLANE: _Key(), "confidential": _Key()}, {"research": "confidential"})  # type: ignore[dict-item]


def _run(work: Any) -> Any:
    """Run a coroutine to its end."""
    return _loop().run_until_complete(work)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _folder() -> Any:
    """A folder that is removed when the process ends."""
    return SimpleNamespace(kept=tempfile.TemporaryDirectory(prefix="fuzz-"))


def _file(name: str, raw: bytes) -> Path:
    """Write bytes to a file that only its owner can read."""
    path = Path(_folder().kept.name) / name
    path.touch(mode=0o600)
    path.write_bytes(raw)
    return path


def _owned(work: Callable[..., object], *arguments: object) -> None:
    """Run a reader; an error of the project's own is an answer, anything else is raised."""
    try:
        work(*arguments)
    except _OWN_ERRORS:
        return


def read_stamp(raw: bytes) -> None:
    """Read a token, and an authority's answer."""
    _owned(verify_token, raw, _STAMPED, [])
    _owned(verify_token, raw, _STAMPED, _ROOTS)
    _owned(read_response, raw, Request(_STAMPED, 1))


READERS: dict[str, Callable[[bytes], None]] = {
    "yaml": read_yaml,
    "dsse": read_dsse,
    "chain": read_chain,
    "kubeconfig": read_cluster,
    "protobuf": read_protobuf,
    "timestamp": read_stamp,
    **ADOPTED,
}
"""Every harness by the name of its corpus."""
