"""What an API server would refuse of a description is a problem at its line, before anything is written."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.api.errors import refusal
from sovereign_ai.cluster.busy_cluster import is_busy
from sovereign_ai.deploy.dry_run import (
    MOST_BYTES,
    another_name,
    deleted_objects,
    deletion_problems,
    dry_run_problems,
    locator_of,
    require_deletable,
    states,
    try_out,
)
from sovereign_ai.deploy.live_objects import key_of, read_live
from sovereign_ai.deploy.objects import FIELD_MANAGER, stated
from sovereign_ai.deploy.removal.replacement import must_be_replaced
from sovereign_ai.errors import EnvironmentLacksError, Problem, SpecError, UsageError, Where
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.sim.samples import dry_run_samples
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain import wait_until

STACK = Path(__file__).resolve().parents[2] / "stacks" / "lab"
T = TypeVar("T")
Object = dict[str, Any]


def nowhere(_obj: Mapping[str, Any]) -> Where:
    return Where(field="somewhere")


def made(kind: str, name: str, namespace: str = "", version: str = "v1", **fields: Any) -> Object:
    """Return an object with the labels of this project."""
    labels = {KEYS.owner: OWNER, KEYS.factory: "lab", KEYS.component: "pool.train"}
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": labels, **place},
        **fields,
    }


class Answering(Api):
    """An API server that answers every dry run by one error, or by none."""

    def __init__(self, status: int = 0, message: str = "", live: Iterable[Object] = ()) -> None:
        self.status, self.message = status, message
        self.live = [*live]
        self.tried: list[Object] = []

    def list(self, api_version: str, kind: str, *_: object, **__: object) -> list[Object]:
        return [obj for obj in self.live if (obj["apiVersion"], obj["kind"]) == (api_version, kind)]

    def get(self, api_version: str, kind: str, name: str, *_: object) -> Object | None:
        return next((obj for obj in self.list(api_version, kind) if obj["metadata"]["name"] == name), None)

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, **_: object) -> Object:
        return self.create(obj, dry_run)

    def create(self, obj: Mapping[str, Any], dry_run: bool = False) -> Object:
        assert dry_run, "something would be stored"
        self.tried.append(dict(obj))
        if self.status:
            raise ApiError(Problem("api", f"PATCH /there: {self.message}"), status=self.status)
        return dict(obj)

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str | None = None, **how: Any
    ) -> bool:
        assert how["dry_run"], "something would be deleted"
        place = {"namespace": namespace} if namespace else {}
        metadata = {"name": name, **place}
        self.create({"apiVersion": api_version, "kind": kind, "metadata": metadata}, dry_run=True)
        return True

    def many(self, calls: Iterable[Callable[[], T]], *_: object) -> list[T]:
        return [call() for call in calls]


QUOTA = made("ResourceQuota", "tenant", "default", spec={"hard": {"pods": "many"}})


def test_a_refusal_is_a_problem_in_the_server_s_words_at_the_line_it_comes_from() -> None:
    factory = load(STACK)
    with pytest.raises(SpecError) as caught:
        try_out(Answering(422, "quantities must match"), [QUOTA], locator_of(factory), leaving=[])
    (problem,) = caught.value.problems
    assert (problem.code, problem.where.field, problem.hint != "") == ("api-refuses", "pools[0]", True)
    assert problem.where.line == factory.where("pools[0]").line
    assert (
        problem.message
        == "ResourceQuota/default/tenant: the API server would refuse it: quantities must match"
    )


def test_a_lacking_permission_is_no_fault_of_the_description() -> None:
    with pytest.raises(EnvironmentLacksError) as caught:
        try_out(
            Answering(403, 'User "somebody" cannot patch resource "resourcequotas"'),
            [QUOTA],
            nowhere,
            leaving=[],
        )
    assert [problem.code for problem in caught.value.problems] == ["api-forbids"]


@pytest.mark.parametrize(
    "message",
    [
        "ValidatingAdmissionPolicy 'sovereign-rights' with binding 'sovereign-rights' denied request: RBC-008",  # noqa: E501 - one literal text
        "ValidatingAdmissionPolicy 'sovereign-guard.static.k8s.io' denied request: it is guarded",
        'admission webhook "v.example.com" does not support dry run',
    ],
)
def test_what_an_own_policy_refuses_or_nobody_can_try_is_left_to_the_deployment(message: str) -> None:
    assert dry_run_problems(Answering(403, message), [QUOTA], nowhere) == []


class Starting(Answering):
    """An API server that has just started."""

    def create(self, obj: Mapping[str, Any], dry_run: bool = False) -> Object:
        assert dry_run, f"{obj['kind']} would be stored"
        body = {"message": "quotas are forbidden: not yet ready to handle request", "reason": "Forbidden"}
        raise refusal("POST", "/there", 403, body)


def test_a_server_that_is_not_ready_yet_has_decided_nothing() -> None:
    with pytest.raises(ApiError) as caught:
        dry_run_problems(Starting(), [QUOTA], nowhere)
    assert is_busy(caught.value), "it is worth another attempt"


class Placing(Answering):
    """An API server whose kinds lie in namespaces, which only it knows."""

    def create(self, obj: Mapping[str, Any], dry_run: bool = False) -> Object:
        if "namespace" not in obj["metadata"]:
            hint = "set metadata.namespace"
            raise UsageError(Problem("namespace-missing", "Monitor needs a namespace", hint=hint))
        return super().create(obj, dry_run)


def test_an_object_without_the_namespace_that_its_kind_needs_is_a_problem_at_its_line() -> None:
    (problem,) = dry_run_problems(Placing(), [made("Monitor", "m")], nowhere)
    assert problem.where.field == "somewhere"
    assert problem.message.endswith("Monitor needs a namespace: set metadata.namespace")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_does_not_judge_is_an_error_and_no_verdict(status: int) -> None:
    with pytest.raises(ApiError):
        dry_run_problems(Answering(status, "etcdserver: leader changed"), [QUOTA], nowhere)


def test_of_a_namespace_that_does_not_exist_only_the_object_s_own_validity_counts() -> None:
    elsewhere = copy.deepcopy(QUOTA)
    elsewhere["metadata"]["namespace"] = "guests"
    asked = Answering(403, "exceeded quota of another namespace")
    assert dry_run_problems(asked, [elsewhere], nowhere) == []
    assert asked.tried[0]["metadata"]["namespace"] == "default"
    assert [problem.code for problem in dry_run_problems(Answering(422, "no"), [elsewhere], nowhere)] == [
        "api-refuses"
    ]


def test_what_is_there_as_stated_is_not_tried_and_what_differs_in_names_alone_is_tried_once() -> None:
    quotas = [
        made("ResourceQuota", "tenant", name, spec={"hard": {"pods": "10"}}) for name in ("a", "b", "c")
    ]
    asked = Answering(live=[quotas[0]])
    assert dry_run_problems(asked, quotas, nowhere) == []
    assert len(asked.tried) == 1
    other = copy.deepcopy(quotas[2])
    other["spec"]["hard"]["pods"] = "11"
    asked = Answering(live=[quotas[0]])
    assert dry_run_problems(asked, [*quotas, other], nowhere) == []
    assert len(asked.tried) == 2


def test_what_is_there_and_gives_up_a_field_of_ours_is_tried() -> None:
    quota = made("ResourceQuota", "tenant", "a", spec={"hard": {"pods": "10"}})
    there = copy.deepcopy(quota)
    there["spec"]["scopes"] = ["Terminating"]
    for manager, times in (("somebody", 0), (FIELD_MANAGER, 1)):
        fields = {"f:spec": {"f:hard": {"f:pods": {}}, "f:scopes": {}}}
        entry = {"manager": manager, "operation": "Apply", "fieldsV1": fields}
        there["metadata"]["managedFields"] = [entry]
        asked = Answering(live=[there])
        assert dry_run_problems(asked, [quota], nowhere) == []
        assert len(asked.tried) == times


def test_what_tenants_have_outside_their_namespaces_is_tried_once_for_all_of_them() -> None:
    schemas = []
    for name in ("research", "startups"):
        subject = {"kind": "Group", "group": {"name": f"tenant:{name}:viewers"}}
        schema = made("FlowSchema", f"sovereign-tenant-{name}", spec={"rules": [{"subjects": [subject]}]})
        schema["metadata"]["labels"][KEYS.component] = f"tenant.{name}"
        schemas.append(schema)
    asked = Answering()
    assert dry_run_problems(asked, schemas, nowhere) == []
    assert len(asked.tried) == 1


def test_another_name_is_valid_where_the_name_is_and_is_not_that_name() -> None:
    for name in ("a", "tenant", 63 * "a", f"{54 * 'a'}-{8 * 'b'}", f"{54 * 'a'}.b", 253 * "a"):
        other = another_name(name)
        assert len(other) <= 63
        assert other != name
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", other)


def test_a_version_that_objects_are_stored_in_is_refused_with_the_way_to_take_it_out() -> None:
    definition = made(
        "CustomResourceDefinition", "sets.example.com", version="apiextensions.k8s.io/v1", spec={}
    )
    why = "status.storedVersions[0]: Invalid value: must remain in spec.versions"
    (problem,) = dry_run_problems(Answering(422, why), [definition], nowhere)
    assert problem.code == "api-refuses"
    assert "served: false" in str(problem.hint)


def test_the_largest_object_is_tried_first() -> None:
    small = made("ConfigMap", "small", "default", data={"text": "x"})
    large = made("ConfigMap", "large", "default", data={"text": "x" * 100})
    asked = Answering()
    assert dry_run_problems(asked, [small, large], nowhere) == []
    assert [obj["metadata"]["name"] for obj in asked.tried] == ["large", "small"]


def test_an_object_beyond_what_etcd_accepts_is_refused_without_being_sent() -> None:
    large = made("ConfigMap", "large", "default", data={"text": "x" * MOST_BYTES})
    asked = Answering()
    (problem,) = dry_run_problems(asked, [large], nowhere)
    assert f"at most {MOST_BYTES:,}" in problem.message
    assert asked.tried == []


def test_a_live_value_states_what_is_wanted_if_it_holds_every_field_and_every_entry() -> None:
    live = {"a": [{"port": 1, "protocol": "TCP"}], "b": {"c": 1, "d": 2}}
    assert states(live, {"a": [{"port": 1}], "b": {"d": 2}})
    assert not states(live, {"a": [{"port": 1}, {"port": 2}]})
    assert not states(live, {"a": []})
    assert not states(live, {"b": {"e": None}})
    assert not states(None, {"b": {}})


@pytest.mark.cluster
def test_a_real_server_takes_the_lab_and_nothing_of_it_is_stored(plane: Api) -> None:
    factory = load(STACK)
    derived = plan(factory)
    objects = [*render(factory, derived, "lab").objects, *dry_run_samples(factory, derived, "lab")]
    for obj in objects:
        obj["metadata"]["labels"][KEYS.factory] = "tried-only"
    assert dry_run_problems(plane, objects, nowhere) == []
    stored = [
        obj
        for version, kind in sorted({(obj["apiVersion"], obj["kind"]) for obj in objects})
        for obj in plane.list(version, kind, label_selector=f"{KEYS.factory}=tried-only")
    ]
    assert stored == []


@pytest.mark.cluster
def test_a_real_server_names_a_version_a_range_and_a_quantity_that_it_refuses(plane: Api) -> None:
    factory = load(STACK)
    slice_ = next(
        obj for obj in dry_run_samples(factory, plan(factory), "lab") if obj["kind"] == "ResourceSlice"
    )
    slice_["spec"]["devices"][0]["attributes"]["driverVersion"]["version"] = "580.95.05"
    rules = [{"to": [{"ipBlock": {"cidr": "203.0.113.0/255.255.255.0"}}]}]
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": rules}
    policy = made("NetworkPolicy", "out", "not-there-yet", "networking.k8s.io/v1", spec=spec)
    found = dry_run_problems(plane, [slice_, policy, QUOTA], nowhere)
    assert sorted(problem.message.partition(":")[0] for problem in found) == [
        "NetworkPolicy/not-there-yet/out",
        "ResourceQuota/default/tenant",
        f"ResourceSlice/{slice_['metadata']['name']}",
    ]
    assert {problem.code for problem in found} == {"api-refuses"}


@pytest.mark.cluster
def test_on_a_real_server_an_immutable_field_is_no_problem_and_a_wrong_value_beside_it_is(plane: Api) -> None:
    tried = made("PriorityClass", "tried", version="scheduling.k8s.io/v1", value=1)
    plane.apply(stated(tried), field_manager=FIELD_MANAGER, force=True)
    try:
        other = {**tried, "value": 2}
        assert dry_run_problems(plane, [other], nowhere) == []
        wrong = {**other, "preemptionPolicy": "Sometimes"}
        (problem,) = dry_run_problems(plane, [wrong], nowhere)
        assert "preemptionPolicy" in problem.message
    finally:
        plane.delete("scheduling.k8s.io/v1", "PriorityClass", "tried")


@pytest.mark.cluster
def test_on_a_real_server_what_is_left_out_is_refused_or_replaced_as_what_is_changed(plane: Api) -> None:
    fixed = made("ConfigMap", "tried", "default", data={"a": "1"}, immutable=True)
    spec = {"selector": {"app": "a"}, "ports": [{"port": 80}]}
    served = made("Service", "tried", "default", spec=spec)
    for obj in (fixed, served):
        plane.apply(stated(obj), field_manager=FIELD_MANAGER, force=True)
    try:
        freed = {name: value for name, value in fixed.items() if name != "immutable"}
        assert dry_run_problems(plane, [freed], nowhere) == []
        live = read_live(plane, [key_of(fixed), key_of(served)])
        assert must_be_replaced(plane, [freed], live, None) == [key_of(fixed)]
        assert must_be_replaced(plane, [fixed, served], live, None) == []
        portless = {**served, "spec": {"selector": {"app": "a"}}}
        (problem,) = dry_run_problems(plane, [portless], nowhere)
        assert "spec.ports" in problem.message
    finally:
        for obj in (fixed, served):
            plane.delete("v1", obj["kind"], "tried", "default")


@pytest.mark.cluster
def test_a_real_server_says_what_it_would_not_delete_and_deletes_nothing(plane: Api) -> None:
    api = "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "oldObject.metadata.name != 'kept'", "message": "kept by somebody"}],
    }
    keeps = made("ValidatingAdmissionPolicy", "example-keeps", version=api, spec=spec)
    binding = {"policyName": "example-keeps", "validationActions": ["Deny"]}
    bound = made("ValidatingAdmissionPolicyBinding", "example-keeps", version=api, spec=binding)
    leaving = [plane.apply(made("ConfigMap", name, "default"), force=True) for name in ("kept", "free")]
    for obj in (keeps, bound):
        plane.apply(obj, force=True)

    def refusal_of(obj: Object) -> str:
        return " ".join(map(str, deletion_problems(plane, [obj])))

    try:
        assert wait_until(lambda: bool(refusal_of(leaving[0])), 30)
        assert refusal_of(leaving[0]).startswith("ConfigMap/default/kept: it leaves")
        assert "kept by somebody" in refusal_of(leaving[0])
        assert refusal_of(leaving[1]) == ""
        assert all(plane.get("v1", "ConfigMap", name, "default") for name in ("kept", "free"))
    finally:
        for obj in (bound, keeps):
            plane.delete(api, obj["kind"], "example-keeps")
        assert wait_until(lambda: not refusal_of(leaving[0]), 30)
        for name in ("kept", "free"):
            plane.delete("v1", "ConfigMap", name, "default")


LEAVING = [
    made("RoleBinding", "admins", "guests"),
    made("RoleBinding", "admins", "research"),
    made("RoleBinding", "viewers", "research"),
    made("NetworkPolicy", "dns", "guests"),
    made("Namespace", "guests"),
    made("FlowSchema", "guests"),
]
"""A tenant whose namespace leaves, and bindings of one that stays."""


def test_each_object_outside_namespaces_is_tried_and_in_them_one_of_each_kind() -> None:
    api = Answering()
    leaving = [*LEAVING, made("NetworkPolicy", "web", "guests"), made("FlowSchema", "research")]
    assert deletion_problems(api, leaving) == []
    tried = sorted(f"{obj['kind']}/{obj['metadata'].get('namespace', '')}" for obj in api.tried)
    assert tried == [
        "FlowSchema/",
        "FlowSchema/",
        "Namespace/",
        "NetworkPolicy/guests",
        "RoleBinding/guests",
        "RoleBinding/research",
    ]


@pytest.mark.parametrize("status", [403, 422])
def test_what_would_not_be_deleted_is_told_for_every_kind_before_anything_is(status: int) -> None:
    with pytest.raises(EnvironmentLacksError) as caught:
        try_out(Answering(status, "somebody keeps it"), [], nowhere, leaving=LEAVING)
    problems = caught.value.problems
    assert {problem.code for problem in problems} == {"api-forbids"}
    assert [problem.where.field for problem in problems] == [
        "FlowSchema/guests",
        "Namespace/guests",
        "NetworkPolicy/guests/dns",
        "RoleBinding/guests/admins",
    ]
    assert "Namespace/guests: it leaves, and the API server would not delete it: somebody keeps it" in str(
        caught.value
    )
    # What another of its kind is kept for as well is named beside it.
    assert problems[-1].message.endswith("somebody keeps it; nor research/admins")


class Keeping(Answering):
    """An API server that keeps each object with a sentence of its own."""

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str | None = None, **how: Any
    ) -> bool:
        self.message = f'"{name}" is kept'
        return super().delete(api_version, kind, name, namespace, **how)


def test_objects_of_a_kind_that_one_reason_keeps_are_one_problem() -> None:
    problems = deletion_problems(Keeping(403), [made("FlowSchema", f"n{number}") for number in range(6)])
    (problem,) = problems
    assert problem.message.endswith('"n0" is kept; nor n1, n2, n3 and 2 more')


def test_what_a_cluster_deletes_with_its_namespace_needs_no_permission_of_ours() -> None:
    message = 'User "writer" cannot delete resource "networkpolicies" in API group "networking.k8s.io"'
    refused = [problem.where.field for problem in deletion_problems(Answering(403, message), LEAVING)]
    assert "NetworkPolicy/guests/dns" not in refused
    assert "Namespace/guests" in refused


@pytest.mark.parametrize("opens", [True, False])
def test_a_guarded_policy_is_kept_from_whoever_cannot_open_the_guard(opens: bool) -> None:
    message = "ValidatingAdmissionPolicy 'sovereign-guard.static.k8s.io' denied request: it is guarded"
    policy = made("ValidatingAdmissionPolicy", "sovereign-pods")
    keys = [key_of({**policy, "apiVersion": "admissionregistration.k8s.io/v1"})]
    if opens:
        require_deletable(Answering(403, message), keys, opens_guard=True)
        return
    with pytest.raises(EnvironmentLacksError, match="it is guarded") as caught:
        require_deletable(Answering(403, message), keys, opens_guard=False)
    assert "not by a copy of its kubeconfig" in caught.value.problems[0].hint


def test_an_object_that_leaves_in_two_ways_is_tried_once_as_it_was_read() -> None:
    read = {**made("StorageClass", "models"), "spec": {}}
    assert deleted_objects([read], [key_of(read), key_of(made("ConfigMap", "facts", "tools"))]) == [
        read,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "facts", "namespace": "tools", "uid": ""},
        },
    ]


@pytest.mark.parametrize(
    "message",
    [
        "ValidatingAdmissionPolicy 'sovereign-levels.static.k8s.io' denied request",
        "admission webhook x does not support dry run",
    ],
)
def test_policies_of_this_tool_and_webhooks_without_dry_runs_do_not_keep_what_leaves(message: str) -> None:
    assert deletion_problems(Answering(403, message), LEAVING) == []


@pytest.mark.parametrize(("name", "kept"), [("kueue.example.com", 0), ("other.example.com", 5)])
def test_a_webhook_that_leaves_decides_nothing_and_another_one_does(name: str, kept: int) -> None:
    webhook = made("ValidatingWebhookConfiguration", "kueue", webhooks=[{"name": "kueue.example.com"}])
    api = Answering(403, f'admission webhook "{name}" denied the request: no', live=[webhook])
    assert len(deletion_problems(api, [*LEAVING, webhook])) == kept


def test_what_is_being_deleted_already_is_not_kept() -> None:
    assert deletion_problems(Answering(409, "Namespace guests is being deleted"), LEAVING) == []


def test_a_kind_that_the_cluster_lacks_is_to_be_installed_and_not_written_otherwise() -> None:
    class Lacking(Answering):
        def create(self, obj: Mapping[str, Any], dry_run: bool = False) -> Object:
            assert dry_run
            problem = Problem("api-kind-unknown", f"serves no {obj['kind']}", hint="install its CRD")
            raise ApiError(problem, status=404, reason="KindUnknown")

    (problem,) = dry_run_problems(Lacking(), [made("Widget", "a")], nowhere)
    assert (problem.code, problem.hint) == ("api-refuses", "install its CRD")


def test_an_overloaded_server_has_not_decided_about_a_deletion() -> None:
    with pytest.raises(ApiError):
        deletion_problems(Answering(503, "try again"), LEAVING)
