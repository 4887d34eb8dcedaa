"""Wait for deleted objects, and report which finalizers hold them and who set those.

An object with a finalizer stays until its owner removes the finalizer, and a namespace stays `Terminating`
until everything in it is gone. The API server only reports that something is left. Which object that is, and
who set its finalizer, is in the metadata of the remaining objects. As long as these change there is progress,
and the wait goes on.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sovereign_ai.cluster.api import Api, ApiError, UnreachableError
from sovereign_ai.deploy.live_objects import Metadata, ObjectKey, key_of, list_inside, read_live
from sovereign_ai.deploy.removal.kept_in_use import IN_USE
from sovereign_ai.errors import DeploymentError, Problem, SovereignError, Where
from sovereign_ai.toolchain import wait_until

WAIT_SECONDS = 60.0
"""How long to wait, by default, for an object while nothing changes."""
_POLL_SECONDS = 0.25
_WATCH_SECONDS = 1.0
"""Period of a watch that runs beside a block of deletions."""
_QUIET_SECONDS = 10.0
"""While objects have not changed for less than this time, nobody asks what holds them.

A namespace does not change for five seconds: its controller waits for them (namespaceDeletionGracePeriod in
pkg/controller/namespace of Kubernetes).
"""
_ENDING_SECONDS = 30.0
"""The least wait for objects without a finalizer: pods that shut down, and slow controllers."""
_MOST_NAMED = 20
_SOON_SECONDS = 1.0
"""Period in which a long pause looks whether something has changed."""
_SHARE = 4.0
_WATCH_SHARE = 20.0
"""Pause between two checks in multiples of a check's duration: in a plain wait, and beside deletions."""
_OF_KUBERNETES = re.compile(r"^(foregroundDeletion|orphan|kubernetes)$|(^|\.)(k8s|kubernetes)\.io$")
"""A finalizer of Kubernetes, or its domain."""
Progress = Callable[[str], object]


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """An object that keeps a deleted object from going.

    Attributes:
        going: the deleted object, `Kind/namespace/name`.
        resource: the object that holds it: itself, or one in a namespace that is being deleted.
        finalizer: the finalizer that holds it; empty for an object that is still shutting down by itself.
        manager: the field manager that set the finalizer; empty where the API server does not report one.
        time: when it was set.
    """

    going: str
    resource: str
    finalizer: str
    manager: str = ""
    time: str = ""

    def __str__(self) -> str:
        """Return what holds the object, and who set the finalizer, for a person."""
        if not self.finalizer:
            return f"{self.resource} is still ending"
        who = f", set by {self.manager!r}" if self.manager else ""
        when = f" at {self.time}" if self.time else ""
        return f"{self.resource} has the finalizer {self.finalizer}{who}{when}"


