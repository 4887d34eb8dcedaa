"""Who is who in an embedded control plane: one identity a component, and one for the user.

Every authority, certificate and kubeconfig is named here and nowhere else. The administrator is a
member of a group of ours that is bound to cluster-admin; nobody on disk is in `system:masters`,
which RBAC cannot take rights away from.
"""

from __future__ import annotations

import base64

import orjson

from sovereign_ai.cluster.pki import LOOPBACK, KeyPair, Leaf, authority, issue, signing_key
from sovereign_ai.cluster.state import Place, write_private

ADMIN_USER, ADMIN_GROUP = "sovereign-ai:admin", "sovereign-ai:admins"
KWOK_USER = "sovereign-ai:kwok"
CLUSTER_CA, ETCD_CA, FRONT_PROXY_CA, SERVICE_ACCOUNTS = "cluster-ca", "etcd-ca", "front-proxy-ca", "service-accounts"
ADMIN, SUPERVISOR, KUBELET_CLIENT, FRONT_PROXY = "admin", "supervisor", "kubelet-client", "front-proxy-client"
AUTHORIZATION = "authorization-client"
"""The API server, where it asks the operator."""
ETCD_SERVER, ETCD_PEER, ETCD_APISERVER, ETCD_SUPERVISOR = "etcd-server", "etcd-peer", "etcd-client-kube-apiserver", "etcd-client-supervisor"
ETCD_GATE = "etcd-secret-gate"

_OF_CLUSTER = (
    Leaf("kube-apiserver", "kube-apiserver", server=True),
    Leaf("kube-controller-manager-server", "kube-controller-manager", server=True),
    Leaf("kube-scheduler-server", "kube-scheduler", server=True),
    Leaf("kwok-server", "kwok", server=True),
    Leaf("operator-server", "operator", server=True),
    Leaf("kube-controller-manager", "system:kube-controller-manager", client=True),
    Leaf("kube-scheduler", "system:kube-scheduler", client=True),
    Leaf("kwok", KWOK_USER, client=True),
    Leaf("operator", "sovereign-ai:operator", client=True),
    Leaf(AUTHORIZATION, "sovereign-ai:authorization", client=True),
    Leaf(ADMIN, ADMIN_USER, (ADMIN_GROUP,), client=True),
    Leaf(SUPERVISOR, "sovereign-ai:supervisor", client=True),
    Leaf(KUBELET_CLIENT, "sovereign-ai:kubelet-client", client=True),
)
_OF_ETCD = (
    Leaf(ETCD_SERVER, "etcd", server=True, client=True),
    Leaf(ETCD_PEER, "etcd-peer", server=True, client=True),
    Leaf(ETCD_APISERVER, "kube-apiserver", client=True),
    Leaf(ETCD_SUPERVISOR, "supervisor", client=True),
    Leaf(ETCD_GATE, "secret-gate", server=True, client=True),
)
_OF_FRONT_PROXY = (Leaf(FRONT_PROXY, FRONT_PROXY, client=True),)
_KUBECONFIGS = ("kube-controller-manager", "kube-scheduler", "kwok", "operator")


def make_identities(where: Place, port: int) -> None:
    """Make or renew every key, certificate and kubeconfig of a cluster.

    Args:
        where: the cluster; its folders exist.
        port: the API server's port on 127.0.0.1.
    """
    for name, leaves in ((CLUSTER_CA, _OF_CLUSTER), (ETCD_CA, _OF_ETCD), (FRONT_PROXY_CA, _OF_FRONT_PROXY)):
        ca = authority(where.pki, name)
        for leaf in leaves:
            issue(ca, where.pki, leaf)
    signing_key(where.pki, SERVICE_ACCOUNTS)
    server = server_url(port)
    write_private(where.kubeconfig, kubeconfig(where, ADMIN, server))
    for component in _KUBECONFIGS:
        write_private(where.identity(component), kubeconfig(where, component, server))


def make_operator_identities(where: Place) -> None:
    """Make or renew the cluster's authority, and of its certificates only those by which API server and operator know each other."""
    ca = authority(where.pki, CLUSTER_CA)
    for leaf in _OF_CLUSTER:
        if leaf.file in {"operator-server", "operator", AUTHORIZATION}:
            issue(ca, where.pki, leaf)


def server_url(port: int) -> str:
    """The API server's URL."""
    return f"https://{LOOPBACK}:{port}"


def kubeconfig(where: Place, identity: str, server: str, pair: KeyPair | None = None) -> bytes:
    """Write a kubeconfig that holds its certificates itself, so that it can be handed on as one text.

    It is JSON, which is YAML too.

    Args:
        where: the cluster.
        identity: whose it is; certificate and key are the files of that name, unless a pair is given.
        server: the URL.
        pair: certificate and key that are in no file.
    """
    name = f"sovereign-ai-{where.name}"
    cluster = {"server": server, "certificate-authority-data": _encoded((where.pki / f"{CLUSTER_CA}.crt").read_bytes())}
    held = pair or KeyPair((where.pki / f"{identity}.crt").read_bytes(), (where.pki / f"{identity}.key").read_bytes())
    user = {"client-certificate-data": _encoded(held.certificate), "client-key-data": _encoded(held.key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": identity}}],
        "users": [{"name": identity, "user": user}],
    }
    return orjson.dumps(config, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _encoded(data: bytes) -> str:
    """Bytes in base64."""
    return base64.b64encode(data).decode()
