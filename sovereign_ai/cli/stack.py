"""Opening a stack for a command: its description, its folder, and its plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.cli.description import read_description
from sovereign_ai.cli.tracing import traced
from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, plan
from sovereign_ai.spec import AIFactory, description_file
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes import Bundle


@frozen_dataclass
class Stack:
    """A description with its plan.

    Attributes:
        folder: the stack's folder.
        file: the description's file.
        factory: the description.
        plan: the plan that is derived from it.
    """

    folder: Path
    file: Path
    factory: AIFactory
    plan: Plan

    def cluster(self, cluster: str | None = None) -> str:
        """Return the name of one of the plan's clusters.

        Args:
            cluster: the cluster's name; None for the only cluster, or for the one at `clusters.home`.

        Raises:
            SpecError: no cluster has the name, or the plan has several and none is named.
        """
        names = [planned.name for planned in self.plan.clusters]
        if cluster is None and len(names) == 1:
            cluster = names[0]
        elif cluster is None and self.factory.clusters.home is not None:
            # The cluster at the home site has the factory's own name.
            cluster = self.factory.name
        if cluster not in names:
            raise SpecError(self._unknown_cluster(cluster, names))
        return cluster

    def _unknown_cluster(self, cluster: str | None, names: list[str]) -> Problem:
        """Return the problem of a cluster that the plan does not have, or that is not named."""
        reason = "none was named" if cluster is None else f"none is called {cluster!r}"
        message = f"the plan has {counted(len(names), 'cluster')} and {reason}"
        hint = f"--stack {' | '.join(names)}"
        name = self.factory.name
        if name not in names:
            hint += f"; to keep a cluster that is called {name}, write its site as clusters.home"
        return Problem("unknown-cluster", message, hint=hint)

    @traced("render")
    def bundle(self, cluster: str | None = None) -> Bundle:
        """Render the objects of a cluster.

        Args:
            cluster: the cluster's name; None for the only cluster, or for the one at `clusters.home`.

        Raises:
            SpecError: no cluster has the name, or the plan has several and none is named.
        """
        from sovereign_ai.render.kubernetes import render

        return render(self.factory, self.plan, self.cluster(cluster))


@traced("read and plan")
def open_stack(path: Path) -> Stack:
    """Read and plan a stack.

    Args:
        path: the stack's folder, or the description's file.

    Raises:
        SpecError: every problem of the description, or why it cannot be planned.
    """
    factory = read_description(path)
    folder = path if path.is_dir() else path.parent
    stack = Stack(folder.resolve(), description_file(path), factory, plan(factory, factory.where))
    check_object_sizes(factory, stack.plan)
    return stack


def check_object_sizes(factory: AIFactory, derived: Plan) -> None:
    """Refuse a large description that leads to an object which etcd does not store.

    Raises:
        SpecError: every object that is too large.
    """
    from sovereign_ai.render.kubernetes import SAFE_DESCRIPTION_BYTES

    # Rendering is slow, and below this size no object can exceed etcd's limit.
    if len(factory.canonical()) > SAFE_DESCRIPTION_BYTES:
        from sovereign_ai.render.kubernetes import render

        for cluster in derived.clusters:
            render(factory, derived, cluster.name)


def evidence_log_path(log: Path | None, factory: str) -> Path:
    """Return the file of a factory's evidence log.

    Args:
        log: the file that the user named; None for the factory's own in the state folder.
        factory: the factory's name.
    """
    from sovereign_ai.deploy import state_dir

    return log if log is not None else state_dir() / "evidence" / f"{factory}.jsonl"
