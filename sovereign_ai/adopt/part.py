"""What files show of a site: pools of servers, fabrics as they are cabled, and open questions.

A pool is all servers of one system at one site whose names differ only in their number.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from sovereign_ai.adopt.fabrics import (
    AdoptedBorder,
    AdoptedFabric,
    is_end,
    managed_only,
    named,
    plain,
    planes,
)
from sovereign_ai.adopt.standing import MACHINE, Device, StandingSite
from sovereign_ai.catalog.system import System, system_hint, systems
from sovereign_ai.errors import Problem, SpecError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted, visible

_NUMBER = re.compile(r"[-_.]?\d+$")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*|[0-9]+ [A-Za-z]+")
_SPECIAL = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@frozen_dataclass
class AdoptedPool:
    """Servers of one kind.

    Attributes:
        name: the common beginning of their names.
        site: their site.
        system: the catalogue's system; empty where the files name no model.
        machines: their names, in order.
        per_rack: the most of them in one rack; 0 where the files have no racks.
        gpus: the numbers of GPUs that the files state of a machine, each once; empty where they state none.
        domains: their NVLink domains; 0 where the files name none.
    """

    name: str
    site: str
    system: str
    machines: tuple[str, ...]
    per_rack: int
    gpus: tuple[int, ...] = ()
    domains: int = 0


@frozen_dataclass
class AdoptedPart:
    """A part of a description.

    Attributes:
        sites: names of sites with anything in this part.
        pools: pools.
        fabrics: fabrics, the widest first.
        questions: what a description needs and the files do not contain, and what is a guess.
        left_out: what the files contain and the part has no place for.
    """

    sites: tuple[str, ...]
    pools: tuple[AdoptedPool, ...]
    fabrics: tuple[AdoptedFabric, ...]
    questions: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return the part as in a description: names of sites, pools and fabrics, without open questions."""
        return {
            "sites": [{"name": site} for site in self.sites],
            "pools": [self._pool(pool) for pool in self.pools],
            "fabrics": [self._fabric(fabric) for fabric in self.fabrics],
        }

    def _pool(self, pool: AdoptedPool) -> dict[str, Any]:
        """Return one pool."""
        data: dict[str, Any] = {"name": pool.name}
        for key, value in (("site", pool.site), ("system", pool.system)):
            if value:
                data[key] = value
        data["nodes"] = len(pool.machines)
        if pool.per_rack:
            data["nodes_per_rack"] = pool.per_rack
        return data

    def _fabric(self, fabric: AdoptedFabric) -> dict[str, Any]:
        """Return one fabric."""
        data: dict[str, Any] = {"name": fabric.name, "role": fabric.role}
        if not fabric.is_tree:
            data["kind"] = fabric.kind
        data |= self._members(fabric)
        # One link of a tree may be several cables, so it counts nothing.
        if fabric.is_tree:
            return data
        data["rails"] = fabric.rails
        if fabric.leaf_rails > 1:
            data["leaf_rails"] = fabric.leaf_rails
        if fabric.switch:
            data["switch"] = fabric.switch
        else:
            # A switch has an even number of ports, and no description takes fewer than four.
            data["radix"] = max(fabric.radix + fabric.radix % 2, 4)
        if fabric.link:
            data["link"] = f"{fabric.link // 10**9} Gbps"
        data["oversubscription"] = fabric.oversubscription
        for name in ("pod_leaves", "peer_links", "spine_peer_links"):
            if getattr(fabric, name):
                data[name] = getattr(fabric, name)
        if fabric.outside is not None:
            data["border"] = fabric.outside.to_data(fabric.link)
        # Without free leaves the plane is sized for exactly the servers that are connected.
        if not fabric.roomy:
            data["padding"] = "none"
        return data

    def _members(self, fabric: AdoptedFabric) -> dict[str, Any]:
        """Return a fabric's sites and pools, each only where it does not have all of them."""
        data: dict[str, Any] = {}
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
        return data

    def to_yaml(self) -> str:
        """Return the part as YAML, with the questions as comments above it."""
        lines = [f"# {visible(question)}" for question in self.questions]
        lines += [f"# left out: {visible(text)}" for text in self.left_out]
        for section, entries in self.to_data().items():
            if not entries:
                continue
            lines += ["", f"{section}:"]
            for entry in entries:
                fields = ", ".join(_flow_fields(entry))
                lines.append(f"  - {{{fields}}}")
        return "\n".join(lines).lstrip("\n") + "\n"


