"""The audit in memory: what is live is judged where it lies in our namespaces or in none, and nothing is
written.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.cli.audit import lines
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.dns import Dns
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from sovereign_ai.verify.cluster_audit import AuditResult, audit
from sovereign_ai.verify.kinds import ADMISSION, RBAC
from tests.verify.in_memory import InMemoryApi, refused

if TYPE_CHECKING:
    from tests.conftest import Deployed

TODAY = date(2026, 11, 24)
LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"


@cache
def lab() -> tuple[AIFactory, Plan, Bundle]:
    factory = load(LAB)
    derived = plan(factory)
    return factory, derived, render(factory, derived, "lab")


def deployed() -> InMemoryApi:
    api = InMemoryApi(unserved=("Gateway", "HTTPRoute", "ReferenceGrant", "VolumeSnapshotClass"))
    for obj in lab()[2].objects:
        api.create(obj)
    return api


def audited(api: Any) -> AuditResult:
    factory, derived, bundle = lab()
    return audit(api, factory, derived, bundle, cluster="lab", now=TODAY)


def violated(api: Any) -> list[tuple[str, str]]:
    return [(one.rule, one.resource) for one in audited(api).verdict.violations]


def pod(namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "old", "namespace": namespace},
        "spec": {"containers": [{"name": "main", "image": "nginx"}], **spec},
    }


def reader(name: str) -> list[dict[str, Any]]:
    role = {"apiVersion": RBAC, "kind": "ClusterRole", "metadata": {"name": name}}
    rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}]
    bound = {"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": name}}
    return [{**role, "rules": rules}, {**bound, "roleRef": reference, "subjects": subjects}]


def test_what_was_rendered_is_live_without_a_violation() -> None:
    found = audited(deployed())
    assert found.verdict.ok, found.verdict.lines()
    assert [one.subject for one in found.readers] == ["Group tenant:research", "Group tenant:startups"]
    assert {name.rpartition(" ")[2] for name in found.unserved} == {
        "Gateway",
        "HTTPRoute",
        "ReferenceGrant",
        "VolumeSnapshotClass",
    }


def test_a_pod_from_before_the_policies_is_found_and_one_of_another_namespace_is_not_ours() -> None:
    api = deployed()
    api.create(pod("research", hostNetwork=True))
    api.create(pod("kube-system", hostNetwork=True))
    found = violated(api)
    assert {resource for _, resource in found} == {"Pod/research/old"}
    assert {"IMG-001"} <= {rule for rule, _ in found}


def test_somebody_who_can_read_secrets_is_named() -> None:
    api = deployed()
    for obj in reader("spy"):
        api.create(obj)
    assert ("LIV-001", "ClusterRoleBinding/spy") in violated(api)
    assert "User eve may get, list secrets everywhere by ClusterRoleBinding/spy" in [
        str(one) for one in audited(api).readers
    ]


def test_a_policy_that_is_gone_is_found() -> None:
    api = deployed()
    name = next(
        obj["metadata"]["name"]
        for obj in lab()[2].objects
        if obj["kind"] == "ValidatingAdmissionPolicyBinding"
    )
    api.delete(ADMISSION, "ValidatingAdmissionPolicyBinding", name)
    assert violated(api) == [("LIV-004", f"ValidatingAdmissionPolicyBinding/{name}")]


def test_the_audit_only_reads() -> None:
    api = deployed()
    api.asked.clear()
    audited(api)
    assert {one.split()[0] for one in api.asked} <= {"LIST", "GET"}


def secret(namespace: str, **annotations: str) -> dict[str, Any]:
    metadata = {"name": "token", "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"a": "c2VjcmV0"}}


def test_a_secret_that_is_handed_on_is_found_by_its_annotations_alone() -> None:
    api = deployed()
    api.create(secret("research", **{"replicator.v1.mittwald.de/replicate-to": "startups"}))
    api.create(secret("startups", **{"cert-manager.io/issuer-name": "own"}))
    api.create(secret("kube-system", **{"replicator.v1.mittwald.de/replicate-to": "startups"}))
    assert violated(api) == [("NET-010", "Secret/research/token")]


def test_an_audit_that_may_not_list_secrets_says_where_it_judged_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = deployed()
    listed = api.list

    def forbidden(version: str, kind: str, *more: Any, **options: Any) -> list[Any]:
        if kind == "Secret":
            assert options["metadata_only"]
            raise refused(403, "secrets is forbidden", "Forbidden")
        return listed(version, kind, *more, **options)

    monkeypatch.setattr(api, "list", forbidden)
    found = audited(api)
    assert "research" in found.unread
    assert "annotations of Secrets" in " ".join(lines(found))
    assert found.verdict.ok


def test_a_live_rule_that_crashes_is_a_violation_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from sovereign_ai.verify import cluster_audit as room

    def crash(*_: object) -> list[Any]:
        raise ZeroDivisionError("by zero")

    broken = tuple(replace(one, decide_live=crash) if one.id == "LIV-001" else one for one in REGISTRY)
    monkeypatch.setattr(room, "REGISTRY", broken)
    assert violated(deployed()) == [("LIV-001", "")]


@pytest.mark.cluster
def test_the_lab_as_deployed_passes_and_a_reader_of_secrets_is_found(deployed_lab: Deployed) -> None:
    api = deployed_lab.api

    def found() -> list[tuple[str, str]]:
        verdict = audit(
            api, deployed_lab.factory, deployed_lab.plan, deployed_lab.bundle, cluster="lab", now=TODAY
        ).verdict
        return [(one.rule, one.resource) for one in verdict.violations]

    assert found() == []
    cleanup: list[Callable[[], object]] = []
    try:
        for obj in reader("spy"):
            api.apply(obj)
            cleanup.append(
                lambda obj=obj: api.delete(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])
            )  # type: ignore[misc]
        assert ("LIV-001", "ClusterRoleBinding/spy") in found()
    finally:
        for undo in cleanup:
            undo()


@cache
def named() -> tuple[AIFactory, Plan, Bundle]:
    """The lab, with a resolver and a name that may be asked for."""
    resolver = {"address": "10.200.0.53", "entity": "Example Names", "seat": "DE", "country": "DE"}
    declared = Dns.model_validate({"resolvers": [resolver], "names": ["mirror.example.com"]})
    factory = lab()[0].model_copy(update={"dns": declared})
    derived = plan(factory)
    return factory, derived, render(factory, derived, "lab")


def corefile(text: str) -> dict[str, Any]:
    metadata = {"name": "coredns", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"Corefile": text}}


def test_the_clusters_dns_is_judged_where_the_description_says_whom_it_may_ask() -> None:
    factory, derived, bundle = named()
    rendered = next(obj for obj in bundle.objects if obj["metadata"]["name"] == "cluster-dns")
    elsewhere = ".:53 {\n    forward . /etc/resolv.conf\n}\n"
    found: list[list[tuple[str, str]]] = []
    for text in (rendered["data"]["Corefile"], elsewhere):
        api = deployed()
        api.create(corefile(text))
        result = audit(api, factory, derived, bundle, cluster="lab", now=TODAY)
        found.append([(each.rule, each.resource) for each in result.verdict.violations])
    # The live objects are those of the lab without a resolver, so that its policies differ.
    new = [each for each in found[1] if each not in found[0]]
    assert new == [("NET-011", "ConfigMap/kube-system/coredns")]
    assert violated_with(corefile(elsewhere)) == []


def test_the_settings_of_the_network_plugin_are_judged_whatever_is_declared() -> None:
    metadata = {"name": "cilium-config", "namespace": "kube-system"}
    kept = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"enable-policy": "always"},
    }
    assert violated_with(kept) == []
    off = {**kept, "data": {"enable-policy": "never"}}
    assert violated_with(off) == [("NET-012", "ConfigMap/kube-system/cilium-config")]


def violated_with(obj: dict[str, Any]) -> list[tuple[str, str]]:
    api = deployed()
    api.create(obj)
    return violated(api)
