"""The question before anything is started: who answers, whom it takes us for, and what that one may do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, UnreachableError, open_cluster
from sovereign_ai.cluster.api.deadlines import Patience
from sovereign_ai.cluster.preflight import WRITES, Identity, require_reachable
from sovereign_ai.errors import EnvironmentLacksError, ExitCode
from tests.cluster.api.test_client import answering
from tests.cluster.tls_server import Answer, Handler, Server

LIMITS = Patience(handshake=1.0, connect=1.2, back=2.0, silence=0.6, alive=0.5, read=2.0, write=3.0, busy=2.0)
OBJECTS = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "web"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "namespace": "db"}},
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}},
    {"apiVersion": "example.com/v1", "kind": "Unserved", "metadata": {"name": "u"}},
]
Serve = Callable[[Handler], Server]
May = Callable[[dict[str, str]], bool]


def reviewing(may: May, evaluation_error: str = "") -> Handler:
    """Answer reviews as an API server does."""

    def answer(method: str, path: str, body: Any) -> Answer:
        if path.endswith("/selfsubjectreviews"):
            return 201, {"status": {"userInfo": {"username": "jane", "groups": ["dev"]}}}
        if path.endswith("/selfsubjectaccessreviews"):
            allowed = may(body["spec"]["resourceAttributes"])
            return 201, {
                "status": {"allowed": allowed}
                | ({"evaluationError": evaluation_error} if not allowed else {})
            }
        return 404, {}

    return answering(answer)


def opened(serve: Serve, answer: Handler) -> tuple[Server, Api]:
    server = serve(answer)
    return server, open_cluster(server.where.kubeconfig, limits=LIMITS)


def test_one_request_says_who_we_are_where_nothing_is_to_be_done(serve: Serve) -> None:
    server, api = opened(serve, reviewing(lambda _wanted: False))
    assert require_reachable(api) == Identity("jane", ("dev",))
    assert [path for _, path, _, _ in server.seen] == ["/apis/authentication.k8s.io/v1/selfsubjectreviews"]


def test_who_may_do_everything_is_asked_for_it_once(serve: Serve) -> None:
    server, api = opened(serve, reviewing(lambda wanted: wanted["verb"] == "*"))
    require_reachable(api, OBJECTS, WRITES)
    assert len(server.seen) == 2


def test_a_right_in_each_namespace_is_enough_for_what_lies_in_it(serve: Serve) -> None:
    _, api = opened(
        serve,
        reviewing(lambda wanted: wanted["resource"] == "nodes" or wanted.get("namespace") in {"web", "db"}),
    )
    assert require_reachable(api, OBJECTS, WRITES).username == "jane"


def test_every_right_that_lacks_is_told_at_once_with_identity_and_file(serve: Serve) -> None:
    server, api = opened(
        serve, reviewing(lambda wanted: wanted["verb"] == "get" or wanted.get("namespace") == "web")
    )
    with pytest.raises(EnvironmentLacksError) as caught:
        require_reachable(api, OBJECTS, WRITES)
    messages = [problem.message for problem in caught.value.problems]
    assert [problem.code for problem in caught.value.problems] == ["cluster-forbidden"] * 2
    assert "may not create, patch, delete configmaps in namespace db" in messages[0]
    assert "may not create, patch, delete nodes at" in messages[1]
    assert all("jane" in message and str(server.where.kubeconfig) in message for message in messages)
    assert all(method == "GET" or "review" in path for method, path, _, _ in server.seen), (
        "nothing was written"
    )


def test_a_server_that_has_not_read_its_roles_yet_is_waited_for(serve: Serve) -> None:
    began = time.monotonic()
    may: May = lambda _wanted: time.monotonic() - began > 1.0  # noqa: E731 - a line of the case
    _, api = opened(serve, reviewing(may, 'clusterrole.rbac.authorization.k8s.io "cluster-admin" not found'))
    assert require_reachable(api, OBJECTS, WRITES).username == "jane"


REFUSALS = {
    "expired": (
        401,
        {"kind": "Status", "message": "Unauthorized", "reason": "Unauthorized"},
        "cluster-unauthorized",
    ),
    "forbidden": (
        403,
        {"kind": "Status", "message": 'x is forbidden: User "jane" cannot', "reason": "Forbidden"},
        "cluster-forbidden",
    ),
    "broken": (
        500,
        {"kind": "Status", "message": "etcdserver: no leader", "reason": "InternalError"},
        "cluster-unwell",
    ),
    "busy": (
        429,
        {"kind": "Status", "message": "too many requests", "reason": "TooManyRequests"},
        "cluster-unwell",
    ),
    "unavailable": (
        503,
        {"kind": "Status", "message": "starting", "reason": "ServiceUnavailable"},
        "cluster-unwell",
    ),
    "another-shape": (200, {"hello": "world"}, "api-garbled"),
    "portal": (200, b"<html>sign in</html>", "api-garbled"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_each_refusal_has_its_name_and_the_exit_code_of_the_environment(serve: Serve, case: str) -> None:
    status, body, code = REFUSALS[case]
    server, api = opened(serve, lambda *_: (status, body))
    with pytest.raises(EnvironmentLacksError) as caught:
        require_reachable(api, OBJECTS, WRITES)
    assert caught.value.problems[0].code == code
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert all("review" in path or path == "/version" for _, path, _, _ in server.seen)


def test_an_older_server_without_this_review_is_reached_all_the_same(serve: Serve) -> None:
    def old(_method: str, path: str, _body: Any) -> Answer:
        return (
            (200, {"gitVersion": "v1.27.0"})
            if path == "/version"
            else (404, {"kind": "Status", "message": "not found"})
        )

    _, api = opened(serve, answering(old))
    assert require_reachable(api).username == ""


def test_silence_is_unreachable(serve: Serve) -> None:
    server, api = opened(serve, reviewing(lambda _wanted: True))
    server.stop()
    server.stop = lambda: None  # type: ignore[method-assign]  # it is stopped
    with pytest.raises(UnreachableError):
        require_reachable(api)
