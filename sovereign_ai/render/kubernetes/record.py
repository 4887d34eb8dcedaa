"""The record of a description on its cluster, by which the next deployment sees what of it has changed.

Objects and nodes do not show everything: a site without machines has none, and labels of live nodes come from
what a machine measures by itself, which may differ from the description although nobody changed it. So the
ConfigMap `factory` also holds what the machines of each pool are, a fingerprint of each part that may have no
objects, the names of those that may have none on this cluster, and whose each tenant is.

    recorded(factory, plan, "lab")["machines"]   # '{"train":{"driver":"580.95.5",…}}'
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory

MACHINES, PARTS = "machines", "parts"
"""Keys of the ConfigMap."""
ENTITY = "entity"
"""Field of a tenant that is recorded as it is: the legal entity whose the tenant's namespaces are."""
_PARTS = {"fabric": "fabrics", "key": "keys", "site": "sites", "zone": "zones"}
"""Kind of a part that may have no objects to its field; halls are parts of sites."""
_NAMED = ("pools", "storage", "tenants")
_NAMED_ALONE = {"gateway": "gateways", "pool": "pools", "storage": "storage", "tenant": "tenants"}
"""Kind of a part that may have objects elsewhere only to its field: that it was described is all that counts.
"""
"""Fields with other parts that these name."""
_DIGITS = 8
"""Hexadecimal digits of the hash of one field: a change is missed once in four billion."""
Facts = Mapping[str, Mapping[str, str]]
"""Pool to what its machines are."""
Parts = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Kind of part to name to field to a hash of its content."""


def recorded(factory: AIFactory, plan: Plan, cluster: str) -> dict[str, str]:
    """Return the record as data of a ConfigMap.

    Args:
        factory: the description.
        plan: its plan.
        cluster: the plan's name for the cluster.
    """
    return {MACHINES: _text(machines(plan, cluster)), PARTS: _text(recorded_parts(factory))}


def recorded_parts(factory: AIFactory) -> Parts:
    """Return every part that is recorded: with its fingerprint, or by its name and whose it is."""
    described: dict[str, dict[str, Mapping[str, str]]] = {}
    for kind, field in _NAMED_ALONE.items():
        described[kind] = {part.name: {} for part in getattr(factory, field)}
    for tenant in factory.tenants:
        if tenant.entity:
            described["tenant"][tenant.name] = {ENTITY: tenant.entity}
    return {**described, **parts(factory)}


def machines(plan: Plan, cluster: str) -> Facts:
    """Return what the machines of each pool on a cluster are; `counted` is how many are no spares.

    Raises:
        KeyError: the plan has no such cluster.
    """
    facts: dict[str, dict[str, str]] = {}
    for part in plan.cluster(cluster).pools:
        facts[part.pool] = {
            "zone": part.zone,
            "system": part.system,
            "driver": part.driver,
            "MIG profile": part.mig or "none",
            "role": "management" if part.is_management else "work",
        }
    counts = dict.fromkeys(facts, 0)
    for node in plan.nodes:
        if node.pool not in facts:
            continue
        # A pool may stand on several clusters; the numbers of its machines run through all of them.
        counts[node.pool] += not node.spare
        if node.cluster == cluster:
            facts[node.pool] |= {"site": node.site, "hall": node.hall, "region": node.region}
    for pool, count in counts.items():
        facts[pool]["counted"] = str(count)
    return facts


def parts(factory: AIFactory) -> Parts:
    """Return a fingerprint of each part that may have no objects; names of parts do not count in it."""
    data = factory.model_dump(mode="json", include={*_PARTS.values(), *_NAMED})
    lists = {kind: data[field] for kind, field in _PARTS.items()}
    lists["hall"] = []
    for site in data["sites"]:
        lists["hall"] += site["halls"]
    names: set[str] = set()
    for listed in (*lists.values(), *map(data.__getitem__, _NAMED)):
        names.update(part["name"] for part in listed)
    found = {}
    for kind, listed in lists.items():
        found[kind] = {part["name"]: _fingerprint(part, names) for part in listed}
    return found


def _fingerprint(part: Mapping[str, Any], names: set[str]) -> dict[str, str]:
    """Return a hash of each field of a part but its name."""
    hashes = {}
    for field, value in part.items():
        if field != "name" and value not in (None, [], {}):
            content = orjson.dumps(_nameless(value, names), option=orjson.OPT_SORT_KEYS)
            hashes[field] = hashlib.sha256(content).hexdigest()[:_DIGITS]
    return hashes


def _nameless(value: Any, names: set[str]) -> Any:
    """Return plain data without the names of parts, and of parts of them."""
    match value:
        case dict():
            return {key: _nameless(inner, names) for key, inner in value.items() if key != "name"}
        case list():
            return [_nameless(inner, names) for inner in value]
        case str() if value in names:
            return ""
        case _:
            return value


def _text(value: Mapping[str, Any]) -> str:
    """Return canonical JSON."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
