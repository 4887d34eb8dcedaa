"""The way to an API server: a proxy that breaks it in front of a server of the test's own, both with real
TLS.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.api.deadlines import SECONDS, Patience, patience
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError, ExitCode, UsageError
from tests.cluster.api.test_client import answering
from tests.cluster.tls_server import Answer, Handler, Server
from tests.support.fault_proxy import TOKEN, Fault, FaultProxy, Kind

LIMITS = Patience(handshake=1.0, connect=1.2, back=2.0, silence=0.6, alive=0.5, read=2.0, write=3.0, busy=4.0)
Serve = Callable[[Handler], Server]


class Store:
    """Keeps objects as an API server does, as far as these tests look."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.writes: list[str] = []

    def answer(self, method: str, path: str, body: Any) -> Answer:
        path = path.partition("?")[0]
        if path.endswith("/configmaps"):
            if method == "POST":
                return self._create(path, body)
            return 200, {"kind": "ConfigMapList", "items": list(self.objects.values()), "metadata": {}}
        if path == "/livez":
            return 200, b"ok"
        return self._one(method, path, body)

    def _create(self, path: str, body: Any) -> Answer:
        self.writes.append("POST")
        key = f"{path}/{body['metadata']['name']}"
        if key in self.objects:
            return 409, {
                "kind": "Status",
                "reason": "AlreadyExists",
                "message": "it exists",
                "details": {"name": body["metadata"]["name"]},
            }
        self.objects[key] = {**body, "metadata": {**body["metadata"], "uid": str(len(self.writes))}}
        return 201, self.objects[key]

    def _one(self, method: str, path: str, body: Any) -> Answer:
        name = path.rpartition("/")[2]
        if path not in self.objects and method != "PATCH":
            return 404, {
                "kind": "Status",
                "reason": "NotFound",
                "message": f'"{name}" not found',
                "details": {"name": name},
            }
        if method != "GET":
            self.writes.append(method)
        if method == "DELETE":
            return 200, self.objects.pop(path)
        if method in {"PATCH", "PUT"}:
            self.objects[path] = body
        return 200, self.objects[path]


CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "web"},
    "data": {"a": "1"},
}
WHERE = "/api/v1/namespaces/web/configmaps"


class Way:
    """A store, a proxy in front of it, and an open cluster behind that."""

    def __init__(self, store: Store, proxy: FaultProxy) -> None:
        self.store, self.proxy = store, proxy
        self.lines: list[str] = []
        self.api = self.fresh()

    def fresh(self) -> Api:
        return open_cluster(self.proxy.kubeconfig, limits=LIMITS, progress=self.lines.append)

    def break_next(self, *faults: Fault) -> None:
        """Arm faults for requests after those by which the kinds are learnt."""
        self.api.kinds()
        self.proxy.forget()
        self.proxy.arm(*faults)


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, FaultProxy]]:
    folder, store = tmp_path_factory.mktemp("way"), Store()
    server = Server(ClusterDir("served", folder / "served"), answering(store.answer))
    with FaultProxy(server.where.kubeconfig, folder / "proxy") as proxy:
        yield store, proxy
    server.stop()


@pytest.fixture
def way(stand: tuple[Store, FaultProxy]) -> Iterator[Way]:
    store, proxy = stand
    store.objects.clear()
    store.writes.clear()
    proxy.open()
    yield Way(store, proxy)
    proxy.disarm()


READS: dict[str, Callable[[Api], object]] = {
    "get": lambda api: api.get("v1", "ConfigMap", "c", "web"),
    "list": lambda api: api.list("v1", "ConfigMap", "web"),
}
WRITES: dict[str, Callable[[Api], object]] = {
    "apply": lambda api: api.apply(CONFIG_MAP),
    "replace": lambda api: api.replace(CONFIG_MAP),
    "delete": lambda api: api.delete("v1", "ConfigMap", "c", "web"),
    "upsert": lambda api: api.create(CONFIG_MAP, upsert=True),
}
PASSING: dict[str, Fault] = {
    "429": Fault("status", status=429, retry_after="1"),
    "429-without-time": Fault("status", status=429),
    "503": Fault("status", status=503, retry_after="1"),
    "500": Fault("status", status=500, times=2),
    "502": Fault("status", status=502),
    "504": Fault("status", status=504),
    "reset": Fault("reset-before"),
    "lost-reply": Fault("lost-reply"),
    "half-close": Fault("half-close"),
    "truncated": Fault("truncated"),
    "portal": Fault("garbled"),
    "no-json": Fault("garbled", body=b'{"kind": "Conf', content_type="application/json"),
    "slow-at-first": Fault("latency", seconds=0.4),
    "silent": Fault("silent"),
}
"""Faults that pass: the request is answered in the end."""


