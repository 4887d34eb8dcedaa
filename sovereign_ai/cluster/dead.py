"""What of a plane of our own does not run: the one way in which a silent API server becomes knowledge.

Nothing follows from silence alone: the way to a server may be broken, and what it holds is then unknown. But of a
plane that we made, its supervisor or its engine knows the parts. A part that does not run is a fact.

    dead_processes(status("lab"))   # empty while all of them run
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sovereign_ai.cluster.status import ClusterStatus, ComponentStatus


@dataclass(frozen=True, slots=True)
class DeadPart:
    """One part of a plane that does not do its work.

    Attributes:
        kind: what it is.
        name: `supervisor`, `etcd`, `lab-control-plane`, `lab-control-plane/kube-apiserver`.
        state: what it does instead of running, in one or two words.
        remedy: what brings it back.
    """

    kind: Literal["Process", "Container"]
    name: str
    state: str
    remedy: str


def dead_processes(seen: ClusterStatus) -> tuple[DeadPart, ...]:
    """Name what does not run of an embedded control plane, its supervisor first; nothing of one that does not exist.

    Args:
        seen: what the kernel and its supervisor say of it.
    """
    if seen.phase == "absent":
        return ()
    return tuple(_dead(seen))


def _dead(seen: ClusterStatus) -> Iterator[DeadPart]:
    """Look at the supervisor and at each component."""
    up = f"`sovereign-ai cluster up {seen.name}` starts it again"
    if seen.supervisor is None:
        yield DeadPart("Process", "supervisor", seen.phase, f"{up}, with the plane's data")
    for one in seen.components:
        state = _state(one, supervised=seen.supervisor is not None)
        if state:
            yield DeadPart("Process", one.name, state, up if seen.supervisor is None else f"its supervisor starts it again; see {one.log}")


def _state(one: ComponentStatus, *, supervised: bool) -> str:
    """Say what is wrong with a component; empty if nothing is known to be."""
    if not one.alive:
        return "ended"
    return "unwell" if supervised and not one.healthy else ""
