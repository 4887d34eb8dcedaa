"""The secret gate: stands between the API server and etcd, for secrets alone, and seals them by trust level.

    python -m sovereign_ai.cluster.keys.gate FOLDER

The API server is told by `--etcd-servers-overrides=/secrets#…` to keep its secrets here. What it asks is
passed on to etcd as it came; only values below /registry/secrets/ are changed, and only of namespaces that
have a trust level. Both sides are TLS with client certificates, on loopback. Where a key is withdrawn or given
back, running watches are ended as if their revision had been compacted: the API server then lists anew
and forgets what its caches held.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from sovereign_ai.cluster import identities as who
from sovereign_ai.cluster.flags import SECRET_GATE
from sovereign_ai.cluster.keys.custody import levels_digest
from sovereign_ai.cluster.keys.levels import Levels
from sovereign_ai.cluster.keys.ring import RECONNECT, RefusedError, SilentError
from sovereign_ai.cluster.keys.seal import SECRETS, DamagedError, Sealer, UnsealableError
from sovereign_ai.cluster.keys.watches import Watches
from sovereign_ai.cluster.keys.wire import ETCD
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.state import Place, recorded_ports
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.max_metadata_size", 65_536)]
_NOT_PASSED = {"/etcdserverpb.KV/RangeStream", "/etcdserverpb.Maintenance/Snapshot"}
"""Streams of values that would pass unopened; the API server falls back to ranges."""
_ETCD_SECONDS = 10.0
_MARK_AGAIN_SECONDS = 1.0
_MARK = b"/sovereign-ai/secret-gate"
"""A key in etcd that the gate writes when it starts and when a key changes (`watches`); nothing stands in it."""
TAKEN = "/sovereign_ai.SecretGate/Taken"
"""A question to the gate itself: which levels it seals by (`custody.levels_digest`), and what it heard of each key last; JSON."""


class Gate(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes calls on to etcd, sealing what is written and opening what is read."""

    def __init__(self, channel: Any, sealer: Sealer, watches: Watches) -> None:
        self._channel, self._sealer, self._watches = channel, sealer, watches

    def service(self, details: Any) -> Any:
        """Give the handler of a call; None for what is not passed on."""
        if details.method in _NOT_PASSED:
            return None
        if details.method == "/etcdserverpb.Watch/Watch":
            return grpc.stream_stream_rpc_method_handler(self._watch)
        if details.method == TAKEN:
            return grpc.unary_unary_rpc_method_handler(self._taken)
        sealing = {
            "/etcdserverpb.KV/Range": (None, self._open_range),
            "/etcdserverpb.KV/Put": (self._seal_put, self._open_put),
            "/etcdserverpb.KV/Txn": (self._seal_txn, self._open_txn),
            "/etcdserverpb.KV/DeleteRange": (None, self._open_deleted),
        }
        before, after = sealing.get(details.method, (None, None))
        call = self._channel.unary_unary(details.method)

        async def pass_on(request: bytes, context: Any) -> bytes:
            try:
                sent = await before(request) if before else request
                answer = await call(sent, metadata=_metadata(context), timeout=context.time_remaining())
                return await after(answer) if after else bytes(answer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the API server gets gRPC's own words
                return bytes(await _refuse(context, error))

        return grpc.unary_unary_rpc_method_handler(pass_on)

    async def _taken(self, _request: bytes, _context: Any) -> bytes:
        """Say by which levels it seals now, and what it heard of the keys."""
        keys = {name: asdict(key.heard) for name, key in self._sealer.keys.items() if key.heard}
        return json.dumps({"levels": levels_digest(self._sealer.levels), "keys": keys}).encode()

    async def _watch(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """Pass on a stream of watches."""
        upstream = self._channel.stream_stream("/etcdserverpb.Watch/Watch")(metadata=_metadata(context))
        try:
            async for answer in self._watches.pass_on(requests, upstream, self._open_event):
                yield answer
        except Exception as error:  # noqa: BLE001
            await _refuse(context, error)
        finally:
            upstream.cancel()

    async def _open_event(self, event: Any) -> None:
        await self._open(event.kv)
        await self._open(event.prev_kv)

    async def _open(self, pair: Any) -> None:
        """Open a value in its message; a damaged one is passed on as it is, for the API server names it better than we could."""
        if pair.value:
            try:
                pair.value = await self._sealer.open(pair.key, pair.value)
            except DamagedError:
                _log(f"damaged: {pair.key!r}")

    async def _open_all(self, pairs: Any) -> None:
        for pair in pairs:
            await self._open(pair)

    async def _open_range(self, answer: bytes) -> bytes:
        message = ETCD["RangeResponse"].FromString(answer)
        await self._open_all(message.kvs)
        return bytes(message.SerializeToString())

    async def _open_put(self, answer: bytes) -> bytes:
        message = ETCD["PutResponse"].FromString(answer)
        if message.HasField("prev_kv"):
            await self._open(message.prev_kv)
        return bytes(message.SerializeToString())

    async def _open_deleted(self, answer: bytes) -> bytes:
        message = ETCD["DeleteRangeResponse"].FromString(answer)
        await self._open_all(message.prev_kvs)
        return bytes(message.SerializeToString())

    async def _open_txn(self, answer: bytes) -> bytes:
        message = ETCD["TxnResponse"].FromString(answer)
        await self._open_responses(message)
        return bytes(message.SerializeToString())

    async def _open_responses(self, message: Any) -> None:
        for one in message.responses:
            await self._open_all(one.response_range.kvs)
            await self._open_all(one.response_delete_range.prev_kvs)
            if one.response_put.HasField("prev_kv"):
                await self._open(one.response_put.prev_kv)
            if one.HasField("response_txn"):
                await self._open_responses(one.response_txn)

    async def _seal_put(self, request: bytes) -> bytes:
        message = ETCD["PutRequest"].FromString(request)
        await self._seal(message)
        return bytes(message.SerializeToString())

    async def _seal_txn(self, request: bytes) -> bytes:
        message = ETCD["TxnRequest"].FromString(request)
        await self._seal_requests(message)
        return bytes(message.SerializeToString())

    async def _seal(self, put: Any) -> None:
        """Seal what is to be written in its message, with a look at what stands there."""
        if put.key.startswith(SECRETS):
            call = self._channel.unary_unary("/etcdserverpb.KV/Range")
            answer = await call(ETCD["RangeRequest"](key=put.key).SerializeToString(), timeout=_ETCD_SECONDS)
            found = ETCD["RangeResponse"].FromString(answer).kvs
            put.value = await self._sealer.seal(put.key, put.value, found[0].value if found else b"")

    async def _seal_requests(self, message: Any) -> None:
        for one in (*message.success, *message.failure):
            if one.HasField("request_put"):
                await self._seal(one.request_put)
            if one.HasField("request_txn"):
                await self._seal_requests(one.request_txn)


async def _refuse(context: Any, error: Exception) -> Any:
    """Answer with an error: etcd's own word where it has one."""
    if isinstance(error, grpc.aio.AioRpcError):
        await context.abort(error.code(), error.details() or "", trailing_metadata=tuple(error.trailing_metadata() or ()))
    if isinstance(error, RefusedError):
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the key of this namespace's trust level is withdrawn; nothing is written")
    if isinstance(error, UnsealableError):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the value is not encrypted under the plane's key")
    if isinstance(error, SilentError):
        _log(str(error))
        await context.abort(grpc.StatusCode.INTERNAL, "the key service gave no answer")  # unavailable would be tried a hundred times
    if isinstance(error, grpc.aio.AbortError | asyncio.CancelledError):
        raise error
    _log(f"defect: {type(error).__name__}")
    await context.abort(grpc.StatusCode.INTERNAL, f"the secret gate failed: {type(error).__name__}")


def _metadata(context: Any) -> tuple[tuple[str, str], ...]:
    """What the caller said beside the message, such as that etcd must have a leader."""
    return tuple((key, value) for key, value in context.invocation_metadata() or () if key == "hasleader")


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def port_of(where: Place, listener: str) -> int:
    """Give the port of etcd or of the gate.

    Raises:
        EnvironmentLacksError: the plane has not been started since it has keys.
    """
    port = recorded_ports(where).get(listener)
    if port is None:
        hint = f"sovereign-ai cluster up {where.name}"
        raise EnvironmentLacksError(Problem("plane-not-started", f"the plane {where.name!r} was not started with its keys yet", hint=hint))
    return port


def open_etcd(where: Place, port: int, identity: str = who.ETCD_APISERVER) -> Any:
    """Open an asynchronous channel to etcd, or to the gate, with a client certificate."""
    pki = where.pki
    credentials = grpc.ssl_channel_credentials(
        (pki / f"{who.ETCD_CA}.crt").read_bytes(), (pki / f"{identity}.key").read_bytes(), (pki / f"{identity}.crt").read_bytes()
    )
    return grpc.aio.secure_channel(f"{LOOPBACK}:{port}", credentials, options=[*_OPTIONS, *RECONNECT])


async def _mark_changes(channel: Any, watches: Watches, changed: asyncio.Event) -> None:
    """Write the mark each time a key changed, and have the watches begin anew; for ever.

    An etcd that is out of space takes no mark. Then at least what runs begins anew at once, and the rest as soon as it takes one.
    """
    put, get = channel.unary_unary("/etcdserverpb.KV/Put"), channel.unary_unary("/etcdserverpb.KV/Range")
    again: float | None = None
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), again)
        is_new = changed.is_set()
        changed.clear()
        try:
            answer = await put(ETCD["PutRequest"](key=_MARK).SerializeToString(), timeout=_ETCD_SECONDS)
        except grpc.RpcError as error:
            again = _MARK_AGAIN_SECONDS
            if is_new:
                _log(f"etcd does not take the mark: {error.code().name}")
                with contextlib.suppress(grpc.RpcError):
                    read = await get(ETCD["RangeRequest"](key=_MARK).SerializeToString(), timeout=_ETCD_SECONDS)
                    watches.restart(ETCD["RangeResponse"].FromString(read).header.revision)
        else:
            again = None
            watches.restart(ETCD["PutResponse"].FromString(answer).header.revision)


