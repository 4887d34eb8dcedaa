"""The deployments that one Pulumi program declares, and the checks between them.

A program is one run of the user's code, or one run of the engine where the component is constructed for a
program in another language. Two rules concern all deployments of a program:

- Two deployments on one cluster that declare the same object would overwrite each other with every `up`; they
  are refused.
- The names that children had before they were prefixed are the same for every deployment. In a stack that
  still has them, and whose program declares a second deployment, their owner is ambiguous. All deployments
  claim them, the engine refuses the second claim, and no Kubernetes object is registered before every claim
  is made.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.runtime.settings import get_monitor

from sovereign_ai.errors import Problem, UsageError

_SHOWN = 3
"""Objects that a conflict lists by name."""


@dataclass(frozen=True, eq=False)
class Deployment:
    """One deployment of a program.

    Attributes:
        name: its name.
        cluster: its cluster's identity: server and certificate authority, or the kubeconfig where it names
            neither.
        objects: the names of its objects.
    """

    name: str
    cluster: object
    objects: frozenset[str]


@dataclass(eq=False)
class Program:
    """The deployments declared so far.

    Attributes:
        deployments: in the order of the program.
        claims: the resources with which the deployments claim the former names of children.
        urns: the URNs of the deployments' components, with those of their aliases.
        known: the URNs of the deployments' components in the state.
    """

    deployments: list[Deployment] = field(default_factory=list)
    claims: list[pulumi.Resource] = field(default_factory=list)
    urns: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def add(self, deployment: Deployment) -> None:
        """Add a deployment.

        Raises:
            UsageError: another one declares the same objects on the same cluster.
        """
        problems = []
        for other in self.deployments:
            shared = other.objects & deployment.objects
            if shared and other.cluster == deployment.cluster:
                problems.append(_conflict(deployment, other, sorted(shared)))
        if problems:
            raise UsageError(problems)
        self.deployments.append(deployment)

    async def claimed(self) -> None:
        """Wait until the engine has accepted the claim of every deployment declared so far."""
        # A synchronous program has run to its end by now, since tasks start only when it yields: all its
        # deployments are known.
        await asyncio.gather(*(claim.urn.future() for claim in self.claims))


def _conflict(deployment: Deployment, other: Deployment, shared: list[str]) -> Problem:
    """Return the problem of objects that two deployments share."""
    names = ", ".join(shared[:_SHOWN])
    more = f" and {len(shared) - _SHOWN} more" if len(shared) > _SHOWN else ""
    message = f"{deployment.name!r} and {other.name!r} both declare {names}{more} on the same cluster"
    hint = "deploy them to clusters of their own: name another `kubeconfig` or `context`"
    return Problem("deployed-twice", message, hint=hint)


CURRENT: ContextVar[Program | None] = ContextVar("program", default=None)
"""Set by the component package: one program for all components that the engine constructs in a run."""
_OF_MONITOR: WeakKeyDictionary[Any, Program] = WeakKeyDictionary()


def current() -> Program:
    """Return the program that runs now; each run has a resource monitor of its own."""
    # One process may run several programs, each with a monitor of its own.
    return CURRENT.get() or _OF_MONITOR.setdefault(get_monitor(), Program())
