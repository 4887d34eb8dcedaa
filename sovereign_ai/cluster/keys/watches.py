"""The watches that run through the secret gate, and how they are made to begin anew.

etcd's watch protocol has many watches on one stream. When a key is withdrawn or given back, each of
them is told that its revision is compacted, which is etcd's own way to say: list again. So is a watch that
begins later and goes on from what was listed before, by another run of the gate too: its list shows what was
readable then. The gate writes a mark in etcd at each change, whose revision tells before from after.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sovereign_ai.cluster.keys.wire import ETCD

_NEVER = 2**63 - 1
_REASON = "a key was withdrawn or given back: list again"


class Watches:
    """All streams that are open."""

    def __init__(self) -> None:
        """Nothing is trusted before the first mark."""
        self._streams: set[_Stream] = set()
        self._mark = _NEVER

    def restart(self, mark: int) -> None:
        """Have every watch begin anew that goes on from before a revision: those that run, and those that are yet to come."""
        self._mark = mark
        for stream in self._streams:
            stream.restart()

    async def pass_on(
        self, requests: AsyncIterator[bytes], upstream: Any, opened: Callable[[Any], Awaitable[None]]
    ) -> AsyncIterator[bytes]:
        """Pass requests on to etcd and its answers back, each event opened.

        Args:
            requests: what the API server asks.
            upstream: the call to etcd.
            opened: opens the values of an event in place.
        """
        stream = _Stream(upstream, lambda start: 0 < start <= self._mark)
        self._streams.add(stream)
        forward = asyncio.ensure_future(_forward(requests, stream, upstream))
        listen = asyncio.ensure_future(stream.listen())
        try:
            while (message := await stream.answers.get()) is not None:
                for event in message.events:
                    await opened(event)
                yield bytes(message.SerializeToString())
            await listen
        finally:
            self._streams.discard(stream)
            forward.cancel()
            listen.cancel()


class _Stream:
    """One stream: the watches that run on it, and what is to be told."""

    def __init__(self, upstream: Any, is_stale: Callable[[int], bool]) -> None:
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self._upstream, self._is_stale = upstream, is_stale
        self._begun: deque[int] = deque()
        self._running: set[int] = set()
        self._last: Any = None

    def begin(self, start: int) -> None:
        """Note from which revision a watch is to go on; etcd answers in the order in which it is asked."""
        self._begun.append(start)

    async def listen(self) -> None:
        """Take etcd's answers until the stream ends."""
        try:
            async for answer in self._upstream:
                message = ETCD["WatchResponse"].FromString(answer)
                self._take(message)
        finally:
            self.answers.put_nowait(None)

    def _take(self, message: Any) -> None:
        """Note which watches run; what a watch says that was made to begin anew is dropped."""
        self._last = message.header
        start = self._begun.popleft() if message.created and self._begun else 0
        if message.created and not message.canceled:
            self._running.add(message.watch_id)
        elif message.watch_id not in self._running and message.watch_id >= 0:
            return
        if message.canceled:
            self._running.discard(message.watch_id)
        self.answers.put_nowait(message)
        if message.watch_id in self._running and self._is_stale(start):
            self._end(message.watch_id)

    def restart(self) -> None:
        """End every watch."""
        for watch_id in sorted(self._running):
            self._end(watch_id)

    def _end(self, watch_id: int) -> None:
        """Tell a watch that its revision is compacted, and end it at etcd."""
        self._running.discard(watch_id)
        told = ETCD["WatchResponse"](watch_id=watch_id, canceled=True, compact_revision=max(1, self._last.revision), cancel_reason=_REASON)
        told.header.CopyFrom(self._last)
        self.answers.put_nowait(told)
        cancel = ETCD["WatchRequest"]()
        cancel.cancel_request.watch_id = watch_id
        asyncio.ensure_future(self._upstream.write(cancel.SerializeToString()))  # noqa: RUF006 - lives as long as the stream


async def _forward(requests: AsyncIterator[bytes], stream: _Stream, upstream: Any) -> None:
    """Pass the API server's requests on."""
    async for request in requests:
        message = ETCD["WatchRequest"].FromString(request)
        if message.HasField("create_request"):
            stream.begin(message.create_request.start_revision)
        await upstream.write(request)
    await upstream.done_writing()
