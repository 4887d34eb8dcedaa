from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.api.parallel import many
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from tests.cluster.tls_server import Answer, Handler, Server

Serve = Callable[[Handler], Server]


def entry(kind: str, plural: str, scope: str) -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"kind": kind},
        "scope": scope,
        "verbs": ["list", "get"],
        "subresources": [{"subresource": "status"}],
    }


def discovery(path: str) -> Answer | None:
    core = [entry("Node", "nodes", "Cluster"), entry("ConfigMap", "configmaps", "Namespaced")]
    if path == "/api":
        return 200, {
            "kind": "APIGroupDiscoveryList",
            "items": [{"metadata": {}, "versions": [{"version": "v1", "resources": core}]}],
        }
    if path == "/apis":
        apps = {
            "metadata": {"name": "apps"},
            "versions": [{"version": "v1", "resources": [entry("Deployment", "deployments", "Namespaced")]}],
        }
        return 200, {"kind": "APIGroupDiscoveryList", "items": [apps]}
    return None


def answering(answer: Handler) -> Handler:
    return lambda method, path, body: discovery(path) or answer(method, path, body)


def absent(name: str) -> Answer:
    return 404, {
        "kind": "Status",
        "reason": "NotFound",
        "message": f'nodes "{name}" not found',
        "details": {"name": name, "kind": "nodes"},
    }


def changed(server: Server, change: Callable[[dict[str, Any]], None]) -> Path:
    data = yaml.safe_load(server.where.kubeconfig.read_text())
    change(data)
    path = server.where.folder / "changed"
    path.write_text(yaml.safe_dump(data))
    return path


def test_a_kubeconfig_that_skips_verification_is_refused(serve: Serve):
    server = serve(lambda *_: (200, {}))
    path = changed(
        server, lambda data: data["clusters"][0]["cluster"].update({"insecure-skip-tls-verify": True})
    )
    with pytest.raises(EnvironmentLacksError) as caught:
        open_cluster(path)
    assert caught.value.problems[0].code == "kubeconfig-insecure"
    assert server.seen == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks4a", "ftp", ""])
def test_a_proxy_that_no_library_speaks_to_is_refused_in_words(serve: Serve, scheme: str):
    server = serve(lambda *_: (200, {}))

    def lead_far(data: dict[str, Any]) -> None:
        # For the host's own loopback no proxy is used.
        proxied = {"server": "https://192.0.2.1:6443", "proxy-url": f"{scheme}://127.0.0.1:9"}
        data["clusters"][0]["cluster"].update(proxied)

    with pytest.raises(EnvironmentLacksError) as caught:
        open_cluster(changed(server, lead_far))
    assert caught.value.problems[0].code == "kubeconfig-invalid"


def test_a_server_without_tls_is_refused(serve: Serve):
    path = changed(
        serve(lambda *_: (200, {})),
        lambda data: data["clusters"][0]["cluster"].update(server="http://127.0.0.1:8080"),
    )
    with pytest.raises(EnvironmentLacksError, match="https"):
        open_cluster(path)


def test_an_insecure_cluster_of_another_context_does_no_harm(serve: Serve):
    def add(data: dict[str, Any]) -> None:
        data["clusters"].append(
            {"name": "other", "cluster": {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}}
        )
        data["contexts"].append({"name": "other", "context": {"cluster": "other", "user": "admin"}})

    path = changed(serve(lambda *_: (200, {"gitVersion": "v1.37.2"})), add)
    assert open_cluster(path).version() == "v1.37.2"
    with pytest.raises(EnvironmentLacksError, match="verification"):
        open_cluster(path, "other")


@pytest.mark.parametrize(
    ("given", "sent"),
    [(None, "admins, others"), (["system:nodes", "system:authenticated"], "system:nodes"), ([], None)],
    ids=["own groups", "given groups", "no groups"],
)
def test_somebody_who_is_impersonated_is_named_with_groups_in_each_request(
    serve: Serve, given: list[str] | None, sent: str | None
):
    groups = ["admins", "system:authenticated", "others"]
    server = serve(
        answering(lambda *_: (200, {"gitVersion": "v1.37.2", "status": {"userInfo": {"groups": groups}}}))
    )
    api = open_cluster(server.where.kubeconfig)
    other = api.acting_as("somebody", given)
    server.seen.clear()
    other.version()
    api.version()
    as_other, as_oneself = (headers for *_, headers in server.seen)
    assert (as_other["Impersonate-User"], as_other.get("Impersonate-Group")) == ("somebody", sent)
    assert not [name for name in as_oneself if name.startswith("Impersonate")]


