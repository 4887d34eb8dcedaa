"""Find the deployed stacks of a project that its description does not plan any more.

A factory under another name is another factory, and a cluster that is not planned any more has no
description: their stacks stay deployed, and no command about the new description reaches them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sovereign_ai.deploy.state.files import StackFiles, project_of
from sovereign_ai.errors import EnvironmentLacksError

_OBJECT = b'"kubernetes:'
"""Begins the type of every Kubernetes resource in a checkpoint."""


def unplanned_stacks(folder: Path, state: Path, planned: Collection[str]) -> list[str]:
    """Return the names of the project's stacks that hold Kubernetes objects and are not planned, sorted.

    A state that cannot be read is passed over: whoever works on that stack is told why.

    Args:
        folder: the stack's folder, with its Pulumi.yaml.
        state: the folder of Pulumi's state.
        planned: the names of the plan's clusters, which are their stacks' names.

    Raises:
        SpecError: `Pulumi.yaml` cannot be read, or names no project.
    """
    project = project_of(folder)
    names = set()
    for path in (state / ".pulumi" / "stacks" / project).glob("*.json*"):
        names.add(path.name.partition(".json")[0])
    standing = []
    for name in sorted(names.difference(planned)):
        try:
            content = StackFiles(state, project, name, name).read()
        except (EnvironmentLacksError, OSError):
            continue
        if content is not None and _OBJECT in content:
            standing.append(name)
    return standing
