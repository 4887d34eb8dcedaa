"""Exceptions on a real control plane: waivers let in exactly what they name while they count, and break-glass
access ends.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.approvers import record_approvers
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError
from sovereign_ai.operate.access import end_access, grant_access, require_operator
from sovereign_ai.operate.grants import AccessGrant, make_grant
from sovereign_ai.operate.records import folder_of, grant_record, kubeconfig_of
from sovereign_ai.rules.waiver_review import GROUP, REVIEW_USER, question
from sovereign_ai.verify.cluster_audit import audit
from sovereign_ai.verify.foreign import foreign_objects
from sovereign_ai.verify.observation import observe
from tests.operate.real import UNLISTED, Plane, binding, now, pod, until
from tests.support.approvals import approved_grant

pytestmark = pytest.mark.cluster
_RBAC = "rbac.authorization.k8s.io/v1"
WAIVED = pod("waived")
SOON = (5, 12, 40, 120)
"""Seconds to an end that a test waits for, the next where it came before what is to be done until then: the
machine may be under load."""


@pytest.fixture(scope="module")
def plane(real: Plane) -> Plane:
    """The plane with the lab's policies and waivers on it."""
    real.deploy()
    return real


def service(name: str = "waived", **labels: str) -> dict[str, Any]:
    spec = {"selector": {"a": "b"}, "ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "research", "labels": labels},
        "spec": spec,
    }


def until_end(plane: Plane) -> float:
    """Give the seconds from now to the day on which the waivers end."""
    ends = plane.factory.waivers[0].expires
    return (datetime.combine(ends, datetime.min.time(), UTC) - now()).total_seconds()


def test_a_waiver_lets_in_exactly_its_rule_and_resource(plane: Plane) -> None:
    assert plane.refusal(WAIVED) == ""
    assert plane.refusal(service()) == ""
    assert "IMG-001" in plane.refusal(pod("waived-2"))
    assert "IMG-001" in plane.refusal(pod("waived", namespace="startups"))
    assert "NET-001" in plane.refusal(service("other"))
    template = {"metadata": {}, "spec": WAIVED["spec"]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": WAIVED["metadata"],
        "spec": {"template": template},
    }
    job["spec"]["template"]["spec"] = {**WAIVED["spec"], "restartPolicy": "Never"}
    assert "IMG-001" in plane.refusal(job)


_BUCKETS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "s3buckets.storage.example"},
    "spec": {
        "group": "storage.example",
        "names": {"kind": "S3Bucket", "plural": "s3buckets"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


def bucket(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "research"}
    return {"apiVersion": "storage.example/v1", "kind": "S3Bucket", "metadata": metadata, "spec": {}}


def test_a_waiver_lets_in_an_object_of_a_kind_that_no_rule_knows(plane: Plane) -> None:
    plane.api.create(_BUCKETS)
    try:
        until(lambda: "RES-011" in plane.refusal(bucket("other")))
        assert plane.refusal(bucket("waived")) == ""
        with plane.without_operator():
            assert "RES-011" in plane.refusal(bucket("waived"))
    finally:
        plane.api.delete(_BUCKETS["apiVersion"], _BUCKETS["kind"], _BUCKETS["metadata"]["name"])


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"nodeSelector": {"sovereign.node-restriction.kubernetes.io/zone": "open"}}, "PLC-"),
        ({"tolerations": [{"operator": "Exists"}]}, "PLC-"),
        ({"nodeName": "serve-001"}, "PLC-"),
    ],
)
def test_a_waiver_lifts_no_other_rule_from_its_resource(
    plane: Plane, changes: dict[str, Any], rule: str
) -> None:
    assert rule in plane.refusal(pod("waived", **changes))


def test_no_label_or_annotation_does_what_a_waiver_does(plane: Plane) -> None:
    sly = pod("sly")
    words = {"sovereign-ai.internal/waiver": "image", "sovereign-ai.internal/owner": "sovereign-ai"}
    sly["metadata"] |= {"labels": words, "annotations": words, "generateName": "waived"}
    assert "IMG-001" in plane.refusal(sly)


