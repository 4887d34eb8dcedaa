"""What tables show of a site: pools of servers, fabrics as they are cabled, and open questions.

A pool is all servers of one system at one site whose names differ only in their number.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sovereign_ai.catalog.system import systems
from sovereign_ai.errors import Problem, SpecError, nearest
from sovereign_ai.spec.adopt.fabrics import AdoptedFabric, is_end, named, plain, planes
from sovereign_ai.spec.adopt.tables import NetBoxDevice, Tables
from sovereign_ai.text import visible

_NUMBER = re.compile(r"[-_.]?\d+$")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]+ [A-Za-z]+")
_SPECIAL = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@dataclass(frozen=True, slots=True)
class AdoptedPool:
    """Servers of one kind.

    Attributes:
        name: the common beginning of their names.
        site: their site.
        system: the catalogue's system.
        machines: their names, in order.
        per_rack: the most of them in one rack; 0 where the table has no racks.
    """

    name: str
    site: str
    system: str
    machines: tuple[str, ...]
    per_rack: int


@dataclass(frozen=True, slots=True)
class AdoptedPart:
    """A part of a description.

    Attributes:
        sites: names of sites with anything in this part.
        pools: pools.
        fabrics: fabrics, the widest first.
        questions: what a description needs and the tables do not contain, and what was left out.
    """

    sites: tuple[str, ...]
    pools: tuple[AdoptedPool, ...]
    fabrics: tuple[AdoptedFabric, ...]
    questions: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Return the part as in a description: names of sites, pools and fabrics, without open questions."""
        return {
            "sites": [{"name": site} for site in self.sites],
            "pools": [self._pool(pool) for pool in self.pools],
            "fabrics": [self._fabric(fabric) for fabric in self.fabrics],
        }

    def _pool(self, pool: AdoptedPool) -> dict[str, Any]:
        """Return one pool."""
        data: dict[str, Any] = {"name": pool.name, "site": pool.site, "system": pool.system}
        data["nodes"] = len(pool.machines)
        if pool.per_rack:
            data["nodes_per_rack"] = pool.per_rack
        return data

    def _fabric(self, fabric: AdoptedFabric) -> dict[str, Any]:
        """Return one fabric; sites and pools are listed only where it does not have all of them."""
        data: dict[str, Any] = {"name": fabric.name, "role": fabric.role, "kind": fabric.kind}
        if fabric.site and len(self.sites) > 1:
            data["sites"] = [fabric.site]
        names: list[str] = []
        has_all = True
        for pool in self.pools:
            if fabric.site and pool.site != fabric.site:
                continue
            if fabric.machines.isdisjoint(pool.machines):
                has_all = False
            else:
                names.append(pool.name)
        if not has_all:
            data["pools"] = names
        data["rails"] = fabric.rails
        if fabric.switch:
            data["switch"] = fabric.switch
        else:
            data["radix"] = fabric.radix
        data["link"] = f"{fabric.link // 10**9} Gbps"
        data["oversubscription"] = fabric.oversubscription
        # Without free leaves the plane is sized for exactly the servers that are connected.
        if not fabric.roomy:
            data["padding"] = "none"
        return data

    def to_yaml(self) -> str:
        """Return the part as YAML, with the questions as comments above it."""
        lines = [f"# {visible(question)}" for question in self.questions]
        for section, entries in self.to_data().items():
            lines += ["", f"{section}:"]
            for entry in entries:
                fields = ", ".join(_flow_fields(entry))
                lines.append(f"  - {{{fields}}}")
        return "\n".join(lines).lstrip("\n") + "\n"


