"""A deployment of a stack to a cluster: what the checks and the writes of a command have in common."""

from __future__ import annotations

from dataclasses import field

from sovereign_ai.deploy.allowed_deletions import Allowed
from sovereign_ai.deploy.live.cluster_identity import DeployTarget
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class StackDeployment:
    """A deployment of a stack to a cluster.

    Attributes:
        stack: the stack's record and its state.
        target: the cluster.
        factory: the factory's name.
        adopts: whether to take over the objects of lost stacks of this factory.
        adopted: the UUID of one lost stack whose objects are taken over.
        allowed: the deletions that were allowed.
    """

    stack: StackContext
    target: DeployTarget
    factory: str
    adopts: bool = False
    adopted: str = ""
    allowed: Allowed = field(default_factory=Allowed)
