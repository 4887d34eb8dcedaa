"""Decide what a deployment does about drift, the changes that others made on the cluster.

With `drift: restore` a deployment reverts drift. With `drift: report` it leaves changed and deleted objects
as they are, and the command that deploys reports each of them. Three kinds of drift are reverted under both:

- admission policies and their bindings, since nothing is deployed under weaker ones than those of the
  description;
- an object that the description itself changes, since applying it writes every field of it;
- all drift, in a run in which the engine must read every object: the first run after one that was
  interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sovereign_ai.cluster import GUARDED
from sovereign_ai.deploy.changes import OWN_PROGRAM, Changes, recorded
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify import Drift, Observed, find_drift


def reports_only(factory: AIFactory, *, restores: bool = False) -> bool:
    """Return whether a deployment leaves drift as it is.

    Args:
        factory: the description.
        restores: whether a person requested that drift is reverted, whatever the description states.
    """
    return factory.drift == "report" and not restores


def without_drift(changes: Changes, checkpoint: Checkpoint | None) -> Changes:
    """Return the changes of a deployment that only reports drift: all but the reversal of drift.

    Args:
        changes: all differences.
        checkpoint: the state, which has the deployed objects; None where there is none yet.
    """
    deployed = recorded(checkpoint).objects
    create, deleted = [], []
    for name in changes.create:
        if name in deployed:
            deleted.append(name)
        else:
            create.append(name)
    # A deleted policy is applied without the engine: with a refresh, the engine would revert all other drift
    # too.
    restore = [name for name in (*changes.restore, *deleted) if is_always_restored(name)]
    return replace(changes, create=tuple(create), restore=tuple(restore), vanished=0)


def needs_refresh(changes: Changes) -> bool:
    """Return whether the engine must read every object, although it reverts drift then.

    A program of the user's own is no reason here: the engine compares its declarations with the state.
    """
    return changes.needs_refresh and changes.full_run_reason != OWN_PROGRAM


def is_always_restored(name: str) -> bool:
    """Return whether drift of an object is reverted under every policy.

    >>> is_always_restored("ValidatingAdmissionPolicy/sovereign-pods")
    True
    >>> is_always_restored("Role/research/admin")
    False
    """
    return name.partition("/")[0] in GUARDED


def reported(observed: Observed, objects: Iterable[Mapping[str, Any]]) -> list[Drift]:
    """Return the drift of a description's objects; `verify` reports objects that it does not contain.

    Args:
        observed: the cluster, read with these objects as the wanted ones.
        objects: the objects as the stack deploys them.
    """
    return [drift for drift in find_drift(observed, objects) if drift.kind != "foreign"]
