from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.sim.kubelet.account import NAME, NAMESPACE, RULES, kubeconfig, make, objects
from tests.verify.in_memory import InMemoryApi

ADMINISTRATOR = {
    "current-context": "mine",
    "clusters": [
        {"name": "other", "cluster": {"server": "https://192.0.2.1"}},
        {"name": "lab", "cluster": {"server": "https://127.0.0.1:6443"}},
    ],
    "contexts": [{"name": "mine", "context": {"cluster": "lab", "user": "admin"}}],
    "users": [{"name": "admin", "user": {"client-key-data": "c2VjcmV0"}}],
}


class Api(InMemoryApi):
    """Gives tokens."""

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,  # noqa: ARG002 - nothing is asked
        content_type: str = "",  # noqa: ARG002 - it is JSON
    ) -> dict[str, Any]:
        assert (method, path) == ("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}/token")
        assert isinstance(body, dict)
        return {"status": {"token": "a-token"}}


def test_the_account_reads_no_secret_makes_no_pod_and_changes_no_node() -> None:
    granted = {(resource, verb) for _, resources, verbs in RULES for resource in resources for verb in verbs}
    assert not {resource for resource, _ in granted} & {"secrets", "serviceaccounts", "*"}
    assert {verb for resource, verb in granted if resource in {"pods", "nodes", "resourceclaims"}} == {
        "get",
        "list",
    }
    assert "*" not in {verb for _, verb in granted}


def test_the_agents_kubeconfig_has_its_token_and_nothing_of_the_administrators(
    tmp_path: Path,
) -> None:
    (tmp_path / "admin").write_text(yaml.safe_dump(ADMINISTRATOR), encoding="utf-8")
    api = Api()
    make(api, tmp_path / "admin", tmp_path / "agent")
    written = (tmp_path / "agent").read_text(encoding="utf-8")
    assert (tmp_path / "agent").stat().st_mode & 0o777 == 0o600
    assert "secret" not in written
    assert json.loads(written) == kubeconfig(ADMINISTRATOR, "a-token")
    assert open_cluster(tmp_path / "agent").server == "https://127.0.0.1:6443"
    assert {(obj["kind"], obj["metadata"]["name"]) for obj in objects()} == {
        (kind, name) for _, kind, _, name in api.objects
    }
