"""Memory of the repair controller a machine, and storms of events, from a feed in this process.

No control plane runs: a feed lists Nodes, DeviceTaintRules and ResourceSlices, with all that an API server
has of them, and then sends events as a watch does. The controller's own watches, view and rounds work on it.
Its memory is what Python allocates (tracemalloc), from before the first list until after rounds and storm,
at its peak; the feed's own objects are made for each event and die with it, and count where they overlap.

Goals: at most 100 kB of memory a machine, at 1,000 and 5,000 machines alike; 5,000 events a second absorbed,
with no more memory after the storm's second half than a fifth above that after its first: 60 bytes kept of
each event would be more. The rate is measured in a second storm without tracemalloc, which slows allocation.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from sovereign_ai.cluster.api import UnreachableError
from sovereign_ai.operate.repair.controller import RepairController
from sovereign_ai.operate.repair.decide import Policy
from sovereign_ai.operate.repair.view import Place
from sovereign_ai.operate.repair.watched import WatchedCluster

SIZES, RATE_GOAL, KB_GOAL = (1_000, 5_000), 5_000.0, 100.0
STORM, TRACED_STORM = 50_000, 20_000
"""Events of a storm; fewer where every allocation is traced."""
GROWTH_GOAL = 1.2


def node(number: int, version: int, *, ready: bool = True) -> dict[str, Any]:
    """Return a Node as a kubelet with feature discovery writes it."""
    name = f"train-{number:05}"
    conditions = []
    for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable", "KernelDeadlock"):
        conditions.append({"type": kind, "status": "False", "message": "kubelet has no such pressure"})
    state = {"type": "Ready", "status": "True" if ready else "Unknown", "lastHeartbeatTime": str(version)}
    state["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    labels = {f"feature.node.kubernetes.io/cpu-{flag}": "true" for flag in range(80)}
    images = [{"names": [f"registry.example.com/ai/image-{image}"], "sizeBytes": 1} for image in range(50)]
    metadata = {
        "name": name,
        "uid": name,
        "resourceVersion": str(version),
        "labels": labels,
        "annotations": {},
    }
    status = {"conditions": [*conditions, state], "images": images}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": status}


def slice_of(number: int) -> dict[str, Any]:
    """Return the ResourceSlice of a machine with eight GPUs, of which one is tainted in each hundredth."""
    devices = []
    for gpu in range(8):
        devices.append({"name": f"gpu-{gpu}", "attributes": {f"fact-{fact}": gpu for fact in range(12)}})
    if number % 100 == 0:
        devices[0]["taints"] = [{"key": "gpu.nvidia.com/xid", "value": "xid-48", "effect": "NoSchedule"}]
    name = f"train-{number:05}"
    metadata = {"name": name, "resourceVersion": "1"}
    return {"metadata": metadata, "spec": {"nodeName": name, "devices": devices}}


_NAME, _VERSION = b"train-99999", b"987654321"


def event_text(*, ready: bool) -> bytes:
    """Return an event of a Node without its name and version, so that the feed itself costs little."""
    event = {"type": "MODIFIED", "object": node(99_999, int(_VERSION), ready=ready)}
    return json.dumps(event).encode()


class Feed:
    """Stands for an API server: lists, a watch that sends a storm, and writes that always succeed."""

    server = "https://feed"

    def __init__(self, machines: int, storm: int) -> None:
        """Prepare for so many machines, and a storm of so many events."""
        self._machines, self._version, self._events = machines, machines + 1, storm
        self._written = threading.Lock()
        self._lease: dict[str, Any] | None = None
        self.storm, self.half, self.over = threading.Event(), threading.Event(), threading.Event()
        self.closed = threading.Event()
        self.seconds = 0.0

    def pages(self, _version: str, kind: str, **_how: bool) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
        """Yield one page, each object of which is made when it is read."""
        makers: dict[str, Callable[[int], dict[str, Any]]] = {
            "Node": lambda number: node(number, number + 1),
            "ResourceSlice": slice_of,
        }
        count = self._machines if kind in makers else 0
        yield str(self._version), map(makers.get(kind, slice_of), range(count))

    def watch(self, _version: str, kind: str, _at: str, _seconds: int) -> Iterator[bytes]:
        """Yield the storm on Nodes: machines that come and go, again and again."""
        yield b""
        if kind == "Node":
            self.storm.wait()
            begun = time.perf_counter()
            paused = 0.0
            texts = {is_ready: event_text(ready=is_ready) for is_ready in (False, True)}
            for number in range(self._events):
                if number == self._events // 2:
                    halted = time.perf_counter()
                    self.storm.clear()
                    self.half.set()
                    self.storm.wait()
                    paused = time.perf_counter() - halted
                self._version += 1
                text = texts[number // self._machines % 2 == 1]
                named = text.replace(_NAME, f"train-{number % self._machines:05}".encode())
                yield named.replace(_VERSION, str(self._version).encode())
            self.seconds = time.perf_counter() - begun - paused
            self.over.set()
        while not self.closed.wait(0.2):
            yield b""

    def close(self) -> None:
        """End the watches, as a connection that is closed does: whoever follows them waits for their end."""
        self.closed.set()

    def many(self, calls: Iterable[Callable[[], Any]], _workers: int = 16) -> Sequence[Any]:
        """Call one after the other."""
        return [call() for call in calls]

    def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Accept an event, and forget it."""
        return obj

    def request(self, method: str, path: str, body: Any = None, *_: Any, **__: Any) -> dict[str, Any]:
        """Accept a write: of the lease, or of a Node."""
        if "/leases" in path:
            if method != "GET":
                self._lease = {**body, "metadata": {**body["metadata"], "resourceVersion": "1"}}
            return self._lease or {"metadata": {"resourceVersion": "1"}, "spec": {}}
        if method == "GET":
            return {"items": []}
        with self._written:
            self._version += 1
            return {**node(int(path.rpartition("-")[2]), self._version), "spec": body.get("spec") or {}}


