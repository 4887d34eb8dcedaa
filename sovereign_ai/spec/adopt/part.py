"""What tables show of a site: pools of machines, fabrics as they are cabled (`fabrics.py`), and what they leave open.

* A pool is all machines of one system at one site whose names differ in their number alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sovereign_ai.catalog.systems import systems
from sovereign_ai.errors import Problem, SpecError, nearest
from sovereign_ai.spec.adopt.fabrics import AdoptedFabric, is_end, named, plain, planes
from sovereign_ai.spec.adopt.tables import Device, Tables

_NUMBER = re.compile(r"[-_.]?\d+$")


@dataclass(frozen=True, slots=True)
class AdoptedPool:
    """Machines of one sort.

    Attributes:
        name: what their names begin with.
        site: where they stand.
        system: the catalogue's system.
        machines: their names, in order.
        per_rack: the most of them in one rack; 0 where no rack is told.
    """

    name: str
    site: str
    system: str
    machines: tuple[str, ...]
    per_rack: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a description.

    Attributes:
        sites: names of sites with anything in this part.
        pools: pools.
        fabrics: fabrics, the widest first.
        questions: what the tables do not say and a description needs, and what was left out.
    """

    sites: tuple[str, ...]
    pools: tuple[AdoptedPool, ...]
    fabrics: tuple[AdoptedFabric, ...]
    questions: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Give the part as a description has it: names of sites, pools and fabrics, without what is a question."""
        return {
            "sites": [{"name": one} for one in self.sites],
            "pools": [
                {"name": one.name, "site": one.site, "system": one.system, "nodes": len(one.machines)}
                | ({"nodes_per_rack": one.per_rack} if one.per_rack else {})
                for one in self.pools
            ],
            "fabrics": [self._fabric(one) for one in self.fabrics],
        }

    def _fabric(self, one: AdoptedFabric) -> dict[str, Any]:
        """Give one fabric; sites and pools are said only where it does not have all of them."""
        found: dict[str, Any] = {"name": one.name, "role": one.role, "kind": one.kind}
        if one.site and len(self.sites) > 1:
            found["sites"] = [one.site]
        pools = [pool for pool in self.pools if not one.site or pool.site == one.site]
        mine = [pool.name for pool in pools if one.machines & set(pool.machines)]
        if len(mine) < len(pools):
            found["pools"] = mine
        found |= {"rails": one.rails, **({"switch": one.switch} if one.switch else {"radix": one.radix})}
        found |= {"link": f"{one.link // 10**9} Gbps", "oversubscription": one.oversubscription}
        return found if one.roomy else found | {"padding": "none"}

    def to_yaml(self) -> str:
        """Write the part, with the questions as comments above it."""
        lines = [f"# {question}" for question in self.questions]
        for section, entries in self.to_data().items():
            lines += ["", f"{section}:", *(f"  - {{{', '.join(_pairs(entry))}}}" for entry in entries)]
        return "\n".join(lines).lstrip("\n") + "\n"


def _pairs(entry: Mapping[str, Any]) -> Iterator[str]:
    """Write an entry's fields in flow style; names and quantities need no quotes but a ratio does."""
    for key, value in entry.items():
        text = f"[{', '.join(value)}]" if isinstance(value, list) else f'"{value}"' if ":" in str(value) else str(value)
        yield f"{key}: {text}"


def adopt(tables: Tables, models: Mapping[str, str] | None = None, site: str = "") -> Part:
    """Conclude a part of a description from tables.

    Args:
        tables: what was read.
        models: model as the table has it to the catalogue's system, where the names differ.
        site: take this site alone.

    Raises:
        SpecError: a system or a site that does not exist, or no machine at all.
    """
    known = {plain(one.name): one.name for one in systems()}
    given = models or {}
    here = {name: one for name, one in tables.devices.items() if site in ("", one.site)}
    problems = [
        Problem("unknown-system", f"no system is called {name!r}", hint=nearest(name, list(known.values())))
        for name in given.values()
        if name not in known.values()
    ]
    if not here:
        sites = sorted({one.site for one in tables.devices.values()})
        problems.append(Problem("unknown-site", f"no device stands at {site!r}", hint=nearest(site, sites)))
    system_of = {name: given.get(one.model) or known.get(plain(one.model), "") for name, one in here.items()}
    machines = {name for name, found in system_of.items() if found}
    if not machines and not problems:
        seen = ", ".join(sorted({one.model for one in here.values()})[:8])
        problems.append(Problem("no-machine", f"no model is a system of the catalogue: {seen}", hint="say which: --model XE9680=dgx-h100"))
    if problems:
        raise SpecError(problems)
    pools = tuple(_pools(here, machines, system_of))
    fabrics, loose = planes(tables, here, machines)
    questions = (*_questions(pools, fabrics), *_left_out(here, machines, loose))
    return Part(tuple(dict.fromkeys(one.site for one in here.values())), pools, fabrics, questions)


def _pools(here: Mapping[str, Device], machines: set[str], system_of: Mapping[str, str]) -> Iterator[AdoptedPool]:
    """Give the pools."""
    found: defaultdict[tuple[str, str, str], list[Device]] = defaultdict(list)
    for name in machines:
        found[named(_NUMBER.sub("", name)), here[name].site, system_of[name]].append(here[name])
    stems = Counter(stem for stem, _, _ in found)
    for (stem, site, system), members in sorted(found.items()):
        racks = Counter(one.rack for one in members if one.rack)
        name = (
            stem
            if stems[stem] == 1
            else named(f"{stem}-{site}" if len({key[1] for key in found if key[0] == stem}) > 1 else f"{stem}-{system}")
        )
        yield AdoptedPool(name, site, system, tuple(sorted(one.name for one in members)), max(racks.values(), default=0))


def _questions(pools: tuple[AdoptedPool, ...], fabrics: tuple[AdoptedFabric, ...]) -> Iterator[str]:
    """Say what a description needs and tables do not tell."""
    yield "sites: country, power, halls and their cooling are not in the tables"
    yield from (f"pool {one.name}: purpose and zone are not in the tables" for one in pools)
    for one in fabrics:
        found = f"{one.leaf} leaves, {one.spine} spines, {one.core} cores, {one.node_leaf} cables to leaves, {one.inner} between switches"
        yield f"fabric {one.name}: {found}; its role {one.role} is a guess, and so is {one.kind}"
        if not one.switch:
            yield f"fabric {one.name}: its switches are no model of the catalogue; radix {one.radix} is the most ports cabled on one of them"
        if one.roomy:
            yield f"fabric {one.name}: leaves without a machine; it is sized for more, so padding is left to its default"
        if not one.link:
            yield f"fabric {one.name}: the type of its ports tells no rate"


def _left_out(here: Mapping[str, Device], machines: set[str], loose: list[str]) -> Iterator[str]:
    """Say what was left out."""
    ends = [one for name, one in here.items() if name not in machines and is_end(name, here, machines)]
    pdus = sum("pdu" in one.role.lower() for one in ends)
    servers = Counter(one.model for one in ends if "pdu" not in one.role.lower())
    if pdus:
        yield f"power: {pdus} rack PDUs; which feed each hangs on is not in the tables"
    yield from (f"storage: {count} x {model}; what they hold and for whom is not in the tables" for model, count in sorted(servers.items()))
    if loose:
        yield f"{len(loose)} devices are cabled and no machine is on them: {', '.join(loose[:3])}"