def _flow_fields(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield an entry's fields in flow style."""
    for key, value in entry.items():
        if isinstance(value, dict):
            yield f"{key}: {{{', '.join(_flow_fields(value))}}}"
        elif isinstance(value, list):
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


def adopt(site: StandingSite, models: Mapping[str, str] | None = None, only: str = "") -> AdoptedPart:
    """Derive a part of a description from what files show.

    Args:
        site: the standing site.
        models: a model in the files, or the name of a pool, to the catalogue's system.
        only: adopt the site of this name alone.

    Raises:
        SpecError: a system, a model or a site that does not exist, or no server at all.
    """
    known = {plain(system.name): system for system in systems()}
    given = models or {}
    here = {name: device for name, device in site.devices.items() if only in ("", device.site)}
    problems = list(_wrong_systems(given, known))
    if site.devices and not here:
        sites = sorted({device.site for device in site.devices.values()})
        message = f"no device is at {only!r}"
        problems.append(Problem("unknown-site", message, hint=nearest(only, sites)))
    system_of, unknown, models_seen = _systems_of(here, given, known, managed_only(site))
    names: set[str] = set()
    site_names: dict[str, None] = {}
    for name, device in here.items():
        names.update((device.model, _stem(name)))
        if device.site:
            site_names[device.site] = None
    for model in given:
        if here and model not in names:
            message = f"no model and no pool is called {model[:60]!r}"
            problems.append(Problem("unknown-model", message, hint=nearest(model, names - {""})))
    if not system_of and not problems:
        shown = ", ".join(sorted(models_seen - {""})[:8])
        message = f"no model is a system of the catalogue: {shown}" if shown else "no machine is in the files"
        problems.append(Problem("no-machine", message, hint="name it: --model XE9680=dgx-h100"))
    if problems:
        raise SpecError(problems)
    machines = set(system_of)
    pools = tuple(_adopt_pools(here, system_of))
    fabrics, loose = planes(site, here, machines | unknown)
    questions = (*_questions(site, pools, fabrics), *_gpu_questions(pools, known))
    left_out = (*_left_out(here, machines, loose), *site.left_out)
    return AdoptedPart(tuple(site_names), pools, fabrics, questions, left_out)


def _wrong_systems(given: Mapping[str, str], known: Mapping[str, System]) -> Iterator[Problem]:
    """Yield a problem for each given system that the catalogue does not have."""
    names = [system.name for system in known.values()]
    for name in given.values():
        if name not in names:
            yield Problem("unknown-system", f"no system is called {name[:60]!r}", hint=system_hint(name))


def _stem(name: str) -> str:
    """Return the name of a machine without its number, as a description may have it."""
    return named(_NUMBER.sub("", name))


def _systems_of(
    here: Mapping[str, Device], given: Mapping[str, str], known: Mapping[str, System], managed: Container[str]
) -> tuple[dict[str, str], set[str], set[str]]:
    """Return (machine to its system, machines that are left out, every model seen).

    A machine without a system belongs to the part, with an empty system, unless it has management ports alone
    (`managed`), or the user named systems: then those that are not named are left out.
    """
    system_of: dict[str, str] = {}
    left_out: set[str] = set()
    models: set[str] = set()
    for name, device in here.items():
        models.add(device.model)
        system = given.get(device.model) or given.get(_stem(name), "")
        if not system and plain(device.model) in known:
            system = known[plain(device.model)].name
        if device.kind not in ("", MACHINE):
            continue
        if system or (device.kind == MACHINE and not given and name not in managed):
            system_of[name] = system
        elif device.kind == MACHINE:
            left_out.add(name)
    return system_of, left_out, models


def _adopt_pools(here: Mapping[str, Device], system_of: Mapping[str, str]) -> Iterator[AdoptedPool]:
    """Yield the pools.

    Args:
        here: the devices of the sites that are adopted.
        system_of: server to its system.
    """
    members_of: defaultdict[tuple[str, str, str], list[Device]] = defaultdict(list)
    for name, system in system_of.items():
        members_of[_stem(name), here[name].site, system].append(here[name])
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
        yield _pool_of(name, site, system, members)


def _pool_of(name: str, site: str, system: str, members: Iterable[Device]) -> AdoptedPool:
    """Return the pool of some servers."""
    racks: Counter[str] = Counter()
    names: list[str] = []
    gpus: set[int] = set()
    domains: set[str] = set()
    for device in members:
        names.append(device.name)
        if device.rack:
            racks[device.rack] += 1
        if device.gpus:
            gpus.add(device.gpus)
        if device.domain:
            domains.add(device.domain)
    per_rack = max(racks.values(), default=0)
    return AdoptedPool(name, site, system, tuple(sorted(names)), per_rack, tuple(sorted(gpus)), len(domains))


def _questions(
    site: StandingSite, pools: tuple[AdoptedPool, ...], fabrics: tuple[AdoptedFabric, ...]
) -> Iterator[str]:
    """Yield what a description needs and files do not contain."""
    yield "sites: country, power, halls and their cooling are not in the files"
    for pool in pools:
        missing = ["purpose", "zone"]
        if not pool.site:
            missing.insert(0, "site")
        if not pool.system:
            missing.insert(0, "system")
        yield f"pool {pool.name}: {', '.join(missing[:-1])} and {missing[-1]} are not in the files"
    for fabric in fabrics:
        yield from _fabric_questions(fabric)
    if not fabrics and not site.cables:
        yield "fabrics: no link is in the files"


def _fabric_questions(fabric: AdoptedFabric) -> Iterator[str]:
    """Yield what is not known of a fabric."""
    noun = f"fabric {fabric.name}"
    leaves, spines = counted(fabric.leaf, "leaf", "leaves"), counted(fabric.spine, "spine")
    counts = f"{leaves}, {spines}, {counted(fabric.core, 'core')}"
    if fabric.border:
        counts += f", {counted(fabric.border, 'border leaf', 'border leaves')}"
    if fabric.is_tree:
        machines_text = counted(fabric.fullest, "machine")
        yield (
            f"{noun}: one path of it, with {counts}, {machines_text} below the fullest leaf; "
            f"kind, rails, switch, link and oversubscription are not in the files; its role is a guess"
        )
        return
    yield (
        f"{noun}: {counts}, {counted(fabric.node_leaf, 'cable')} to leaves, {fabric.inner} between switches; "
        f"its role {fabric.role} is a guess, and so is {fabric.kind}"
    )
    if not fabric.switch:
        yield (
            f"{noun}: its switches are no model of the catalogue; "
            f"radix {fabric.radix} is the most ports seen on one of them"
        )
    if fabric.roomy:
        yield f"{noun}: leaves without a machine; it is sized for more, so padding is left to its default"
    if fabric.outside is not None:
        yield from _border_questions(noun, fabric.outside)
    if not fabric.link:
        yield f"{noun}: the rate of its links is not in the files"


def _border_questions(noun: str, border: AdoptedBorder) -> Iterator[str]:
    """Yield what is not known of how a fabric meets the outside."""
    if not border.ports:
        text = "the links of its border leaves to the outside are not in the files"
        yield f"{noun}: {text}: write 'border.ports'"
    elif not border.link:
        yield f"{noun}: the rate of its links to the outside is not in the files"
    if border.is_guess:
        yield f"{noun}: no role says whether switches beyond spines are cores; those with ports out are not"
    if not border.is_even:
        yield (
            f"{noun}: its ports to the outside differ from switch to switch; "
            f"the most is written, {border.ports} on each {border.at}"
        )


def _gpu_questions(pools: tuple[AdoptedPool, ...], known: Mapping[str, System]) -> Iterator[str]:
    """Yield where the GPUs that files state are not those of the system, or decide which it may be."""
    for pool in pools:
        counts = " or ".join(map(str, pool.gpus))
        system = known.get(plain(pool.system))
        if not counts:
            continue
        if system is None:
            yield f"pool {pool.name}: its machines have {counts} GPUs"
        elif pool.gpus != (system.gpus,):
            yield f"pool {pool.name}: its machines have {counts} GPUs, a {system.name} has {system.gpus}"


def _left_out(here: Mapping[str, Device], machines: set[str], loose: list[str]) -> Iterator[str]:
    """Yield what was left out."""
    pdus = 0
    servers: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    for name, device in here.items():
        if name in machines or not is_end(name, here, machines):
            continue
        if device.kind == MACHINE:
            groups[_stem(name)] += 1
        elif "pdu" in device.role.lower():
            pdus += 1
        else:
            servers[device.model] += 1
    if pdus:
        yield f"power: {counted(pdus, 'rack PDU')}; the feed of each is not in the files"
    for model, count in sorted(servers.items()):
        yield f"storage: {count} x {model}; the files state neither what they hold nor for which tenant"
    for stem, count in sorted(groups.items()):
        yield f"machines: {count} x {stem}, which have no system, or management ports alone"
    if loose:
        devices_text = counted(len(loose), "device is", "devices are")
        yield f"{devices_text} cabled and no machine is on them: {', '.join(loose[:3])}"
