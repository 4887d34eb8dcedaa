"""The configuration that kind makes a cluster from, derived from the plan.

One control-plane node and a worker for each of the first two security zones, each worker the first
machine of its zone. Address ranges, pods a machine, names and taints are the plan's. The API server
writes an audit log and encrypts secrets under a key that the node makes for itself.

    Path("kind-config.yaml").write_text(kind_config(factory, plan, "lab"))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.cluster.identities import CLUSTER_CA
from sovereign_ai.cluster.operator import AUTHORIZERS
from sovereign_ai.plan import Node, Plan, pod_bits, with_control_plane
from sovereign_ai.render.interop import node_taints
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.toolchain.node_image.build import TAG

WORKERS = 2
"""Real workers: two, so that there is traffic between machines and between zones."""
_PATIENCE = {
    "controlPlaneComponentHealthCheck": "10m0s",
    "kubeletHealthCheck": "10m0s",
    "kubernetesAPICall": "5m0s",
    "tlsBootstrap": "10m0s",
}
"""How long kubeadm waits.

Its own limits of one to five minutes end a start on a slow server. Kind itself gets 15 minutes (`run_kind`).
"""
AUTHORITY = "/etc/kubernetes/pki/ca"
"""Path, without its suffix, at which kubeadm looks for an authority before it creates one."""
_AUDIT = "/var/log/kubernetes/audit"
_OURS = "/etc/sovereign-ai"
_GUARD = "/etc/sovereign-guard"
SETTINGS = f"{_GUARD}/config"
"""The settings of guard and operator in the node; on the host, `config` in the cluster's folder."""
GUARD_MANIFESTS = f"{_GUARD}/manifests"
"""The policies that no API call can change in that node; on the host, `admission` in the cluster's folder."""
_OWNER = "/etc/sovereign-owner"
"""The file in each node whose path on the host says which cluster, of whose state, the node is of."""
_HEAD = """\
# A kind cluster of the stack {name}: one control-plane node, and the machines {machines} for real.
# Written by `sovereign-ai cluster config {stack}`; a test holds it to the plan. The image is made by
# `sovereign-ai tools node-image`. Labels that say a machine's zone and law are set by the control plane
# once it has joined: `sovereign-ai cluster up --cluster kind {stack}` does both.
"""


def real_machines(plan: Plan, cluster: str) -> tuple[Node, ...]:
    """Return the nodes that are real on kind: the first of each of the first two zones, without spares.

    Raises:
        KeyError: the plan has no such cluster.
    """
    # Management nodes would run none of what is tried on real ones.
    candidates = [node for node in plan.work_nodes_of(cluster) if not node.spare]
    first_of_zone: dict[str, Node] = {}
    for node in candidates:
        first_of_zone.setdefault(node.zone, node)
    chosen = list(first_of_zone.values())[:WORKERS]
    # A plan with one zone: further nodes of it fill up.
    others = [node for node in candidates if node not in chosen]
    return (*chosen, *others[: WORKERS - len(chosen)])


def container_names(plan: Plan, cluster: str) -> dict[str, str]:
    """Return the name of each worker's container, by machine, as kind numbers them."""
    names = {}
    for number, node in enumerate(real_machines(plan, cluster), 1):
        suffix = str(number) if number > 1 else ""  # kind counts from the second one
        names[node.name] = f"{cluster}-worker{suffix}"
    return names


def identity_file(folder: Path, identity: str) -> Path:
    """Return the file by whose name a cluster's containers are known.

    Args:
        folder: the cluster's folder.
        identity: the cluster's identity.
    """
    return folder / "identity" / identity


def control_plane(cluster: str) -> str:
    """Return the name of the control plane's container, which is its node's name too."""
    return f"{cluster}-control-plane"


