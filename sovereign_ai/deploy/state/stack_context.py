"""The local knowledge of a stack, before any request to its cluster: its record and the objects in its state.

A command reads both from its own state folder. A program that a plain `pulumi up` runs finds them by the
backend that Pulumi uses. Where a command runs the program, the environment names the folder of the records,
since the engine may work on a copy of the state.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.deploy.state.objects import (
    Held,
    deployments_in,
    held_objects,
    identity_in,
    read_resources,
    resources_of,
)
from sovereign_ai.deploy.state.partial_checkpoint import resources_aside
from sovereign_ai.deploy.state.pulumi_environment import RECORDS, pulumi_state
from sovereign_ai.deploy.state.stack_record import (
    StackRecord,
    backend_folder,
    current_backend,
    record_of_backend,
    record_path,
)
from sovereign_ai.errors import SovereignError
from sovereign_ai.files import PROJECT, load_foreign, read


@dataclass(frozen=True)
class StackContext:
    """The record and the state of a stack, for one of its deployments.

    Attributes:
        record: its UUID and its clusters, recorded beside the state.
        resources: the resources of its state; None where the state cannot be read from here.
        deployment: the deployment's name; a program may declare several.
    """

    record: StackRecord
    resources: Sequence[Mapping[str, Any]] | None
    deployment: str

    @cached_property
    def held(self) -> Held | None:
        """The Kubernetes objects of the deployment in its state.

        None where the state cannot be read from here.
        """
        if self.resources is None:
            return None
        return held_objects(resources_of(self.resources, self.deployment))

    @cached_property
    def urns(self) -> frozenset[str]:
        """The URNs of all resources in its state, without those that wait for their deletion."""
        return frozenset(str(item.get("urn")) for item in self.resources or () if not item.get("delete"))

    @property
    def identity(self) -> str:
        """The stack's UUID, created at the first call; where its record is lost, the one in its state.

        Raises:
            EnvironmentLacksError: the record is damaged.
        """
        return self.record.identity(identity_in(held_objects(self.resources or ())))


def context_of_stack(folder: Path, stack: str, factory: str, plane: str = "") -> StackContext:
    """Return the context of a stack that the commands deploy.

    Args:
        folder: the stack's folder, with its Pulumi.yaml.
        stack: the Pulumi stack's name, which is the cluster's name in the plan.
        factory: the factory's name, which is the deployment's name unless its program chooses another.
        plane: `kind` for the kind control plane, whose state lies apart; empty for any other.
    """
    backend, project = pulumi_state(plane), _project(folder)
    resources = read_resources(backend, project, stack)
    deployment = _deployment(resources or (), stack, factory)
    return StackContext(StackRecord(record_path(backend, project, stack)), resources, deployment)


def context_of_program(organization: str, project: str, stack: str, deployment: str) -> StackContext:
    """Return the context of the stack whose program this process runs.

    Args:
        organization: Pulumi's organization.
        project: the Pulumi project.
        stack: the Pulumi stack.
        deployment: the name of one of the program's deployments.
    """
    url = current_backend()
    folder = backend_folder(url)
    resources = read_resources(folder, project, stack) if folder is not None else None
    if folder is not None and resources is not None:
        # The engine of a partial run does not see these, and the checks of the program have to.
        resources = [*resources, *resources_aside(folder)]
    # A command has the engine work on a copy of the state, whose folder has no records.
    if records := os.environ.get(RECORDS):
        return StackContext(StackRecord(record_path(Path(records), project, stack)), resources, deployment)
    return StackContext(record_of_backend(url, organization, project, stack), resources, deployment)


def _deployment(resources: Sequence[Mapping[str, Any]], cluster: str, factory: str) -> str:
    """Return the name of the deployment to a cluster, as the state has it; else the factory's name."""
    known = deployments_in(resources)
    if factory in known:
        return factory
    named = [name for name, deployed_cluster in known.items() if deployed_cluster == cluster]
    # Where no deployment names the cluster, a single one must be it; of several none is guessed.
    candidates = named or list(known)
    return candidates[0] if len(candidates) == 1 else factory


def _project(folder: Path) -> str:
    """Return the name of the Pulumi project in a folder; the engine refuses a folder without one."""
    try:
        content = load_foreign(read(folder / "Pulumi.yaml", PROJECT).decode())
    except (SovereignError, ValueError, yaml.YAMLError):
        return folder.name
    name = content.get("name") if isinstance(content, dict) else None
    return name if isinstance(name, str) and name else folder.name
