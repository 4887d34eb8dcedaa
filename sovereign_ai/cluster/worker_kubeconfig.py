"""The kubeconfig by which the Kueue of a manager sends work to a worker: of one account, for some hours.

The account and its rights are deployed with the worker's objects. Its token ends by itself, and nothing
renews it: a new kubeconfig is made and put into the Secret before.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.api import Api, ApiError, read_kubeconfig
from sovereign_ai.cluster.api.kubeconfig import authority_of
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.plan import SENDING_ACCOUNT, kubeconfig_head

MOST_HOURS = 720
"""The longest that a token may last, asked of the API server, which may give less."""


@frozen_dataclass
class WorkerKubeconfig:
    """A kubeconfig for a worker.

    Attributes:
        content: its bytes, with a token in them.
        server: the address of the worker's API server.
        ends: when the token ends, as the API server says.
    """

    content: bytes
    server: str
    ends: str


def make_worker_kubeconfig(
    api: Api, administrator: Path, worker: str, server: str | None, hours: int
) -> WorkerKubeconfig:
    """Return a kubeconfig for a worker, in the one form that a manager admits.

    Args:
        api: the worker, as its administrator.
        administrator: the administrator's kubeconfig, with the address and the authority.
        worker: the worker's name in the plan.
        server: its described address; None for one of this machine.
        hours: how long the token is to last.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
        EnvironmentLacksError: the worker has no account for it yet, or names no authority.
    """
    data = read_kubeconfig(administrator)
    cluster = _current_cluster(data)
    ca = authority_of(administrator, cluster)
    if not ca:
        message = f"{administrator} names no certificate authority of {worker!r}"
        hint = "put it into certificate-authority-data: Kueue trusts no other"
        raise EnvironmentLacksError(Problem("no-authority", message, hint=hint))
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/{SENDING_ACCOUNT}/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": hours * 3_600},
    }
    try:
        status = api.request("POST", path, request)["status"]
    except ApiError as error:
        if error.status != 404:
            raise
        message = f"{worker!r} has no account {SENDING_ACCOUNT!r} in {SYSTEM_NAMESPACE}"
        hint = f"deploy it first: `sovereign-ai up STACK --stack {worker}`"
        raise EnvironmentLacksError(Problem("no-account", message, hint=hint)) from error
    head = kubeconfig_head(server)
    address = server or str(cluster["server"])
    beginning = head if server else head + address.removeprefix("https://127.0.0.1:") + '"'
    authority = base64.b64encode(ca).decode()
    rest = f',"certificate-authority-data":"{authority}"}}}}],{_context()},{_user(str(status["token"]))}}}'
    return WorkerKubeconfig((beginning + rest).encode(), address, str(status["expirationTimestamp"]))


def _context() -> str:
    """Return the members that choose the only cluster and its only user."""
    contexts = [{"name": "worker", "context": {"cluster": "worker", "user": "worker"}}]
    return f'"contexts":{orjson.dumps(contexts).decode()},"current-context":"worker"'


def _user(token: str) -> str:
    """Return the member with the only user."""
    users = [{"name": "worker", "user": {"token": token}}]
    return f'"users":{orjson.dumps(users).decode()}'


def _current_cluster(data: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the cluster that a kubeconfig's current context names; empty for none."""
    clusters = {entry["name"]: entry.get("cluster") or {} for entry in data.get("clusters") or ()}
    for entry in data.get("contexts") or ():
        if entry["name"] == data.get("current-context"):
            found: dict[str, Any] = clusters.get((entry.get("context") or {}).get("cluster"), {})
            return found
    return {}
