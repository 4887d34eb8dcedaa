"""Recognise the ways out of the factory that are renamed, closed, or lead elsewhere.

A gateway has no object of its own: each namespace of its zones has a network policy under its name. A gateway
that comes has the name of one that goes if both share an address at the other end. Another address is another
way out, whatever its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sovereign_ai.deploy.live.deployed_record import record_in
from sovereign_ai.deploy.moves.component_move import Move, Usage, namespace_of
from sovereign_ai.deploy.moves.noted_renames import Renames
from sovereign_ai.deploy.moves.place_renames import RenamedPlaces
from sovereign_ai.deploy.moves.successors import component_of
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.spec import AIFactory, Gateway
from sovereign_ai.text import counted

Object = Mapping[str, Any]
GATEWAY = "gateway"
_PREFIX = f"{GATEWAY}-"
"""Where the name of a gateway's policies begins; a test renders them."""


@frozen_dataclass
class KnownGateways:
    """What is known of gateways beside their policies, of which one may have none.

    Attributes:
        described: the gateways that were described before, whether or not any namespace was in their zones.
        renamed: old name to new name, as the run that was cut short took them; None where none was.
    """

    described: frozenset[str] = frozenset()
    renamed: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Way:
    """A way out, as policies or a description have it.

    Attributes:
        zones: the zones that may use it.
        addresses: the ranges of addresses at the other end.
        ports: the ports at the other end.
        namespaces: the namespaces that have a policy for it.
    """

    zones: set[str] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    ports: set[str] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)

    def parts(self) -> tuple[tuple[str, set[str]], ...]:
        """Return what it is made of, with the word for each."""
        return ("zone", self.zones), ("address", self.addresses), ("port", self.ports)


def gateway_moves(
    live: Iterable[Object],
    gateways: Sequence[Gateway],
    zones: Mapping[str, str],
    usage: Usage,
    known: KnownGateways | None = None,
) -> Iterator[Move]:
    """Yield the gateways that are renamed or closed, and what of a gateway is not open any more.

    Args:
        live: the factory's own live objects.
        gateways: the gateways of the new description.
        zones: old name to new name of the zones that are renamed.
        usage: the objects of tenants.
        known: what else is known of gateways.
    """
    before = _live_ways(live, zones)
    after = _described_ways(gateways)
    names = _new_names(before, after, known or KnownGateways())
    for name, old in before.items():
        successor = names[name]
        if successor != name:
            # A renamed gateway leads where it led.
            costs = () if successor else tuple(_costs(old, usage, old.addresses))
            yield Move(GATEWAY, name, successor, costs)
        if successor:
            yield from _losses(name, successor, old, after[successor], usage)


def renamed_gateways(
    live: Iterable[Object],
    zones: RenamedPlaces,
    factory: AIFactory,
    cluster: str,
    noted: Renames | None = None,
) -> RenamedPlaces:
    """Return the gateways that a deployment takes for renamed, as places are.

    Args:
        live: the factory's own live objects.
        zones: the places that are renamed, zones among them.
        factory: the new description.
        cluster: the plan's name for the cluster.
        noted: what the run that was begun last took for renamed.
    """
    old = list(live)
    names = {name: new_name for (kind, name), new_name in zones.items() if kind == "zone"}
    known = known_gateways(old, factory, cluster, noted)
    successors = _new_names(_live_ways(old, names), _described_ways(factory.gateways), known)
    return {(GATEWAY, name): new for name, new in successors.items() if new not in {"", name}}


def known_gateways(
    live: Iterable[Object], factory: AIFactory, cluster: str, noted: Renames | None
) -> KnownGateways:
    """Return what is known of gateways beside their policies."""
    recorded = record_in(live, factory.name, cluster).parts.get(GATEWAY, {})
    noted = noted or Renames()
    pairs = {name: new for (kind, name), new in noted.places.items() if kind == GATEWAY}
    # What a run that was cut short has recorded need not be there yet.
    return KnownGateways(
        frozenset(recorded.keys() - set(pairs.values())), pairs if noted.is_resumed else None
    )


def _live_ways(live: Iterable[Object], zones: Mapping[str, str]) -> dict[str, _Way]:
    """Return gateway to its way by the network policies, its zones under their new names, sorted by name."""
    ways: dict[str, _Way] = {}
    for obj in live:
        policy = obj["metadata"]["name"]
        if obj["kind"] != "NetworkPolicy" or not policy.startswith(_PREFIX):
            continue
        way = ways.setdefault(policy.removeprefix(_PREFIX), _Way())
        zone = component_of(obj).partition(".")[2]
        way.zones.add(zones.get(zone, zone))
        way.namespaces.add(namespace_of(obj))
        for rule in obj["spec"].get("egress") or ():
            way.addresses |= {peer["ipBlock"]["cidr"] for peer in rule.get("to") or () if "ipBlock" in peer}
            way.ports |= {str(port["port"]) for port in rule.get("ports") or () if "port" in port}
    return dict(sorted(ways.items()))


def _described_ways(gateways: Sequence[Gateway]) -> dict[str, _Way]:
    """Return gateway to its way by the description."""
    ways = {}
    for gateway in gateways:
        ports = {str(port) for port in gateway.ports}
        ways[gateway.name] = _Way(set(gateway.zones), set(gateway.addresses), ports)
    return ways


def _new_names(before: Mapping[str, _Way], after: Mapping[str, _Way], known: KnownGateways) -> dict[str, str]:
    """Return each old name with the new one; empty where the gateway is closed."""
    names = {name: name if name in after else "" for name in before}
    if known.renamed is not None:
        return {name: new or known.renamed.get(name, "") for name, new in names.items()}
    matches = []
    for old in before.keys() - after.keys():
        for new in after.keys() - before.keys() - known.described:
            common = len(before[old].addresses & after[new].addresses)
            if common:
                more = len(before[old].ports & after[new].ports) + len(before[old].zones & after[new].zones)
                matches.append((-common, -more, old, new))
    taken = set()
    # The best match first; among equal ones by name, so that no order decides.
    for _, _, old, new in sorted(matches):
        if not names[old] and new not in taken:
            names[old] = new
            taken.add(new)
    return names


def _losses(name: str, successor: str, old: _Way, new: _Way, usage: Usage) -> Iterator[Move]:
    """Yield what a gateway leaves: zones, addresses and ports."""
    for (place, there), (_, stays) in zip(old.parts(), new.parts(), strict=True):
        lost = there - stays
        if not lost:
            continue
        origin = ", ".join(sorted(lost))
        target = ", ".join(sorted(stays - there))
        costs = tuple(_costs(old, usage, lost)) if place == "address" else ()
        yield Move(GATEWAY, name, successor, costs, place, origin, target)


def _costs(way: _Way, usage: Usage, addresses: Iterable[str]) -> Iterator[str]:
    """Yield what is interrupted where addresses are not open any more."""
    if pods := usage.pods_in(way.namespaces):
        lost = f"the way to {', '.join(sorted(addresses))}"
        yield counted(len(pods), f"running pod loses {lost}", f"running pods lose {lost}")
