"""What tests on a real plane do with it: move its operator's clock, stop it, ask as somebody else."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.approvers import record_approvers
from sovereign_ai.cluster.embedded.process_status import status_of
from sovereign_ai.cluster.identities import CLUSTER_CA, kubeconfig, server_url
from sovereign_ai.cluster.pki import Leaf, authority, sign
from sovereign_ai.cluster.state import ClusterDir, recorded_ports
from sovereign_ai.files.writing import write_private
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.kubernetes.admission import policy_name
from sovereign_ai.render.kubernetes.bundle import Bundle
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.refused_objects import refused_objects

T = TypeVar("T")
WORKLOAD, WORKLOADS = (
    "waived-work",
    ("CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"),
)
CLOCK, DOWN = "clock-ahead", "operator-down"
LISTED, UNLISTED = (
    f"{registry}/train@sha256:{'0' * 64}" for registry in ("registry.example.com/ai", "registry.invalid")
)
_WAIVER = """
  - id: {id}
    rule: {rule}
    resource: {resource}
    reason: a driver under test
    owner: platform
    requester: research lead
    approver: security officer
    compensating_control: a machine of its own
    created: {created}
    expires: {expires}
"""


def waivers(expires: date) -> str:
    """Write waivers for an unlisted image in one pod and in workloads, for a service's kind, and for a kind
    that no rule knows, which end on a day.
    """
    created = expires - timedelta(days=60)
    rows = (
        ("image", "IMG-001", "Pod/research/waived"),
        ("service", "NET-001", "Service/research/waived"),
        ("bucket", "RES-011", "S3Bucket/research/waived"),
        *((f"workload-{kind.lower()}", "IMG-001", f"{kind}/research/{WORKLOAD}") for kind in WORKLOADS),
    )
    return "\nwaivers:" + "".join(
        _WAIVER.format(id=a, rule=b, resource=c, created=created, expires=expires) for a, b, c in rows
    )


def until(holds: Callable[[], T], seconds: float = 180) -> T:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)
    return value


def pod(name: str, image: str = UNLISTED, namespace: str = "research", **spec: Any) -> dict[str, Any]:
    box = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    secure = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    containers = [{"name": "main", "image": image, "securityContext": box}]
    metadata = {"name": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"securityContext": secure, "containers": containers, **spec},
    }


@dataclass(frozen=True)
class Plane:
    """A running plane."""

    where: ClusterDir
    api: Api
    factory: AIFactory
    plan: Plan
    bundle: Bundle

    def deploy(self) -> None:
        """Apply what needs no custom resource definitions, and wait until the policies hold."""
        record_approvers(self.where, self.factory.name, self.factory.approvers)
        objects = [
            obj
            for obj in self.bundle.objects
            if obj["apiVersion"].rpartition("/")[0] not in self.bundle.custom_groups
        ]
        spaces = [obj for obj in objects if obj["kind"] == "Namespace"]
        self.api.many(partial(self.api.apply, obj, force=True) for obj in spaces)
        self.api.many(
            partial(self.api.apply, obj, force=True) for obj in objects if obj["kind"] != "Namespace"
        )
        until(lambda: "IMG-001" in self.refusal(pod("strange")))
        for group, obj in refused_objects("research", self.factory.name, UNLISTED).items():
            until(partial(self._refused_by, policy_name(group), obj))
        until(lambda: not self.refusal(pod("good", LISTED)))

    def _refused_by(self, policy: str, obj: dict[str, Any]) -> bool:
        return policy in self.refusal(obj)

    def refusal(self, obj: dict[str, Any], api: Api | None = None) -> str:
        """Try to make an object without storing it; give what refuses it, or nothing."""
        try:
            (api or self.api).create(obj, dry_run=True)
        except ApiError as error:
            return str(error)
        return ""

    def ahead(self, seconds: float) -> None:
        """Set the operator's clock ahead."""
        write_private(self.where.folder / CLOCK, str(seconds).encode())

    @property
    def operator(self) -> int | None:
        """The operator's process."""
        return next(one.pid for one in status_of(self.where).components if one.name == "operator")

    @property
    def healthy(self) -> bool:
        """Whether the operator is well."""
        return next(one.healthy for one in status_of(self.where).components if one.name == "operator")

    @contextlib.contextmanager
    def without_operator(self) -> Iterator[None]:
        """Kill the operator and let it stay away for a while; its supervisor tries again and again."""
        (self.where.folder / DOWN).touch()
        assert self.operator is not None
        os.kill(self.operator, signal.SIGKILL)
        until(lambda: not self.healthy)
        try:
            yield
        finally:
            (self.where.folder / DOWN).unlink()
            until(lambda: self.healthy)

    def somebody(self, tmp_path: Path, user: str, *groups: str) -> Api:
        """Open the cluster as somebody with a certificate of its authority."""
        pair = sign(
            authority(self.where.pki, CLUSTER_CA), Leaf("", user, groups, client=True), timedelta(hours=1)
        )
        path = tmp_path / "somebody.kubeconfig"
        write_private(
            path, kubeconfig(self.where, user, server_url(recorded_ports(self.where)["kube-apiserver"]), pair)
        )
        return open_cluster(path)


def now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def binding(name: str, role: str, user: str) -> dict[str, Any]:
    """A binding of a cluster role in a tenant's namespace."""
    rbac = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": "research"},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": user}],
    }
