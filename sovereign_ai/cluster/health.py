"""Find the dead parts of a local control plane.

Nothing follows from a silent API server alone: the connection may be broken, and the content of the cluster
is then unknown. But the supervisor or container engine of a local control plane knows its parts. A part that
does not run is a fact.

    dead_processes(status("lab"))   # empty while all of them run
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sovereign_ai.cluster.embedded.process_status import ClusterStatus, ComponentStatus


@dataclass(frozen=True, slots=True)
class DeadPart:
    """One part of a control plane that does not work.

    Attributes:
        kind: whether it is a process or a container.
        name: `supervisor`, `etcd`, `lab-control-plane`, `lab-control-plane/kube-apiserver`.
        state: its state, in one or two words.
        remedy: the command that restarts it, in words.
    """

    kind: Literal["Process", "Container"]
    name: str
    state: str
    remedy: str


def dead_parts_of_embedded(status: ClusterStatus) -> tuple[DeadPart, ...]:
    """Return what does not run of an embedded control plane, its supervisor first; nothing if there is none.

    Args:
        status: its status, by the kernel and its supervisor.
    """
    if status.phase == "absent":
        return ()
    return tuple(_dead_parts(status))


def _dead_parts(status: ClusterStatus) -> Iterator[DeadPart]:
    """Yield the supervisor and each component that does not run."""
    restart = f"`sovereign-ai cluster up {status.name}` starts it again"
    supervised = status.supervisor is not None
    if not supervised:
        yield DeadPart("Process", "supervisor", status.phase, f"{restart}, with the cluster's data")
    for component in status.components:
        state = _state(component, supervised=supervised)
        if state:
            by_supervisor = f"its supervisor starts it again; see {component.log}"
            yield DeadPart("Process", component.name, state, by_supervisor if supervised else restart)


def _state(component: ComponentStatus, *, supervised: bool) -> str:
    """Return what is wrong with a component; empty if nothing is known to be."""
    if not component.alive:
        return "ended"
    # Without a supervisor nothing probes it, and its health is unknown.
    return "unwell" if supervised and not component.healthy else ""