def await_lists(controller: RepairController, watched: WatchedCluster) -> None:
    """Do a first round, as soon as everything is listed."""
    done = None
    while done is None:
        try:
            done = controller.round(datetime.now(UTC))
        except UnreachableError:
            watched.wait(1.0)


def measure(machines: int) -> dict[str, float]:
    """Return kB a machine after the lists and at the peak, and the storm's events a second."""
    measured = live_through_storm(machines, is_traced=True)
    measured["events_a_second"] = live_through_storm(machines, is_traced=False)["events_a_second"]
    return measured


def live_through_storm(machines: int, *, is_traced: bool) -> dict[str, float]:
    """List, decide, and live through one storm; the memory is 0 where it is not traced."""
    placed = {}
    for number in range(machines):
        domains = frozenset({f"rack {number // 4}"})
        placed[f"train-{number:05}"] = Place("train", domains, None)
    storm = TRACED_STORM if is_traced else STORM
    feed = Feed(machines, storm)
    if is_traced:
        tracemalloc.start()
    api: Any = feed
    watched = WatchedCluster(api, placed)
    controller = RepairController(api, placed, Policy(), "bench", watched)
    # A watch begins when the lists are there; the storm waits for the first round.
    with watched.watching(), closing(feed):
        await_lists(controller, watched)
        before, peak = tracemalloc.get_traced_memory()
        if is_traced:
            tracemalloc.reset_peak()
        middle = 0
        for part in (feed.half, feed.over):
            middle = tracemalloc.get_traced_memory()[0]
            feed.storm.set()
            while not part.wait(0.5):
                controller.cordon(datetime.now(UTC))
            controller.round(datetime.now(UTC))
        after, peak_later = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "machines": machines,
        "kb_a_machine": max(peak, peak_later) / machines / 1e3,
        "kb_held": before / machines / 1e3,
        "growth": after / middle if middle else 1.0,
        "events_a_second": storm / feed.seconds,
    }


def main() -> None:
    """Measure and print; exit code 1 where a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    rows = [measure(machines) for machines in SIZES]
    missed = False
    for row in rows:
        is_small = row["kb_a_machine"] <= KB_GOAL and row["growth"] <= GROWTH_GOAL
        missed = missed or not is_small or row["events_a_second"] < RATE_GOAL
    print(json.dumps({"python": platform.python_version(), "rows": rows, "goals_met": not missed}, indent=1))
    sys.exit(missed)


if __name__ == "__main__":
    main()
