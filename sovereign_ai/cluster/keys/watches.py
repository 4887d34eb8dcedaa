"""The watches that run through the secret gate, and how they are made to begin anew.

etcd's watch protocol has many watches on one stream. When a key is withdrawn or given back, each of
them is told that its revision is compacted, which is etcd's own way to say: list again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sovereign_ai.cluster.keys.wire import ETCD

_REASON = "a key was withdrawn or given back: list again"


class Watches:
    """All streams that are open."""

    def __init__(self) -> None:
        self._streams: set[_Stream] = set()

    def restart(self) -> None:
        """Have every watch on every stream begin anew."""
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
        stream = _Stream(upstream)
        self._streams.add(stream)
        forward = asyncio.ensure_future(_forward(requests, upstream))
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

    def __init__(self, upstream: Any) -> None:
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self._upstream = upstream
        self._running: set[int] = set()
        self._last: Any = None

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
        if message.created and not message.canceled:
            self._running.add(message.watch_id)
        elif message.watch_id not in self._running and message.watch_id >= 0:
            return
        if message.canceled:
            self._running.discard(message.watch_id)
        self.answers.put_nowait(message)

    def restart(self) -> None:
        """Tell every watch that its revision is compacted, and end it at etcd."""
        for watch_id in sorted(self._running):
            told = ETCD["WatchResponse"](
                watch_id=watch_id, canceled=True, compact_revision=max(1, self._last.revision), cancel_reason=_REASON
            )
            told.header.CopyFrom(self._last)
            self.answers.put_nowait(told)
            cancel = ETCD["WatchRequest"]()
            cancel.cancel_request.watch_id = watch_id
            asyncio.ensure_future(self._upstream.write(cancel.SerializeToString()))  # noqa: RUF006 - lives as long as the stream
        self._running.clear()


async def _forward(requests: AsyncIterator[bytes], upstream: Any) -> None:
    """Pass the API server's requests on."""
    async for request in requests:
        await upstream.write(request)
    await upstream.done_writing()
