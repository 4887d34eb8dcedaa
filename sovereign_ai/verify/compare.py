"""Observed against wanted: what is missing, changed or foreign.

findings = compare(observed, bundle.objects) + compare_machines(observed, factory, plan, "lab")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify import difference
from sovereign_ai.verify.findings import Finding, changed, missing, resource
from sovereign_ai.verify.foreign import strangers
from sovereign_ai.verify.machines import machines
from sovereign_ai.verify.observe import Observed

_INSTALL = "the server does not serve this kind: install its CRD, then run `sovereign-ai up`"


def compare(observed: Observed, wanted: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Hold rendered objects against live ones, one finding an object.

    Args:
        observed: the cluster as it was seen.
        wanted: the rendered objects.
    """
    declared = list(wanted)
    index = {(obj["apiVersion"], resource(obj)): obj for objects in observed.objects.values() for obj in objects}
    findings = []
    for obj in declared:
        kind = (obj["apiVersion"], obj["kind"])
        live = index.get((obj["apiVersion"], resource(obj)))
        if live is None:
            findings.append(missing(resource(obj), _INSTALL) if kind in observed.unserved else missing(resource(obj)))
            continue
        found = list(difference.objects(obj, live, observed.schemas.get(kind)))
        if found:
            findings.append(changed(resource(obj), found))
    findings += strangers(observed, declared)
    return tuple(sorted(findings, key=lambda one: one.order))


def compare_machines(observed: Observed, factory: AIFactory, plan: Plan, cluster: str) -> tuple[Finding, ...]:
    """Hold live machines against the plan, one finding a machine.

    Raises:
        KeyError: the plan has no such cluster.
    """
    return tuple(sorted(machines(observed, factory, plan, cluster), key=lambda one: one.order))