@pytest.mark.parametrize(("call", "fault"), list(itertools.product(READS, PASSING)))
def test_a_read_survives_every_fault_that_passes(way: Way, call: str, fault: str) -> None:
    way.store.answer("POST", WHERE, CONFIG_MAP)
    way.break_next(PASSING[fault])
    found = READS[call](way.api)
    assert way.proxy.met, "the fault was not met"
    assert "c" in str(found)


@pytest.mark.parametrize(
    ("call", "fault"), list(itertools.product(WRITES, [name for name in PASSING if name != "silent"]))
)
def test_a_write_survives_every_fault_that_passes_and_has_its_effect_once(
    way: Way, call: str, fault: str
) -> None:
    if call in {"replace", "delete"}:
        way.store.answer("POST", WHERE, CONFIG_MAP)
    way.break_next(PASSING[fault])
    found = WRITES[call](way.api)
    assert way.proxy.met, "the fault was not met"
    assert bool(way.store.objects) is (call != "delete")
    assert found is True if call == "delete" else "c" in str(found)


@pytest.mark.parametrize(
    "fault", ["500", "502", "504", "reset", "lost-reply", "half-close", "truncated", "portal"]
)
def test_a_post_that_is_no_upsert_is_never_sent_twice(way: Way, fault: str) -> None:
    way.break_next(PASSING[fault])
    with pytest.raises((UnreachableError, ApiError)) as caught:
        way.api.create(CONFIG_MAP)
    assert len([method for method, _ in way.proxy.requests if method == "POST"]) == 1
    error: Any = caught.value
    assert error.sent if isinstance(error, UnreachableError) else error.uncertain


def test_a_post_whose_reply_was_lost_is_no_success_where_another_object_has_the_name(way: Way) -> None:
    way.store.answer("POST", WHERE, {**CONFIG_MAP, "data": {"a": "somebody else's"}})
    way.break_next(Fault("lost-reply"))
    with pytest.raises(ApiError, match="exists"):
        way.api.create(CONFIG_MAP, upsert=True)


def test_a_post_may_be_repeated_when_the_server_was_only_busy(way: Way) -> None:
    way.break_next(Fault("status", method="POST", status=429, retry_after="1"))
    assert way.api.create(CONFIG_MAP)["metadata"]["name"] == "c"
    assert way.store.writes == ["POST"]


@pytest.mark.parametrize(("status", "shown"), [(429, "429"), (503, "503")])
def test_a_wait_that_the_server_asks_for_is_kept_and_reported(way: Way, status: int, shown: str) -> None:
    way.break_next(Fault("status", status=status, retry_after="3"))
    began = time.monotonic()
    way.api.list("v1", "ConfigMap", "web")
    assert time.monotonic() - began >= 3
    assert len(way.lines) == 1
    assert shown in way.lines[0]


def test_a_short_wait_is_not_reported(way: Way) -> None:
    way.break_next(Fault("status", status=429, retry_after="1"))
    way.api.list("v1", "ConfigMap", "web")
    assert way.lines == []