def kind_config(
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    stack: str = "stacks/lab",
    guard: Path | None = None,
    identity: str = "",
) -> str:
    """Return the configuration as YAML.

    Args:
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters.
        stack: how the head of the file calls the stack's folder.
        guard: the cluster's folder, from which the API server gets authority, operator and policies in files;
            without it, it has none of them.
        identity: the cluster's identity, whose file in that folder is mounted into each node.

    Raises:
        KeyError: the plan has no such cluster.
    """
    workers = real_machines(plan, cluster)
    first: dict[str, Any] = {"role": "control-plane", "image": TAG}
    if guard:
        first["extraMounts"] = _mounts(guard)
    nodes = [first, *(_worker(factory, node) for node in workers)]
    if guard and identity:
        owner = _mount(identity_file(guard, identity), _OWNER)
        for node in nodes:
            node["extraMounts"] = [*node.get("extraMounts", ()), owner]
    document = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": cluster,
        "networking": {
            "ipFamily": "ipv4",
            "apiServerAddress": "127.0.0.1",
            "podSubnet": pod_range(factory, plan, cluster),
            "serviceSubnet": _range(plan, cluster, "services"),
        },
        "kubeadmConfigPatches": [
            _text(_cluster(factory, guarded=guard is not None)),
            _text({"kind": "InitConfiguration", "timeouts": dict(_PATIENCE)}),
            _text(_kubelet(factory)),
        ],
        "nodes": nodes,
    }
    machines = " and ".join(node.name for node in workers)
    head = _HEAD.format(name=factory.name, stack=stack, machines=machines)
    return head + yaml.dump(document, Dumper=_KindDumper, sort_keys=False, width=120)


def fixed_settings(factory: AIFactory, plan: Plan, cluster: str) -> dict[str, Any]:
    """Return what a cluster is made for and cannot change while it stands, as plain data for its record.

    Labels and taints of its machines are not among it: `up` changes them on the nodes (`sim/kubelet/adopt`).

    Raises:
        KeyError: the plan has no such cluster.
    """
    settings = [_cluster(factory, guarded=True), _kubelet(factory)]
    return {
        "machines": list(container_names(plan, cluster)),
        "pods": pod_range(factory, plan, cluster),
        "services": _range(plan, cluster, "services"),
        "image": TAG,
        "settings": hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest(),
    }


def unsupported_changes(made: Mapping[str, Any], factory: AIFactory, plan: Plan, cluster: str) -> list[str]:
    """Return in what a description has outgrown the cluster that stands, a phrase each.

    Args:
        made: what the cluster was made for, of its record.
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters.

    Raises:
        KeyError: the plan has no such cluster.
    """
    wanted = fixed_settings(factory, plan, cluster)
    try:
        pods = IPv4Network(made["pods"])
        machines = set(made["machines"])
        services, image, settings = made["services"], made["image"], made["settings"]
    except (KeyError, TypeError, ValueError):
        return ["its record does not say what it was made for"]
    differences = []
    gone = machines - {node.name for node in plan.work_nodes_of(cluster)}
    if gone:
        differences.append(f"of its real machines the description has no {' and no '.join(sorted(gone))}")
    if not _has_room(pods, factory, plan, cluster):
        needed = counted(len(plan.nodes_of(cluster)) + 1, "node")
        block = _range(plan, cluster, "pods")
        differences.append(f"its pods have {pods}, and those of the {needed} described {block}")
    if services != wanted["services"]:
        differences.append(f"its services have {services}, and those described {wanted['services']}")
    if image != wanted["image"]:
        differences.append(f"its nodes are of {image}, and new ones are of {wanted['image']}")
    if settings != wanted["settings"]:
        differences.append("its API server or kubelets have other settings, such as `clusters.pods_per_node`")
    return differences


def _has_room(made: IPv4Network, factory: AIFactory, plan: Plan, cluster: str) -> bool:
    """Return whether a cluster's range has a part for each of its nodes, its control plane's among them.

    Simulated nodes get the lowest parts of the planned range that are free (`sim/pod_ranges.py`). A part
    outside of the cluster's own range would end its controller manager when that starts again.
    """
    block = IPv4Network(_range(plan, cluster, "pods"))
    planned = IPv4Network(pod_range(factory, plan, cluster))
    parts = 1 << max(0, pod_bits(factory.clusters.pods_per_node) - made.prefixlen)
    begins_there = planned.network_address == made.network_address or planned.subnet_of(made)
    return block.subnet_of(made) and begins_there and len(plan.nodes_of(cluster)) < parts