@dataclass
class TerminationWatch:
    """Repeated checks of objects that are being deleted, until they are gone or nothing changes any more.

    Attributes:
        api: the cluster.
        keys: the objects; those that were not deleted are ignored.
        progress: called with a line for each finalizer that holds one.
        wait_seconds: how long to wait while nothing changes.
        left: those of the objects that the last check read; others are gone, or go with their namespace.
    """

    api: Api
    keys: Collection[ObjectKey]
    progress: Progress
    wait_seconds: float = WAIT_SECONDS
    left: Collection[ObjectKey] = ()
    _going: Mapping[str, str] = field(default_factory=dict)
    _left: Mapping[str, str] = field(default_factory=dict)
    _looks_inside: bool = False
    _since: float = field(default_factory=time.monotonic)
    _reported: set[Holder] = field(default_factory=set)
    _problems: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What holds the objects, once nothing has changed for too long; empty before."""
        return self._problems

    def look(self) -> bool:
        """Check once, and return True if no object is being deleted any more.

        Raises:
            ApiError: a permission to list is missing.
            UnreachableError: there was no answer.
        """
        live = _existing(self.api, self.keys)
        self.left = tuple(live)
        going = _deleted(live)
        if not going:
            return True
        now = time.monotonic()
        quiet_seconds = min(_QUIET_SECONDS, self.wait_seconds)
        # Every change of an object, such as a finalizer that is removed, gives it another resourceVersion.
        versions = _versions(going)
        if versions != self._going:
            self._going, self._left, self._since, self._looks_inside = versions, {}, now, False
        if not self._looks_inside and now - self._since < quiet_seconds:
            # The content of namespaces takes a request for each kind: while objects disappear, it is not
            # read.
            return False
        left = _content(self.api, [key.name for key in going if _is_namespace(key)])
        left_versions = _versions(left)
        if left_versions != self._left:
            self._since = now
        self._left, self._looks_inside = left_versions, True
        unchanged = now - self._since
        if unchanged < quiet_seconds:
            return False
        everything = _holders(going, left)
        held = [holder for holder in everything if holder.finalizer]
        for holder in held[:_MOST_NAMED]:
            if holder not in self._reported:
                self._reported.add(holder)
                self.progress(f"{holder.going} does not go: {holder}")
        patience = self.wait_seconds if held else max(self.wait_seconds, _ENDING_SECONDS)
        if unchanged >= patience:
            blocking = (held or everything)[:_MOST_NAMED]
            self._problems = tuple(_problem(holder, patience) for holder in blocking)
        return False

    def has_changed(self) -> bool:
        """Return whether an object has gone or changed since the last check, without a look into namespaces.

        Raises:
            ApiError: a permission to list is missing.
            UnreachableError: there was no answer.
        """
        return _versions(terminating(self.api, self.keys)) != self._going


def _versions(objects: Mapping[ObjectKey, Metadata]) -> dict[str, str]:
    """Return the resourceVersion of each object, by its name."""
    return {str(key): str(metadata.get("resourceVersion")) for key, metadata in objects.items()}


def terminating(api: Api, keys: Collection[ObjectKey]) -> dict[ObjectKey, Metadata]:
    """Return the metadata of those of some objects that were deleted and still exist.

    Raises:
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    return _deleted(_existing(api, keys))


def _deleted(live: Mapping[ObjectKey, Metadata]) -> dict[ObjectKey, Metadata]:
    """Return the objects among live ones that were deleted."""
    return {key: metadata for key, metadata in live.items() if metadata.get("deletionTimestamp")}


def _existing(api: Api, keys: Collection[ObjectKey]) -> dict[ObjectKey, Metadata]:
    """Return the metadata of those of some objects that exist, but of none in a namespace that is going."""
    namespaces = [key for key in keys if _is_namespace(key)]
    live = read_live(api, namespaces)
    going = set()
    for key in namespaces:
        if key not in live or live[key].get("deletionTimestamp"):
            going.add(key.name)
    # Objects in a namespace that is deleted go with it: of a thousand objects few must be read.
    others = [key for key in keys if not _is_namespace(key) and key.namespace not in going]
    live.update(read_live(api, others))
    return live


def foreign_holders(objects: Mapping[ObjectKey, Metadata]) -> tuple[Holder, ...]:
    """Return the finalizers of others that keep some objects, sorted.

    What Kubernetes and Kueue set goes by itself, once nothing is in use any more.
    """
    holders = []
    for key, metadata in objects.items():
        for finalizer in metadata.get("finalizers") or ():
            if finalizer != IN_USE and not _OF_KUBERNETES.search(finalizer.partition("/")[0]):
                holders.append(_holder(str(key), str(key), finalizer, metadata))
    return tuple(sorted(holders))


def wait_until_gone(
    api: Api,
    keys: Collection[ObjectKey],
    progress: Progress,
    wait_seconds: float = WAIT_SECONDS,
) -> None:
    """Wait until those of some objects that were deleted are gone.

    Args:
        api: the cluster.
        keys: the objects.
        progress: called with a line for each finalizer that holds one.
        wait_seconds: how long to wait while nothing changes.

    Raises:
        DeploymentError: something holds an object, with its finalizer and who set it.
        ApiError: a permission to list is missing.
        UnreachableError: there was no answer.
    """
    watch = TerminationWatch(api, keys, progress, wait_seconds)
    # The watch has a time limit of its own, which begins anew with whatever changes.
    while True:
        began = time.monotonic()
        if watch.look():
            return
        if watch.problems:
            raise DeploymentError(watch.problems)
        # What is gone is not asked about again: of many kinds, namespaces alone take their time.
        watch.keys = watch.left
        # On a busy cluster a check takes long, and the checks must not be what keeps it busy; but a look into
        # many namespaces takes seconds, so that a change ends the pause.
        pause = max(_POLL_SECONDS, _SHARE * (time.monotonic() - began))
        wait_until(watch.has_changed, pause, min(pause, _SOON_SECONDS))