def test_the_role_of_a_kubeconfig_is_in_each_request_and_in_the_words_for_who_asks(
    serve: Serve, tmp_path: Path
):
    server = serve(answering(lambda *_: (200, {"gitVersion": "v1.37.2"})))
    data = yaml.safe_load(server.where.kubeconfig.read_text())
    data["users"][0]["user"] |= {"as": "writer", "as-groups": ["b"]}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(data))
    api = open_cluster(kubeconfig)
    server.seen.clear()
    api.version()
    ((*_, headers),) = server.seen
    assert (headers["Impersonate-User"], headers["Impersonate-Group"]) == ("writer", "b")
    assert "impersonating 'writer'" in api.identity_words


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "clusters: []", "{clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]}"],
)
def test_what_is_no_kubeconfig_is_refused_without_a_traceback(tmp_path: Path, text: str):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    with pytest.raises(EnvironmentLacksError):
        open_cluster(path)


def test_a_missing_kubeconfig_and_a_missing_context_are_named(tmp_path: Path, serve: Serve):
    with pytest.raises(EnvironmentLacksError, match="kubeconfig-missing"):
        open_cluster(tmp_path / "none")
    with pytest.raises(EnvironmentLacksError, match="nowhere"):
        open_cluster(serve(lambda *_: (200, {})).where.kubeconfig, "nowhere")


def test_an_absent_object_is_none_and_a_deletion_of_it_false(serve: Serve):
    api = open_cluster(serve(answering(lambda *_: absent("n1"))).where.kubeconfig)
    assert api.get("v1", "Node", "n1") is None
    assert api.delete("v1", "Node", "n1") is False


@pytest.mark.parametrize("live", [(200, {"metadata": {"name": "n1", "uid": "theirs"}}), (404, None)])
def test_another_object_that_has_the_name_by_now_stays(serve: Serve, live: tuple[int, Any]):
    asked: list[str] = []

    def answer(method: str, *_: object) -> tuple[int, dict[str, Any]]:
        asked.append(method)
        if method == "DELETE":
            return 409, {"kind": "Status", "reason": "Conflict", "message": "Precondition failed: UID"}
        status, body = live
        return (status, body) if body else absent("n1")

    api = open_cluster(serve(answering(answer)).where.kubeconfig)
    assert api.delete("v1", "Node", "n1", uid="ours") is False
    assert asked == ["DELETE", "GET"]
    with pytest.raises(ApiError):
        api.delete("v1", "Node", "n1")
    if live[1]:
        with pytest.raises(ApiError):
            api.delete("v1", "Node", "n1", uid="theirs")


