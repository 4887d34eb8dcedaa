"""The objects of a kind as the server has them: listed once, and watched from there on.

    follower = Follower(api, ("v1",), "Node", keep=trimmed, changed=wake)
    threading.Thread(target=follower.run, args=(stop,)).start()
    follower.objects()

What a watch is, and what ends one, is Kubernetes' own: bookmarks move the resourceVersion along while
nothing happens; a version that the server no longer has (410) needs a new list; whatever else ends a watch,
it goes on from where it stood. Only what `keep` returns is held, page by page and event by event.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Generic, TypeVar

import orjson

from sovereign_ai.cluster.api.answers import not_an_api_server
from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.api.deadlines import StoppedError, stopping
from sovereign_ai.cluster.api.errors import ApiError, refusal
from sovereign_ai.cluster.api.optional_kinds import is_unserved
from sovereign_ai.errors import SovereignError

T = TypeVar("T")
Object = Mapping[str, Any]

_GONE = 410
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_STEADY = 5.0
"""Seconds that a watch lasts after which the next fault is a new one, and its pause short again."""
_SHORTEST_WATCH, _LONGEST_WATCH = 240, 360
"""Seconds: what Kubernetes' own clients take is 5 to 10 minutes; the spread keeps them apart."""


class ChangeKind(StrEnum):
    """The types of a watch's events (Kubernetes, apimachinery, watch.EventType)."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    ERROR = "ERROR"


class Follower(Generic[T]):
    """Keeps the objects of one kind; `run` is the body of a thread, everything else is for other threads.

    Attributes:
        problem: why the last list or watch ended; None while it stands.
    """

    def __init__(
        self,
        api: Api,
        versions: Sequence[str],
        kind: str,
        keep: Callable[[Object], T | None],
        changed: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            api: the cluster.
            versions: the apiVersions of the kind, the preferred one first.
            kind: such as `Node`.
            keep: returns what is held of an object; None for nothing.
            changed: called after each change of what is held, by the thread of `run`. What `keep` leaves out,
                such as a heartbeat, is no change.
        """
        self.problem: SovereignError | None = None
        self._api, self._versions, self._kind = api, tuple(versions), kind
        self._keep, self._changed = keep, changed
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], tuple[str, T]] = {}
        self._listed = self._absent = False
        self._served = self._versions[0]
        self._version = ""
        self._pause = _FIRST_PAUSE
        self._current = False
        self._lost_at = -math.inf

    def objects(self) -> list[T]:
        """Return what is held of each object."""
        return [kept for _, kept in self.versioned()]

    def versioned(self) -> list[tuple[str, T]]:
        """Return the resourceVersion of each object, and what is held of it."""
        with self._lock:
            return list(self._held.values())

    def stale_seconds(self) -> float:
        """Return for how long nothing has been heard from the server; infinite before the first list."""
        if not self._listed:
            return math.inf
        return 0.0 if self._current or self._absent else time.monotonic() - self._lost_at

    def put(self, obj: Object) -> None:
        """Hold an object as a write of this process returned it, before the watch reports the same.

        One that the watch has reported gone meanwhile stays gone.
        """
        key, version = _key(obj), _version_of(obj)
        kept = self._keep(obj)
        with self._lock:
            held = self._held.get(key)
            if held is not None and kept is not None and _is_newer(version, held[0]):
                self._held[key] = version, kept

    def run(self, stop: threading.Event) -> None:
        """List and watch until an event is set."""
        with stopping(stop):
            while not stop.is_set():
                try:
                    self._list_and_watch()
                except StoppedError:
                    return
                except SovereignError as error:
                    if isinstance(error, ApiError) and error.status == _GONE:
                        self._version = ""
                    self.problem = error
                self._lose()
                if stop.wait(self._next_pause()):
                    return

    def _list_and_watch(self) -> None:
        """List where there is nothing to go on from, and watch until the watch ends.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer, or it broke off.
        """
        if not self._version:
            self._list()
        if self._absent:
            return
        seconds = random.randint(_SHORTEST_WATCH, _LONGEST_WATCH)  # noqa: S311 - spreads load, guards nothing
        began = time.monotonic()
        lines = self._api.watch(self._served, self._kind, self._version, seconds)
        try:
            for line in lines:
                self._current, self.problem = True, None
                if line:
                    self._take(line)
        finally:
            lines.close()
            if time.monotonic() - began >= _STEADY:
                self._pause = _FIRST_PAUSE

    def _list(self) -> None:
        """Read all objects, and replace what is held at once.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        self._absent = False
        for version in self._versions:
            try:
                held, at = self._read(version)
            except ApiError as error:
                if not is_unserved(self._api, error, version, self._kind):
                    raise
                continue
            self._replace(held)
            self._served, self._version = version, at
            return
        # A kind that nobody serves has no objects. It may be installed later, and is looked for again.
        self._absent = True
        self._replace({})

    def _replace(self, held: dict[tuple[str, str], tuple[str, T]]) -> None:
        """Hold the objects of a list in place of all that were held."""
        with self._lock:
            self._held = held
        self._listed = self._current = True
        self._changed()

    def _read(self, version: str) -> tuple[dict[tuple[str, str], tuple[str, T]], str]:
        """Return what is held of each listed object, and the resourceVersion of the list."""
        try:
            return self._read_pages(version, whole=False)
        except ApiError as error:
            if error.status != _GONE:
                raise
        return self._read_pages(version, whole=True)

    def _read_pages(self, version: str, *, whole: bool) -> tuple[dict[tuple[str, str], tuple[str, T]], str]:
        held: dict[tuple[str, str], tuple[str, T]] = {}
        at = ""
        for page_at, items in self._api.pages(version, self._kind, whole=whole):
            at = page_at
            for obj in items:
                kept = self._keep(obj)
                if kept is not None:
                    held[_key(obj)] = _version_of(obj), kept
        return held, at

    def _take(self, line: bytes) -> None:
        """Take one event of the watch.

        Raises:
            ApiError: the server ends the watch with this reason.
            UnreachableError: it is no event.
        """
        try:
            event = orjson.loads(line)
            change, obj = ChangeKind(event["type"]), event["object"]
            if change is ChangeKind.ERROR:
                raise refusal("GET", f"watch of {self._kind}", int(obj.get("code") or 0), obj)
            key, version = _key(obj), _version_of(obj)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise not_an_api_server(self._api.server, f"watch of {self._kind}", "no event") from error
        held = None if change is ChangeKind.DELETED else obj
        if change is not ChangeKind.BOOKMARK and self._store(key, version, held):
            self._changed()
        self._version = version

    def _store(self, key: tuple[str, str], version: str, obj: Object | None) -> bool:
        """Hold an object as an event has it; None removes it. Return whether that is a change."""
        kept = None if obj is None else self._keep(obj)
        with self._lock:
            held = self._held.get(key)
            if kept is None:
                self._held.pop(key, None)
                return held is not None
            # An own write may have been put already, and is newer than an event that was under way.
            if held is not None and not _is_newer(version, held[0]):
                return False
            self._held[key] = version, kept
            return held is None or held[1] != kept

    def _lose(self) -> None:
        """Note that nothing is heard from the server from now on."""
        if self._current:
            self._current, self._lost_at = False, time.monotonic()

    def _next_pause(self) -> float:
        """Return the pause before the next attempt; each is up to twice as long as the one before."""
        pause = self._pause
        self._pause = min(_LONGEST_PAUSE, 2 * pause)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def _key(obj: Object) -> tuple[str, str]:
    """Return an object's namespace and name; both empty for a bookmark, which has none."""
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata.get("name") or ""


def _version_of(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])


def _is_newer(version: str, held: str) -> bool:
    """Return whether a version replaces a held one: resourceVersions of a kind are numbers that grow.

    Source: Kubernetes, KEP-5504, comparable resource versions. A server whose versions are no numbers is
    believed in the order in which it reports.
    """
    if version.isdecimal() and held.isdecimal():
        return int(version) > int(held)
    return True