@pytest.mark.parametrize(
    "retry_after_seconds", ["3600", "999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_a_wait_longer_than_the_limit_is_told_at_once_and_not_sat_through(
    way: Way, retry_after_seconds: str
) -> None:
    way.break_next(Fault("status", status=429, retry_after=retry_after_seconds, times=None))
    began = time.monotonic()
    with pytest.raises(ApiError, match="asks to come back in") as caught:
        way.api.list("v1", "ConfigMap", "web")
    assert time.monotonic() - began < 1
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert len(way.proxy.requests) == 1


def test_a_server_that_stays_busy_is_given_up_within_the_limit(way: Way) -> None:
    way.break_next(Fault("status", status=503, retry_after="1", times=None))
    began = time.monotonic()
    with pytest.raises(ApiError) as caught:
        way.api.list("v1", "ConfigMap", "web")
    assert LIMITS.busy - 1.5 < time.monotonic() - began < LIMITS.busy + 1.5
    assert caught.value.status == 503


LASTING: dict[Kind, float] = {
    "reset-before": 2.5,
    "half-close": 2.5,
    "truncated": 2.5,
    "garbled": 2.5,
    "silent": LIMITS.silence + LIMITS.alive + 1.0,
    "trickle": LIMITS.read + 1.0,
}
"""Faults that stay, with the seconds after which each read is given up."""


@pytest.mark.parametrize("kind", LASTING)
def test_a_fault_that_stays_is_given_up_in_bounded_time_and_is_never_absence(way: Way, kind: Kind) -> None:
    way.store.answer("POST", WHERE, CONFIG_MAP)
    way.break_next(Fault(kind, times=None, seconds=0.2))
    for call in READS.values():
        began = time.monotonic()
        with pytest.raises(UnreachableError):
            call(way.api)
        assert time.monotonic() - began < LASTING[kind]


def test_an_answer_of_another_shape_is_no_empty_list_and_no_object(way: Way) -> None:
    way.store.answer("POST", WHERE, CONFIG_MAP)
    for body in (
        b"{}",
        b'{"items": {}}',
        b'{"items": [1]}',
        b'{"items": [{"metadata": {}}]}',
        b'{"kind": "Status", "status": "Failure"}',
    ):
        way.break_next(
            Fault("garbled", path="configmaps", body=body, content_type="application/json", times=None)
        )
        for call in READS.values():
            with pytest.raises(UnreachableError, match="as no API server does"):
                call(way.api)
        way.proxy.disarm()


def test_a_slow_write_is_waited_for_while_the_server_answers_others(way: Way) -> None:
    way.break_next(Fault("latency", method="PATCH", seconds=2 * LIMITS.silence + 0.3))
    assert way.api.apply(CONFIG_MAP)["data"] == {"a": "1"}
    sent = [method for method, path in way.proxy.requests if path != "/livez"]
    assert sent == ["PATCH"], "a write that is at work is not sent once more"


def test_a_write_is_given_up_soon_when_the_server_answers_nothing_else_either(way: Way) -> None:
    way.break_next(Fault("silent", times=None))
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="accepts connections and does not answer") as caught:
        way.api.apply(CONFIG_MAP)
    assert time.monotonic() - began < LIMITS.write
    assert caught.value.sent


@pytest.mark.parametrize("trouble", ["tls-alert", "hang-up"])
def test_one_connection_that_fails_before_a_request_is_tried_once_more_for_a_post_too(
    way: Way, trouble: Any
) -> None:
    way.break_next()
    way.proxy.connections(trouble, 1)
    way.api.close()
    assert way.api.create(CONFIG_MAP)["metadata"]["name"] == "c"
    assert way.store.writes == ["POST"]


@pytest.mark.parametrize("trouble", ["tls-alert", "no-handshake", "hang-up"])
def test_a_server_that_never_lets_anybody_in_is_refused_within_its_limit(way: Way, trouble: Any) -> None:
    way.proxy.connections(trouble)
    began = time.monotonic()
    with pytest.raises(UnreachableError):
        way.fresh().version()
    assert time.monotonic() - began < LIMITS.connect + 1.0


def test_a_server_that_answered_before_is_waited_for_longer_than_one_that_never_did(way: Way) -> None:
    way.break_next()
    way.proxy.close()
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="Connection refused"):
        way.fresh().version()
    assert time.monotonic() - began < LIMITS.connect + 0.5
    threading.Timer(LIMITS.connect + 0.3, way.proxy.open).start()
    assert way.api.list("v1", "ConfigMap", "web") == []


def test_a_restart_in_the_middle_of_many_calls_is_waited_for_by_all_of_them(way: Way) -> None:
    way.break_next()
    threading.Timer(0.2, way.proxy.close).start()
    threading.Timer(1.2, way.proxy.open).start()
    objects = [
        {**CONFIG_MAP, "metadata": {"name": f"c{number}", "namespace": "web"}} for number in range(200)
    ]
    way.api.many([partial(way.api.create, obj, upsert=True) for obj in objects], workers=8)
    assert len(way.store.objects) == len(objects)


def test_when_one_of_many_calls_meets_a_dead_server_the_others_end_within_a_moment(way: Way) -> None:
    way.break_next(
        Fault("silent", path="/first", times=None), Fault("reset-before", path="/second", times=None)
    )
    api = open_cluster(way.proxy.kubeconfig, limits=Patience(silence=30, read=60))
    began = time.monotonic()
    with pytest.raises(UnreachableError, match="/second"):
        api.many([partial(api.request, "GET", path) for path in ("/first", "/second")])
    assert time.monotonic() - began < 5


def test_a_kind_is_not_called_unknown_because_the_thread_that_asked_was_stopped(way: Way) -> None:
    api = way.fresh()
    way.proxy.arm(
        Fault("latency", path="^/api$", seconds=1.0), Fault("reset-before", path="/gone", times=None)
    )
    with pytest.raises(UnreachableError, match="/gone"):
        api.many([partial(api.list, "v1", "ConfigMap", "web"), partial(api.request, "GET", "/gone")])
    assert api.list("v1", "ConfigMap", "web") == []


