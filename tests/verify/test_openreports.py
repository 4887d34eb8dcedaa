"""Published audits: in memory, against the schema of the real definitions where there is a cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.cluster.api.discovery import Resource
from sovereign_ai.errors import EnvironmentLacksError, Where
from sovereign_ai.rules.judgement import RuleFinding, RuleVerdict
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.verify.cluster_audit import AuditResult
from sovereign_ai.verify.openreports import CLUSTER_REPORT, MOST_RESULTS, REPORT, VERSION, publish, reports
from tests.verify.in_memory import InMemoryApi

if TYPE_CHECKING:
    from tests.conftest import Deployed

NAMESPACES = ("research", "startups")
POD = RuleFinding(
    "PRV-001",
    "critical",
    "Pod/research/old",
    "spec.hostNetwork",
    "it shares the host's network",
    "leave it out",
)
ROLE = RuleFinding(
    "LIV-001",
    "critical",
    "ClusterRoleBinding/spy",
    "subjects",
    "User eve may get secrets",
    "remove the subject",
)
SILENT = RuleFinding("PLC-005", "critical", "", "", "undecidable here (live)", "m", status="undecidable")


def audit(*findings: RuleFinding) -> AuditResult:
    return AuditResult(
        "lab", RuleVerdict(findings), (), len(findings), (), datetime(2026, 11, 24, 12, tzinfo=UTC)
    )


class Served(InMemoryApi):
    """A cluster that serves some kinds of OpenReports."""

    def __init__(self, *kinds: str) -> None:
        super().__init__()
        self._served = kinds

    def kinds(self) -> tuple[Resource, ...]:
        return tuple(
            Resource(VERSION, kind, f"{kind.lower()}s", kind == REPORT, ("list",), ())
            for kind in self._served
        )


def stored(api: InMemoryApi) -> dict[str, dict[str, Any]]:
    return {"/".join(part for part in key[1:] if part): obj for key, obj in api.objects.items()}


def test_each_namespace_has_a_report_and_the_rest_stands_in_the_clusters() -> None:
    api = Served(REPORT, CLUSTER_REPORT)
    publish(api, audit(POD, ROLE, SILENT), "lab", NAMESPACES)
    found = stored(api)
    assert set(found) == {
        "ClusterReport/sovereign-ai-lab",
        "Report/research/sovereign-ai",
        "Report/startups/sovereign-ai",
    }
    (wrong,) = found["Report/research/sovereign-ai"]["results"]
    assert (wrong["rule"], wrong["result"], wrong["severity"], wrong["message"]) == (
        "PRV-001",
        "fail",
        "critical",
        POD.message,
    )
    assert wrong["resources"] == [{"apiVersion": "v1", "kind": "Pod", "namespace": "research", "name": "old"}]
    assert wrong["properties"] == {
        "status": "violation",
        "field": "spec.hostNetwork",
        "remediation": "leave it out",
    }
    assert found["Report/startups/sovereign-ai"]["results"] == []
    assert found["Report/startups/sovereign-ai"]["summary"] == {
        "pass": 0,
        "fail": 0,
        "warn": 0,
        "error": 0,
        "skip": 0,
    }


def test_every_rule_on_live_objects_is_spoken_of_and_none_that_was_not_decided_passes() -> None:
    whole = reports(audit(ROLE, SILENT), "lab", NAMESPACES)[0]
    results = {one["rule"]: one["result"] for one in whole["results"]}
    assert set(results) == {rule.id for rule in REGISTRY if "live" in rule.places} | {"PLC-005"}
    assert results["LIV-001"] == "fail"
    assert results["PLC-005"] == "skip"
    assert results["IMG-001"] == "pass"
    assert whole["summary"]["pass"] == len(results) - 2


def test_what_a_waiver_covers_and_what_is_advice_is_a_warning_and_never_a_pass() -> None:
    waived = replace(POD, status="waived", waiver="w1", where=Where("factory.yaml", 7, 3, "tenants[0]"))
    advice = replace(POD, rule="STF-002", severity="warning", status="notice")
    (report,) = [
        one
        for one in reports(audit(waived, advice), "lab", NAMESPACES)
        if one["metadata"].get("namespace") == "research"
    ]
    assert [one["result"] for one in report["results"]] == ["warn", "warn"]
    assert [one["severity"] for one in report["results"]] == ["critical", "low"]
    assert report["results"][0]["properties"]["waiver"] == "w1"
    assert report["results"][0]["properties"]["described-at"] == "factory.yaml:7:3: tenants[0]"


def test_many_findings_are_parted_and_what_is_left_of_an_earlier_audit_goes() -> None:
    api = Served(REPORT, CLUSTER_REPORT)
    publish(
        api,
        audit(*(replace(POD, resource=f"Pod/research/p{number}") for number in range(MOST_RESULTS + 1))),
        "lab",
        NAMESPACES,
    )
    parts = [name for name in stored(api) if name.startswith("Report/research/")]
    assert sorted(parts) == ["Report/research/sovereign-ai", "Report/research/sovereign-ai-2"]
    assert sum(len(stored(api)[name]["results"]) for name in parts) == MOST_RESULTS + 1
    publish(api, audit(), "lab", NAMESPACES[:1])
    assert set(stored(api)) == {"ClusterReport/sovereign-ai-lab", "Report/research/sovereign-ai"}


def test_a_finding_in_a_namespace_that_is_not_ours_is_told_in_the_clusters_report() -> None:
    whole = reports(audit(replace(POD, resource="Pod/elsewhere/old")), "lab", NAMESPACES)[0]
    assert [one["resources"][0]["namespace"] for one in whole["results"] if one["result"] == "fail"] == [
        "elsewhere"
    ]


def test_the_clusters_report_goes_with_our_own_namespace() -> None:
    api = Served(REPORT, CLUSTER_REPORT)
    system = api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sovereign-system"}})
    publish(api, audit(), "lab", NAMESPACES)
    (owner,) = stored(api)["ClusterReport/sovereign-ai-lab"]["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "name": "sovereign-system",
        "uid": system["metadata"]["uid"],
    }


@pytest.mark.parametrize("served", [(), (REPORT,), (CLUSTER_REPORT,)])
def test_a_cluster_without_openreports_is_told_so_and_nothing_is_written(served: tuple[str, ...]) -> None:
    api = Served(*served)
    with pytest.raises(EnvironmentLacksError, match=r"openreports\.io/v1alpha1"):
        publish(api, audit(POD), "lab", NAMESPACES)
    assert api.objects == {}


def test_a_dry_run_stores_and_removes_nothing() -> None:
    api = Served(REPORT, CLUSTER_REPORT)
    assert len(publish(api, audit(POD), "lab", NAMESPACES, dry_run=True)) == 3
    assert api.objects == {}


@pytest.mark.cluster
def test_the_real_definitions_take_what_is_published_and_nothing_else(deployed_lab: Deployed) -> None:
    from sovereign_ai.cluster.crds import install_crds
    from sovereign_ai.toolchain.install import install, module_files

    api, factory = deployed_lab.api, deployed_lab.factory.name
    with pytest.raises(EnvironmentLacksError):
        publish(api, audit(), factory, NAMESPACES)
    install(["openreports"], progress=lambda _line: None)
    names = install_crds(api, module_files("openreports", "config/crd"))
    try:
        waived = replace(POD, status="waived", waiver="w1")
        found = audit(
            POD,
            waived,
            ROLE,
            SILENT,
            *(replace(POD, severity=level) for level in ("low", "medium", "high", "warning", "info")),
        )
        publish(api, found, factory, NAMESPACES, dry_run=True)
        assert api.list(VERSION, REPORT) == []
        wanted = publish(api, found, factory, NAMESPACES)
        for obj in wanted:
            live = api.get(VERSION, obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace"))
            assert live is not None
            assert {key: live[key] for key in ("source", "summary", "results")} == {
                key: obj[key] for key in ("source", "summary", "results")
            }
        publish(api, audit(), factory, NAMESPACES)
        assert [one["results"] for one in api.list(VERSION, REPORT)] == [[], []]
    finally:
        for name in names:
            api.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
