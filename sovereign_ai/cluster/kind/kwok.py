"""The objects and the image of KWOK in a kind cluster, where it simulates the nodes that are not real.

It runs on the control plane's node under a service account of its own, with the least rights that it needs.
Machines are played by our stage, pods by KWOK's own.
It renews the leases of its nodes, which the node controller watches in a cluster with real kubelets.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sovereign_ai.cluster.embedded.flags import FAKE_NODE
from sovereign_ai.cluster.embedded.node_stage import node_stage
from sovereign_ai.cluster.embedded.settings import first_roles
from sovereign_ai.names import KEYS
from sovereign_ai.toolchain import tool
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.node_image.archive import ArchiveEntry, Image, write_layer, write_oci

NAME, NAMESPACE = "kwok", "kube-system"
IMAGE = f"sovereign-ai.internal/kwok:v{tool('kwok').version}"
"""What the image is called in the node; it is never pulled."""
_STAGES = "stages.yaml"


def write_image(folder: Path) -> Path:
    """Write the archive of KWOK's image, built from the toolchain's binary; return its path.

    Raises:
        EnvironmentLacksError: the toolchain has no KWOK.
    """
    layer = write_layer(
        folder / "kwok-layer.tar", [ArchiveEntry("usr/local/bin/kwok", find("kwok").resolve(), 0o755)]
    )
    archive = folder / "kwok.tar"
    write_oci(archive, [Image((IMAGE,), (layer,), entrypoint=("/usr/local/bin/kwok",))])
    layer.path.unlink()
    return archive


def objects() -> tuple[dict[str, Any], ...]:
    """Return the objects that run it."""
    leases = {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["create", "get", "list", "patch", "update", "watch"],
    }
    # The rights of KWOK beside an embedded control plane, and leases, which it does not renew there.
    rules = [*_embedded_rules(), leases]
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "sovereign-ai:kwok"}
    return (
        _head("v1", "ServiceAccount", NAME, NAMESPACE),
        _head(f"{group}/v1", "ClusterRole", "sovereign-ai:kwok") | {"rules": rules},
        _head(f"{group}/v1", "ClusterRoleBinding", "sovereign-ai:kwok")
        | {"roleRef": role, "subjects": [subject]},
        _head("v1", "ConfigMap", NAME, NAMESPACE) | {"data": {_STAGES: node_stage()}},
        _head("apps/v1", "Deployment", NAME, NAMESPACE) | {"spec": _deployment()},
    )


def _embedded_rules() -> list[dict[str, Any]]:
    """Return the rules of KWOK's role on an embedded control plane."""
    for role in first_roles():
        if role["kind"] == "ClusterRole" and role["metadata"]["name"] == "sovereign-ai:kwok":
            return list(role["rules"])
    raise AssertionError  # the first roles contain it


def _deployment() -> dict[str, Any]:
    """Return the deployment: one replica beside the API server, with nothing but its own token."""
    container = {
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": [
            f"--config=/etc/kwok/{_STAGES}",
            f"--manage-nodes-with-annotation-selector={FAKE_NODE}",
            "--node-lease-duration-seconds=40",
            "--node-ip=",
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "env": [{"name": "KWOK_WORKDIR", "value": "/tmp"}],  # noqa: S108 - an empty folder of the container
        "volumeMounts": [
            {"name": "work", "mountPath": "/tmp"},  # noqa: S108
            {"name": "stages", "mountPath": "/etc/kwok", "readOnly": True},
        ],
    }
    pod = {
        "serviceAccountName": NAME,
        "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "system-cluster-critical",
        "containers": [container],
        "volumes": [
            {"name": "work", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            {"name": "stages", "configMap": {"name": NAME}},
        ],
    }
    labels = {"app": NAME}
    return {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "strategy": {"type": "Recreate"},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _head(api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    """Return the head of an object."""
    metadata: dict[str, Any] = {"name": name, "labels": {KEYS.component: "control-plane"}}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata | ({"namespace": namespace} if namespace else {}),
    }