def test_the_api_server_finds_nothing_to_warn_of_in_the_types_of_policies_with_waivers(plane: Plane) -> None:
    for one in plane.api.list("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"):
        assert one["status"].get("typeChecking", {}) == {}, one["metadata"]["name"]


def test_while_the_operator_is_down_a_waived_object_is_refused_also_to_an_administrator(plane: Plane) -> None:
    with plane.without_operator():
        assert "IMG-001" in plane.refusal(WAIVED)
        assert "NET-001" in plane.refusal(service())
        assert (
            plane.refusal(pod("good", UNLISTED.replace("registry.invalid", "registry.example.com/ai"))) == ""
        )
    assert plane.refusal(WAIVED) == ""


def test_while_the_operator_hangs_a_waived_object_is_refused(plane: Plane) -> None:
    assert plane.operator is not None
    os.kill(plane.operator, signal.SIGSTOP)
    try:
        assert "IMG-001" in plane.refusal(WAIVED)
    finally:
        os.kill(plane.operator, signal.SIGCONT)
    until(lambda: plane.refusal(WAIVED) == "")


def test_a_stored_object_can_be_changed_while_its_waiver_counts_and_not_after(plane: Plane) -> None:
    path = "/api/v1/namespaces/research/services/waived"
    relabel = partial(plane.api.request, "PATCH", path, content_type="application/merge-patch+json")
    plane.api.create(service())
    try:
        relabel({"metadata": {"labels": {"a": "1"}}})
        plane.ahead(until_end(plane) + 60)
        with pytest.raises(ApiError, match="NET-001"):
            relabel({"metadata": {"labels": {"a": "2"}}})
        with pytest.raises(ApiError, match="NET-001"):
            relabel({"metadata": {"labels": {"a": None}}})
        relabel({"metadata": {"finalizers": []}})
        relabel({"metadata": {"labels": {"a": "2"}}, "spec": {"externalIPs": None}})
    finally:
        plane.ahead(0)
        plane.api.delete("v1", "Service", "waived", "research")


def shortly_before_the_end(plane: Plane) -> float:
    """Set the operator's clock to where the waivers just count, see that they do, and give how far ahead it
    is.
    """
    for left in SOON:
        ahead = until_end(plane) - left
        plane.ahead(ahead)
        refused = plane.refusal(WAIVED)
        if until_end(plane) > ahead:
            assert refused == ""
            return ahead
    pytest.fail("no question was answered before the end")


def test_admission_follows_the_end_of_a_waiver_within_five_seconds(plane: Plane) -> None:
    try:
        ahead = shortly_before_the_end(plane)
        let_in, refused, slowest = now(), False, timedelta()
        while not refused:
            asked = now()
            refused = bool(plane.refusal(WAIVED))
            let_in, slowest = let_in if refused else asked, max(slowest, now() - asked)
            assert until_end(plane) - ahead > -180, "its end was never followed"
        over = ahead - until_end(plane)
        assert (let_in + timedelta(seconds=ahead)).date() < plane.factory.waivers[0].expires
        assert over < 5 + slowest.total_seconds()
    finally:
        plane.ahead(0)
    assert plane.refusal(WAIVED) == ""


def test_before_it_begins_and_long_after_it_a_waiver_lets_nothing_in(plane: Plane) -> None:
    for days in (-90, 2):
        plane.ahead(days * 86_400)
        assert "IMG-001" in plane.refusal(WAIVED)
    plane.ahead(0)


def test_audit_still_lists_what_a_waiver_let_in(plane: Plane) -> None:
    plane.api.create(WAIVED)
    try:
        found = audit(plane.api, plane.factory, plane.plan, plane.bundle, cluster="lab", now=now().date())
        assert ("IMG-001", "Pod/research/waived", "image") in [
            (one.rule, one.resource, one.waiver) for one in found.verdict.waived
        ]
        later = audit(
            plane.api,
            plane.factory,
            plane.plan,
            plane.bundle,
            cluster="lab",
            now=now().date() + timedelta(days=2),
        )
        assert ("IMG-001", "Pod/research/waived") in [
            (one.rule, one.resource) for one in later.verdict.violations
        ]
    finally:
        plane.api.delete("v1", "Pod", "waived", "research")


