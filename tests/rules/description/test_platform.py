"""Rules on the platform: images of other registries, and contacts that lead out of the jurisdiction."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from sovereign_ai.catalog import CatalogController, controller_row, controller_rows
from sovereign_ai.plan import Plan
from sovereign_ai.plan.platform import plan_platform
from sovereign_ai.rules.description.platform import RULES
from sovereign_ai.rules.whole_check import decide
from tests.rules.subject import FACTORY, factory_of, plan_of

DIGEST = "@sha256:" + "a" * 64
REGISTRY = FACTORY["images"]["registries"][0]
IMAGE = f"{REGISTRY}/kueue{DIGEST}"
HOST = "reports.example.net"


def found(platform: dict[str, Any], **changes: Any) -> list[tuple[str, str, str]]:
    """Return rule, field and message of each finding on a platform."""
    factory = factory_of(platform=platform, **changes)
    planned = replace(plan_of(factory), platform=plan_platform(factory))
    findings = decide(factory, planned, date(2026, 11, 27))
    return [
        (finding.rule, finding.where.field, finding.message)
        for finding in findings
        if finding.rule.startswith("PLT")
    ]


def kueue(**details: Any) -> dict[str, Any]:
    controller = {"name": "kueue", "images": [IMAGE], **details}
    return {"queueing": "kueue", "controllers": [controller]}


def contact(**details: Any) -> dict[str, Any]:
    return kueue(contacts=[{"name": "usage", "kind": "telemetry", "host": HOST, **details}])


def test_a_controller_with_pinned_images_of_the_registry_obeys_every_rule() -> None:
    assert found(kueue()) == []


@pytest.mark.parametrize(
    ("image", "messages"),
    [
        (f"registry.k8s.io/kueue/kueue{DIGEST}", ["comes from no registry"]),
        (f"{REGISTRY}-evil/kueue{DIGEST}", ["comes from no registry"]),
        (f"{REGISTRY}/kueue:v0.17.0", ["is not pinned"]),
        ("registry.k8s.io/kueue/kueue:v0.17.0", ["comes from no registry", "is not pinned"]),
    ],
)
def test_an_image_of_another_registry_or_without_digest_is_refused(image: str, messages: list[str]) -> None:
    findings = found(kueue(images=[image]))
    assert [(rule, field) for rule, field, _ in findings] == [
        ("PLT-001", "platform.controllers[0].images[0]") for _ in messages
    ]
    for finding, text in zip(findings, messages, strict=True):
        assert text in finding[2]


def test_images_need_no_digest_where_the_description_asks_for_none() -> None:
    images = {**FACTORY["images"], "digests": "optional"}
    assert found(kueue(images=[f"{REGISTRY}/kueue:v0.17.0"]), images=images) == []


@pytest.mark.parametrize("kind", ["endpoint", "heartbeat", "telemetry", "packages"])
def test_every_kind_of_contact_abroad_is_refused_at_its_field(kind: str) -> None:
    ((rule, field, message),) = found(contact(kind=kind, jurisdiction="US"))
    assert (rule, field) == ("PLT-002", "platform.controllers[0].contacts[0]")
    assert "under the law of US" in message


def test_a_contact_whose_country_nobody_names_counts_as_abroad() -> None:
    ((rule, _, message),) = found(contact())
    assert rule == "PLT-002"
    assert "nothing says under whose law" in message


@pytest.mark.parametrize(
    "host", ["metrics", "metrics.monitoring.svc", "metrics.monitoring.svc.cluster.local"]
)
def test_a_host_inside_the_cluster_is_the_factorys_own(host: str) -> None:
    assert found(contact(host=host)) == []


def test_the_host_of_a_declared_registry_is_the_factorys_own_and_one_like_it_is_not() -> None:
    host = REGISTRY.partition("/")[0]
    assert found(contact(kind="packages", host=host)) == []
    assert [rule for rule, _, _ in found(contact(kind="packages", host=f"{host}.evil.net"))] == ["PLT-002"]


def test_a_contact_inside_the_country_and_one_that_is_switched_off_are_permitted() -> None:
    assert found(contact(jurisdiction="DE")) == []
    assert found(kueue(contacts=[{"name": "usage", "kind": "telemetry", "used": False}])) == []


def test_reports_follow_the_list_of_metrics_and_calls_that_of_the_data() -> None:
    policy = {**FACTORY["residency"][0], "in": ["DE"], "logs": ["DE"], "metrics": ["DE", "FR"]}
    changes: dict[str, Any] = {"residency": [policy]}
    assert found(contact(kind="telemetry", jurisdiction="FR"), **changes) == []
    assert len(found(contact(kind="endpoint", jurisdiction="FR"), **changes)) == 1
    without = {name: value for name, value in policy.items() if name != "metrics"}
    assert len(found(contact(kind="telemetry", jurisdiction="FR"), residency=[without])) == 1


def test_the_seat_of_a_gateway_that_lists_the_host_says_where_it_is() -> None:
    gateway = {**FACTORY["gateways"][0], "hosts": [HOST]}
    assert found(contact(), gateways=[{**gateway, "seat": "DE"}]) == []
    ((_, _, message),) = found(contact(), gateways=[{**gateway, "seat": "US"}])
    assert "under the law of US" in message


def test_without_a_residency_policy_the_countries_of_the_sites_decide() -> None:
    changes: dict[str, Any] = {"residency": []}
    tenants = []
    for tenant in FACTORY["tenants"]:
        tenants.append({name: value for name, value in tenant.items() if name != "data"})
    changes["tenants"] = tenants
    assert found(contact(jurisdiction="DE"), **changes) == []
    assert len(found(contact(jurisdiction="US"), **changes)) == 1


def test_what_software_is_shipped_with_is_refused_where_it_is_named() -> None:
    findings = found({"monitoring": "grafana"})
    shipped = [(rule, field) for rule, field, _ in findings if rule == "PLT-002"]
    assert shipped == [("PLT-002", "platform.monitoring[0]")] * 2
    assert "stats.grafana.org" in " ".join(message for _, _, message in findings)


def test_what_is_not_described_is_advice_with_the_images_to_mirror() -> None:
    findings = found({"queueing": "kueue"})
    assert [(rule, field) for rule, field, _ in findings] == [("PLT-003", "platform.queueing[0]")]
    assert f"mirror registry.k8s.io/kueue/kueue into {REGISTRY}" in findings[0][2]


@pytest.fixture(scope="module")
def plain() -> Plan:
    """Return a plan without a platform."""
    return plan_of(factory_of())


@pytest.mark.parametrize("row", controller_rows(), ids=lambda row: row.name)
def test_every_controller_is_held_to_the_registry_its_version_and_its_images(
    plain: Plan, row: CatalogController
) -> None:
    """Each row of the catalogue: abroad, another version, one image of several, and a host of nobody."""
    details: dict[str, Any] = {"name": row.name, "version": row.version or "v1"}
    details["contacts"] = [{"name": each.name, "kind": each.kind, "used": False} for each in row.contacts]
    mirrored = [f"{REGISTRY}/{image.rpartition('/')[2]}{DIGEST}" for image in row.images]
    details["images"] = mirrored or [f"{REGISTRY}/{row.name}{DIGEST}"]

    def rules(**changes: Any) -> list[str]:
        named: dict[str, list[str]] = {}
        for name in (row.name, *row.needs):
            named.setdefault(controller_row(name).function, []).append(name)
        factory = factory_of(platform={**named, "controllers": [details | changes]})
        planned = replace(plain, platform=plan_platform(factory))
        broken = []
        for rule in RULES:
            assert rule.decide is not None
            for finding in rule.decide(rule, factory, planned):
                if finding.where.field.startswith("platform.controllers"):
                    broken.append(rule.id)
        return broken

    assert rules() == []
    foreign = f"ghcr.example.org/{details['images'][0].rpartition('/')[2]}"
    assert rules(images=[*details["images"][1:], foreign]) == ["PLT-001"]
    abroad, nobody = [], []
    for kind in ("endpoint", "heartbeat", "telemetry", "packages"):
        nobody.append({"name": f"to-{kind}", "kind": kind, "host": HOST})
        abroad.append({**nobody[-1], "jurisdiction": "US"})
    assert set(rules(contacts=[*details["contacts"], *abroad])) == {"PLT-002"}
    assert rules(contacts=[*details["contacts"], *nobody]) == ["PLT-002"] * 4
    assert rules(contacts=[]) == ["PLT-002"] * len(row.contacts)
    assert rules(version="v999.1") == (["PLT-003"] if row.version else [])
    if len(mirrored) > 1:
        assert rules(images=mirrored[:1]) == ["PLT-003"] * (len(mirrored) - 1)
