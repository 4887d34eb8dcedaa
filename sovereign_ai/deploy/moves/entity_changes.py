"""Report the tenants whose name passes to another legal entity, with what they keep.

Nothing of such a tenant is deleted or moves: its namespaces have its name. So what one body keeps there would
be another's without a word, as where two tenants exchange their names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from sovereign_ai.deploy.live.deployed_record import DeployedRecord
from sovereign_ai.deploy.moves.component_move import Move, Usage, namespace_of, total_size
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import ENTITY
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted


def entity_changes(
    live: Iterable[Mapping[str, Any]], record: DeployedRecord, factory: AIFactory, usage: Usage
) -> Iterator[Move]:
    """Yield the tenants that are of another legal entity than when they were deployed last.

    Args:
        live: the factory's own live objects.
        record: what was recorded of the last deployment; an older version recorded no entity.
        factory: the new description.
        usage: the objects of tenants and controllers.
    """
    namespaces: dict[str, set[str]] = defaultdict(set)
    for obj in live:
        if obj["kind"] == "Namespace":
            tenant = (obj["metadata"].get("labels") or {}).get(KEYS.tenant, "")
            namespaces[tenant].add(obj["metadata"]["name"])
    recorded = record.parts.get("tenant", {})
    for each in factory.tenants:
        before, after = recorded.get(each.name, {}).get(ENTITY, ""), each.entity or ""
        if before and before != after:
            costs = tuple(_passing(namespaces[each.name], usage)) if after else ()
            yield Move("tenant", each.name, each.name, costs, ENTITY, before, after)


def _passing(namespaces: AbstractSet[str], usage: Usage) -> Iterator[str]:
    """Yield what passes to the new entity with some namespaces, a sentence each."""
    claims = [claim for claim in usage.claims if namespace_of(claim) in namespaces]
    if pods := usage.pods_in(namespaces):
        yield counted(len(pods), "running pod passes to it", "running pods pass to it")
    if claims:
        size = total_size(claims, "requests")
        yield counted(
            len(claims), f"volume claim ({size}) passes to it", f"volume claims ({size}) pass to it"
        )
    if namespaces:
        yield f"everything else in namespace {', '.join(sorted(namespaces))} passes to it"
