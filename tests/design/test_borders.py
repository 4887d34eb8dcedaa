"""Links to the outside and management machines of designs, against every way planned whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.catalog.switch import switch
from sovereign_ai.catalog.system import system, systems
from sovereign_ai.design import candidates
from sovereign_ai.design.borders import best_borders
from sovereign_ai.design.proposal import design
from sovereign_ai.design.request import DesignRequest
from sovereign_ai.design.score import Prices
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec import read_data
from sovereign_ai.units import BitsPerSecond

NOW = date(2026, 11, 27)
MODELS = ("sn4600c", "sn4700", "sn5600")
PRICES = {
    "price.sn4600c": 9_000.0,
    "price.sn4700": 20_000.0,
    "price.link.25": 100.0,
    "price.link.100": 300.0,
    "price.link.400": 1_000.0,
}
GIVEN = {name: GivenValue(value) for name, value in PRICES.items()}
"""Prices made up for the test."""


def wanted(gpus: int, ports: int, link: str = "", managers: int = 0) -> DesignRequest:
    rate = BitsPerSecond.parse(link) if link else None
    manager = system("r660") if managers else None
    request = DesignRequest("x", gpus, system("dgx-h100"), "DE", kinds=("roce",))
    return replace(request, border_ports=ports, border_link=rate, managers=managers, manager=manager)


@pytest.fixture
def few_models(monkeypatch: pytest.MonkeyPatch) -> None:
    models = tuple(switch(name) for name in MODELS)
    monkeypatch.setattr(candidates, "switches", lambda: models)


def every_way(ports: int, link: str) -> list[dict[str, Any]]:
    """Give every border that has at most so many ports a switch, by loops of its own."""
    rate = {"link": link} if link else {}
    ways: list[dict[str, Any]] = []
    for a_switch in range(1, ports + 1):
        ways.append({"at": "spine", "ports": a_switch, **rate})
        for leaves in (2, 4, 8):
            ways.append({"at": "leaf", "leaves": leaves, "ports": a_switch, **rate})
            ways += [{"leaves": leaves, "ports": a_switch, "switch": name, **rate} for name in MODELS]
    return ways


def in_band_alone(request: DesignRequest, border: dict[str, Any]) -> Plan | None:
    data = {**request.base(), "fabrics": [candidates.in_band_fabric(border)]}
    try:
        return plan(read_data(data, "design").factory)
    except SpecError:
        return None


def spent(derived: Plan) -> tuple[float, int, int]:
    """Give what switches and links cost, the watts of the site, and the number of switches."""
    [plane] = derived.fabrics
    dollars = (len(plane.cables) - plane.outside) * PRICES["price.link.100"]
    dollars += plane.outside / 2 * PRICES[f"price.link.{plane.outside_link // 10**9}"]
    return dollars, derived.power[0].it_load, len(plane.switches)


@pytest.mark.usefixtures("few_models")
@pytest.mark.parametrize(
    ("gpus", "ports", "link"), [(64, 8, ""), (512, 5, "25 Gbps"), (2_048, 64, "400 Gbps")]
)
def test_no_way_to_the_outside_is_cheaper_and_draws_less_with_fewer_switches(
    gpus: int, ports: int, link: str
) -> None:
    request = wanted(gpus, ports, link)
    base = read_data(request.base(), "design").factory
    kept, _ = best_borders(request, base, Prices(GIVEN, "DE"))
    assert kept
    plans = {}
    for border in kept:
        assert border is not None
        derived = in_band_alone(request, dict(border))
        assert derived is not None
        [plane] = derived.fabrics
        plans[str(border)] = spent(derived)
        assert plane.outside >= ports
        assert len(set(plane.outside_links.uppers())) >= 2
    for way in every_way(ports, link):
        other = in_band_alone(request, way)
        if other is None or other.fabrics[0].outside < ports:
            continue
        if len(set(other.fabrics[0].outside_links.uppers())) < 2:
            continue
        if "switch" in way and way["switch"] != "sn4600c":
            # Another model costs what its price says, which the plan alone does not.
            continue
        figures = spent(other)
        for name, mine in plans.items():
            if "switch" in name:
                continue
            is_better = all(theirs <= ours for theirs, ours in zip(figures, mine, strict=True))
            assert not (is_better and figures != mine), (way, name)


@pytest.mark.usefixtures("few_models")
@pytest.mark.parametrize("gpus", [8, 512])
def test_proposals_have_what_is_wanted_and_none_dominates_another(gpus: int) -> None:
    request = wanted(gpus, 6, managers=5)
    proposed = design(request, GIVEN, NOW, lambda _: None)
    for proposal in proposed.proposals:
        [management] = [pool for pool in proposal.factory.pools if pool.purpose == "management"]
        assert (management.system, management.nodes) == ("r660", 5)
        assert proposal.outside["links"] >= 6
        assert proposal.outside["switches"] >= 2
        again = plan(read_data(proposal.data, "again").factory)
        assert sum(plane.outside for plane in again.fabrics) == proposal.outside["links"]
        compute = next(plane for plane in again.fabrics if plane.role == "compute")
        assert not {host for host in compute.host_links.lowers() if host.startswith("management")}
        for other in proposed.proposals:
            assert not other.score.dominates(proposal.score)


@pytest.mark.usefixtures("few_models")
def test_the_cost_of_a_search_is_that_of_the_plan_with_our_ends_alone() -> None:
    request = wanted(64, 8, managers=3)
    given = {**GIVEN, "price.sn2201": GivenValue(3_000.0), "price.link.1": GivenValue(10.0)}
    given |= {"price.sn5600": GivenValue(60_000.0), "price.r660": GivenValue(9_000.0)}
    given |= {"price.dgx-h100": GivenValue(270_000.0)}
    for proposal in design(request, given, NOW, lambda _: None).proposals:
        network = proposal.score.cost.known
        machines = 8 * 270_000.0 + 3 * 9_000.0
        whole = proposal.costs["capex.total.known"].value
        assert whole is not None
        rate = Prices(given, "DE").rate
        assert whole == pytest.approx(network + machines / rate, rel=1e-6)


@pytest.mark.usefixtures("few_models")
def test_links_that_no_model_has_end_with_the_reason() -> None:
    with pytest.raises(SpecError) as error:
        design(wanted(64, 8, "3 Tbps"), {}, NOW, lambda _: None)
    assert any("3 Tbps" in problem.message for problem in error.value.problems)


def test_machines_of_liquid_and_management_of_air_share_a_hall_of_both() -> None:
    cold = next(model for model in systems() if model.gpus and model.cooling[0] == "liquid")
    request = DesignRequest("x", 64, cold, "DE")
    assert request.cooling == "liquid"
    assert replace(request, managers=2, manager=system("r660")).cooling == "hybrid"


def test_without_wishes_nothing_of_either_is_proposed() -> None:
    base = wanted(64, 0).base()
    assert [pool["name"] for pool in base["pools"]] == ["gpu"]
    assert list(candidates.borders(wanted(64, 0))) == []