def _flow_fields(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield an entry's fields in flow style."""
    for key, value in entry.items():
        if isinstance(value, list):
            items = ", ".join(map(_flow_value, value))
            yield f"{key}: [{items}]"
        else:
            yield f"{key}: {_flow_value(value)}"


def _flow_value(value: object) -> str:
    """Return one value so that every reader of YAML reads the same.

    Text of a table is quoted unless it is a plain word, a number or a quantity.
    """
    text = str(value)
    is_plain = isinstance(value, int) or (_PLAIN.fullmatch(text) is not None and text.lower() not in _SPECIAL)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def adopt(tables: Tables, models: Mapping[str, str] | None = None, site: str = "") -> AdoptedPart:
    """Derive a part of a description from tables.

    Args:
        tables: the tables.
        models: model in the table to the catalogue's system, where the names differ.
        site: adopt this site alone.

    Raises:
        SpecError: a system or a site that does not exist, or no server at all.
    """
    known = {plain(system.name): system.name for system in systems()}
    given = models or {}
    here = {name: device for name, device in tables.devices.items() if site in ("", device.site)}
    problems: list[Problem] = []
    for name in given.values():
        if name not in known.values():
            hint = nearest(name, list(known.values()))
            problems.append(Problem("unknown-system", f"no system is called {name!r}", hint=hint))
    if not here:
        sites = sorted({device.site for device in tables.devices.values()})
        message = f"no device is at {site!r}"
        problems.append(Problem("unknown-site", message, hint=nearest(site, sites)))
    system_of: dict[str, str] = {}
    models_seen: set[str] = set()
    site_names: dict[str, None] = {}
    for name, device in here.items():
        models_seen.add(device.model)
        site_names[device.site] = None
        system = given.get(device.model) or known.get(plain(device.model), "")
        if system:
            system_of[name] = system
    if not system_of and not problems:
        message = f"no model is a system of the catalogue: {', '.join(sorted(models_seen)[:8])}"
        problems.append(Problem("no-machine", message, hint="name it: --model XE9680=dgx-h100"))
    if problems:
        raise SpecError(problems)
    machines = set(system_of)
    pools = tuple(_adopt_pools(here, system_of))
    fabrics, loose = planes(tables, here, machines)
    questions = (*_questions(pools, fabrics), *_left_out(here, machines, loose))
    return AdoptedPart(tuple(site_names), pools, fabrics, questions)


def _adopt_pools(here: Mapping[str, NetBoxDevice], system_of: Mapping[str, str]) -> Iterator[AdoptedPool]:
    """Yield the pools.

    Args:
        here: the devices of the sites that are adopted.
        system_of: server to its system.
    """
    members_of: defaultdict[tuple[str, str, str], list[NetBoxDevice]] = defaultdict(list)
    for name, system in system_of.items():
        stem = named(_NUMBER.sub("", name))
        members_of[stem, here[name].site, system].append(here[name])
    sites_of: defaultdict[str, set[str]] = defaultdict(set)
    stems: Counter[str] = Counter()
    for stem, site, _ in members_of:
        sites_of[stem].add(site)
        stems[stem] += 1
    for (stem, site, system), members in sorted(members_of.items(), key=itemgetter(0)):
        # A stem of several pools is completed by what distinguishes them.
        name = stem
        if len(sites_of[stem]) > 1:
            name = named(f"{stem}-{site}")
        elif stems[stem] > 1:
            name = named(f"{stem}-{system}")
        racks: Counter[str] = Counter()
        names: list[str] = []
        for device in members:
            names.append(device.name)
            if device.rack:
                racks[device.rack] += 1
        yield AdoptedPool(name, site, system, tuple(sorted(names)), max(racks.values(), default=0))


def _questions(pools: tuple[AdoptedPool, ...], fabrics: tuple[AdoptedFabric, ...]) -> Iterator[str]:
    """Yield what a description needs and tables do not contain."""
    yield "sites: country, power, halls and their cooling are not in the tables"
    for pool in pools:
        yield f"pool {pool.name}: purpose and zone are not in the tables"
    for fabric in fabrics:
        noun = f"fabric {fabric.name}"
        yield (
            f"{noun}: {fabric.leaf} leaves, {fabric.spine} spines, {fabric.core} cores, "
            f"{fabric.node_leaf} cables to leaves, {fabric.inner} between switches; "
            f"its role {fabric.role} is a guess, and so is {fabric.kind}"
        )
        if not fabric.switch:
            yield (
                f"{noun}: its switches are no model of the catalogue; "
                f"radix {fabric.radix} is the most ports cabled on one of them"
            )
        if fabric.roomy:
            yield (
                f"{noun}: leaves without a machine; it is sized for more, so padding is left to its default"
            )
        if not fabric.link:
            yield f"{noun}: the type of its ports has no rate"


def _left_out(here: Mapping[str, NetBoxDevice], machines: set[str], loose: list[str]) -> Iterator[str]:
    """Yield what was left out."""
    pdus = 0
    servers: Counter[str] = Counter()
    for name, device in here.items():
        if name in machines or not is_end(name, here, machines):
            continue
        if "pdu" in device.role.lower():
            pdus += 1
        else:
            servers[device.model] += 1
    if pdus:
        yield f"power: {pdus} rack PDUs; the feed of each is not in the tables"
    for model, count in sorted(servers.items()):
        yield f"storage: {count} x {model}; the tables state neither what they hold nor for which tenant"
    if loose:
        yield f"{len(loose)} devices are cabled and no machine is on them: {', '.join(loose[:3])}"