@contextmanager
def watching(watch: TerminationWatch, end: Callable[[], object]) -> Iterator[None]:
    """Watch from another thread while a block deletes objects, and end the deletion if something holds them.

    Args:
        watch: the watch.
        end: called once, when nothing has changed for too long.
    """
    over = threading.Event()

    def look() -> None:
        seconds = _WATCH_SECONDS
        while not over.wait(seconds):
            began = time.monotonic()
            try:
                watch.look()
            except (ApiError, UnreachableError):
                # The block meets the same error, and reports it.
                continue
            seconds = max(_WATCH_SECONDS, _WATCH_SHARE * (time.monotonic() - began))
            if watch.problems:
                end()
                return

    watcher = threading.Thread(target=look, name="terminating", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


@contextmanager
def explaining(watch: TerminationWatch) -> Iterator[None]:
    """Replace a block's error by what holds objects, where the watch ended the block for that.

    Raises:
        DeploymentError: what holds them.
    """
    try:
        yield
    except SovereignError:
        if watch.problems:
            raise DeploymentError(watch.problems) from None
        raise


def _is_namespace(key: ObjectKey) -> bool:
    return (key.group, key.kind) == ("", "Namespace")


def _content(api: Api, namespaces: Collection[str]) -> dict[ObjectKey, Metadata]:
    """Return the metadata of everything that is left in namespaces that are being deleted."""
    if not namespaces:
        return {}
    kinds = []
    for kind in api.kinds():
        is_deletable = kind.namespaced and {"list", "delete"} <= set(kind.verbs)
        # Events come and go by themselves: a new one would count as progress of the deletion.
        if is_deletable and kind.kind != "Event":
            kinds.append(kind)
    items = list_inside(api, kinds, namespaces)
    return {key_of(item): item["metadata"] for item in items}


def _holders(going: Mapping[ObjectKey, Metadata], left: Mapping[ObjectKey, Metadata]) -> list[Holder]:
    """Return what holds deleted objects: finalizers first, then objects that are shutting down."""
    holders: set[Holder] = set()
    explained: set[str] = set()
    for key, metadata in left.items():
        namespace = f"Namespace/{key.namespace}"
        explained.add(namespace)
        for finalizer in metadata.get("finalizers") or [""]:
            holders.add(_holder(namespace, str(key), finalizer, metadata))
    for key, metadata in going.items():
        for finalizer in metadata.get("finalizers") or ():
            explained.add(str(key))
            holders.add(_holder(str(key), str(key), finalizer, metadata))
    # An object that neither a finalizer nor its content holds is shutting down by itself.
    for name in map(str, going):
        if name not in explained:
            holders.add(Holder(name, name, ""))
    return sorted(holders, key=lambda holder: (not holder.finalizer, holder))


def _holder(going: str, resource: str, finalizer: str, metadata: Metadata) -> Holder:
    """Return the holder with who set its finalizer: the field manager that owns it."""
    for entry in metadata.get("managedFields") or ():
        owned = (entry.get("fieldsV1") or {}).get("f:metadata", {}).get("f:finalizers", {})
        if finalizer and f'v:"{finalizer}"' in owned:
            manager, when = str(entry.get("manager", "")), str(entry.get("time", ""))
            return Holder(going, resource, finalizer, manager, when)
    return Holder(going, resource, finalizer)


def _problem(holder: Holder, seconds: float) -> Problem:
    """Return the problem of an object that something holds, with what to do about it."""
    message = f"{holder.going} was deleted and does not go, and nothing changed for {seconds:g} s: {holder}"
    hint = "run the command again when it is gone (`sovereign-ai` waits longer with --wait SECONDS)"
    if holder.finalizer == IN_USE:
        hint = f"a queue that names it, or work that it has admitted, has to go first; {hint}"
    elif holder.finalizer:
        hint = f"whoever set {holder.finalizer} has to remove it; {hint}"
    return Problem("still-terminating", message, Where(field=holder.resource), hint)