async def serve(where: Place) -> bool:
    """Serve until told to stop; tell whether a task of its own has ended, which none should."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    tasks: set[asyncio.Task[None]] = set()

    def keep(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(lambda done: None if done.cancelled() else ended.set())

    watches, sealer, channel = Watches(), Sealer({}, {}), open_etcd(where, port_of(where, "etcd"))
    changed = asyncio.Event()
    changed.set()  # whoever goes on from another run of the gate does not know what became of the keys
    levels = Levels(where, sealer, keep, changed.set)
    await levels.take()
    keep(_mark_changes(channel, watches, changed))
    keep(levels.follow())
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers([Gate(channel, sealer, watches)])
    pki = where.pki
    pair = ((pki / f"{who.ETCD_GATE}.key").read_bytes(), (pki / f"{who.ETCD_GATE}.crt").read_bytes())
    authority = (pki / f"{who.ETCD_CA}.crt").read_bytes()
    server.add_secure_port(
        f"{LOOPBACK}:{port_of(where, SECRET_GATE)}", grpc.ssl_server_credentials([pair], authority, require_client_auth=True)
    )
    await server.start()
    await ended.wait()
    failed = [task for task in tasks if task.done()]
    for task in failed:
        _log(f"a task of the gate ended: {type(task.exception()).__name__}")
    for task in tasks:
        task.cancel()
    await server.stop(0.5)
    await channel.close()
    return bool(failed)


def main(folder: Path) -> int:
    """Run the gate of the plane in a folder; it ends with 1 where one of its own tasks failed, and is started again."""
    os.umask(0o077)
    try:
        return int(asyncio.run(serve(Place(folder.name, folder))))
    except SovereignError as error:
        _log(str(error))
        return 1


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
