"""Every kind of control plane, and the control plane of a kind and a name.

    plane = control_plane(Backend.EMBEDDED, "lab")
    plane.up(print)
    plane.running().kubeconfig
    plane.down(print)

A kind is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from sovereign_ai.cluster.control_plane import Backend, ControlPlane, ControlPlaneStatus, LocalBackend
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass


class LocalModule(Protocol):
    """The module of a kind of local control plane."""

    def make(self, name: str) -> ControlPlane:
        """Return the control plane of a name; nothing is read, started or contacted."""

    def list_statuses(self) -> Iterator[ControlPlaneStatus]:
        """Yield the status of each control plane of this kind that exists."""


@frozen_dataclass(kw_only=True)
class LocalKind:
    """What is known of a kind of local control plane before its module is imported.

    Attributes:
        uses: what it consists of, for the help of `--cluster`.
        state_key: which Pulumi state belongs to it; empty for the usual one.
        module: imports its module, which is slow, so that only a command that needs this kind does it.
    """

    uses: str
    state_key: str
    module: Callable[[], LocalModule]


def _embedded() -> LocalModule:
    from sovereign_ai.cluster.embedded import control_plane  # noqa: PLC0415 - by kind

    return control_plane


def _kind() -> LocalModule:
    from sovereign_ai.cluster.kind import control_plane  # noqa: PLC0415 - by kind

    return control_plane


LOCAL_KINDS: Mapping[LocalBackend, LocalKind] = {
    LocalBackend.EMBEDDED: LocalKind(uses="processes", state_key="", module=_embedded),
    LocalBackend.KIND: LocalKind(uses="containers with real kubelets", state_key="kind", module=_kind),
}
"""Every kind of local control plane: another one is a row here, a value of both enumerations and a module."""
STATE_KEYS = tuple(kind.state_key for kind in LOCAL_KINDS.values())
"""Which Pulumi states there are. A cluster of the user has the usual one."""


def control_plane(backend: Backend, name: str, kubeconfig: Path | None = None) -> ControlPlane:
    """Return the control plane of a kind and a name; nothing is read, started or contacted.

    Args:
        backend: its kind.
        name: the cluster's name in the plan.
        kubeconfig: the user's own kubeconfig, for `Backend.KUBECONFIG`.
    """
    if backend is Backend.KUBECONFIG:
        from sovereign_ai.cluster.user import UserCluster  # noqa: PLC0415 - by kind

        return UserCluster(name, kubeconfig)
    return LOCAL_KINDS[LocalBackend(backend)].module().make(name)


def with_queueing(plane: ControlPlane, queueing: bool) -> ControlPlane:
    """Return the same control plane, with Kueue as one of its processes or without it, from `up` on.

    Raises:
        UsageError: it does not consist of processes.
    """
    from sovereign_ai.cluster.embedded.control_plane import EmbeddedControlPlane  # noqa: PLC0415 - by kind

    if isinstance(plane, EmbeddedControlPlane):
        return EmbeddedControlPlane(plane.name, queueing)
    message = "Kueue is run as a process, and only an embedded control plane consists of processes"
    hint = "leave --queueing and --no-queueing out, and install Kueue as on every cluster"
    raise UsageError(Problem("options-conflict", message, hint=hint))


def local_control_planes(name: str) -> tuple[ControlPlane, ...]:
    """Return the local control planes of every kind that could have a name."""
    planes = [kind.module().make(name) for kind in LOCAL_KINDS.values()]
    return tuple(planes)


def list_local() -> Iterable[tuple[Backend, ControlPlaneStatus]]:
    """Yield the kind and status of every local control plane that exists."""
    for backend, kind in LOCAL_KINDS.items():
        for status in kind.module().list_statuses():
            yield Backend(backend), status


def list_local_kinds(conjunction: str) -> str:
    """Return the values of `--cluster` that are local control planes, as a phrase of a help text.

    Args:
        conjunction: the word before the last, `and` or `or`.
    """
    *first, last = [f"`{backend}`" for backend in LOCAL_KINDS]
    return f"{', '.join(first)} {conjunction} {last}"


def explain_local_kinds() -> str:
    """Return what each kind of local control plane consists of, as a help text."""
    clauses = [f"`{backend}` uses {kind.uses}" for backend, kind in LOCAL_KINDS.items()]
    return f"{'; '.join(clauses)}."
