"""Watches a cluster while a change is made: nothing is let in, and nothing is open, that neither description
permits.

`Watcher` asks admission every 50 ms by server-side dry runs. `History` watches the objects that open
something; what it saw is replayed in the order of resource versions, in which one etcd counts every write, so
that no moment is left out.
"""

from __future__ import annotations

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

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
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

    def _run(self) -> None:
        began = time.monotonic()
        turn = itertools.cycle(self.asked)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while not self._stop.is_set():
                start = time.monotonic()
                batch = [next(turn) for _ in range(min(_AT_ONCE, len(self.asked)))]
                for probe, why in zip(
                    batch, pool.map(lambda one: answer(self._api, one.obj), batch), strict=True
                ):
                    self.answers += 1
                    if not why:
                        self.let_in.append(f"{start - began:.2f} s: {probe.name}")
                self.rounds += 1
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
    """Watches what opens something, for as long as it is entered."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._events: list[Event] = []

    def __enter__(self) -> Self:
        """Begin to watch; what is there already are the first events."""
        self._api = open_cluster(self._kubeconfig)
        self._streams: list[Any] = []
        self._threads = []
        for version, kind in _WATCHED:
            stream, rows = self._open(version, kind)
            self._streams.append(stream)
            self._events += rows
            thread = threading.Thread(
                target=self._read, args=(kind, stream), name=f"watch {kind}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End, after what was written last has come."""
        time.sleep(0.5)
        for stream in self._streams:
            stream.shutdown()
        for thread in self._threads:
            thread.join(10)
        self._api.close()

    @property
    def events(self) -> list[Event]:
        """Every change that was seen, in order."""
        return sorted(self._events)

    def _open(self, version: str, kind: str) -> tuple[Any, list[Event]]:
        """List a kind, and open the stream of what happens to it from then on."""
        path = self._api._discovery.find(version, kind).path()
        listed = self._api.request("GET", path)
        rows = [replace(_event("ADDED", kind, obj), is_first=True) for obj in listed["items"]]
        query = urlencode({"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]})
        pool = self._api._transport._pool
        stream = pool.request("GET", f"{self._api.server}{path}?{query}", preload_content=False, timeout=None)
        assert stream.status == 200, stream.data
        return stream, rows

    def _read(self, kind: str, stream: Any) -> None:
        rest = b""
        try:
            for chunk in stream.stream(65536, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = orjson.loads(line)
                    assert event["type"] in {"ADDED", "MODIFIED", "DELETED"}, event
                    self._events.append(_event(event["type"], kind, event["object"]))
        except (OSError, ValueError):
            return  # the stream was shut down
        except Exception as error:
            if "urllib3" not in type(error).__module__:
                raise


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
