"""KWOK inside a kind cluster: it plays the machines that are not real.

It runs on the control-plane node under a service account of its own, with the least rights it
needs, and keeps its machines' leases, since the cluster's own kubelets have theirs watched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sovereign_ai.cluster.flags import FAKE_NODE
from sovereign_ai.cluster.settings import first_roles
from sovereign_ai.names import KEYS
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.node_image.archive import Entry, Image, write_layer, write_oci
from sovereign_ai.toolchain.table import tool

NAME, NAMESPACE = "kwok", "kube-system"
IMAGE = f"sovereign-ai.internal/kwok:v{tool('kwok').version}"
"""What the image is called in the node; it is never pulled."""


def write_image(folder: Path) -> Path:
    """Write the archive of KWOK's image, made of the toolchain's binary; give its place.

    Raises:
        EnvironmentLacksError: the toolchain has no KWOK.
    """
    layer = write_layer(folder / "kwok-layer.tar", [Entry("usr/local/bin/kwok", find("kwok").resolve(), 0o755)])
    archive = folder / "kwok.tar"
    write_oci(archive, [Image((IMAGE,), (layer,), entrypoint=("/usr/local/bin/kwok",))])
    layer.path.unlink()
    return archive


def objects() -> tuple[dict[str, Any], ...]:
    """Give the objects that run it."""
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "list", "patch", "update", "watch"]}
    role_of_embedded = next(one for one in first_roles() if one["kind"] == "ClusterRole" and one["metadata"]["name"] == "sovereign-ai:kwok")
    rules = [*role_of_embedded["rules"], leases]
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "sovereign-ai:kwok"}
    return (
        _head("v1", "ServiceAccount", NAME, NAMESPACE),
        _head(f"{group}/v1", "ClusterRole", "sovereign-ai:kwok") | {"rules": rules},
        _head(f"{group}/v1", "ClusterRoleBinding", "sovereign-ai:kwok") | {"roleRef": role, "subjects": [subject]},
        _head("apps/v1", "Deployment", NAME, NAMESPACE) | {"spec": _deployment()},
    )


def _deployment() -> dict[str, Any]:
    """Give the deployment: one replica beside the API server, with nothing but its own token."""
    container = {
        "name": NAME,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": [
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
        "env": [{"name": "KWOK_WORKDIR", "value": "/tmp"}],  # noqa: S108 - in the container, an empty folder of its own
        "volumeMounts": [{"name": "work", "mountPath": "/tmp"}],  # noqa: S108
    }
    pod = {
        "serviceAccountName": NAME,
        "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "system-cluster-critical",
        "containers": [container],
        "volumes": [{"name": "work", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
    }
    labels = {"app": NAME}
    return {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "strategy": {"type": "Recreate"},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }


def _head(api_version: str, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
    """Give the head of an object."""
    metadata: dict[str, Any] = {"name": name, "labels": {KEYS.component: "control-plane"}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata | ({"namespace": namespace} if namespace else {})}
