"""The verdict on one cluster: findings, probes, and counts.

    verdict = verify(api, factory, plan, bundle, cluster="lab")
    verdict.ok, verdict.counts["ready"]

`ok` means that there is no finding and no failed probe. A skipped probe is neither; it is listed, and
`complete` is false. Where a local control plane is dead, `control_plane.py` makes the verdict. The digest
leaves the time out, so that equal clusters give equal digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from sovereign_ai.cluster.api import Api
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.verify.compare import compare, compare_machines
from sovereign_ai.verify.failing_workloads import failing_workloads
from sovereign_ai.verify.findings import ClusterFinding
from sovereign_ai.verify.observation import Observed, observe
from sovereign_ai.verify.probes import ClusterProbe, run_probes
from sovereign_ai.verify.workers import compare_workers

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes import Bundle


@frozen_dataclass
class ClusterVerdict:
    """A judged cluster.

    Attributes:
        factory: the factory's name.
        cluster: the plan's name for the cluster.
        findings: what is missing, changed, foreign or failing, sorted by resource.
        probes: what must run or be refused, sorted by name; empty if no probes were requested.
        counts: `objects` wanted, `nodes` planned, `ready` nodes, `devices` that the ready nodes offer,
            `requests` sent for reading. Where the control plane is dead, only `objects` and `nodes`.
        observed_at: when the reading began, UTC.
        unknown: what could not be read because the control plane is dead; see `control_plane.py`.
        cluster_uid: uid of the cluster's namespace `kube-system`, which no other cluster has; empty where it
            was not read.
    """

    factory: str
    cluster: str
    findings: tuple[ClusterFinding, ...]
    probes: tuple[ClusterProbe, ...]
    counts: Mapping[str, int]
    observed_at: datetime
    unknown: tuple[str, ...] = ()
    cluster_uid: str = ""

    @property
    def ok(self) -> bool:
        """Whether there is no finding and no failed probe."""
        return not self.findings and not self._has_probe("failed")

    @property
    def complete(self) -> bool:
        """Whether probes were run and none was skipped."""
        return bool(self.probes) and not self._has_probe("skipped")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON without the time, hexadecimal."""
        data = self.to_data()
        del data["observed_at"]
        return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def _has_probe(self, status: str) -> bool:
        """Return whether any probe has a status."""
        return any(probe.status == status for probe in self.probes)

    def to_data(self) -> dict[str, Any]:
        """Return plain data in a stable order."""
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

    def bound(self, plan: Plan, objects_digest: str) -> dict[str, Any]:
        """Return plain data with what it was compared with, so that a signature on it holds for nothing else.

        Args:
            plan: the plan that the cluster was compared with.
            objects_digest: digest of the objects that it was compared with.
        """
        compared = {
            "plan_digest": plan.digest,
            "objects_digest": objects_digest,
            "cluster_uid": self.cluster_uid,
        }
        return merged(self.to_data(), compared)


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
) -> ClusterVerdict:
    """Read a cluster, compare it with what is wanted, and probe it.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        bundle: what was rendered for this cluster.
        cluster: which of the plan's clusters it is.
        probes: whether to create pods; without them nothing is written.
        image: what probes run, where nodes are real.
        progress: receives one line a step.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    progress(f"{cluster}: reading")
    observed = observe(api, factory, bundle.objects)
    findings = [
        *compare(observed, bundle.objects),
        *compare_machines(observed, factory, plan, cluster),
        *compare_workers(observed, factory, bundle.objects),
        *failing_workloads(observed, bundle.objects),
    ]
    objects, nodes = len(bundle.objects), len(plan.nodes_of(cluster))
    objects_text = counted(objects, "object")
    findings_text = counted(len(findings), "finding")
    progress(f"{cluster}: {objects_text} and {counted(nodes, 'node')} compared, {findings_text}")
    # After the reading, so that no pod of a probe is judged as if a tenant had created it.
    results: tuple[ClusterProbe, ...] = ()
    if probes:
        results = run_probes(api, factory, plan, bundle.objects, cluster, image=image, progress=progress)
    return ClusterVerdict(
        factory=factory.name,
        cluster=cluster,
        findings=tuple(sorted(findings, key=lambda finding: finding.order)),
        probes=results,
        counts=_counts(observed, plan, cluster, objects),
        observed_at=observed.observed_at,
        cluster_uid=_cluster_uid(observed),
    )


def _cluster_uid(observed: Observed) -> str:
    """Return the uid of the namespace `kube-system`, which no other cluster has; empty if it was not read."""
    system = observed.named("v1", "Namespace", "kube-system")
    if system is None:
        return ""
    return str(system["metadata"].get("uid", ""))


def _counts(observed: Observed, plan: Plan, cluster: str, objects: int) -> dict[str, int]:
    """Count what was wanted and what is there."""
    names = {node.name for node in plan.nodes_of(cluster)}
    resources = {pool.resource for pool in plan.cluster(cluster).pools if pool.resource}
    ready = 0
    devices = 0
    for node in observed.of("v1", "Node"):
        if node["metadata"]["name"] not in names or not _is_ready(node):
            continue
        ready += 1
        allocatable = node["status"].get("allocatable", {})
        for resource in resources:
            devices += int(allocatable.get(resource, "0"))
    return {
        "objects": objects,
        "nodes": len(names),
        "ready": ready,
        "devices": devices,
        "requests": observed.requests,
    }


def _is_ready(node: Mapping[str, Any]) -> bool:
    """Return whether a node reports that it is Ready."""
    for condition in node.get("status", {}).get("conditions") or []:
        if condition["type"] == "Ready" and condition["status"] == "True":
            return True
    return False
