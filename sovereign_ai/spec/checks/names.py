"""Names: each is given once, and each that is used is declared.

The checks read plain data and not parts, so that they tell of a wrong name even where another
field of the same part is wrong. Where a declaring list is itself unreadable, its kind is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.spec.secrets import may_be_secret, shown
from sovereign_ai.spec.source import below

_DECLARED = {
    "site": "sites[].name",
    "hall": "sites[].halls[].name",
    "pool": "pools[].name",
    "fabric": "fabrics[].name",
    "storage tier": "storage[].name",
    "key": "keys[].name",
    "zone": "zones[].name",
    "tenant": "tenants[].name",
    "residency policy": "residency[].data",
    "gateway": "gateways[].name",
    "supplier": "suppliers[].name",
    "service": "services[].name",
    "workload": "workloads[].name",
    "waiver": "waivers[].id",
}
"""Where names are given, each once in the factory."""

_DECLARED_PER_SITE = {"contract of the site": "contracts[].name", "uplink of the site": "uplinks[].name"}

_USED = {
    "pools[].site": "site",
    "pools[].zone": "zone",
    "pools[].system": "system",
    "fabrics[].sites[]": "site",
    "fabrics[].pools[]": "pool",
    "fabrics[].switch": "switch",
    "storage[].zone": "zone",
    "storage[].sites[]": "site",
    "storage[].encryption.key": "key",
    "storage[].backup.site": "site",
    "zones[].tenants[]": "tenant",
    "zones[].allow[].to": "zone",
    "tenants[].data[]": "residency policy",
    "residency[].gateways[]": "gateway",
    "residency[].zones[]": "zone",
    "gateways[].zones[]": "zone",
    "workloads[].tenant": "tenant",
    "workloads[].pool": "pool",
    "workloads[].data[]": "residency policy",
    "operator.sub_processors[].data[]": "residency policy",
}
"""Where names are used, and what they name; systems and switches stand in the catalogue."""

_MISSING = {
    "system": "the catalogue has no system called {}",
    "switch": "the catalogue has no switch called {}",
    "residency policy": "no residency policy is for the data class {}",
}


def check_names(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Give names that are given twice, names that nobody declares, and lists that name a thing twice."""
    for noun, pattern in _DECLARED.items():
        yield from _twice(noun, _find(data, pattern))
    for field, site in _find(data, "sites[]"):
        for noun, pattern in _DECLARED_PER_SITE.items():
            yield from _twice(noun, ((below(field, inner), name) for inner, name in _find(site, pattern)))
    known = _known(data)
    for pattern, kind in _USED.items():
        names = known.get(kind)
        listed: dict[tuple[str, str], str] = {}
        for field, name in _find(data, pattern):
            if not isinstance(name, str):
                continue
            if names is not None and name not in names:
                message = _MISSING.get(kind, f"no {kind} is called {{}}").format(shown(name))
                yield Problem("unknown-name", message, Where(field=field), nearest(name, [one for one in names if not may_be_secret(one)]))
            if pattern.endswith("[]") and listed.setdefault((field[: field.rindex("[")], name), field) != field:
                yield Problem("duplicate-entry", f"{shown(name)} stands in this list twice", Where(field=field), "keep one of the two")


def _find(data: object, pattern: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give the dotted field and the value of everything that a pattern such as `pools[].zone` means."""
    step, _, rest = pattern.partition(".")
    name = step.removesuffix("[]")
    value = data.get(name) if isinstance(data, Mapping) else None
    if value is None:
        return
    at = below(path, name)
    found: Iterable[tuple[str, Any]] = [(at, value)]
    if step.endswith("[]"):
        found = [(below(at, index), item) for index, item in enumerate(value)] if isinstance(value, list | tuple) else []
    for field, item in found:
        if rest:
            yield from _find(item, rest, field)
        else:
            yield field, item


def _twice(noun: str, declared: Iterable[tuple[str, Any]]) -> Iterator[Problem]:
    """Give names of one kind that are given a second time."""
    seen: dict[str, str] = {}
    for field, name in declared:
        if isinstance(name, str) and seen.setdefault(name, field) != field:
            yield Problem(
                "duplicate-name",
                f"a second {noun} is called {shown(name)}; the first is {seen[name]}",
                Where(field=field),
                "give it another name",
            )


def _known(data: Mapping[str, Any]) -> dict[str, dict[str, None]]:
    """Give the names that exist, by kind, in the order of their declaration; kinds that cannot be told are left out."""
    from sovereign_ai.catalog.switches import switches  # noqa: PLC0415 - read when a description is checked, not when it is written
    from sovereign_ai.catalog.systems import systems  # noqa: PLC0415

    known = {"system": dict.fromkeys(system.name for system in systems()), "switch": dict.fromkeys(switch.name for switch in switches())}
    for kind, pattern in _DECLARED.items():
        top = data.get(pattern.partition("[")[0], ())
        if not isinstance(top, list | tuple):
            continue
        names = [name for _, name in _find(data, pattern)]
        whole = kind == "hall" or len(names) == len(top)
        if whole and all(isinstance(name, str) for name in names):
            known[kind] = dict.fromkeys(names)
    return known
