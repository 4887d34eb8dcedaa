"""The secret gate: a proxy between API server and etcd, for secrets alone, that seals them by trust level.

    python -m sovereign_ai.cluster.keys.secret_proxy FOLDER

`--etcd-servers-overrides=/secrets#…` makes the API server keep its secrets here. The gate forwards its calls
to etcd as they came; it changes only values below /registry/secrets/, and only in namespaces that have a
trust level. Both sides use TLS with client certificates, on loopback. When a key is withdrawn or restored,
running watches are ended as if their revision had been compacted: the API server then lists anew and drops
what its caches held.
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
from sovereign_ai.cluster.embedded.flags import SECRET_GATE
from sovereign_ai.cluster.keys.custody import levels_digest
from sovereign_ai.cluster.keys.envelope import parse
from sovereign_ai.cluster.keys.key_client import RECONNECT, KeyRefusedError, SilentError
from sovereign_ai.cluster.keys.levels import Levels
from sovereign_ai.cluster.keys.messages import ETCD
from sovereign_ai.cluster.keys.seal import SECRETS, DamagedError, Sealer, UnsealableError
from sovereign_ai.cluster.keys.watches import Watches
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.state import ClusterDir, recorded_ports
from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError
from sovereign_ai.files import CLUSTER, read

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_metadata_size", 65_536),
]
_NOT_PASSED = {"/etcdserverpb.KV/RangeStream", "/etcdserverpb.Maintenance/Snapshot"}
"""Calls that stream values, which would pass unopened; the API server falls back to Range without them."""
_ETCD_SECONDS = 10.0
_MARK_AGAIN_SECONDS = 1.0
_MARK = b"/sovereign-ai/secret-gate"
"""A key in etcd that the gate writes when it starts and when a key changes (`watches`); without a value."""
GATE_STATE = "/sovereign_ai.SecretGate/Taken"
"""A call to the gate itself.

