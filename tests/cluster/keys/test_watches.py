from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sovereign_ai.cluster.keys.watches import Watches
from sovereign_ai.cluster.keys.wire import ETCD


class FakeEtcd:
    """The far end of a watch stream: it says what it is given, and notes what it is asked."""

    def __init__(self) -> None:
        self.says: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.asked: list[bytes] = []

    async def write(self, request: bytes) -> None:
        self.asked.append(request)

    async def done_writing(self) -> None:
        self.asked.append(b"done")

    def say(self, **fields: Any) -> None:
        message = ETCD["WatchResponse"](**fields)
        message.header.revision = 7
        self.says.put_nowait(message.SerializeToString())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (said := await self.says.get()) is not None:
            yield said


async def never() -> AsyncIterator[bytes]:
    yield b"create"
    await asyncio.Event().wait()


async def as_it_is(_event: Any) -> None:
    """Leave an event alone."""


def heard(restart: bool) -> tuple[list[Any], list[bytes]]:
    """Run one stream with two watches, and give what the API server hears and what etcd is asked."""

    async def run() -> tuple[list[Any], list[bytes]]:
        etcd, watches, messages = FakeEtcd(), Watches(), []
        etcd.say(watch_id=0, created=True)
        etcd.say(watch_id=1, created=True)
        async for answer in watches.pass_on(never(), etcd, as_it_is):
            messages.append(ETCD["WatchResponse"].FromString(answer))
            if len(messages) == 2:
                if restart:
                    watches.restart()
                etcd.say(watch_id=0, events=[{"kv": {"key": b"k", "value": b"v"}}])
                etcd.say(watch_id=-1)
                etcd.says.put_nowait(None)
        return messages, etcd.asked

    return asyncio.run(run())


def test_what_etcd_says_is_passed_on_in_order():
    messages, asked = heard(restart=False)
    assert [(one.watch_id, one.created, len(one.events)) for one in messages] == [(0, True, 0), (1, True, 0), (0, False, 1), (-1, False, 0)]
    assert asked == [b"create"]


def test_a_change_of_a_key_ends_every_watch_as_compacted_and_drops_what_etcd_still_says_of_it():
    messages, asked = heard(restart=True)
    ended = [one for one in messages if one.canceled]
    assert [(one.watch_id, one.compact_revision, one.header.revision) for one in ended] == [(0, 7, 7), (1, 7, 7)]
    assert not any(one.events for one in messages)
    assert messages[-1].watch_id == -1, "word on the stream's progress is for all watches, and passes"
    cancelled = [ETCD["WatchRequest"].FromString(one).cancel_request.watch_id for one in asked if one != b"create"]
    assert cancelled == [0, 1]
