"""Watches a cluster while a change is made: nothing is let in, and nothing is open, that neither description
permits.

`Watcher` asks admission every 50 ms by server-side dry runs. `History` watches the objects that open
something; what it saw is replayed in the order of resource versions, in which one etcd counts every write, so
that no moment is left out.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import orjson
import urllib3

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.api.errors import UnreachableError
from sovereign_ai.names import KEYS, OWNER
from tests.daytwo.probes import Described, Object, Probe, probes
from tests.daytwo.reach import Port, State, Way

PERIOD_SECONDS = 0.05
_AT_ONCE = 4
"""Probes of a period; more would slow down what is watched."""
_WATCHED = (
    ("v1", "Namespace"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
)


def answer(api: Api, obj: Object) -> str:
    """Send an object in a dry run; return why it is refused, or an empty text where admission lets it in.

    A name that is there already is looked at only after admission, so it is no refusal.
    """
    try:
        api.create(obj, dry_run=True)
    except ApiError as error:
        return "" if error.status == 409 else str(error)
    return ""


@dataclass
class Watcher:
    """Asks admission about what neither description permits, for as long as it is entered.

    Attributes:
        kubeconfig: the cluster's kubeconfig.
        asked: the probes.
        let_in: what was let in, with the seconds since the start.
        answers: how many answers there were.
        rounds: periods in which somebody answered; none does while the API server is started anew.
    """

    kubeconfig: Path
    asked: tuple[Probe, ...]
    let_in: list[str] = field(default_factory=list)
    answers: int = 0
    rounds: int = 0

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._api = open_cluster(self.kubeconfig)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, once the last round is answered."""
        self._stop.set()
        self._thread.join(60)
        self._api.close()

    def _answer(self, probe: Probe) -> str | None:
        """Return why a probe was refused; None where nobody answered, and so nothing was let in."""
        try:
            return answer(self._api, probe.obj)
        except UnreachableError:
            return None

    def _run(self) -> None:
        began = time.monotonic()
        turn = itertools.cycle(self.asked)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while not self._stop.is_set():
                start = time.monotonic()
                batch = [next(turn) for _ in range(min(_AT_ONCE, len(self.asked)))]
                before = self.answers
                for probe, why in zip(batch, pool.map(self._answer, batch), strict=True):
                    if why is None:
                        continue
                    self.answers += 1
                    if not why:
                        self.let_in.append(f"{start - began:.2f} s: {probe.name}")
                self.rounds += self.answers > before
                self._stop.wait(max(0.0, PERIOD_SECONDS - (time.monotonic() - start)))


@dataclass(frozen=True, order=True)
class Event:
    """One change of one object, in the order of resource versions."""

    version: int
    kind: str
    namespace: str
    name: str
    verb: str = field(compare=False)
    obj: Object = field(compare=False)
    is_first: bool = field(compare=False, default=False)
    """Whether it was there when the watch began."""


