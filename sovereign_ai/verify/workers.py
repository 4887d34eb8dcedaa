"""Whether the manager's Kueue is connected to the workers that it sends work to.

Nothing here reads a Secret: what is wrong with a kubeconfig, or that there is none, Kueue says itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.plan import kueue_namespace
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify.findings import ClusterFinding, resource
from sovereign_ai.verify.kinds import KUEUE
from sovereign_ai.verify.observation import Object, Observed
from sovereign_ai.verify.pod_requests import field_of

_KIND = "MultiKueueCluster"
_FIELD = "status.conditions[Active]"


def compare_workers(
    observed: Observed, factory: AIFactory, objects: Iterable[Object]
) -> Iterator[ClusterFinding]:
    """Yield each worker that is there and that Kueue is not connected to, in its own words.

    Args:
        observed: the cluster.
        factory: the description.
        objects: what was rendered for the cluster.
    """
    namespace = kueue_namespace(factory)
    for obj in objects:
        live = observed.named(KUEUE, _KIND, obj["metadata"]["name"]) if obj["kind"] == _KIND else None
        if live is None:
            continue
        status, detail = None, "Kueue has not looked at it: does it run, with its gate MultiKueue?"
        for condition in field_of(live, "status", "conditions") or ():
            if condition["type"] == "Active":
                status, detail = condition["status"], f"{condition['reason']}: {condition.get('message', '')}"
        if status == "True":
            continue
        name = obj["metadata"]["name"]
        hint = (
            f"`sovereign-ai platform kubeconfig STACK --stack {name} -o FILE` makes a kubeconfig for it, and "
            f"says how it comes into Secret {namespace}/{name}"
        )
        yield ClusterFinding(
            "changed", resource(obj), _FIELD, "True", status, f"no work is sent: {detail}", hint
        )
