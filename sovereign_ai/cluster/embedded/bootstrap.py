"""The first roles of an embedded control plane, applied before the components that need them start.

    python -m sovereign_ai.cluster.embedded.bootstrap FOLDER

The first administrator needs a binding, which only an administrator can create. So this step signs a
certificate of `system:masters` for itself, in memory only and valid for ten minutes, applies the roles, and
ends.
"""

from __future__ import annotations

import http.client
import sys
from datetime import timedelta
from pathlib import Path

import orjson

from sovereign_ai.cluster.embedded.monitoring import monitoring_roles, monitors
from sovereign_ai.cluster.embedded.plane_controllers import plane_controllers
from sovereign_ai.cluster.embedded.queueing import sending_objects
from sovereign_ai.cluster.embedded.settings import first_roles
from sovereign_ai.cluster.embedded.webhook_controllers import roles
from sovereign_ai.cluster.identities import CLUSTER_CA
from sovereign_ai.cluster.pki import LOOPBACK, Leaf, authority, sign
from sovereign_ai.cluster.state import ClusterDir, recorded_ports
from sovereign_ai.cluster.tls import load_pair, trusting
from sovereign_ai.errors import SovereignError

_LIFETIME = timedelta(minutes=10)
_MASTER = Leaf("", "sovereign-ai:bootstrap", ("system:masters",), client=True)
_MOST_ANSWER = 1 << 20
"""Bytes of one answer: a role that was applied, or why it was not."""
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_PATHS = {
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
    "Namespace": "/api/v1/namespaces",
    "Role": f"{_RBAC}/namespaces/{{namespace}}/roles",
    "RoleBinding": f"{_RBAC}/namespaces/{{namespace}}/rolebindings",
}


def apply_first_roles(cluster_dir: ClusterDir) -> list[str]:
    """Apply the first roles; return one line for each that the API server refused.

    Raises:
        OSError: the API server gave no answer.
    """
    pki = cluster_dir.pki
    tls = trusting(pki / f"{CLUSTER_CA}.crt")
    # In memory: a certificate of `system:masters` on disk could not be revoked.
    pair = sign(authority(pki, CLUSTER_CA), _MASTER, _LIFETIME)
    load_pair(tls, pair.certificate, pair.key)
    connection = http.client.HTTPSConnection(
        LOOPBACK, recorded_ports(cluster_dir)["kube-apiserver"], timeout=10, context=tls
    )
    refused = []
    of_monitoring = monitoring_roles() if monitors(cluster_dir) else ()
    of_controllers = (*roles(plane_controllers(cluster_dir)), *sending_objects(cluster_dir))
    for role in (*first_roles(), *of_controllers, *of_monitoring):
        name = role["metadata"]["name"]
        folder = _PATHS[role["kind"]].format(namespace=role["metadata"].get("namespace"))
        path = f"{folder}/{name}?fieldManager=sovereign-ai&force=true"
        # Server-side apply with force, so that a role that somebody changed is restored at each start.
        headers = {"Content-Type": "application/apply-patch+yaml"}
        connection.request("PATCH", path, orjson.dumps(role), headers)
        answer = connection.getresponse()
        text = answer.read(_MOST_ANSWER).decode("utf-8", errors="replace")
        if answer.status not in {200, 201}:
            refused.append(f"{role['kind']} {name}: {answer.status} {text}")
    connection.close()
    return refused


def main(folder: Path) -> int:
    """Apply the roles of the cluster in a folder; write errors to standard error."""
    try:
        refused = apply_first_roles(ClusterDir(folder.name, folder))
    except (OSError, SovereignError, http.client.HTTPException) as error:
        refused = [f"the API server gave no answer: {error}"]
    sys.stderr.writelines(f"{line}\n" for line in refused)
    return 1 if refused else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
