"""Report the storage tiers that stay described, and have no storage class on a cluster any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.deploy.moves.component_move import Move, Usage, old_class_costs
from sovereign_ai.deploy.moves.component_places import component_places
from sovereign_ai.deploy.moves.successors import MOVABLE, components_of
from sovereign_ai.deploy.moves.waiting_work import claim_costs
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory

Object = Mapping[str, Any]


def lost_classes(
    live: Iterable[Object],
    wanted: Iterable[Object],
    renamed: Mapping[str, str],
    staying: Usage,
    factory: AIFactory,
    plan: Plan,
) -> Iterator[Move]:
    """Yield each tier that stays, and has no storage class on this cluster any more.

    It is at other sites, or is reached by a protocol that has none.

    Args:
        live: the factory's own live objects.
        wanted: the bundle's objects.
        renamed: the components that go.
        staying: the objects of tenants and controllers outside of namespaces that go.
        factory: the new description.
        plan: its plan.
    """
    after = components_of(wanted)
    tiers = {f"storage.{tier.name}": tier for tier in factory.storage}
    for component, objects in components_of(live).items():
        if component not in tiers or component in after or component in renamed:
            continue
        tier, places = tiers[component], component_places(objects)
        place, old = "region", places.get((component, "region"), set())
        new = _regions_of(tier.name, factory, plan) - old
        if not tier.protocol.has_storage_class:
            place, old, new = "protocol", places.get((component, "protocol"), set()), {str(tier.protocol)}
        classes = {obj["metadata"]["name"] for obj in objects}
        costs = [*old_class_costs(classes, staying), *claim_costs(classes, staying)]
        yield Move(
            MOVABLE["storage"],
            tier.name,
            tier.name,
            tuple(costs),
            place,
            ", ".join(sorted(old)),
            ", ".join(sorted(new)),
        )


def _regions_of(tier: str, factory: AIFactory, plan: Plan) -> set[str]:
    """Return the regions in which the plan has a tier."""
    sites = {part.site for part in plan.storage if part.tier == tier}
    return {site.region or site.name for site in factory.sites if site.name in sites}
