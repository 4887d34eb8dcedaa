"""Names: each is declared once, and each that is used is declared.

The checks read plain data and not parts, so that they report a wrong name even where another field of the
same part is wrong. Where a declaring list is itself unreadable, names of its kind are not checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.files import below, may_be_secret, shown

if TYPE_CHECKING:
    from sovereign_ai.catalog import Design
    from sovereign_ai.catalog.switch import SwitchModel
    from sovereign_ai.catalog.system import System

_DECLARED = {
    "site": "sites[].name",
    "hall": "sites[].halls[].name",
    "pool": "pools[].name",
    "phase": "phases[].name",
    "fabric": "fabrics[].name",
    "storage tier": "storage[].name",
    "key": "keys[].name",
    "zone": "zones[].name",
    "tenant": "tenants[].name",
    "residency policy": "residency[].data",
    "gateway": "gateways[].name",
    "supplier": "suppliers[].name",
    "service": "services[].name",
    "provider": "providers[].package",
    "workload": "workloads[].name",
    "disruption budget": "disruption_budgets[].name",
    "signer": "images.signers[].name",
    "waiver": "waivers[].id",
}
"""Kind to the fields that declare its names, each unique in the factory."""

_DECLARED_PER_SITE = {"contract of the site": "contracts[].name", "uplink of the site": "uplinks[].name"}

_USED = {
    "pools[].site": "site",
    "pools[].zone": "zone",
    "pools[].system": "system",
    "phases[].pools[].pool": "pool",
    "phase": "phase",
    "fabrics[].sites[]": "site",
    "fabrics[].pools[]": "pool",
    "fabrics[].pool_links[].pool": "pool",
    "fabrics[].switch": "switch",
    "fabrics[].spine_switch": "switch",
    "fabrics[].border.switch": "switch",
    "fabrics[].design": "design",
    "sites[].uplinks[].to": "site",
    "storage[].zone": "zone",
    "storage[].sites[]": "site",
    "storage[].encryption.key": "key",
    "storage[].backup.site": "site",
    "zones[].tenants[]": "tenant",
    "zones[].allow[].to": "zone",
    "tenants[].data[]": "residency policy",
    "tenants[].home": "zone",
    "residency[].gateways[]": "gateway",
    "residency[].zones[]": "zone",
    "gateways[].zones[]": "zone",
    "workloads[].tenant": "tenant",
    "workloads[].pool": "pool",
    "workloads[].data[]": "residency policy",
    "disruption_budgets[].pools[]": "pool",
    "disruption_budgets[].tenants[]": "tenant",
    "operator.sub_processors[].data[]": "residency policy",
    "clusters.home": "site",
    "platform.multikueue[].zones[]": "zone",
    "platform.multikueue[].tenants[]": "tenant",
}
"""Fields that use names, and the kind that they name; systems, switches and designs are declared by the
catalogue."""

_MISSING = {
    "system": "the catalogue has no system called {}",
    "switch": "the catalogue has no switch called {}",
    "design": "no published design is called {}",
    "residency policy": "no residency policy is for the data class {}",
}


def check_names(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield names declared twice, names that are not declared, and lists that contain a name twice."""
    for noun, pattern in _DECLARED.items():
        yield from _repeated_names(noun, _find_values(data, pattern))
    for field, site in _find_values(data, "sites[]"):
        for noun, pattern in _DECLARED_PER_SITE.items():
            names = [(below(field, inner), name) for inner, name in _find_values(site, pattern)]
            yield from _repeated_names(noun, names)
    known = _known_names(data)
    for pattern, kind in _USED.items():
        uses = [(field, name) for field, name in _find_values(data, pattern) if isinstance(name, str)]
        is_list = pattern.endswith("[]")
        listed: set[tuple[str, str]] = set()
        for field, name in uses:
            yield from _check_use(kind, known.get(kind), field, name)
            if not is_list:
                continue
            # The field without its index is the list: `pools[0].data[2]` is an entry of `pools[0].data`.
            entry = (field[: field.rindex("[")], name)
            if entry in listed:
                message = f"{shown(name)} is in this list twice"
                yield Problem("duplicate-entry", message, Where(field=field), "keep one of the two")
            listed.add(entry)


def _check_use(kind: str, names: Mapping[str, None] | None, field: str, name: str) -> Iterator[Problem]:
    """Refuse a name that is not declared; `names` is None where the declarations are unreadable."""
    if names is None or name in names:
        return
    message = _MISSING.get(kind, f"no {kind} is called {{}}").format(shown(name))
    # A hint never repeats a name that may be a secret.
    candidates = [known for known in names if not may_be_secret(known)]
    yield Problem("unknown-name", message, Where(field=field), _hint(kind, name, candidates))


def _hint(kind: str, name: str, candidates: list[str]) -> str:
    """Return a hint with what a name may mean; products are told apart by their numbers."""
    from sovereign_ai.catalog.switch import switch_hint  # noqa: PLC0415
    from sovereign_ai.catalog.system import system_hint  # noqa: PLC0415 - only a wrong name needs them

    if kind == "system":
        return system_hint(name, candidates)
    return switch_hint(name, candidates) if kind == "switch" else nearest(name, candidates)


def _find_values(data: object, pattern: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted field and the value of everything that a pattern such as `pools[].zone` matches."""
    step, _, rest = pattern.partition(".")
    name = step.removesuffix("[]")
    value = data.get(name) if isinstance(data, Mapping) else None
    if value is None:
        return
    at = below(path, name)
    matches: list[tuple[str, Any]] = [(at, value)]
    if step.endswith("[]"):
        # A value that should be a list and is none is reported with its type, and has no names.
        entries = value if isinstance(value, list | tuple) else ()
        matches = [(below(at, index), item) for index, item in enumerate(entries)]
    for field, item in matches:
        if rest:
            yield from _find_values(item, rest, field)
        else:
            yield field, item


def _repeated_names(noun: str, declared: Iterable[tuple[str, Any]]) -> Iterator[Problem]:
    """Yield names of one kind that are declared a second time."""
    seen: dict[str, str] = {}
    for field, name in declared:
        if isinstance(name, str) and seen.setdefault(name, field) != field:
            message = f"a second {noun} is called {shown(name)}; the first is {seen[name]}"
            yield Problem("duplicate-name", message, Where(field=field), "give it another name")


def _names_of(rows: Iterable[System | SwitchModel | Design]) -> dict[str, None]:
    """Return the names of a catalogue's rows, in its order."""
    return dict.fromkeys(row.name for row in rows)


def _known_names(data: Mapping[str, Any]) -> dict[str, dict[str, None]]:
    """Return the names that exist, by kind, in the order of declaration; without unreadable kinds."""
    from sovereign_ai.catalog import designs  # noqa: PLC0415
    from sovereign_ai.catalog.switch import switches  # noqa: PLC0415 - only checks need it
    from sovereign_ai.catalog.system import systems  # noqa: PLC0415

    known = {
        "system": _names_of(systems()),
        "switch": _names_of(switches()),
        "design": _names_of(designs()),
    }
    for kind, pattern in _DECLARED.items():
        top = data.get(pattern.partition("[")[0], ())
        if not isinstance(top, list | tuple):
            continue
        names = [name for _, name in _find_values(data, pattern)]
        # A part without its name makes the kind unreadable. Halls lie a level deeper, so their number is not
        # known.
        is_complete = kind == "hall" or len(names) == len(top)
        if is_complete and all(isinstance(name, str) for name in names):
            known[kind] = dict.fromkeys(names)
    return known