def pod_range(factory: AIFactory, plan: Plan, cluster: str) -> str:
    """Return the range of pods, in which the control-plane node takes a part as well."""
    block = IPv4Network(_range(plan, cluster, "pods"))
    return str(with_control_plane(block, IPv4Network(factory.network.pods)))


def _range(plan: Plan, cluster: str, use: str) -> str:
    """Return a cluster's own range of the plan."""
    return next(prefix.cidr for prefix in plan.prefixes if prefix.use == use and prefix.owner == cluster)


def _worker(factory: AIFactory, node: Node) -> dict[str, Any]:
    """Return one worker: its name and taint.

    Its labels come after it has joined. Those of region, zone and machine type a kubelet may set itself, and
    one that does sets them back at each start, whatever the description says by then.
    """
    join = {
        "kind": "JoinConfiguration",
        "timeouts": dict(_PATIENCE),
        "nodeRegistration": {"name": node.name, "taints": node_taints(factory, node)},
    }
    return {"role": "worker", "image": TAG, "kubeadmConfigPatches": [_text(join)]}


def _mounts(folder: Path) -> list[dict[str, Any]]:
    """Return the read-only mounts of the control plane's node: authority, settings and guard."""
    paths = {
        folder / "pki" / f"{CLUSTER_CA}.crt": f"{AUTHORITY}.crt",
        folder / "pki" / f"{CLUSTER_CA}.key": f"{AUTHORITY}.key",
        folder / "config": SETTINGS,
        folder / "admission": GUARD_MANIFESTS,
    }
    return [_mount(path, seen) for path, seen in paths.items()]


def _mount(path: Path, seen: str) -> dict[str, Any]:
    """Return a read-only mount of a path on the host."""
    return {"hostPath": str(path), "containerPath": seen, "readOnly": True}


def _cluster(factory: AIFactory, *, guarded: bool) -> dict[str, Any]:
    """Return the control plane's settings."""
    server = {
        "encryption-provider-config": f"{_OURS}/encryption.json",
        "audit-policy-file": f"{_OURS}/audit.json",
        "audit-log-path": f"{_AUDIT}/audit.log",
        "audit-log-maxsize": "20",
        "audit-log-maxbackup": "5",
        "audit-log-maxage": "30",
        "profiling": "false",
    }
    alone = {"leader-elect": "false", "profiling": "false"}
    volumes = [
        {
            "name": "sovereign-ai",
            "hostPath": _OURS,
            "mountPath": _OURS,
            "readOnly": True,
            "pathType": "Directory",
        },
        {"name": "audit", "hostPath": _AUDIT, "mountPath": _AUDIT, "pathType": "DirectoryOrCreate"},
    ]
    if guarded:
        server["admission-control-config-file"] = f"{SETTINGS}/admission.json"
        server["authorization-config"] = f"{SETTINGS}/{AUTHORIZERS}"
        volumes.append(
            {
                "name": "sovereign-guard",
                "hostPath": _GUARD,
                "mountPath": _GUARD,
                "readOnly": True,
                "pathType": "Directory",
            }
        )
    # One process of each: an election would only delay the start.
    mask = {"node-cidr-mask-size": str(pod_bits(factory.clusters.pods_per_node))}
    return {
        "kind": "ClusterConfiguration",
        "apiServer": {"extraArgs": _arguments(server), "extraVolumes": volumes},
        "controllerManager": {"extraArgs": _arguments(alone | mask)},
        "scheduler": {"extraArgs": _arguments(alone)},
    }


def _kubelet(factory: AIFactory) -> dict[str, Any]:
    """Return every kubelet's settings."""
    # cgroup v1 is deprecated, but some hosts still have nothing else.
    return {"kind": "KubeletConfiguration", "failCgroupV1": False, "maxPods": factory.clusters.pods_per_node}


def _arguments(values: dict[str, str]) -> list[dict[str, str]]:
    """Return arguments in the form of kubeadm's API v1beta4."""
    return [{"name": name, "value": value} for name, value in values.items()]


class _KindDumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the parent's signature
        """Return True, so that no value is written as a reference to another."""
        return True


_KindDumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def _text(document: dict[str, Any]) -> str:
    """Return a patch as YAML text, which kind expects."""
    return yaml.dump(document, Dumper=_KindDumper, sort_keys=False, width=120)