def test_a_deletion_that_is_tried_says_so_in_its_body_where_a_server_reads_it(serve: Serve):
    asked: list[tuple[str, Any]] = []

    def answer(_method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        asked.append((path, body.get("dryRun")))
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    api = open_cluster(serve(answering(answer)).where.kubeconfig)
    assert api.delete("v1", "Node", "n1", dry_run=True)
    assert api.delete("v1", "Node", "n1")
    assert asked == [("/api/v1/nodes/n1", ["All"]), ("/api/v1/nodes/n1", None)]


@pytest.mark.cluster
def test_a_deletion_that_is_tried_deletes_nothing_on_a_real_server(plane: Api) -> None:
    plane.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t", "namespace": "default"}})
    uid = (plane.get("v1", "ConfigMap", "t", "default") or {})["metadata"]["uid"]
    for of in ("", uid):
        assert plane.delete("v1", "ConfigMap", "t", "default", uid=of, dry_run=True)
        assert plane.get("v1", "ConfigMap", "t", "default") is not None
    assert plane.delete("v1", "ConfigMap", "t", "default", uid=uid)
    assert plane.get("v1", "ConfigMap", "t", "default") is None


def test_the_objects_that_a_selector_chooses_are_deleted_by_one_request(serve: Serve):
    asked: list[str] = []

    def answer(method: str, path: str, *_: object) -> tuple[int, dict[str, Any]]:
        asked.append(f"{method} {path}")
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    api = open_cluster(serve(answering(answer)).where.kubeconfig)
    api.delete_all("v1", "Node", "", "stack=a,tier")
    assert asked == ["DELETE /api/v1/nodes?labelSelector=stack%3Da%2Ctier"]


def test_a_missing_path_is_not_an_absent_object(serve: Serve):
    for body in (
        {},
        {
            "kind": "Status",
            "reason": "NotFound",
            "message": "the server could not find the requested resource",
            "details": {},
        },
        b"404 page not found",
    ):
        api = open_cluster(serve(answering(lambda *_, body=body: (404, body))).where.kubeconfig)
        with pytest.raises(ApiError) as caught:
            api.get("v1", "Node", "n1")
        assert caught.value.status == 404


def test_silence_is_unreachable_and_never_absent(serve: Serve):
    server = serve(answering(lambda *_: absent("n1")))
    api = open_cluster(server.where.kubeconfig)
    assert api.get("v1", "Node", "n1") is None
    api.close()
    server.stop()
    server.stop = lambda: None  # type: ignore[method-assign]  # it is stopped
    with pytest.raises(UnreachableError, match="gave no answer"):
        api.get("v1", "Node", "n1")


def test_a_server_signed_by_another_authority_is_not_spoken_to(serve: Serve):
    server, other = serve(lambda *_: (200, {})), serve(lambda *_: (200, {}))
    foreign = yaml.safe_load(other.where.kubeconfig.read_text())["clusters"][0]["cluster"][
        "certificate-authority-data"
    ]
    path = changed(
        server, lambda data: data["clusters"][0]["cluster"].update({"certificate-authority-data": foreign})
    )
    with pytest.raises(UnreachableError) as caught:
        open_cluster(path).version()
    assert caught.value.problems[0].code == "cluster-untrusted"
    assert server.seen == []


def test_a_server_that_breaks_off_in_the_handshake_is_unreachable_and_not_untrusted(serve: Serve):
    server = serve(lambda *_: (200, {}))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = changed(
            server,
            lambda data: data["clusters"][0]["cluster"].update(
                {"server": f"https://127.0.0.1:{listener.getsockname()[1]}"}
            ),
        )
        threading.Thread(target=breaking_off, args=(listener,), daemon=True).start()
        with pytest.raises(UnreachableError) as caught:
            open_cluster(path).version()
    assert caught.value.problems[0].code == "cluster-unreachable"


def breaking_off(listener: socket.socket) -> None:
    """Hear each caller's first words and hang up."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)


def test_a_list_is_read_to_its_last_page_and_items_say_what_they_are(serve: Serve):
    def pages(_method: str, path: str, _body: Any) -> Answer:
        if "continue=second" in path:
            return 200, {"items": [{"metadata": {"name": "b"}}], "metadata": {}}
        return 200, {"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "second"}}

    server = serve(answering(pages))
    found = open_cluster(server.where.kubeconfig).list("apps/v1", "Deployment", "web", "a=b")
    assert [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in found] == [
        ("apps/v1", "Deployment", "a"),
        ("apps/v1", "Deployment", "b"),
    ]
    assert all(
        path.startswith("/apis/apps/v1/namespaces/web/deployments?limit=500&labelSelector=a%3Db")
        for _, path, _, _ in server.seen[-2:]
    )


def test_a_list_that_expires_halfway_is_read_anew_in_one_piece(serve: Serve):
    def expiring(_method: str, path: str, _body: Any) -> Answer:
        if "continue=" in path:
            return 410, {"reason": "Expired", "message": "too old"}
        if "limit=" in path:
            return 200, {"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "x"}}
        return 200, {"items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}], "metadata": {}}

    assert len(open_cluster(serve(answering(expiring)).where.kubeconfig).list("v1", "Node")) == 2


@pytest.mark.parametrize("metadata", [{"continue": "x"}, "text", ["continue"], 5])
def test_a_list_whose_pages_never_end_or_that_has_no_metadata_is_no_api_server_s(
    serve: Serve, metadata: object
):
    def again(_method: str, _path: str, _body: Any) -> Answer:
        return 200, {"items": [{"metadata": {"name": "a"}}], "metadata": metadata}

    with pytest.raises(UnreachableError, match="as no API server does"):
        open_cluster(serve(answering(again)).where.kubeconfig).list("v1", "Node")


def test_a_refusal_carries_the_server_s_message_and_causes(serve: Serve):
    body = {
        "reason": "Invalid",
        "message": "ConfigMap is invalid",
        "details": {
            "name": "c",
            "causes": [{"field": "data[a]", "message": "must be short", "reason": "FieldValueInvalid"}],
        },
    }
    api = open_cluster(serve(answering(lambda *_: (422, body))).where.kubeconfig)
    with pytest.raises(ApiError, match="ConfigMap is invalid; data\\[a\\]: must be short") as caught:
        api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "web"}})
    assert (caught.value.status, caught.value.reason, caught.value.causes) == (
        422,
        "Invalid",
        ("data[a]: must be short",),
    )
    assert caught.value.problems[0].hint


def test_apply_is_server_side_strict_and_in_our_name(serve: Serve):
    server = serve(answering(lambda _method, _path, body: (200, body)))
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "web"},
        "data": {"a": "1"},
    }
    assert open_cluster(server.where.kubeconfig).apply(obj, dry_run=True) == obj
    method, path, body, headers = server.seen[-1]
    assert (method, body, headers["Content-Type"]) == ("PATCH", obj, "application/apply-patch+yaml")
    assert (
        path
        == "/api/v1/namespaces/web/configmaps/c?fieldManager=sovereign-ai&fieldValidation=Strict&dryRun=All&force=false"  # noqa: E501 - one literal text
    )


def test_a_busy_server_is_asked_again(serve: Serve):
    answers = iter([(429, {"message": "busy"}), (429, {"message": "busy"}), (200, {"gitVersion": "v1.37.2"})])
    began = time.monotonic()
    assert open_cluster(serve(lambda *_: next(answers)).where.kubeconfig).version() == "v1.37.2"
    assert time.monotonic() - began >= 0.3


def test_an_eviction_that_a_disruption_budget_holds_is_refused_at_once(serve: Serve):
    cause = {"reason": "DisruptionBudget", "message": "The disruption budget web needs 2 healthy pods"}
    asked: list[str] = []

    def held(method: str, path: str, _body: Any) -> Answer:
        asked.append(path)
        return 429, {"message": "Cannot evict pod", "details": {"causes": [cause]}}

    api = open_cluster(serve(held).where.kubeconfig)
    with pytest.raises(ApiError) as refused:
        api.request("POST", "/api/v1/namespaces/a/pods/b/eviction", {})
    assert asked == ["/api/v1/namespaces/a/pods/b/eviction"]
    assert refused.value.status == 429
    assert refused.value.causes == ("DisruptionBudget: The disruption budget web needs 2 healthy pods",)


def test_many_calls_keep_their_order_and_every_refusal_is_told(serve: Serve):
    def odd(_method: str, path: str, _body: Any) -> Answer:
        number = int(path.rsplit("/", 1)[-1])
        return (
            (200, {"n": number})
            if number % 2 == 0
            else (409, {"reason": "Conflict", "message": f"no {number}"})
        )

    api = open_cluster(serve(odd).where.kubeconfig)
    assert [
        one["n"] for one in api.many(partial(api.request, "GET", f"/{number}") for number in range(0, 40, 2))
    ] == list(range(0, 40, 2))
    with pytest.raises(ApiError) as caught:
        api.many(partial(api.request, "GET", f"/{number}") for number in range(10))
    assert caught.value.status == 409
    assert len(caught.value.problems) == 5


def test_many_calls_stop_when_the_server_is_gone(serve: Serve):
    server = serve(lambda *_: (200, {}))
    api = open_cluster(server.where.kubeconfig)
    made: list[int] = []

    def silent(number: int) -> None:
        made.append(number)
        raise UnreachableError(Problem("cluster-unreachable", "silence"))

    with pytest.raises(UnreachableError):
        api.many([partial(silent, number) for number in range(500)], workers=2)
    assert len(made) <= 2, "each worker may have begun one call"


def test_of_many_that_need_to_know_what_is_served_one_asks(serve: Serve):
    server = serve(answering(lambda *_: (200, {"items": []})))
    api = open_cluster(server.where.kubeconfig)
    api.many([partial(api.list, "v1", kind) for kind in ("Node", "ConfigMap") * 8])
    assert len([path for _method, path, _body, _headers in server.seen if path == "/api"]) == 1


def test_many_that_need_to_know_what_is_served_share_a_refusal_too(serve: Serve):
    def slowly(*_request: object) -> tuple[int, dict[str, str]]:
        # Long enough for all threads to have come on a machine that has much else to do.
        threading.Event().wait(1)
        return 401, {"reason": "Unauthorized", "message": "who are you"}

    server = serve(slowly)
    api = open_cluster(server.where.kubeconfig)
    with pytest.raises(ApiError) as caught:
        api.many([partial(api.list, "v1", "Node") for _ in range(16)])
    assert {problem.code for problem in caught.value.problems} == {"api-unauthorized"}
    assert len(server.seen) <= 2, "those who came while one was asking ask once more between them"


def test_a_kind_that_is_not_served_is_an_error_that_names_the_nearest(serve: Serve):
    api = open_cluster(serve(answering(lambda *_: (200, {}))).where.kubeconfig)
    with pytest.raises(ApiError, match="did you mean 'v1 Node'"):
        api.get("v1", "Nodes", "n1")


def test_an_object_of_a_namespaced_kind_without_namespace_is_refused_before_anything_is_sent(serve: Serve):
    server = serve(answering(lambda *_: (200, {})))
    api = open_cluster(server.where.kubeconfig)
    with pytest.raises(UsageError, match="namespace"):
        api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})
    with pytest.raises(UsageError, match="namespace"):
        api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}})
    assert {path for _, path, _, _ in server.seen} == {"/api", "/apis"}


def test_no_key_is_left_in_the_folder_for_temporary_files(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert open_cluster(serve(lambda *_: (200, {"gitVersion": "v1"})).where.kubeconfig).version() == "v1"
    assert list(scratch.iterdir()) == []


def test_a_proxy_of_the_environment_is_not_asked_for_loopback(serve: Serve, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert open_cluster(serve(lambda *_: (200, {"gitVersion": "v1"})).where.kubeconfig).version() == "v1"


def test_many_threads_may_open_at_once(serve: Serve):
    path = serve(lambda *_: (200, {"gitVersion": "v1"})).where.kubeconfig
    assert many([lambda: open_cluster(path).version()] * 24, workers=8) == ["v1"] * 24


class LostError(Exception):
    """The stack was taken over."""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("role", ["own", "of another"])
def test_a_write_behind_a_fence_is_not_sent_once_the_hold_is_lost(serve: Serve, method: str, role: str):
    def lost() -> None:
        raise LostError

    server = serve(lambda *_: (200, {"kind": "Node"}))
    api = open_cluster(server.where.kubeconfig).fenced(lost)
    if role == "of another":
        api = api.acting_as("somebody", [])
    assert api.request("GET", "/api/v1/nodes/a") == {"kind": "Node"}
    with pytest.raises(LostError):
        api.request(method, "/api/v1/nodes/a", {})
    assert [seen[0] for seen in server.seen] == ["GET"]


def test_a_fence_that_holds_is_asked_before_each_attempt_of_a_write(serve: Serve):
    asked: list[int] = []
    answers: list[Answer] = [(500, {}), (200, {"kind": "Node"})]
    server = serve(lambda *_: answers.pop(0))
    api = open_cluster(server.where.kubeconfig).fenced(lambda: asked.append(len(server.seen)))
    assert api.request("PATCH", "/api/v1/nodes/a", {}) == {"kind": "Node"}
    assert asked == [0, 1]
