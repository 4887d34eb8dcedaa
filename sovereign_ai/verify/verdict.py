"""The verdict on one cluster: findings, probes, and what was counted.

    verdict = verify(api, factory, plan, bundle, cluster="lab")
    verdict.ok, verdict.counts["ready"]

`ok` means no finding and no failed probe. A skipped probe is neither; it is listed, and `complete`
is false. Of a plane of ours that is dead, `dead.py` makes the verdict. The digest leaves the time out, so that the same cluster gives the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from sovereign_ai.cluster.access import Api
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.compare import compare, compare_machines
from sovereign_ai.verify.findings import Finding
from sovereign_ai.verify.observe import Observed, observe
from sovereign_ai.verify.probes import Probe, run_probes

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is really there, judged.

    Attributes:
        factory: the factory's name.
        cluster: the plan's name for the cluster.
        findings: what is missing, changed or foreign, sorted by resource.
        probes: what must run or be refused, sorted by name; empty if they were not asked for.
        counts: `objects` wanted, `nodes` planned, `ready` nodes, `devices` that the ready ones offer, `requests` made for reading.
            Where the control plane is dead, only what was wanted.
        observed_at: when the reading began, UTC.
        unknown: what could not be read, because the control plane is dead; `dead.py` says when.
    """

    factory: str
    cluster: str
    findings: tuple[Finding, ...]
    probes: tuple[Probe, ...]
    counts: Mapping[str, int]
    observed_at: datetime
    unknown: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """No finding, and no probe that failed."""
        return not self.findings and not any(probe.status == "failed" for probe in self.probes)

    @property
    def complete(self) -> bool:
        """Probes were made, and none was skipped."""
        return bool(self.probes) and not any(probe.status == "skipped" for probe in self.probes)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON without the time, hexadecimal."""
        data = {key: value for key, value in self.to_data().items() if key not in {"observed_at", "digest"}}
        return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def to_data(self) -> dict[str, Any]:
        """Give plain data in a stable order."""
        return {
            "factory": self.factory,
            "cluster": self.cluster,
            "ok": self.ok,
            "complete": self.complete,
            "findings": [finding.to_data() for finding in self.findings],
            "probes": [probe.to_data() for probe in self.probes],
            "counts": dict(self.counts),
            "unknown": list(self.unknown),
            "observed_at": self.observed_at.isoformat(),
        }


def verify(
    api: Api,
    factory: AIFactory,
    plan: Plan,
    bundle: Bundle,
    *,
    cluster: str,
    probes: bool = True,
    image: str = "",
    progress: Callable[[str], object] = lambda _line: None,
) -> Verdict:
    """Read a cluster, hold it against what is wanted, and probe it.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        bundle: what was rendered for this cluster.
        cluster: which of the plan's clusters it is.
        probes: whether to make pods; without them nothing is written.
        image: what probes run, where machines are real.
        progress: told one line a step.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    progress(f"{cluster}: reading")
    observed = observe(api, factory, bundle.objects)
    findings = compare(observed, bundle.objects) + compare_machines(observed, factory, plan, cluster)
    progress(f"{cluster}: {len(bundle.objects)} objects and {len(plan.nodes_of(cluster))} machines compared, {len(findings)} findings")
    made = run_probes(api, factory, plan, bundle.objects, cluster, image=image, progress=progress) if probes else ()
    return Verdict(
        factory=factory.name,
        cluster=cluster,
        findings=tuple(sorted(findings, key=lambda finding: finding.order)),
        probes=made,
        counts=_counts(observed, plan, cluster, len(bundle.objects)),
        observed_at=observed.observed_at,
    )


def _counts(observed: Observed, plan: Plan, cluster: str, objects: int) -> dict[str, int]:
    """Count what was wanted and what is there."""
    names = {node.name for node in plan.nodes_of(cluster)}
    resources = {part.resource for part in plan.cluster(cluster).pools}
    ready = [node for node in observed.of("v1", "Node") if node["metadata"]["name"] in names and _is_ready(node)]
    offered = [int(node["status"].get("allocatable", {}).get(resource, "0")) for node in ready for resource in resources]
    return {"objects": objects, "nodes": len(names), "ready": len(ready), "devices": sum(offered), "requests": observed.requests}


def _is_ready(node: Mapping[str, Any]) -> bool:
    """Tell whether a node says that it is Ready."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node.get("status", {}).get("conditions") or [])
