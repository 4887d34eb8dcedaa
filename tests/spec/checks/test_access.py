"""Flows, zones of tenants, and workloads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.refusals import refusals

IMAGE = f"registry.example.com/ai/train@sha256:{'a' * 64}"
WORKLOAD = {"name": "job", "tenant": "t", "pool": "train", "image": IMAGE}


def with_workload(zone: dict[str, Any] | None = None, **changes: Any) -> list[tuple[str, str]]:
    return refusals(
        zones=[{"name": "z", "trust": "low", "tenants": ["t"], **(zone or {})}],
        tenants=[{"name": "t", "seat": "DE", "gpus": 32}],
        workloads=[{**WORKLOAD, **changes}],
    )


def test_a_workload_within_its_limits_is_fine() -> None:
    assert with_workload(nodes=4) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"nodes": 5}, ("over-quota", "workloads[0].nodes")),
        ({"image": IMAGE.replace("/ai/", "/ai-other/")}, ("foreign-image", "workloads[0].image")),
        ({"image": "registry.example.com/ai/train:1"}, ("unpinned-image", "workloads[0].image")),
        ({"model": {"parameters": 7, "active": 8}}, ("contradiction", "workloads[0].model.active")),
        (
            {"model": {"parameters": 7, "experts_chosen": 2}},
            ("contradiction", "workloads[0].model.experts_chosen"),
        ),
    ],
)
def test_a_workload_beyond_a_limit_is_refused(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert with_workload(**changes) == [expected]


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ({"to": "z", "ports": [1]}, ("self-flow", "zones[0].allow[0].to")),
        ({"to": "y", "ports": [1], "never": True}, ("contradiction", "zones[0].allow[0].ports")),
        ({"to": "y"}, ("missing-field", "zones[0].allow[0]")),
    ],
)
def test_a_flow_that_contradicts_itself_is_refused(flow: dict[str, Any], expected: tuple[str, str]) -> None:
    zones = [{"name": "z", "trust": "low", "allow": [flow]}, {"name": "y", "trust": "low"}]
    assert refusals(zones=zones) == [expected]


def test_a_permission_against_a_promise_is_refused_at_the_permission() -> None:
    allow = [{"to": "y", "ports": [443]}, {"to": "y", "never": True}]
    zones = [{"name": "z", "trust": "low", "allow": allow}, {"name": "y", "trust": "low"}]
    assert refusals(zones=zones) == [("contradiction", "zones[0].allow[0]")]


def test_a_tenant_without_a_zone_is_refused() -> None:
    assert refusals(tenants=[{"name": "t", "seat": "DE"}]) == [("no-zone", "tenants[0]")]


@pytest.mark.parametrize(("home", "wrong"), [("z", False), ("y", True), (None, False)])
def test_a_tenant_is_at_home_in_a_zone_that_lists_it(home: str | None, *, wrong: bool) -> None:
    zones = [{"name": "z", "trust": "low", "tenants": ["t"]}, {"name": "y", "trust": "low"}]
    found = refusals(zones=zones, tenants=[{"name": "t", "seat": "DE", "gpus": 0, "home": home}])
    assert found == ([("contradiction", "tenants[0].home")] if wrong else [])


def test_a_zone_on_infiniband_cannot_ask_for_a_vrf() -> None:
    fabric = {"name": "c", "kind": "infiniband", "radix": 64, "link": "400 Gbps"}
    zones = [{"name": "z", "trust": "low", "isolation": {"fabric": "vrf"}}]
    assert refusals(zones=zones, fabrics=[fabric]) == [("contradiction", "zones[0].isolation.fabric")]
