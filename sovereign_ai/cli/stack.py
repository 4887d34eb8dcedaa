"""From a command's argument to a stack: its description, where it came from, and its plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sovereign_ai.cli.description import read_description
from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True, slots=True)
class Stack:
    """A description with its plan.

    Attributes:
        folder: the stack's folder.
        factory: the description.
        plan: what follows from it.
    """

    folder: Path
    factory: AIFactory
    plan: Plan

    def cluster(self, cluster: str | None = None) -> str:
        """Give the name of one of the plan's clusters; left out, its only one.

        Raises:
            SpecError: no such cluster, or several and none named.
        """
        names = [one.name for one in self.plan.clusters]
        if cluster is None and len(names) == 1:
            cluster = names[0]
        if cluster not in names:
            asked = "none was named" if cluster is None else f"none is called {cluster!r}"
            raise SpecError(
                Problem("unknown-cluster", f"the plan has {len(names)} clusters and {asked}", hint=f"--stack {' | '.join(names)}")
            )
        return cluster

    def bundle(self, cluster: str | None = None) -> Bundle:
        """Render one cluster's objects; left out, the plan's only cluster.

        Raises:
            SpecError: no such cluster, or several and none named.
        """
        return render(self.factory, self.plan, self.cluster(cluster))


def open_stack(path: Path) -> Stack:
    """Read and plan a stack.

    Raises:
        SpecError: every problem of the description, or what cannot be.
    """
    factory = read_description(path)
    folder = path if path.is_dir() else path.parent
    return Stack(folder.resolve(), factory, plan(factory, factory.where))


def chain_of(log: Path | None, factory: str) -> Path:
    """Give the file of a factory's chain of runs: the one that was named, else its own in the state folder."""
    from sovereign_ai.deploy.place import state_dir

    return log if log is not None else state_dir() / "evidence" / f"{factory}.jsonl"
