"""Read from etcd under which key version each value is stored, and rewrite values.

Beside the gate, this is the only module that talks to etcd. Commands use it; nothing uses it while serving.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster.embedded.flags import SECRET_GATE
from sovereign_ai.cluster.keys.envelope import DamagedError, parse
from sovereign_ai.cluster.keys.messages import ETCD, MOD_REVISION, STORED
from sovereign_ai.cluster.keys.seal import PLANE_VALUE, SEALED, SECRETS, sealed_under, stub_of
from sovereign_ai.cluster.keys.secret_proxy import open_etcd, port_of
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import clean

CONFIG_MAPS = b"/registry/configmaps/"
_CALL_SECONDS = 30.0


@frozen_dataclass
class Stored:
    """One value in etcd.

    Attributes:
        place: its key in etcd, such as /registry/secrets/research/login.
        revision: etcd's revision of its last change.
        level: the trust level that it is sealed under; None if it is not sealed.
        level_key: identifier of the version of the level's key; empty if it is not sealed.
        plane_key: identifier of the version of the control plane's key; empty if another provider encrypted
            it.
    """

    place: bytes
    revision: int
    level: str | None
    level_key: str
    plane_key: str

    @property
    def kind(self) -> str:
        """`secret` or `configmap`."""
        return self.place.split(b"/")[2].decode(errors="replace").removesuffix("s")

    @property
    def namespace(self) -> str:
        """The namespace of a secret or configmap."""
        return self.place.split(b"/")[3].decode(errors="replace")

    @property
    def name(self) -> str:
        """The name of a secret or configmap."""
        return self.place.split(b"/")[4].decode(errors="replace")


class KeyStore:
    """Reads and writes values, directly in etcd and through the gate in front of it."""

    def __init__(self, etcd: Any, gate: Any) -> None:
        self._etcd, self._gate = etcd, gate

    async def all(self, prefix: bytes) -> list[Stored]:
        """Return every value below a prefix, read from etcd itself."""
        return [_stored(pair) for pair in await _range(self._etcd, prefix, _end(prefix))]

    async def is_open(self, value: Stored) -> bool | None:
        """Return whether the gate gives a value out whole and not its stub; None if it was deleted."""
        in_etcd = await _range(self._etcd, value.place)
        through_gate = await _range(self._gate, value.place)
        if not in_etcd or not through_gate:
            return None
        given = through_gate[0].value
        return bool(given != stub_of(in_etcd[0].value) and not given.startswith(SEALED))

    async def write_again(self, value: Stored) -> bool:
        """Read a value through the gate and write it back, which seals it under the newest version.

        Returns:
            Whether it was written; False if it changed or was deleted in the meantime.
        """
        pairs = await _range(self._gate, value.place)
        if not pairs:
            return False
        plain = pairs[0].value
        # Only if it is unchanged since the reading: an older value must never replace a newer one.
        request = ETCD["TxnRequest"]()
        request.compare.add(target=MOD_REVISION, key=value.place, mod_revision=pairs[0].mod_revision)
        request.success.add().request_put.CopyFrom(ETCD["PutRequest"](key=value.place, value=plain))
        answer = await _call(self._gate, "KV/Txn", request)
        return bool(ETCD["TxnResponse"].FromString(answer).succeeded)

    async def forget_history(self) -> None:
        """Have etcd drop every older revision and free its pages, so that its file holds no old values."""
        answer = await _call(self._etcd, "KV/Range", ETCD["RangeRequest"](key=SECRETS))
        revision = ETCD["RangeResponse"].FromString(answer).header.revision
        # `physical` makes etcd answer only when the revisions are removed from its database.
        compaction = ETCD["CompactionRequest"](revision=revision, physical=True)
        try:
            await _call(self._etcd, "KV/Compact", compaction)
        except grpc.RpcError as error:
            # Out of range: this revision is compacted already.
            if error.code() is not grpc.StatusCode.OUT_OF_RANGE:
                raise
        await _call(self._etcd, "Maintenance/Defragment", ETCD["DefragmentRequest"]())


@asynccontextmanager
async def opened_store(cluster_dir: ClusterDir) -> AsyncIterator[KeyStore]:
    """Open etcd and the gate of a control plane.

    Raises:
        EnvironmentLacksError: one of them does not answer, or refuses, or the control plane was not started
            with keys yet.
    """
    etcd = open_etcd(cluster_dir, port_of(cluster_dir, "etcd"))
    gate = open_etcd(cluster_dir, port_of(cluster_dir, SECRET_GATE))
    try:
        yield KeyStore(etcd, gate)
    except grpc.RpcError as error:
        hint = f"sovereign-ai cluster status {cluster_dir.name}"
        message = f"the control plane's store answers {error.code().name}: {error.details()}"
        raise EnvironmentLacksError(Problem("store-refused", message, hint=hint)) from None
    finally:
        await asyncio.gather(etcd.close(), gate.close())


async def stored_values(cluster_dir: ClusterDir) -> list[Stored]:
    """Return every secret and configmap of a control plane, without opening their values."""
    async with opened_store(cluster_dir) as store:
        return [*await store.all(SECRETS), *await store.all(CONFIG_MAPS)]


def _stored(pair: Any) -> Stored:
    """Read a value's envelope; its content stays encrypted.

    Raises:
        EnvironmentLacksError: the envelope is damaged.
    """
    try:
        level, level_key = sealed_under(pair.value) or (None, "")
        # Beside a sealed value lies its stub, which is encrypted under the control plane's key only.
        value = stub_of(pair.value) or pair.value
        plane_key = ""
        if value.startswith(PLANE_VALUE):
            encrypted = parse(STORED["EncryptedObject"], value.removeprefix(PLANE_VALUE))
            plane_key = encrypted.key_id
    except DamagedError:
        message = f"the value of {clean(pair.key.decode(errors='replace'))} in etcd is damaged"
        hint = "put it back from a backup of etcd; no key opens it as it is"
        raise EnvironmentLacksError(Problem("value-damaged", message, hint=hint)) from None
    return Stored(bytes(pair.key), pair.mod_revision, level, level_key, plane_key)


async def _range(channel: Any, key: bytes, end: bytes = b"") -> list[Any]:
    answer = await _call(channel, "KV/Range", ETCD["RangeRequest"](key=key, range_end=end))
    return list(ETCD["RangeResponse"].FromString(answer).kvs)


async def _call(channel: Any, method: str, request: Any) -> bytes:
    call = channel.unary_unary(f"/etcdserverpb.{method}")
    return bytes(await call(request.SerializeToString(), timeout=_CALL_SECONDS))


def _end(prefix: bytes) -> bytes:
    """Return the end of the range of all keys below a prefix: the prefix with its last byte increased."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