class History:
    """Watches what opens something, for as long as it is entered.

    A change may start the API server anew. A watch that it ended begins again with a list: what changed while
    nobody could be asked is then one event of each object.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._events: list[Event] = []
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Begin to watch; what is there already are the first events."""
        self._api = open_cluster(self._kubeconfig)
        self._watches = [
            _Watch(kind, self._api._discovery.find(version, kind).path()) for version, kind in _WATCHED
        ]
        for watch in self._watches:
            self._events += [replace(event, is_first=True) for event in watch.open(self._api)]
            watch.thread = threading.Thread(
                target=self._read, args=(watch,), name=f"watch {watch.kind}", daemon=True
            )
            watch.thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End, after what was written last has come."""
        time.sleep(0.5)
        self._ended.set()
        for watch in self._watches:
            # A stream that has ended by itself has no socket any more.
            with contextlib.suppress(ValueError):
                watch.stream.shutdown()
        for watch in self._watches:
            watch.thread.join(10)
        self._api.close()

    @property
    def events(self) -> list[Event]:
        """Every change that was seen, in order."""
        return sorted(self._events)

    def _read(self, watch: _Watch) -> None:
        while not self._ended.is_set():
            self._follow(watch)
            while not self._ended.wait(0.1):
                with contextlib.suppress(UnreachableError, ApiError, urllib3.exceptions.HTTPError):
                    self._events += watch.open(self._api)
                    break

    def _follow(self, watch: _Watch) -> None:
        """Keep the events of a stream until it ends."""
        rest = b""
        try:
            for chunk in watch.stream.stream(65536, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = orjson.loads(line)
                    assert event["type"] in {"ADDED", "MODIFIED", "DELETED"}, event
                    self._events.append(watch.seen(event["type"], event["object"]))
        except (OSError, ValueError):
            return  # the stream was shut down
        except Exception as error:
            if "urllib3" not in type(error).__module__:
                raise


class _Watch:
    """The stream of one kind, and what it has shown so far."""

    stream: Any
    thread: threading.Thread

    def __init__(self, kind: str, path: str) -> None:
        self.kind = kind
        self._path = path
        self._last: dict[tuple[str, str], Event] = {}

    def open(self, api: Api) -> list[Event]:
        """List, and open the stream from then on; return what is new since the last event that was seen.

        Raises:
            ApiError: the API server refused.
            UnreachableError: it gave no answer.
        """
        listed = api.request("GET", self._path)
        version = int(listed["metadata"]["resourceVersion"])
        before = dict(self._last)
        events = []
        for obj in listed["items"]:
            event = _event("MODIFIED" if before else "ADDED", self.kind, obj)
            known = before.pop((event.namespace, event.name), None)
            if known is None or known.version < event.version:
                events.append(self.seen(event.verb, obj))
        for gone in before.values():
            del self._last[gone.namespace, gone.name]
            events.append(replace(gone, version=version, verb="DELETED"))
        query = urlencode({"watch": "true", "resourceVersion": str(version)})
        pool = api._transport._pool
        self.stream = pool.request(
            "GET", f"{api.server}{self._path}?{query}", preload_content=False, timeout=None
        )
        assert self.stream.status == 200, self.stream.data
        return events

    def seen(self, verb: str, obj: Object) -> Event:
        """Keep what an event leaves there, and return it."""
        event = _event(verb, self.kind, obj)
        key = event.namespace, event.name
        self._last[key] = event
        if verb == "DELETED":
            del self._last[key]
        return event


def _event(verb: str, kind: str, obj: Object) -> Event:
    meta = obj["metadata"]
    return Event(int(meta["resourceVersion"]), kind, meta.get("namespace", ""), meta["name"], verb, obj)


def openings(events: Sequence[Event], old: Described, new: Described) -> Iterator[str]:
    """Replay what happened; yield every moment at which more was open than one of the descriptions permits.

    - A network policy that neither permits was there.
    - A way was open between two namespaces, or to a block of addresses, that is open in neither.
    - Somebody had rights in a namespace without the policy that denies by default.
    - A validating policy or its binding, which both have, was not there, or did not deny.
    """
    there: defaultdict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
    first = {event.name for event in events if event.kind == "Namespace" and event.is_first}
    begun = max((event.version for event in events if event.is_first), default=0)
    kept = {(obj["kind"], obj["metadata"]["name"]) for obj in old.bundle.objects} & {
        (obj["kind"], obj["metadata"]["name"]) for obj in new.bundle.objects
    }
    judged: dict[bytes, bool] = {}
    permitted = _Ways.of(old, new)
    names = {name for context in (old.context, new.context) for name, _ in context.namespaces}
    for event in events:
        key = (event.namespace, event.name)
        if event.verb == "DELETED":
            there[event.kind].pop(key, None)
            if (event.kind, event.name) in kept and event.kind.startswith("Validating"):
                yield f"{event.version}: {event.kind} {event.name} was deleted"
        else:
            there[event.kind][key] = event.obj
        if event.kind == "NetworkPolicy" and event.verb != "DELETED" and event.namespace in names:
            shape = orjson.dumps(
                [event.namespace, event.name, event.obj["spec"]], option=orjson.OPT_SORT_KEYS
            )
            if shape not in judged:
                judged[shape] = _permitted(event, old) or _permitted(event, new)
            if not judged[shape]:
                yield f"{event.version}: NetworkPolicy {event.namespace}/{event.name} opens {event.obj['spec']}"  # noqa: E501 - one literal text
        if event.version <= begun:
            continue
        if event.kind in {"NetworkPolicy", "RoleBinding"}:
            yield from _rights_without_limits(event, there)
        for way in permitted.beyond(there, first):
            yield f"{event.version}: {event.kind} {event.name} {event.verb}: {way} is open"


@dataclass(frozen=True)
class _Ways:
    """What two descriptions leave open together.

    Attributes:
        open: the ways that are open in one of them.
        ports: the ports that they name.
        blocks: the blocks of addresses that they name.
    """

    open: frozenset[Way]
    ports: frozenset[Port]
    blocks: frozenset[str]

    @classmethod
    def of(cls, old: Described, new: Described) -> _Ways:
        """Take both descriptions' ways."""
        states = [State.of(described.bundle.objects) for described in (old, new)]
        ports = frozenset(port for state in states for port in state.ports())
        blocks = frozenset(block for state in states for block in state.blocks())
        return cls(frozenset(way for state in states for way in state.ways(ports, blocks)), ports, blocks)

    def beyond(
        self, there: Mapping[str, Mapping[tuple[str, str], Object]], first: Collection[str]
    ) -> list[Way]:
        """Return the ways that are open at a moment and in neither description, where anybody may run
        anything.

        A new namespace in which nobody has rights yet holds no pods. From one that is on its way out the API
        server takes the pods before the policies.
        """
        used = {namespace for namespace, _ in there["RoleBinding"]} | {*first}
        namespaces = [
            obj
            for (_, name), obj in there["Namespace"].items()
            if name in used and not obj["metadata"].get("deletionTimestamp")
        ]
        policies = [{**obj, "kind": "NetworkPolicy"} for obj in there["NetworkPolicy"].values()]
        state = State.of([*({**obj, "kind": "Namespace"} for obj in namespaces if _is_ours(obj)), *policies])
        return sorted(set(state.ways(self.ports | state.ports(), self.blocks | state.blocks())) - self.open)


def _is_ours(obj: Object) -> bool:
    return bool((obj["metadata"].get("labels") or {}).get(KEYS.owner) == OWNER)


def _permitted(event: Event, described: Described) -> bool:
    """Return whether a description has a network policy as it was seen."""
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": event.obj["spec"]}
    return described.permits({**policy, "metadata": {"name": event.name, "namespace": event.namespace}})


def _rights_without_limits(event: Event, there: dict[str, dict[tuple[str, str], Object]]) -> Iterator[str]:
    bound = [
        name
        for (namespace, name), obj in there["RoleBinding"].items()
        if namespace == event.namespace and _is_ours(obj)
    ]
    if bound and (event.namespace, "default-deny") not in there["NetworkPolicy"]:
        going = (there["Namespace"].get(("", event.namespace)) or {"metadata": {}})["metadata"].get(
            "deletionTimestamp"
        )
        if not going:
            yield f"{event.version}: {event.namespace} has rights {bound} and no policy that denies by default"  # noqa: E501 - one literal text


def forbidden_between(old: Described, new: Described) -> tuple[Probe, ...]:
    """Return the probes that neither description permits."""
    return tuple(probe for probe in probes(old, new) if probe.permitted_by == "neither")
