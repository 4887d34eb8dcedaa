"""Reduce the working copy of a partial run to the run's resources, and complete the checkpoint afterwards.

The engine reports every resource of its state, changed or not, each with all its properties: for a thousand
objects, two thousand events and two seconds for a change of one. So before a partial run the working copy is
reduced to the resources that the run registers and those that they need. The others are set aside, and
restored before the checkpoint that the engine saved becomes the state.

The record of the resources set aside is in the working copy, and is written before the copy is reduced. So
the next command, which takes over what the engine of a killed command saved, completes it in the same way.

    >>> resources = [{"urn": "ns"}, {"urn": "a", "deletedWith": "ns"}, {"urn": "b", "parent": "ns"}]
    >>> sorted(needed(resources, {"a"}))
    ['a', 'ns']
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.deploy.state.checkpoint import Checkpoint, digest_of
from sovereign_ai.deploy.state.durable import write_durably
from sovereign_ai.deploy.state.kept_files import content_of
from sovereign_ai.deploy.state.kept_resources import requirements
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where
from sovereign_ai.files import CHECKPOINT
from sovereign_ai.files.writing import write_private

_FILE = "set-aside.json"
Resource = Mapping[str, Any]


def needed(resources: Sequence[Resource], urns: Collection[str]) -> set[str]:
    """Return the URNs of some resources and of all resources that they need, directly or not.

    Args:
        resources: the state's resources.
        urns: the resources to begin with; those that are not in the state are left out.
    """
    known = {str(resource["urn"]): resource for resource in resources}
    pending = [urn for urn in urns if urn in known]
    kept: set[str] = set()
    while pending:
        urn = pending.pop()
        if urn in kept or urn not in known:
            continue
        kept.add(urn)
        pending += requirements(known[urn])
    return kept


def is_divisible(checkpoint: Checkpoint) -> bool:
    """Return whether resources may be set aside: not after an interrupted run, which leaves some twice."""
    urns = {resource["urn"] for resource in checkpoint.resources}
    return not checkpoint.pending and len(urns) == len(checkpoint.resources)


def set_aside(folder: Path, file: Path, checkpoint: Checkpoint, urns: Collection[str]) -> None:
    """Reduce the checkpoint of a working copy to some resources and what they need.

    Args:
        folder: the working copy's folder.
        file: the checkpoint in it.
        checkpoint: the whole state.
        urns: the resources that the run registers.

    Raises:
        OSError: a file cannot be written.
    """
    if not is_divisible(checkpoint):
        return
    kept = needed(checkpoint.resources, urns)
    data = orjson.loads(checkpoint.data)
    reduced: list[Resource] = []
    aside: list[Resource] = []
    for resource in checkpoint.resources:
        if resource["urn"] in kept:
            reduced.append(resource)
        else:
            aside.append(resource)
    data["checkpoint"]["latest"]["resources"] = reduced
    content = orjson.dumps(data, option=orjson.OPT_INDENT_2)
    # The record comes first: a crash between the two writes leaves a whole checkpoint, to which nothing is
    # added.
    record = {"resources": aside, "reduced": digest_of(content)}
    write_durably(folder / _FILE, orjson.dumps(record))
    write_private(file, content, durable=False)


def resources_aside(folder: Path) -> list[dict[str, Any]]:
    """Return the resources that were set aside in a working copy; none in any other folder.

    Args:
        folder: the folder of a backend.

    Raises:
        OSError: the record cannot be read.
        EnvironmentLacksError: the record is damaged.
    """
    record = _record(folder)
    return list(record["resources"]) if record else []


def completed(folder: Path, before: Checkpoint, saved: Checkpoint) -> bytes:
    """Return what an engine saved, with the resources that were set aside for its run.

    Args:
        folder: the working copy's folder.
        before: the state before the run.
        saved: what the engine saved in the working copy.

    Raises:
        OSError: the record of the working copy cannot be read.
        EnvironmentLacksError: the record is damaged.
    """
    record = _record(folder)
    if record is None:
        return saved.data
    if saved.digest == record["reduced"]:
        # The engine ended before it saved anything.
        return before.data
    present = {resource["urn"] for resource in saved.resources}
    # Resources set aside may need those that the engine kept, and never the other way round: they go behind.
    missing = [resource for resource in record["resources"] if resource["urn"] not in present]
    if not missing:
        return saved.data
    data = orjson.loads(saved.data)
    data["checkpoint"]["latest"]["resources"] = [*saved.resources, *missing]
    return orjson.dumps(data, option=orjson.OPT_INDENT_2)


def _record(folder: Path) -> dict[str, Any] | None:
    """Return the record of what was set aside in a working copy; None where nothing was.

    Raises:
        EnvironmentLacksError: the record is damaged.
    """
    file = folder / _FILE
    content = content_of(file, CHECKPOINT)
    if content is None:
        return None
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError:
        record = None
    if isinstance(record, dict) and isinstance(record.get("reduced"), str) and _is_listed(record):
        return record
    message = (
        "the record of the resources that a partial run set aside is damaged; the state is as it was before"
    )
    raise EnvironmentLacksError(
        Problem("state-not-saved", message, Where(str(file)), "run the command again")
    )


def _is_listed(record: Mapping[str, Any]) -> bool:
    """Return whether a record lists resources, each with its URN."""
    resources = record.get("resources")
    if not isinstance(resources, list):
        return False
    return all(isinstance(item, dict) and isinstance(item.get("urn"), str) for item in resources)
