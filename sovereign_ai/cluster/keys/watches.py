"""The watches that run through the secret gate, and how they are made to list anew.

etcd's watch protocol has many watches on one stream. When a key is withdrawn or restored, each watch receives
the answer that its revision is compacted, which is etcd's own request to list anew. So does a watch that
begins later and continues from an earlier list, by another run of the gate too: that list shows what was
readable then. The gate writes a mark into etcd at each change; the mark's revision separates before from
after.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sovereign_ai.cluster.keys.messages import ETCD

_NEVER = 2**63 - 1
"""The largest revision: every watch continues from before it."""
_REASON = "a key was withdrawn or given back: list again"


class Watches:
    """The open watch streams of all clients."""

    def __init__(self) -> None:
        """Treat every watch as outdated until the first mark."""
        self._streams: set[_Stream] = set()
        self._mark = _NEVER

    def restart(self, mark: int) -> None:
        """Make every watch that continues from before a revision begin anew, running ones and later ones.

        Args:
            mark: the revision.
        """
        self._mark = mark
        for stream in self._streams:
            stream.restart()

    async def pass_on(
        self, requests: AsyncIterator[bytes], upstream: Any, opened: Callable[[Any], Awaitable[None]]
    ) -> AsyncIterator[bytes]:
        """Forward requests to etcd, and yield its answers with each event opened.

        Args:
            requests: the API server's requests.
            upstream: the call to etcd.
            opened: opens the values of an event in place.
        """
        # The mark is read at each call: it may move while the stream is open. Revision 0 begins now, with no
        # list.
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
    """One stream: the watches that run on it, and the answers to send."""

    def __init__(self, upstream: Any, is_stale: Callable[[int], bool]) -> None:
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self._upstream, self._is_stale = upstream, is_stale
        self._begun: deque[int] = deque()
        self._running: set[int] = set()
        self._last: Any = None

    def begin(self, start: int) -> None:
        """Note from which revision a new watch continues; etcd confirms watches in the order of requests."""
        self._begun.append(start)

    async def listen(self) -> None:
        """Read etcd's answers until the stream ends."""
        try:
            async for answer in self._upstream:
                message = ETCD["WatchResponse"].FromString(answer)
                self._forward_answer(message)
        finally:
            self.answers.put_nowait(None)

    def _forward_answer(self, message: Any) -> None:
        """Note which watches run, and queue an answer; drop answers of a watch that was ended here."""
        self._last = message.header
        start = self._begun.popleft() if message.created and self._begun else 0
        if message.created and not message.canceled:
            self._running.add(message.watch_id)
        elif message.watch_id not in self._running and message.watch_id >= 0:
            return  # a negative id concerns the whole stream
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
        """Answer a watch that its revision is compacted, and end it in etcd."""
        self._running.discard(watch_id)
        answer = ETCD["WatchResponse"](
            watch_id=watch_id,
            canceled=True,
            # 0 would mean that nothing was compacted.
            compact_revision=max(1, self._last.revision),
            cancel_reason=_REASON,
        )
        answer.header.CopyFrom(self._last)
        self.answers.put_nowait(answer)
        cancel = ETCD["WatchRequest"]()
        cancel.cancel_request.watch_id = watch_id
        sending = self._upstream.write(cancel.SerializeToString())
        asyncio.ensure_future(sending)  # noqa: RUF006 - lives as long as the stream


async def _forward(requests: AsyncIterator[bytes], stream: _Stream, upstream: Any) -> None:
    """Forward the API server's requests to etcd."""
    async for request in requests:
        message = ETCD["WatchRequest"].FromString(request)
        if message.HasField("create_request"):
            stream.begin(message.create_request.start_revision)
        await upstream.write(request)
    await upstream.done_writing()