It returns JSON: by which levels the gate seals (`custody.levels_digest`), and its last answer about each key.
"""


class SecretProxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Forwards calls to etcd, sealing what is written and opening what is read."""

    def __init__(self, channel: Any, sealer: Sealer, watches: Watches) -> None:
        self._channel, self._sealer, self._watches = channel, sealer, watches

    def service(self, details: Any) -> Any:
        """Return the handler of a call; None for a call that is not forwarded."""
        if details.method in _NOT_PASSED:
            return None
        if details.method == "/etcdserverpb.Watch/Watch":
            return grpc.stream_stream_rpc_method_handler(self._watch)
        if details.method == GATE_STATE:
            return grpc.unary_unary_rpc_method_handler(self._taken)
        sealing = {
            "/etcdserverpb.KV/Range": (None, self._open_range),
            "/etcdserverpb.KV/Put": (self._seal_put, self._open_put),
            "/etcdserverpb.KV/Txn": (self._seal_txn, self._open_txn),
            "/etcdserverpb.KV/DeleteRange": (None, self._open_deleted),
        }
        before, after = sealing.get(details.method, (None, None))
        call = self._channel.unary_unary(details.method)

        async def forward(request: bytes, context: Any) -> bytes:
            try:
                sent = await before(request) if before else request
                answer = await call(sent, metadata=_metadata(context), timeout=context.time_remaining())
                return await after(answer) if after else bytes(answer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the API server gets a gRPC status
                return bytes(await _refuse(context, error))

        return grpc.unary_unary_rpc_method_handler(forward)

    async def _taken(self, _request: bytes, _context: Any) -> bytes:
        """Report by which levels the gate seals now, and the last answers about the keys."""
        keys = {name: asdict(key.last_answer) for name, key in self._sealer.keys.items() if key.last_answer}
        state = {"levels": levels_digest(self._sealer.levels), "keys": keys}
        return json.dumps(state).encode()

    async def _watch(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """Forward a stream of watches."""
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
        """Open a value in its message; forward a damaged one as it is, for the API server to report."""
        if pair.value:
            try:
                pair.value = await self._sealer.open(pair.key, pair.value)
            except DamagedError:
                _log(f"damaged: {pair.key!r}")

    async def _open_all(self, pairs: Any) -> None:
        for pair in pairs:
            await self._open(pair)

    async def _open_range(self, answer: bytes) -> bytes:
        message = parse(ETCD["RangeResponse"], answer)
        await self._open_all(message.kvs)
        return bytes(message.SerializeToString())

    async def _open_put(self, answer: bytes) -> bytes:
        message = parse(ETCD["PutResponse"], answer)
        if message.HasField("prev_kv"):
            await self._open(message.prev_kv)
        return bytes(message.SerializeToString())

    async def _open_deleted(self, answer: bytes) -> bytes:
        message = parse(ETCD["DeleteRangeResponse"], answer)
        await self._open_all(message.prev_kvs)
        return bytes(message.SerializeToString())

    async def _open_txn(self, answer: bytes) -> bytes:
        message = parse(ETCD["TxnResponse"], answer)
        await self._open_responses(message)
        return bytes(message.SerializeToString())

    async def _open_responses(self, message: Any) -> None:
        for response in message.responses:
            await self._open_all(response.response_range.kvs)
            await self._open_all(response.response_delete_range.prev_kvs)
            if response.response_put.HasField("prev_kv"):
                await self._open(response.response_put.prev_kv)
            if response.HasField("response_txn"):  # transactions nest
                await self._open_responses(response.response_txn)

    async def _seal_put(self, request: bytes) -> bytes:
        message = parse(ETCD["PutRequest"], request)
        await self._seal(message)
        return bytes(message.SerializeToString())

    async def _seal_txn(self, request: bytes) -> bytes:
        message = parse(ETCD["TxnRequest"], request)
        await self._seal_requests(message)
        return bytes(message.SerializeToString())

    async def _seal(self, put: Any) -> None:
        """Seal a value to write in its message, after reading the stored one."""
        if not put.key.startswith(SECRETS):
            return
        # The stored value may be withdrawn, and must not be overwritten then.
        call = self._channel.unary_unary("/etcdserverpb.KV/Range")
        answer = await call(ETCD["RangeRequest"](key=put.key).SerializeToString(), timeout=_ETCD_SECONDS)
        pairs = parse(ETCD["RangeResponse"], answer).kvs
        before = pairs[0].value if pairs else b""
        put.value = await self._sealer.seal(put.key, put.value, before)

    async def _seal_requests(self, message: Any) -> None:
        for request in (*message.success, *message.failure):
            if request.HasField("request_put"):
                await self._seal(request.request_put)
            if request.HasField("request_txn"):
                await self._seal_requests(request.request_txn)


async def _refuse(context: Any, error: Exception) -> Any:
    """Answer with an error: etcd's own status where it gave one."""
    if isinstance(error, grpc.aio.AioRpcError):
        metadata = tuple(error.trailing_metadata() or ())
        await context.abort(error.code(), error.details() or "", trailing_metadata=metadata)
    if isinstance(error, KeyRefusedError):
        text = "the key of this namespace's trust level is withdrawn; nothing is written"
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, text)
    if isinstance(error, UnsealableError):
        text = "the value is not encrypted under the plane's key"
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
    if isinstance(error, DamagedError):
        await context.abort(grpc.StatusCode.DATA_LOSS, "a message or a stored value is damaged")
    if isinstance(error, SilentError):
        _log(str(error))
        # Not UNAVAILABLE, which etcd's client would retry a hundred times.
        await context.abort(grpc.StatusCode.INTERNAL, "the key service gave no answer")
    if isinstance(error, grpc.aio.AbortError | asyncio.CancelledError):
        raise error
    _log(f"defect: {type(error).__name__}")
    await context.abort(grpc.StatusCode.INTERNAL, f"the secret gate failed: {type(error).__name__}")


def _metadata(context: Any) -> tuple[tuple[str, str], ...]:
    """Return the caller's metadata that etcd needs: whether it must have a leader."""
    return tuple((key, value) for key, value in context.invocation_metadata() or () if key == "hasleader")


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def port_of(cluster_dir: ClusterDir, listener: str) -> int:
    """Return the port of etcd or of the gate.

    Raises:
        EnvironmentLacksError: the control plane was not started since it has keys.
    """
    port = recorded_ports(cluster_dir).get(listener)
    if port is None:
        message = f"the control plane {cluster_dir.name!r} was not started with its keys yet"
        hint = f"sovereign-ai cluster up {cluster_dir.name}"
        raise EnvironmentLacksError(Problem("plane-not-started", message, hint=hint))
    return port


def open_etcd(cluster_dir: ClusterDir, port: int, identity: str = who.ETCD_APISERVER) -> Any:
    """Open an asynchronous channel to etcd, or to the gate, with a client certificate."""
    pki = cluster_dir.pki
    credentials = grpc.ssl_channel_credentials(
        read(pki / f"{who.ETCD_CA}.crt", CLUSTER),
        read(pki / f"{identity}.key", CLUSTER),
        read(pki / f"{identity}.crt", CLUSTER),
    )
    return grpc.aio.secure_channel(f"{LOOPBACK}:{port}", credentials, options=[*_OPTIONS, *RECONNECT])


async def _mark_changes(channel: Any, watches: Watches, changed: asyncio.Event) -> None:
    """Write the mark each time a key changes, and make the watches begin anew; forever.

    An etcd that is out of space accepts no mark. Then running watches begin anew at once, and later ones as
    soon as etcd accepts a mark.
    """
    put = channel.unary_unary("/etcdserverpb.KV/Put")
    get = channel.unary_unary("/etcdserverpb.KV/Range")
    retry_seconds: float | None = None
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), retry_seconds)
        is_new = changed.is_set()
        # Before the call: a change that comes while it runs must lead to another mark.
        changed.clear()
        try:
            request = ETCD["PutRequest"](key=_MARK)
            answer = await put(request.SerializeToString(), timeout=_ETCD_SECONDS)
        except grpc.RpcError as error:
            retry_seconds = _MARK_AGAIN_SECONDS
            if is_new:
                _log(f"etcd does not take the mark: {error.code().name}")
                with contextlib.suppress(grpc.RpcError):
                    question = ETCD["RangeRequest"](key=_MARK)
                    answer = await get(question.SerializeToString(), timeout=_ETCD_SECONDS)
                    watches.restart(parse(ETCD["RangeResponse"], answer).header.revision)
        else:
            retry_seconds = None
            watches.restart(parse(ETCD["PutResponse"], answer).header.revision)


