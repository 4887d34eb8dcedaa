"""The identities of an embedded control plane: one for each component, and one for the user.

Every authority, certificate and kubeconfig is named here and nowhere else. The administrator is a member of a
group that is bound to cluster-admin. No identity on disk is in `system:masters`, from which RBAC cannot
remove rights.
"""

from __future__ import annotations

import base64

import orjson

from sovereign_ai.cluster.pki import LOOPBACK, KeyPair, Leaf, authority, issue, signing_key
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.files import CLUSTER, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.names import ADMIN_GROUP, OPERATOR_USER

ADMIN_USER = "sovereign-ai:admin"
KWOK_USER = "sovereign-ai:kwok"
CLUSTER_CA, ETCD_CA, FRONT_PROXY_CA, SERVICE_ACCOUNTS = (
    "cluster-ca",
    "etcd-ca",
    "front-proxy-ca",
    "service-accounts",
)
ADMIN, SUPERVISOR, KUBELET_CLIENT, FRONT_PROXY = "admin", "supervisor", "kubelet-client", "front-proxy-client"
AUTHORIZATION = "authorization-client"
"""The identity of the API server when it calls the operator."""
ETCD_SERVER, ETCD_PEER, ETCD_APISERVER, ETCD_SUPERVISOR = (
    "etcd-server",
    "etcd-peer",
    "etcd-client-kube-apiserver",
    "etcd-client-supervisor",
)
ETCD_GATE = "etcd-secret-gate"

_OF_CLUSTER = (
    Leaf("kube-apiserver", "kube-apiserver", server=True),
    Leaf("kube-controller-manager-server", "kube-controller-manager", server=True),
    Leaf("kube-scheduler-server", "kube-scheduler", server=True),
    Leaf("operator-server", "operator", server=True),
    Leaf("kube-controller-manager", "system:kube-controller-manager", client=True),
    Leaf("kube-scheduler", "system:kube-scheduler", client=True),
    Leaf("kwok", KWOK_USER, client=True),
    Leaf("operator", OPERATOR_USER, client=True),
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


def make_identities(cluster_dir: ClusterDir, port: int) -> None:
    """Create or renew every key, certificate and kubeconfig of a cluster.

    Args:
        cluster_dir: the cluster's folder; its subfolders exist.
        port: the API server's port on 127.0.0.1.
    """
    # Three authorities, so that a client of the API server is none of etcd.
    for name, leaves in ((CLUSTER_CA, _OF_CLUSTER), (ETCD_CA, _OF_ETCD), (FRONT_PROXY_CA, _OF_FRONT_PROXY)):
        ca = authority(cluster_dir.pki, name)
        for leaf in leaves:
            issue(ca, cluster_dir.pki, leaf)
    signing_key(cluster_dir.pki, SERVICE_ACCOUNTS)
    server = server_url(port)
    write_private(cluster_dir.kubeconfig, kubeconfig(cluster_dir, ADMIN, server))
    for component in _KUBECONFIGS:
        write_private(cluster_dir.identity(component), kubeconfig(cluster_dir, component, server))


def make_operator_identities(cluster_dir: ClusterDir) -> None:
    """Create or renew the authority, and the certificates of API server and operator for each other."""
    ca = authority(cluster_dir.pki, CLUSTER_CA)
    for leaf in _OF_CLUSTER:
        if leaf.file in {"operator-server", "operator", AUTHORIZATION}:
            issue(ca, cluster_dir.pki, leaf)


def server_url(port: int) -> str:
    """Return the API server's URL."""
    return f"https://{LOOPBACK}:{port}"


def kubeconfig(cluster_dir: ClusterDir, identity: str, server: str, pair: KeyPair | None = None) -> bytes:
    """Return a kubeconfig with inline certificates, which is complete without other files.

    It is JSON, which is YAML too.

    Args:
        cluster_dir: the cluster's folder.
        identity: the user that it presents; certificate and key are the files of that name, unless a pair is
            given.
        server: the URL.
        pair: certificate and key that are in no file.
    """
    name = f"sovereign-ai-{cluster_dir.name}"
    pki = cluster_dir.pki
    ca = read(pki / f"{CLUSTER_CA}.crt", CLUSTER)
    cluster = {"server": server, "certificate-authority-data": encoded(ca)}
    if pair is None:
        pair = KeyPair(read(pki / f"{identity}.crt", CLUSTER), read(pki / f"{identity}.key", CLUSTER))
    user = {"client-certificate-data": encoded(pair.certificate), "client-key-data": encoded(pair.key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": identity}}],
        "users": [{"name": identity, "user": user}],
    }
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(config, option=options)


def encoded(data: bytes) -> str:
    """Return bytes as a kubeconfig or a webhook's `caBundle` has them, in Base64."""
    return base64.b64encode(data).decode()
