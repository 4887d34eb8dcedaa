"""The planned platform: what the catalogue fills in, what the description overrides, and namespaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sovereign_ai.plan.clusters import cluster_problems
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.plan_summary import summary
from sovereign_ai.plan.platform import plan_platform
from sovereign_ai.spec.reader import load
from tests.rules.subject import factory_of

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
SWITCHED_OFF = {"name": "usage", "kind": "telemetry", "used": False}


def platform_of(**platform: Any) -> Any:
    return plan_platform(factory_of(platform=platform))


def test_the_catalogue_fills_in_what_the_description_leaves_out() -> None:
    (kueue,) = platform_of(queueing="kueue")
    assert (kueue.version, kueue.licence, kueue.namespace) == ("v0.17.0", "Apache-2.0", "kueue-system")
    assert (kueue.holder, kueue.jurisdiction) == ("Linux Foundation", "US")
    assert kueue.published == ("registry.k8s.io/kueue/kueue",)
    assert kueue.images == kueue.contacts == ()


def test_what_the_description_decides_wins_and_another_vendor_has_no_parent_of_the_first() -> None:
    details = {"name": "kueue", "version": "v1", "vendor": "Example Queues", "jurisdiction": "DE"}
    (kueue,) = platform_of(queueing="kueue", controllers=[details])
    assert (kueue.version, kueue.holder, kueue.jurisdiction) == ("v1", "Example Queues", "DE")


def test_what_software_is_shipped_with_counts_until_it_is_switched_off() -> None:
    (grafana,) = platform_of(monitoring="grafana")
    shipped = [(contact.name, contact.used, contact.described) for contact in grafana.contacts]
    assert shipped == [("updates", True, False), ("usage", True, False)]
    details = {"name": "grafana", "contacts": [SWITCHED_OFF]}
    (grafana,) = platform_of(monitoring="grafana", controllers=[details])
    decided = [(contact.name, contact.used, contact.described) for contact in grafana.contacts]
    assert decided == [("updates", True, False), ("usage", False, True)]


def test_a_tenant_cannot_have_the_namespace_of_a_controller() -> None:
    tenants = [{"name": "volcano-system", "seat": "DE"}]
    zones = [
        {"name": "restricted", "trust": "high", "tenants": ["volcano-system"]},
        {"name": "open", "trust": "low"},
    ]
    small: dict[str, Any] = {"tenants": tenants, "zones": zones, "residency": [], "gateways": []}
    small["workloads"] = []
    assert list(cluster_problems(factory_of(**small))) == []
    (problem,) = cluster_problems(factory_of(platform={"queueing": "volcano"}, **small))
    assert "is that of the controller 'volcano'" in problem.message
    assert problem.where.field == "tenants[0].name"


def planned(**changes: Any) -> Plan:
    lab = load(LAB)
    return plan(lab.model_copy(update=changes))


def test_a_plan_without_a_platform_has_no_trace_of_one() -> None:
    assert "platform" not in planned().to_data()
    assert "platform" not in summary(planned())


def test_a_plan_with_a_platform_has_a_row_for_each_controller() -> None:
    platform = factory_of(platform={"queueing": "kueue", "monitoring": "grafana"}).platform
    derived = planned(platform=platform)
    assert [row["name"] for row in derived.to_data()["platform"]] == ["kueue", "grafana"]
    rows = summary(derived)["platform"]
    assert [(row["controller"], row["contacts"]) for row in rows] == [("kueue", 0), ("grafana", 2)]
