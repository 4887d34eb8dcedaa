"""What lies in etcd, read as bytes: which values stand under which key version, and writing them again.

The only place that speaks to etcd beside the gate. It is used by commands, never while serving.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster.flags import SECRET_GATE
from sovereign_ai.cluster.keys.gate import open_etcd, port_of
from sovereign_ai.cluster.keys.seal import PLANE_VALUE, SEALED, SECRETS, sealed_under, stub_of
from sovereign_ai.cluster.keys.wire import ETCD, MOD_REVISION, STORED
from sovereign_ai.cluster.state import Place
from sovereign_ai.errors import EnvironmentLacksError, Problem

CONFIG_MAPS = b"/registry/configmaps/"
_CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Stored:
    """One value in etcd.

    Attributes:
        place: its key in etcd, such as /registry/secrets/research/login.
        revision: of its last change.
        level: the trust level that it is sealed under; None if it is not sealed.
        level_key: which version of the level's key; empty if it is not sealed.
        plane_key: which version of the plane's key; empty if another provider encrypted it.
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


class Store:
    """etcd and the gate before it, each behind its own channel."""

    def __init__(self, etcd: Any, gate: Any) -> None:
        self._etcd, self._gate = etcd, gate

    async def all(self, prefix: bytes) -> list[Stored]:
        """Read every value below a prefix, from etcd itself."""
        return [_stored(pair) for pair in await _range(self._etcd, prefix, _end(prefix))]

    async def is_open(self, one: Stored) -> bool | None:
        """Tell whether the gate gives a value out whole, and not its stub; None if it was deleted in the meantime."""
        direct, through = [await _range(channel, one.place) for channel in (self._etcd, self._gate)]
        if not direct or not through:
            return None
        return bool(through[0].value != stub_of(direct[0].value) and not through[0].value.startswith(SEALED))

    async def write_again(self, one: Stored) -> bool:
        """Read a value through the gate and write it back, which seals it under the newest version; False if it has changed."""
        found = await _range(self._gate, one.place)
        if not found:
            return False
        request = ETCD["TxnRequest"]()
        request.compare.add(target=MOD_REVISION, key=one.place, mod_revision=found[0].mod_revision)
        request.success.add().request_put.CopyFrom(ETCD["PutRequest"](key=one.place, value=found[0].value))
        answer = await _call(self._gate, "KV/Txn", request)
        return bool(ETCD["TxnResponse"].FromString(answer).succeeded)

    async def forget_history(self) -> None:
        """Have etcd drop every older revision, and give its file's pages back, so that what was written before is gone."""
        answer = await _call(self._etcd, "KV/Range", ETCD["RangeRequest"](key=SECRETS))
        revision = ETCD["RangeResponse"].FromString(answer).header.revision
        try:
            await _call(self._etcd, "KV/Compact", ETCD["CompactionRequest"](revision=revision, physical=True))
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.OUT_OF_RANGE:  # out of range: dropped already
                raise
        await _call(self._etcd, "Maintenance/Defragment", ETCD["DefragmentRequest"]())


@asynccontextmanager
async def opened_store(where: Place) -> AsyncIterator[Store]:
    """Open etcd and the gate of a plane.

    Raises:
        EnvironmentLacksError: one of them does not answer, or refuses, or the plane was not started with keys yet.
    """
    etcd, gate = [open_etcd(where, port_of(where, listener)) for listener in ("etcd", SECRET_GATE)]
    try:
        yield Store(etcd, gate)
    except grpc.RpcError as error:
        hint = f"sovereign-ai cluster status {where.name}"
        message = f"the plane's store answers {error.code().name}: {error.details()}"
        raise EnvironmentLacksError(Problem("store-refused", message, hint=hint)) from None
    finally:
        await asyncio.gather(etcd.close(), gate.close())


async def stored_values(where: Place) -> list[Stored]:
    """Read every secret and configmap of a plane, closed."""
    async with opened_store(where) as store:
        return [*await store.all(SECRETS), *await store.all(CONFIG_MAPS)]


def _stored(pair: Any) -> Stored:
    """Read a value's envelope; what is in it stays closed."""
    sealed = sealed_under(pair.value)
    level, level_key = sealed or (None, "")
    value = stub_of(pair.value) or pair.value
    plane_key = STORED["EncryptedObject"].FromString(value.removeprefix(PLANE_VALUE)).key_id if value.startswith(PLANE_VALUE) else ""
    return Stored(bytes(pair.key), pair.mod_revision, level, level_key, plane_key)


async def _range(channel: Any, key: bytes, end: bytes = b"") -> list[Any]:
    answer = await _call(channel, "KV/Range", ETCD["RangeRequest"](key=key, range_end=end))
    return list(ETCD["RangeResponse"].FromString(answer).kvs)


async def _call(channel: Any, method: str, request: Any) -> bytes:
    return bytes(await channel.unary_unary(f"/etcdserverpb.{method}")(request.SerializeToString(), timeout=_CALL_SECONDS))


def _end(prefix: bytes) -> bytes:
    """Give the end of the range of all keys below a prefix."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
