"""What a fleet's machines and pods do, followed by watches, and remembered rack by rack."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.cluster.api import Api, Follower
from sovereign_ai.operate.repair.record import ACCEPTANCE, ANNOTATION

_JOB = "batch.kubernetes.io/job-name"
SAMPLE = 1.0
"""Seconds between two samples of the racks."""
LOOK = 0.25
"""Seconds between two looks at whether something holds."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """A machine as the API server has it.

    Attributes:
        name: its name.
        labels: all of its labels, which a check of topology reads.
        is_ready: whether its kubelet says so.
        repair: its repair's record; empty for none.
        is_cordoned: whether it takes no new pods.
    """

    name: str
    labels: Mapping[str, str]
    is_ready: bool
    repair: str
    is_cordoned: bool


@dataclass(frozen=True, slots=True)
class PodState:
    """A pod of a job.

    Attributes:
        uid: its UID.
        job: its job.
        node: where it runs; empty while it is not placed.
        is_running: whether it runs, and nobody has deleted it.
    """

    uid: str
    job: str
    node: str
    is_running: bool


def _node(obj: Mapping[str, Any]) -> NodeState:
    metadata = obj["metadata"]
    is_ready = False
    for condition in (obj.get("status") or {}).get("conditions") or ():
        is_ready |= condition["type"] == "Ready" and condition["status"] == "True"
    repair = (metadata.get("annotations") or {}).get(ANNOTATION, "")
    is_cordoned = bool(obj["spec"].get("unschedulable"))
    return NodeState(metadata["name"], metadata["labels"], is_ready, repair, is_cordoned)


def _pod(obj: Mapping[str, Any]) -> PodState | None:
    metadata = obj["metadata"]
    job = (metadata.get("labels") or {}).get(_JOB)
    if job is None:
        return None
    is_running = obj["status"].get("phase") == "Running" and not metadata.get("deletionTimestamp")
    return PodState(metadata["uid"], job, obj["spec"].get("nodeName") or "", is_running)


@dataclass
class FleetWatch:
    """Follows a fleet.

    Attributes:
        api: its cluster.
        rack_of: machine to rack.
        began: the beginning, on the monotonic clock.
        was_repaired: the machines that have been under repair.
        second_owners: each cordon that somebody took over from somebody else.
        samples: seconds since the beginning, and rack to what its machines do then, each with their number.
    """

    api: Api
    rack_of: Mapping[str, str]
    began: float
    samples: list[tuple[float, dict[str, Counter[str]]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare; nothing is read yet."""
        self._changed = threading.Event()
        self.was_repaired: set[str] = set()
        self.second_owners: list[str] = []
        self._owners: dict[str, str] = {}
        self._accepted: dict[str, str] = {}
        self._nodes = Follower(self.api, ("v1",), "Node", self._keep, self._changed.set)
        self._pods = Follower(self.api, ("v1",), "Pod", _pod, self._changed.set)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Follow until the end of the block."""
        stop = threading.Event()
        bodies = (self._nodes.run, self._pods.run, self._sample)
        threads = [threading.Thread(target=body, args=(stop,), daemon=True) for body in bodies]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)

    def _keep(self, obj: Mapping[str, Any]) -> NodeState:
        """Return a machine, and remember it under repair: that may be over at the next look."""
        node = _node(obj)
        annotations = obj["metadata"].get("annotations") or {}
        # While the API server is away a whole repair is missed; its acceptance stays on the machine.
        accepted = annotations.get(ACCEPTANCE, "")
        if node.repair or accepted != self._accepted.get(node.name, ""):
            self.was_repaired.add(node.name)
        self._accepted[node.name] = accepted
        owner = annotations.get(CORDON_OWNER, "somebody") if node.is_cordoned else ""
        before = self._owners.get(node.name, "")
        # A cordon may end and begin; what is never right is one that goes from hand to hand.
        if before and owner and owner != before:
            self.second_owners.append(f"{node.name}: {before}, then {owner}")
        self._owners[node.name] = owner
        return node

    def nodes(self) -> dict[str, NodeState]:
        """Return the machines by name."""
        return {node.name: node for node in self._nodes.objects()}

    def running(self, job: str) -> list[PodState]:
        """Return the pods of a job that run."""
        return [pod for pod in self._pods.objects() if pod.job == job and pod.is_running]

    def wait(self, what: str, holds: Callable[[], object], seconds: float) -> None:
        """Wait until something holds; it is looked at after each change.

        Raises:
            AssertionError: it does not within the time.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0, f"after {seconds:.0f} s it does not hold that {what}"
            self._changed.wait(min(left, 1.0))
            # Many changes come at once, and each look reads everything: with thousands of machines a look
            # after each change keeps a processor busy that the fleet needs.
            time.sleep(LOOK)
            self._changed.clear()

    def _sample(self, stop: threading.Event) -> None:
        """Remember what each rack does, again and again."""
        while not stop.wait(SAMPLE):
            work = {pod.node: pod.job for pod in self._pods.objects() if pod.is_running}
            racks: dict[str, Counter[str]] = {}
            for name, node in self.nodes().items():
                rack = racks.setdefault(self.rack_of[name], Counter())
                rack[_state(node, work.get(name, ""))] += 1
            self.samples.append((time.monotonic() - self.began, racks))


def _state(node: NodeState, job: str) -> str:
    """Return what a machine does: a fault counts more than its repair, and that more than work."""
    if not node.is_ready:
        return "silent"
    if node.repair or node.is_cordoned:
        return "repair"
    return job or "idle"