@pytest.fixture
def tenant(plane: Plane, tmp_path: Path) -> Api:
    """One of the tenant's own people."""
    return plane.somebody(tmp_path, "researcher", "tenant:research")


def test_a_tenant_may_use_a_waiver_and_change_nothing_that_it_rests_on(plane: Plane, tenant: Api) -> None:
    assert plane.refusal(WAIVED, tenant) == ""
    assert "IMG-001" in plane.refusal(pod("waived-2"), tenant)
    policy = next(one for one in plane.bundle.objects if one["metadata"]["name"] == "sovereign-pods")
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "exceptions", "namespace": "sovereign-system"},
    }
    tries: list[Callable[[], object]] = [
        partial(tenant.apply, policy, force=True),
        partial(tenant.delete, policy["apiVersion"], policy["kind"], "sovereign-pods"),
        partial(tenant.create, account),
        partial(
            tenant.create, binding("break-glass-1f2e3d4c", "sovereign-ai:break-glass:shell", "researcher")
        ),
        partial(tenant.get, "v1", "ConfigMap", "factory", "sovereign-system"),
    ]
    for one in tries:
        with pytest.raises(ApiError) as caught:
            one()
        assert caught.value.status == 403


def test_rights_on_everything_are_no_answer_to_what_admission_asks(plane: Plane) -> None:
    """An administrator has every right by RBAC, the account that policies ask for is given them too, and both
    change nothing.
    """

    def allowed(user: str, name: str, **more: Any) -> bool:
        attributes = {"group": GROUP, "resource": "waivers", "name": name, "verb": "honour"}
        spec = {"user": user, "resourceAttributes": attributes, **more}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        answer = plane.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    good = question(plane.factory.waivers[:1], plane.factory.name)
    subject = {"kind": "ServiceAccount", "name": "exceptions", "namespace": "sovereign-system"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    wide = {
        "apiVersion": _RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "wide"},
        "roleRef": reference,
        "subjects": [subject],
    }
    plane.api.create(wide)
    try:
        assert allowed(REVIEW_USER, good)
        assert not allowed(REVIEW_USER, "[]")
        assert not allowed("sovereign-ai:admin", good, groups=["sovereign-ai:admins"])
        assert "IMG-001" in plane.refusal(pod("waived-2"))
        with plane.without_operator():
            assert not allowed(REVIEW_USER, good)
            assert "IMG-001" in plane.refusal(WAIVED)
    finally:
        plane.api.delete(_RBAC, "ClusterRoleBinding", "wide")


def granted(plane: Plane, seconds: float, kind: str = "shell") -> tuple[AccessGrant, Api]:
    """Give break-glass access for some seconds, and open the cluster with it."""
    zones = {one.name: one.zone for one in plane.plan.cluster("lab").namespaces}
    wish = {
        "person": "on-call",
        "approver": "lead",
        "reason": "a job hangs",
        "seat": "DE",
        "namespace": "research",
        "kind": kind,
    }
    made = make_grant(plane.factory, zones, lasting=timedelta(seconds=seconds), now=now(), **wish)
    grant = approved_grant(replace(made, cluster=plane.where.name))
    record_approvers(plane.where, plane.factory.name, plane.factory.approvers)
    _, path = grant_access(plane.where, grant, now)
    return grant, open_cluster(path)


def ending_soon(plane: Plane) -> Iterator[tuple[AccessGrant, Api]]:
    """Give break-glass access that ends soon.

    And again for longer, if the test comes back because it was too late.
    """
    for seconds in SOON[1:]:
        try:
            yield granted(plane, seconds)
        except DeploymentError as error:
            assert "it was closed: ended" in str(error)  # noqa: PT017
    pytest.fail("no access was used before its end")


