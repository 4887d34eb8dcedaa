"""Power chains for the tests of this room: one part is changed, the rest stays the same."""

from __future__ import annotations

from typing import Any

from sovereign_ai.plan.feasibility import draft, other_watts
from sovereign_ai.plan.power.chain_elements import ChainElement
from sovereign_ai.plan.power.chain_problems import site_chain
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, power, site

EFFICIENCY = {
    "quarter": "95 %",
    "half": "96 %",
    "three_quarters": "96.4 %",
    "full": "96 %",
    "grade": "datasheet",
    "source": "the supplier's data sheet of 2026-05",
}


def ups(**more: Any) -> dict[str, Any]:
    """A UPS system for each feed, of modules of 100 kW."""
    return {
        "topology": "distributed-redundant",
        "module": "100 kW",
        "efficiency": EFFICIENCY,
        "recharge": "5 kW",
        **more,
    }


def transformers(**more: Any) -> dict[str, Any]:
    """Transformers of 160 kVA, one more than the load needs."""
    return {
        "rating": "160 kVA",
        "redundancy": "N+1",
        "no_load_loss": "200 W",
        "load_loss": "2 kW",
        **more,
    }


def generators(**more: Any) -> dict[str, Any]:
    """Generators of 100 kW, one more than the load needs."""
    return {
        "rating": "100 kW",
        "redundancy": "N+1",
        "start": "15 s",
        "autonomy": "48 h",
        "fuel": "5000 L",
        "consumption": "28 L/h",
        **more,
    }


def chain(**more: Any) -> dict[str, Any]:
    """A chain with nothing but what is named."""
    return {"power_factor": "95 %", "mechanical": {"power": "20 kW", "on_ups": "4 kW"}, **more}


def with_chain(parts: dict[str, Any], pools: Any = None, halls: Any = None, **more: Any) -> AIFactory:
    """The usual factory, two racks of 40.8 kW on three feeds, with a chain of some parts."""
    place: dict[str, Any] = {"power": power(chain=chain(**parts), **more)}
    if halls is not None:
        place["halls"] = halls
    return factory(sites=[site(**place)], **({} if pools is None else {"pools": pools}))


def elements(described: AIFactory) -> dict[str, ChainElement]:
    """The elements of the first site's chain, by what they are."""
    results, _ = draft(described)
    place = described.sites[0]
    other = other_watts(described, results.sizes, results.storage, place.name)
    by_name: dict[str, ChainElement] = {}
    for element in site_chain(place, results.shapes, other):
        by_name[element.element] = element
    return by_name
