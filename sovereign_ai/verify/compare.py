"""Compare a cluster as it was observed with what was rendered: objects that are missing, changed or foreign.

findings = compare(observed, bundle.objects) + compare_machines(observed, factory, plan, "lab")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify import difference
from sovereign_ai.verify.findings import ClusterFinding, changed, missing, resource
from sovereign_ai.verify.foreign import foreign_objects
from sovereign_ai.verify.nodes import compare_nodes
from sovereign_ai.verify.observation import Observed
from sovereign_ai.verify.placement import misplaced

_INSTALL = "the server does not serve this kind: install its CRD, then run `sovereign-ai up`"


def compare(observed: Observed, wanted: Iterable[Mapping[str, Any]]) -> tuple[ClusterFinding, ...]:
    """Compare rendered objects with live ones.

    Args:
        observed: the cluster as it was observed.
        wanted: the rendered objects.

    Returns:
        At most one finding an object, sorted by resource.
    """
    rendered = list(wanted)
    live_objects = {}
    for objects in observed.objects.values():
        for obj in objects:
            live_objects[obj["apiVersion"], resource(obj)] = obj

    findings = []
    for obj in rendered:
        name = resource(obj)
        live = live_objects.get((obj["apiVersion"], name))
        kind = (obj["apiVersion"], obj["kind"])
        if live is None and kind in observed.unserved:
            # `up` alone cannot restore it: without the CRD the server refuses the object.
            findings.append(missing(name, _INSTALL))
        elif live is None:
            findings.append(missing(name))
        else:
            differences = list(difference.object_differences(obj, live, observed.schemas.get(kind)))
            if differences:
                findings.append(changed(name, differences))
    findings += foreign_objects(observed, rendered)
    return tuple(sorted(findings, key=lambda finding: finding.order))


def compare_machines(
    observed: Observed, factory: AIFactory, plan: Plan, cluster: str
) -> tuple[ClusterFinding, ...]:
    """Compare live nodes with the plan, and where pods run with the zones of namespace and node.

    Returns:
        At most one finding a node and one a pod, sorted by resource.

    Raises:
        KeyError: the plan has no such cluster.
    """
    pods = observed.of("v1", "Pod")
    findings = [*compare_nodes(observed, factory, plan, cluster), *misplaced(pods, plan, cluster)]
    return tuple(sorted(findings, key=lambda finding: finding.order))