def test_a_list_that_expires_halfway_is_read_anew_also_behind_other_faults(way: Way) -> None:
    way.store.answer("POST", WHERE, CONFIG_MAP)
    way.break_next(
        Fault(
            "garbled",
            path="limit=",
            body=b'{"items": [{"metadata": {"name": "c"}}], "metadata": {"continue": "t"}}',
        ),
        Fault("status", path="continue=", status=410),
        Fault("lost-reply", path=r"configmaps$"),
    )
    assert [one["metadata"]["name"] for one in way.api.list("v1", "ConfigMap", "web")] == ["c"]
    assert len(way.proxy.met) == 3


@pytest.mark.parametrize(("status", "code"), [(401, "api-unauthorized"), (403, "api-forbidden")])
def test_a_refused_identity_is_named_with_its_file_and_without_its_secret(
    way: Way, status: int, code: str
) -> None:
    way.break_next(Fault("status", status=status, times=None))
    with pytest.raises(ApiError) as caught:
        way.api.list("v1", "ConfigMap", "web")
    problem = caught.value.problems[0]
    assert (problem.code, caught.value.exit_code) == (code, ExitCode.ENVIRONMENT)
    assert f"user 'jane' of {way.proxy.kubeconfig}, by a token" in problem.message
    assert TOKEN not in str(caught.value)


def test_a_refusal_by_an_admission_rule_is_about_the_object_and_not_about_the_identity(way: Way) -> None:
    message = (
        "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"
    )
    way.break_next(Fault("status", status=403, message=message))
    with pytest.raises(ApiError) as caught:
        way.api.apply(CONFIG_MAP)
    assert caught.value.exit_code is ExitCode.DEPLOYMENT
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(
    "message",
    [
        'configmaps is forbidden: User "jane" cannot list resource: RBAC: clusterrole.rbac.authorization.k8s.io "admin" not found',  # noqa: E501 - one literal text
        'configmaps "c" is forbidden: not yet ready to handle request',
        'configmaps "c" is forbidden: status unknown for quota: tenant, resources: count/configmaps',
    ],
)
def test_an_api_server_that_has_just_started_is_waited_for(way: Way, message: str) -> None:
    way.break_next(Fault("status", status=403, message=message))
    assert way.api.list("v1", "ConfigMap", "web") == []
    way.break_next(Fault("status", status=403, message=message))
    assert way.api.create(CONFIG_MAP)["metadata"]["name"] == CONFIG_MAP["metadata"]["name"]


def test_a_quota_that_counts_others_at_the_same_moment_refuses_nothing(way: Way) -> None:
    counting = (
        'Operation cannot be fulfilled on resourcequotas "tenant": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    way.break_next(Fault("status", status=409, message=counting, times=3))
    assert way.api.create(CONFIG_MAP)["metadata"]["name"] == CONFIG_MAP["metadata"]["name"]


def test_a_full_etcd_is_told_by_its_name(way: Way) -> None:
    way.break_next(
        Fault("status", status=500, message="etcdserver: mvcc: database space exceeded", times=None)
    )
    with pytest.raises(ApiError) as caught:
        way.api.apply(CONFIG_MAP)
    assert "etcd is full" in caught.value.problems[0].hint


def test_a_certificate_that_has_expired_is_told_with_what_this_machine_s_clock_says(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(lambda *_: (200, {"gitVersion": "v1"}))
    with (
        FaultProxy(server.where.kubeconfig, tmp_path / "proxy", lifetime=timedelta(minutes=-1)) as proxy,
        pytest.raises(UnreachableError, match="certificate has expired") as caught,
    ):
        open_cluster(proxy.kubeconfig, limits=LIMITS).version()
    assert caught.value.problems[0].code == "cluster-untrusted"
    assert "this machine's clock" in caught.value.problems[0].hint
    assert server.seen == []


def test_a_machine_without_room_for_a_connection_is_no_silent_server(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib3.util.connection

    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", full)
    with pytest.raises(EnvironmentLacksError, match="Too many open files") as caught:
        way.fresh().version()
    assert not isinstance(caught.value, UnreachableError)
    assert "ulimit -n" in caught.value.problems[0].hint


def test_the_limits_follow_the_environment_and_what_is_no_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SECONDS, raising=False)
    usual = patience()
    monkeypatch.setenv(SECONDS, "60")
    assert (patience().read, patience().silence, patience().connect) == (
        60,
        4 * usual.silence,
        4 * usual.connect,
    )
    for wrong in ("0", "-1", "soon", "nan", "inf", "1e9", "15s"):
        monkeypatch.setenv(SECONDS, wrong)
        with pytest.raises(UsageError, match=SECONDS):
            patience()
