"""Find the components of a local control plane that do not run.

A silent API server proves nothing: the connection may be broken, and what the cluster holds is then unknown.
The supervisor of a local control plane, or its container engine, knows which components run.

    dead_components_of_embedded(status)   # empty while all of them run
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sovereign_ai.cluster.embedded.process_status import ClusterStatus, ComponentStatus
from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class DeadComponent:
    """A component of a control plane that does not run.

    Attributes:
        kind: whether it is a process (embedded) or a container (kind).
        name: `supervisor`, `etcd`, `lab-control-plane`, `lab-control-plane/kube-apiserver`.
        state: its state, in one or two words.
        remedy: the command that restarts it, in words.
    """

    kind: Literal["Process", "Container"]
    name: str
    state: str
    remedy: str


def dead_components_of_embedded(status: ClusterStatus) -> tuple[DeadComponent, ...]:
    """Return what does not run of an embedded control plane, its supervisor first; nothing if there is none.

    Args:
        status: the status of its processes, as the kernel and its supervisor report it.
    """
    if status.phase == "absent":
        return ()
    return tuple(_dead_components(status))


def _dead_components(status: ClusterStatus) -> Iterator[DeadComponent]:
    """Yield the supervisor and each component that does not run."""
    restart = f"`sovereign-ai cluster up {status.name}` starts it again"
    supervised = status.supervisor is not None
    if not supervised:
        yield DeadComponent("Process", "supervisor", status.phase, f"{restart}, with the cluster's data")
    for component in status.components:
        state = _state(component, supervised=supervised)
        if state:
            by_supervisor = f"its supervisor starts it again; see {component.log}"
            yield DeadComponent("Process", component.name, state, by_supervisor if supervised else restart)


def _state(component: ComponentStatus, *, supervised: bool) -> str:
    """Return what is wrong with a component; empty if nothing is known to be."""
    if not component.alive:
        return "ended"
    # Without a supervisor nothing probes it, and its health is unknown.
    return "unwell" if supervised and not component.healthy else ""
