"""The kubeconfig by which work is sent to a worker: of one account, for some hours, in one form."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.worker_kubeconfig import make_worker_kubeconfig
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.plan import kubeconfig_head
from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
from tests.plan.multikueue import MANAGER, WORKER, two_sites, worker

PATH = "/api/v1/namespaces/sovereign-system/serviceaccounts/multikueue/token"


class Answers(Api):
    """A worker that issues a token, or has no such account."""

    def __init__(self, status: int = 201) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self._status = status

    def request(self, method: str, path: str, body: object = None, *_: Any, **__: Any) -> dict[str, Any]:
        self.asked.append((method, path, body))
        if self._status != 201:
            raise ApiError(Problem("api-refused", "no"), status=self._status)
        return {"status": {"token": "eyJ.a-b_c", "expirationTimestamp": "2026-11-30T03:00:00Z"}}


@pytest.fixture
def administrator(tmp_path: Path) -> Path:
    path = tmp_path / "admin.kubeconfig"
    cluster = {
        "server": "https://127.0.0.1:6443",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
    }
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "other", "cluster": {"server": "https://192.0.2.1"}},
            {"name": "c", "cluster": cluster},
        ],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        "users": [{"name": "u", "user": {"token": "an administrator's"}}],
    }
    path.write_bytes(orjson.dumps(data))
    return path


@pytest.mark.parametrize("server", [None, "https://api.example.com:6443"])
def test_a_manager_admits_it_and_it_holds_nothing_of_the_administrator(
    administrator: Path, server: str | None
) -> None:
    made = make_worker_kubeconfig(Answers(), administrator, WORKER, server, 1)
    data = orjson.loads(made.content)
    assert data["clusters"] == [
        {
            "name": "worker",
            "cluster": {
                "server": server or "https://127.0.0.1:6443",
                "certificate-authority-data": base64.b64encode(b"CA").decode(),
            },
        }
    ]
    assert data["users"] == [{"name": "worker", "user": {"token": "eyJ.a-b_c"}}]
    assert data["contexts"][0]["name"] == data["current-context"]
    assert made.content.startswith(kubeconfig_head(server).encode())
    described = two_sites(worker(**({"server": server} if server else {})))
    context = factory_context(described, plan(described), MANAGER)
    metadata = {"name": WORKER, "namespace": "kueue-system"}
    body = {"kubeconfig": base64.b64encode(made.content).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": body}
    assert evaluate([secret], context, "bundle") == []


def test_the_token_is_that_of_one_account_and_ends(administrator: Path) -> None:
    api = Answers()
    made = make_worker_kubeconfig(api, administrator, WORKER, None, 2)
    [(method, path, body)] = api.asked
    assert (method, path) == ("POST", PATH)
    assert isinstance(body, dict)
    assert body["spec"] == {"expirationSeconds": 7_200}
    assert made.ends == "2026-11-30T03:00:00Z"


def test_a_worker_that_was_not_deployed_says_what_to_do(administrator: Path) -> None:
    with pytest.raises(EnvironmentLacksError) as caught:
        make_worker_kubeconfig(Answers(404), administrator, WORKER, None, 1)
    [problem] = caught.value.problems
    assert problem.code == "no-account"
    assert f"up STACK --stack {WORKER}" in problem.hint
    with pytest.raises(ApiError):
        make_worker_kubeconfig(Answers(403), administrator, WORKER, None, 1)


def test_a_worker_without_a_named_authority_is_refused(administrator: Path) -> None:
    data = orjson.loads(administrator.read_bytes())
    del data["clusters"][1]["cluster"]["certificate-authority-data"]
    administrator.write_bytes(orjson.dumps(data))
    with pytest.raises(EnvironmentLacksError) as caught:
        make_worker_kubeconfig(Answers(), administrator, WORKER, None, 1)
    assert caught.value.problems[0].code == "no-authority"