def in_time(grant: AccessGrant, person: Api) -> bool:
    """Use access, and tell whether that was before its end."""
    try:
        until(lambda: may(person, "get", "pods") or now() >= grant.ends)
    except ApiError as error:
        assert (error.status, now() >= grant.ends) == (401, True)  # noqa: PT017
    return now() < grant.ends


def may(api: Api, verb: str, resource: str, subresource: str = "", namespace: str = "research") -> bool:
    attributes = {"verb": verb, "resource": resource, "subresource": subresource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(
        api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)["status"][
            "allowed"
        ]
    )


def test_break_glass_access_is_what_was_given_and_no_more(plane: Plane) -> None:
    grant, person = granted(plane, 600)
    try:
        until(lambda: may(person, "list", "pods"))
        assert person.list("v1", "Pod", "research") == []
        assert may(person, "create", "pods", "exec")
        for verb, resource, namespace in (
            ("get", "secrets", "research"),
            ("create", "pods", "research"),
            ("get", "pods", "startups"),
            ("create", "rolebindings", "research"),
            ("list", "nodes", ""),
        ):
            assert not may(person, verb, resource, namespace=namespace), resource
    finally:
        end_access(plane.where, grant.id, "the test is over", now)
    until(lambda: not may(person, "list", "pods"))
    with pytest.raises(ApiError) as caught:
        person.list("v1", "Pod", "research")
    assert caught.value.status == 403
    assert grant_record(plane.where, grant.id).why == "revoked"


def test_while_it_is_open_it_is_told_by_an_event_by_verify_and_by_audit(plane: Plane) -> None:
    grant, _ = granted(plane, 600, "look")
    try:
        events = [
            one
            for one in plane.api.list("v1", "Event", "research")
            if one["involvedObject"]["name"] == grant.name
        ]
        assert [(one["type"], one["reason"]) for one in events] == [("Warning", "BreakGlassOpened")]
        seen = list(
            foreign_objects(observe(plane.api, plane.factory, plane.bundle.objects), plane.bundle.objects)
        )
        assert [one.resource for one in seen] == [f"RoleBinding/research/{grant.name}"]
        assert "break-glass access is open" in seen[0].message
        assert "a job hangs" in seen[0].message
        found = audit(plane.api, plane.factory, plane.plan, plane.bundle, cluster="lab", now=now().date())
        assert {one.rule for one in found.verdict.violations if one.resource.endswith(grant.name)} >= {
            "BRK-001"
        }
    finally:
        end_access(plane.where, grant.id, "the test is over", now)
    assert (
        list(foreign_objects(observe(plane.api, plane.factory, plane.bundle.objects), plane.bundle.objects))
        == []
    )


def test_access_is_gone_within_five_seconds_of_its_end(plane: Plane) -> None:
    grant, person = next(one for one in ending_soon(plane) if in_time(*one))
    name = (_RBAC, "RoleBinding", grant.name, "research")
    until(lambda: now() >= grant.ends)
    gone, slowest = False, timedelta()
    while not gone:
        asked = now()
        gone = plane.api.get(*name) is None
        slowest = max(slowest, now() - asked)
        assert asked - grant.ends < timedelta(seconds=180), "it never went"
    assert now() - grant.ends < timedelta(seconds=5) + slowest
    until(lambda: grant_record(plane.where, grant.id).closed)
    assert not kubeconfig_of(plane.where, grant.id).exists()
    with pytest.raises((ApiError, UnreachableError)) as caught:
        person.list("v1", "Pod", "research")
    assert not isinstance(caught.value, ApiError) or caught.value.status == 401


