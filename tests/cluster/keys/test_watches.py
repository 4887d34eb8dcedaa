from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest

from sovereign_ai.cluster.keys import secret_proxy
from sovereign_ai.cluster.keys.messages import ETCD
from sovereign_ai.cluster.keys.watches import Watches


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


async def begun(*starts: int) -> AsyncIterator[bytes]:
    """Ask for a watch from each of these revisions on, and then for nothing."""
    for start in starts:
        yield create(start)
    await asyncio.Event().wait()


def create(start: int) -> bytes:
    return bytes(ETCD["WatchRequest"](create_request={"start_revision": start}).SerializeToString())


async def as_it_is(_event: Any) -> None:
    """Leave an event alone."""


def heard(restart: bool) -> tuple[list[Any], list[bytes]]:
    """Run one stream with two watches, and give what the API server hears and what etcd is asked."""

    async def run() -> tuple[list[Any], list[bytes]]:
        etcd, watches, messages = FakeEtcd(), Watches(), []
        watches.restart(3)
        etcd.say(watch_id=0, created=True)
        etcd.say(watch_id=1, created=True)
        async for answer in watches.pass_on(begun(6, 6), etcd, as_it_is):
            messages.append(ETCD["WatchResponse"].FromString(answer))
            if len(messages) == 2:
                if restart:
                    watches.restart(8)
                etcd.say(watch_id=0, events=[{"kv": {"key": b"k", "value": b"v"}}])
                etcd.say(watch_id=-1)
                etcd.says.put_nowait(None)
        return messages, etcd.asked

    return asyncio.run(run())


def test_what_etcd_says_is_passed_on_in_order():
    messages, asked = heard(restart=False)
    assert [(one.watch_id, one.created, len(one.events)) for one in messages] == [
        (0, True, 0),
        (1, True, 0),
        (0, False, 1),
        (-1, False, 0),
    ]
    assert asked == [create(6), create(6)]


def test_a_change_of_a_key_ends_every_watch_as_compacted_and_drops_what_etcd_still_says_of_it():
    messages, asked = heard(restart=True)
    ended = [one for one in messages if one.canceled]
    assert [(one.watch_id, one.compact_revision, one.header.revision) for one in ended] == [
        (0, 7, 7),
        (1, 7, 7),
    ]
    assert not any(one.events for one in messages)
    assert messages[-1].watch_id == -1, "word on the stream's progress is for all watches, and passes"
    cancelled = [ETCD["WatchRequest"].FromString(one).cancel_request.watch_id for one in asked[2:]]
    assert cancelled == [0, 1]


class AnsweringEtcd(FakeEtcd):
    """Says of so many watches that they are created, and hangs up."""

    def __init__(self, watches: int) -> None:
        super().__init__()
        self._watches = watches

    async def write(self, request: bytes) -> None:
        await super().write(request)
        if ETCD["WatchRequest"].FromString(request).HasField("create_request"):
            self.say(watch_id=len(self.asked) - 1, created=True)
            if len(self.asked) == self._watches:
                self.says.put_nowait(None)


def ended(starts: list[int], mark: int | None) -> list[tuple[int, bool]]:
    """Begin a watch from each revision on, after a mark or before there is one, and give in order which begin
    and which end.
    """

    async def run() -> list[tuple[int, bool]]:
        watches = Watches()
        if mark is not None:
            watches.restart(mark)
        stream = watches.pass_on(begun(*starts), AnsweringEtcd(len(starts)), as_it_is)
        return [
            (one.watch_id, one.canceled)
            for one in [ETCD["WatchResponse"].FromString(answer) async for answer in stream]
        ]

    return asyncio.run(run())


def test_a_watch_that_goes_on_from_a_list_of_before_a_change_is_ended_when_it_begins():
    """A key is withdrawn after the API server has listed and before it watches: nobody else would tell it."""
    assert ended([9, 0, 8], 8) == [(0, False), (1, False), (2, False), (2, True)]


def test_no_watch_goes_on_from_another_run_of_the_gate():
    """What became of a key while no gate ran is not known to whoever goes on from before."""
    assert ended([1_000_000], None) == [(0, False), (0, True)]


class FullEtcd:
    """An etcd at revision 7 that is out of space until it is told otherwise: it is read, and takes no
    mark.
    """

    def __init__(self) -> None:
        self.full, self.marks = True, 0

    def unary_unary(self, method: str) -> Callable[..., Awaitable[bytes]]:
        return self._put if method.endswith("/Put") else self._get

    async def _put(self, _request: bytes, **_named: object) -> bytes:
        self.marks += 1
        if self.full:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata(), grpc.aio.Metadata()
            )
        return bytes(ETCD["PutResponse"](header=ETCD["ResponseHeader"](revision=8)).SerializeToString())

    async def _get(self, _request: bytes, **_named: object) -> bytes:
        return bytes(ETCD["RangeResponse"](header=ETCD["ResponseHeader"](revision=7)).SerializeToString())


def test_where_etcd_takes_no_mark_what_runs_begins_anew_all_the_same_and_the_rest_once_it_takes_one(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(secret_proxy, "_MARK_AGAIN_SECONDS", 0.01)
    etcd, changed, restarted = FullEtcd(), asyncio.Event(), []
    watches = SimpleNamespace(restart=restarted.append)

    async def until(holds: Callable[[], bool]) -> None:
        for _ in range(2000):
            if holds():
                return
            await asyncio.sleep(0.01)

    async def run() -> None:
        task = asyncio.create_task(secret_proxy._mark_changes(etcd, watches, changed))
        for number in (1, 2):
            changed.set()
            await until(lambda wanted=number: len(restarted) == wanted)
        await until(lambda: etcd.marks > 5)
        assert restarted == [7, 7], "once for each change, and not at each try"
        etcd.full = False
        await until(lambda: len(restarted) == 3)
        marks = etcd.marks
        await asyncio.sleep(0.1)
        task.cancel()
        assert (restarted, etcd.marks) == ([7, 7, 8], marks)

    asyncio.run(run())
