"""A follower against a server of the test's own: what it holds after each way a watch can end."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.api.follow import Follower
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import Problem
from tests.cluster.api.test_client import answering
from tests.cluster.tls_server import Handler, Server

LIMIT = 30.0


def node(name: str, version: int, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "spec": spec}


def event(kind: str, obj: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": kind, "object": obj})


def bookmark(version: int) -> bytes:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


def refused(status: int, reason: str = "") -> ApiError:
    return ApiError(Problem(f"api-{status}", f"refused with {status}"), status=status, reason=reason)


class Scripted:
    """An API of lists and watches in a given order; the last watch stays open until the test ends it.

    Attributes:
        asked: `list`, or the version of a watch, in the order in which they came.
    """

    server = "https://scripted"

    def __init__(self, *steps: Any) -> None:
        self.steps = list(steps)
        self.asked: list[str] = []
        self.is_idle = threading.Event()
        self.end = threading.Event()

    def pages(self, version: str, _kind: str, *, whole: bool) -> Iterator[tuple[str, list[Any]]]:
        self.asked.append(f"list {version}" + (" whole" if whole else ""))
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        at, *pages = step
        for page in pages:
            if isinstance(page, Exception):
                raise page
            yield at, page

    def watch(self, _served: str, _kind: str, version: str, _seconds: int) -> Iterator[bytes]:
        self.asked.append(f"watch {version}")
        if not self.steps:
            self.is_idle.set()
            yield b""
            assert self.end.wait(LIMIT)
            return
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        yield b""
        yield from step


def followed(api: Scripted, keep: Callable[[Any], Any] = lambda obj: obj) -> Follower[Any]:
    """Follow until the script is over."""
    changes = itertools.count()
    follower = Follower[Any](api, ("v2", "v1"), "Node", keep, lambda: next(changes))  # type: ignore[arg-type]
    follower._pause = 0.001
    stop = threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop,))
    thread.start()
    assert api.is_idle.wait(LIMIT)
    stop.set()
    api.end.set()
    thread.join(LIMIT)
    assert not thread.is_alive()
    follower.changes = next(changes)  # type: ignore[attr-defined]
    return follower


def names(follower: Follower[Any]) -> list[str]:
    return sorted(obj["metadata"]["name"] for obj in follower.objects())


def test_what_is_listed_in_pages_is_held_and_each_event_changes_it() -> None:
    api = Scripted(
        ("5", [node("a", 1)], [node("b", 2)]),
        [event("ADDED", node("c", 6)), event("DELETED", node("a", 7)), event("MODIFIED", node("b", 8, x=1))],
    )
    follower = followed(api)
    assert names(follower) == ["b", "c"]
    assert {obj["metadata"]["name"]: obj["spec"] for obj in follower.objects()}["b"] == {"x": 1}
    assert api.asked == ["list v2", "watch 5", "watch 8"]


def test_a_bookmark_moves_the_version_along_and_changes_nothing() -> None:
    api = Scripted(("5", [node("a", 1)]), [bookmark(90)])
    follower = followed(api)
    assert (names(follower), api.asked[-1]) == (["a"], "watch 90")
    assert follower.changes == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "end", [refused(410), [event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})]]
)
def test_a_version_that_the_server_no_longer_has_needs_a_new_list(end: Any) -> None:
    api = Scripted(("5", [node("a", 1)]), end, ("40", [node("b", 30)]))
    follower = followed(api)
    assert names(follower) == ["b"]
    assert api.asked == ["list v2", "watch 5", "list v2", "watch 40"]


@pytest.mark.parametrize(
    "end",
    [
        UnreachableError(Problem("unreachable", "nothing answers")),
        refused(500),
        [b"not json"],
        [orjson.dumps({"type": "NEW", "object": {}})],
        [event("ADDED", {"metadata": {}})],
        [event("ERROR", {"kind": "Status", "code": 500})],
    ],
)
def test_whatever_else_ends_a_watch_it_goes_on_from_where_it_stood(end: Any) -> None:
    api = Scripted(("5", [node("a", 1)]), [event("ADDED", node("b", 6))], end, [event("ADDED", node("c", 7))])
    assert names(followed(api)) == ["a", "b", "c"]
    assert api.asked == ["list v2", "watch 5", "watch 6", "watch 6", "watch 7"]


def test_a_compaction_between_two_pages_leads_to_a_list_in_one_page() -> None:
    api = Scripted(("5", [node("a", 1)], refused(410)), ("9", [node("a", 1), node("b", 2)]))
    assert names(followed(api)) == ["a", "b"]
    assert api.asked == ["list v2", "list v2 whole", "watch 9"]


def test_an_older_version_is_served_where_the_newest_is_not() -> None:
    api = Scripted(refused(404, "KindUnknown"), ("5", [node("a", 1)]))
    assert names(followed(api)) == ["a"]
    assert api.asked == ["list v2", "list v1", "watch 5"]


def test_a_kind_that_is_not_served_has_no_objects_and_is_looked_for_again() -> None:
    api = Scripted(refused(404, "KindUnknown"), refused(404, "KindUnknown"), ("5", [node("a", 1)]))
    follower = followed(api)
    assert (names(follower), api.asked[2]) == (["a"], "list v2")


def test_what_is_not_kept_is_neither_held_nor_a_change() -> None:
    def keep(obj: Any) -> Any:
        return obj["spec"] or None

    heartbeat = event("MODIFIED", node("a", 9, x=1))
    api = Scripted(("5", [node("a", 1, x=1), node("b", 2)]), [heartbeat, event("MODIFIED", node("b", 10))])
    follower = followed(api, keep)
    assert follower.versioned() == [("9", {"x": 1})]
    assert follower.changes == 1  # type: ignore[attr-defined]


def test_an_own_write_is_held_before_its_event_and_no_older_event_undoes_it() -> None:
    api = Scripted(("5", [node("a", 1)]))
    follower = followed(api)
    follower.put(node("a", 9, x=1))
    follower._take(event("MODIFIED", node("a", 8, x=0)))
    assert follower.objects() == [node("a", 9, x=1)]
    follower.put(node("a", 7))
    assert follower.objects() == [node("a", 9, x=1)]
    follower._take(event("DELETED", node("a", 10)))
    follower.put(node("a", 9, x=1))
    assert follower.objects() == []


def test_versions_are_compared_as_numbers() -> None:
    follower = followed(Scripted(("5", [node("a", 99)])))
    follower._take(event("MODIFIED", node("a", 100, x=1)))
    assert follower.objects() == [node("a", 100, x=1)]


def test_it_is_stale_without_bound_before_the_first_list_and_from_the_end_of_a_watch_on() -> None:
    api = Scripted(("5", [node("a", 1)]))
    assert Follower[Any](api, ("v1",), "Node", lambda obj: obj).stale_seconds() == float("inf")  # type: ignore[arg-type]
    follower = followed(api)
    assert 0 <= follower.stale_seconds() < LIMIT
    follower._lost_at -= 100
    assert follower.stale_seconds() >= 100
    follower._current = True
    assert follower.stale_seconds() == 0


def test_each_pause_is_longer_than_the_one_before_up_to_a_limit() -> None:
    follower = Follower[Any](Scripted(), ("v1",), "Node", lambda obj: obj)  # type: ignore[arg-type]
    pauses = [follower._next_pause() for _ in range(12)]
    assert pauses[0] <= 0.1
    assert 5.0 <= pauses[-1] <= 10.0


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Handler], Api]]:
    servers: list[Server] = []

    def start(answer: Handler) -> Api:
        servers.append(Server(ClusterDir(f"follow-{len(servers)}", tmp_path), answer))
        return open_cluster(servers[-1].where.kubeconfig)

    yield start
    for server in servers:
        server.stop()


def test_the_lines_of_a_watch_arrive_over_tls(serve: Callable[[Handler], Api]) -> None:
    kinds = {"/api/v1/nodes": (200, b'{"type":"ADDED"}\n{"type":"BOOKMARK"}\n')}
    api = serve(answering(lambda _method, path, _body: kinds[path.partition("?")[0]]))
    assert list(api.watch("v1", "Node", "7", 30)) == [b"", b'{"type":"ADDED"}', b'{"type":"BOOKMARK"}']


def test_a_watch_that_is_refused_has_the_servers_status(serve: Callable[[Handler], Api]) -> None:
    gone = (410, {"kind": "Status", "message": "too old resource version", "reason": "Expired"})
    kinds = {"/api/v1/nodes": gone}
    api = serve(answering(lambda _method, path, _body: kinds[path.partition("?")[0]]))
    with pytest.raises(ApiError) as caught:
        list(api.watch("v1", "Node", "7", 30))
    assert caught.value.status == 410