def test_with_the_operator_down_the_certificate_ends_and_the_binding_goes_when_it_is_back(
    plane: Plane,
) -> None:
    for grant, person in ending_soon(plane):
        with plane.without_operator():
            if now() >= grant.ends:
                continue
            until(lambda: now() > grant.ends + timedelta(seconds=1))  # noqa: B023
            with pytest.raises((ApiError, UnreachableError)) as caught:
                person.list("v1", "Pod", "research")
            assert not isinstance(caught.value, ApiError) or caught.value.status == 401
            assert plane.api.get(_RBAC, "RoleBinding", grant.name, "research") is not None
            with pytest.raises(EnvironmentLacksError, match="no-operator"):
                require_operator(plane.where)
        break
    until(lambda: plane.api.get(_RBAC, "RoleBinding", grant.name, "research") is None)


def test_access_that_somebody_takes_away_by_hand_does_not_come_back(plane: Plane) -> None:
    grant, person = granted(plane, 600)
    plane.api.delete(_RBAC, "RoleBinding", grant.name, "research")
    until(lambda: grant_record(plane.where, grant.id).closed)
    assert grant_record(plane.where, grant.id).why == "removed"
    until(lambda: not may(person, "get", "pods"))


def test_a_binding_that_looks_like_an_open_grants_is_refused(
    plane: Plane,
) -> None:
    role = "sovereign-ai:break-glass:shell"
    assert "RBC-009" in plane.refusal(binding("break-glass-1f2e3d4c", role, "break-glass:eve:1f2e3d4c"))
    grant, _ = granted(plane, 600)
    try:
        assert "RBC-009" in plane.refusal(binding(grant.name, "edit", grant.user))
        assert "RBC-009" in plane.refusal(binding(grant.name, role, "eve"))
        assert "RBC-009" in plane.refusal(binding("break-glass-other", role, grant.user))
        two = binding(grant.name, role, grant.user)
        assert "RBC-009" in plane.refusal(
            {**two, "subjects": [*two["subjects"], {**two["subjects"][0], "name": "eve"}]}
        )
        path = f"/apis/{_RBAC}/namespaces/research/rolebindings/{grant.name}"
        with pytest.raises(ApiError, match="RBC-009"):
            plane.api.request(
                "PATCH",
                path,
                {"subjects": [], "metadata": {"labels": {"a": "b"}}},
                content_type="application/merge-patch+json",
            )
    finally:
        end_access(plane.where, grant.id, "the test is over", now)


def test_a_grant_that_is_too_long_opens_nothing_however_it_was_written(plane: Plane) -> None:
    grant, _ = granted(plane, 600)
    end_access(plane.where, grant.id, "the test is over", now)
    long = {**grant.to_data(), "id": "aaaaaaaa", "ends": (now() + timedelta(days=30)).isoformat()}
    (folder_of(plane.where) / "aaaaaaaa.json").write_bytes(orjson.dumps(long))
    until(lambda: grant_record(plane.where, "aaaaaaaa").closed)
    assert plane.api.get(_RBAC, "RoleBinding", "break-glass-aaaaaaaa", "research") is None


def test_the_operator_can_do_no_more_than_it_needs(plane: Plane) -> None:
    operator = open_cluster(plane.where.identity("operator"))
    assert may(operator, "create", "events")
    for verb, resource in (
        ("get", "secrets"),
        ("create", "pods"),
        ("update", "namespaces"),
        ("list", "nodes"),
        ("get", "configmaps"),
    ):
        assert not may(operator, verb, resource), resource
    for call in (
        partial(operator.create, binding("other", "edit", "eve")),
        partial(operator.create, binding("x", "cluster-admin", "eve")),
    ):
        with pytest.raises(ApiError) as caught:
            call()
        assert caught.value.status == 403


def test_no_name_of_a_person_or_secret_stands_in_an_argument_list_and_files_are_the_owners(
    plane: Plane,
) -> None:
    grant, _ = granted(plane, 600)
    try:
        assert plane.operator is not None
        said = (
            Path(f"/proc/{plane.operator}/cmdline").read_text()
            + Path(f"/proc/{plane.operator}/environ").read_text()
        )
        assert "on-call" not in said
        assert {
            path.stat().st_mode & 0o777 for path in folder_of(plane.where).iterdir() if path.stem == grant.id
        } == {0o600}
    finally:
        end_access(plane.where, grant.id, "the test is over", now)