async def serve(cluster_dir: ClusterDir) -> bool:
    """Serve until a signal comes; return whether a task of the gate itself ended, which none should."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    tasks: set[asyncio.Task[None]] = set()

    def keep(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(lambda done: None if done.cancelled() else ended.set())

    watches, sealer, channel = Watches(), Sealer({}, {}), open_etcd(cluster_dir, port_of(cluster_dir, "etcd"))
    changed = asyncio.Event()
    changed.set()  # watches that continue from another run of the gate do not know of changes since
    levels = Levels(cluster_dir, sealer, keep, changed.set)
    await levels.take()
    keep(_mark_changes(channel, watches, changed))
    keep(levels.follow())
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers([SecretProxy(channel, sealer, watches)])
    pki = cluster_dir.pki
    pair = (read(pki / f"{who.ETCD_GATE}.key", CLUSTER), read(pki / f"{who.ETCD_GATE}.crt", CLUSTER))
    authority = read(pki / f"{who.ETCD_CA}.crt", CLUSTER)
    server.add_secure_port(
        f"{LOOPBACK}:{port_of(cluster_dir, SECRET_GATE)}",
        grpc.ssl_server_credentials([pair], authority, require_client_auth=True),
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
    """Run the gate of the control plane in a folder.

    Returns:
        1 where one of its own tasks failed; its supervisor then restarts it.
    """
    os.umask(0o077)
    try:
        return int(asyncio.run(serve(ClusterDir(folder.name, folder))))
    except SovereignError as error:
        _log(str(error))
        return 1


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
