"""What switches accept from neighbours, by the rendered files: all that is planned, and nothing else."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.render.switches.announcements import collapse
from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.render.switches.names import LinuxNames, uses
from sovereign_ai.render.switches.ports import SwitchPorts, port_maps
from sovereign_ai.render.switches.sonic import NAMES
from sovereign_ai.render.switches.vendors import cumulus
from tests.render.lab import stack

STACKS = ("lab", "plural", "superpod", "gigafactory")
ENTRY = re.compile(r"ip prefix-list (\S+) seq \d+ (permit|deny) (\S+)( ge 32)?")
Routes = set[str]


@cache
def planes(name: str) -> list[dict[str, SwitchPorts]]:
    """Return each Ethernet plane as its switches by name."""
    factory, plan = stack(name)
    routed = [plane for plane in plan.fabrics if plane.kind != "infiniband"]
    return [{each.switch.name: each for each in port_maps(factory, plan, plane)} for plane in routed]


class Filters:
    """The inbound policies of one rendered file, evaluated as FRR evaluates them."""

    def __init__(self, text: str) -> None:
        self.lists: defaultdict[str, list[tuple[str, IPv4Network, bool]]] = defaultdict(list)
        for name, action, cidr, single in ENTRY.findall(text):
            network = IPv4Network("0.0.0.0/0" if cidr == "any" else cidr)
            self.lists[name].append((action, network, bool(single)))
        maps = re.findall(
            r"^route-map (\S+) permit \d+\n match ip address prefix-list (\S+)$", text, re.MULTILINE
        )
        self.list_of: dict[str, str] = dict(maps)
        self.policy: dict[str, str] = {}
        self.most: dict[str, int] = {}
        for instance in text.split("\nrouter bgp ")[1:]:
            self._read(instance)

    def _read(self, instance: str) -> None:
        """Read the sessions of a BGP instance; a line about the group is about each of its sessions."""
        unicast = instance.partition("address-family ipv4 unicast")[2].partition("exit-address-family")[0]
        policy: dict[str, str] = dict(
            re.findall(r"^  neighbor (\S+) route-map (\S+) in$", unicast, re.MULTILINE)
        )
        most: dict[str, str] = dict(
            re.findall(r"^  neighbor (\S+) maximum-prefix (\d+)$", unicast, re.MULTILINE)
        )
        for session in re.findall(r"^ neighbor (\S+) interface peer-group FABRIC$", instance, re.MULTILINE):
            self.policy[session] = policy.get(session, policy.get("FABRIC", ""))
            self.most[session] = int(most.get(session, most.get("FABRIC", "0")))

    def accepts(self, interface: str, prefix: str) -> bool:
        route = IPv4Network(prefix)
        for action, network, single in self.lists[self.list_of[self.policy[interface]]]:
            if (route.prefixlen == 32 and route.subnet_of(network)) if single else route == network:
                return action == "permit"
        return False


@cache
def filters(device: str, name: str, plane: int) -> Filters:
    return Filters(frr(planes(name)[plane][device]))


def own(device: SwitchPorts, table: str) -> Routes:
    """Return what a switch itself announces in a table."""
    routes = {f"{port.address}/32" for port in device.ports if port.address and in_table(device, port, table)}
    return routes if table else routes | {f"{device.switch.loopback}/32"}


def in_table(device: SwitchPorts, port: Any, table: str) -> bool:
    part = device.partition(port)
    return part is None if not table else part is not None and part.kind == "vrf" and part.zone == table


def interface(device: SwitchPorts, port: Any, table: str) -> str:
    if not table:
        return LinuxNames().port(device, port)
    return LinuxNames().subinterface(device, port, device.partitions[table])


def flood(name: str, plane: int, table: str) -> dict[str, Routes]:
    """Return what each switch knows once all have announced what they know, through the filters."""
    switches = planes(name)[plane]
    known: dict[str, dict[str, tuple[int, ...]]] = {}
    for device in switches.values():
        known[device.switch.name] = dict.fromkeys(own(device, table), ())
    changed = set(switches)
    while changed:
        speakers, changed = changed, set()
        for speaker in sorted(speakers):
            sender = switches[speaker]
            for port in sender.fabric:
                receiver = switches[port.peer]
                back = next(p for p in receiver.fabric if p.peer == speaker and p.peer_port == port.name)
                judge = filters(port.peer, name, plane)
                for route, path in list(known[speaker].items()):
                    whole = (sender.switch.asn, *path)
                    is_new = route not in known[port.peer] and receiver.switch.asn not in whole
                    if is_new and judge.accepts(interface(receiver, back, table), route):
                        known[port.peer][route] = whole
                        changed.add(port.peer)
    return {switch: set(routes) for switch, routes in known.items()}


def tables(device: SwitchPorts) -> list[str]:
    return ["", *(part.zone for part in uses(device, "vrf"))]


@pytest.mark.parametrize("name", ["lab", "plural", "superpod"])
def test_every_leaf_still_learns_all_that_the_other_leaves_announce(name: str) -> None:
    for number, switches in enumerate(planes(name)):
        leaves = [device for device in switches.values() if device.switch.tier == "leaf"]
        for table in tables(leaves[0]):
            wanted = set().union(*(own(leaf, table) for leaf in leaves))
            known = flood(name, number, table)
            for leaf in leaves:
                assert wanted <= known[leaf.switch.name], (leaf.switch.name, table)


@pytest.mark.loads
def test_no_planned_route_of_three_tiers_is_refused_on_its_way() -> None:
    for number, switches in enumerate(planes("gigafactory")[:1]):
        for device in switches.values():
            judge = filters(device.switch.name, "gigafactory", number)
            for port in device.fabric:
                for table in tables(device):
                    for route in own(switches[port.peer], table):
                        assert judge.accepts(interface(device, port, table), route)


def hijacks(switches: dict[str, SwitchPorts], victim: SwitchPorts, attacker: SwitchPorts) -> Iterator[str]:
    """Yield what a captured leaf would announce to draw traffic that is not its own."""
    loopback = victim.switch.loopback
    yield "0.0.0.0/0"
    yield "0.0.0.0/1"
    yield "128.0.0.0/1"
    yield "10.0.0.0/8"
    yield "8.8.8.8/32"
    yield "169.254.169.254/32"
    yield f"{loopback}/32"
    yield str(IPv4Network(f"{loopback}/31", strict=False))
    yield str(IPv4Network(f"{loopback}/24", strict=False))
    yield str(IPv4Network(f"{attacker.switch.loopback}/31", strict=False))
    yield from (f"{address}/32" for address in attacker.gateways.values())
    yield from attacker.gateways
    for device in switches.values():
        if device.switch.tier != "leaf":
            yield f"{device.switch.loopback}/32"
    for table in tables(victim):
        yield from sorted(own(victim, table))


@pytest.mark.parametrize("name", ["lab", "plural", "superpod"])
def test_a_captured_leaf_can_announce_nothing_but_its_own(name: str) -> None:
    tried = 0
    for number, switches in enumerate(planes(name)):
        leaves = [device for device in switches.values() if device.switch.tier == "leaf"]
        attacker, victim = leaves[0], leaves[-1]
        for port in attacker.fabric:
            receiver = switches[port.peer]
            back = next(
                p for p in receiver.fabric if p.peer_port == port.name and p.peer == attacker.switch.name
            )
            judge = filters(port.peer, name, number)
            for table in tables(attacker):
                at = interface(receiver, back, table)
                # A host with ports on both leaves is announced by both.
                for route in set(hijacks(switches, victim, attacker)) - own(attacker, table):
                    tried += 1
                    assert not judge.accepts(at, route), (port.peer, table, route)
                for route in own(attacker, table):
                    assert judge.accepts(at, route), "the control"
    assert tried >= 10


@pytest.mark.parametrize("name", ["lab", "plural", "superpod"])
def test_a_leaf_takes_no_range_and_none_of_its_own_addresses_from_above(name: str) -> None:
    for number, switches in enumerate(planes(name)):
        leaves = [device for device in switches.values() if device.switch.tier == "leaf"]
        leaf, other = leaves[0], leaves[-1]
        judge = filters(leaf.switch.name, name, number)
        for port in leaf.fabric:
            for table in tables(leaf):
                at = interface(leaf, port, table)
                refused = {"0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8", "8.8.8.8/32", "192.0.2.0/24"}
                elsewhere = set().union(*(own(beside, table) for beside in leaves[1:]))
                refused |= (own(leaf, table) - elsewhere) | set(leaf.gateways)
                assert not any(judge.accepts(at, route) for route in refused)
                assert all(judge.accepts(at, route) for route in own(other, table)), "the control"


def test_a_host_on_two_leaves_stays_reachable_through_the_other_one() -> None:
    leaf, other = (device for device in planes("lab")[2].values() if device.switch.tier == "leaf")
    both = own(leaf, "restricted") & own(other, "restricted")
    assert both, "the lab's machines have in-band ports on both leaves"
    judge = filters(leaf.switch.name, "lab", 2)
    at = interface(leaf, leaf.fabric[0], "restricted")
    assert all(judge.accepts(at, route) for route in both)


def test_a_zones_table_takes_no_address_of_another_zone() -> None:
    switches = planes("lab")[2]
    leaf = next(iter(switches.values()))
    spine = switches[leaf.fabric[0].peer]
    back = next(port for port in spine.fabric if port.peer == leaf.switch.name)
    judge = filters(spine.switch.name, "lab", 2)
    for table in ("restricted", "open"):
        for other in {"", "restricted", "open"} - {table}:
            for route in own(leaf, other):
                assert not judge.accepts(interface(spine, back, table), route)
        assert all(judge.accepts(interface(spine, back, table), route) for route in own(leaf, table))


@pytest.mark.parametrize("name", ["lab", "plural", "superpod"])
def test_every_session_has_a_filter_and_room_for_what_is_planned_and_ttl_security(name: str) -> None:
    for number, switches in enumerate(planes(name)):
        for device in switches.values():
            for names in (LinuxNames(), NAMES):
                text = frr(device, names)
                judge = Filters(text)
                sessions = re.findall(r"^ neighbor (\S+) interface peer-group FABRIC$", text, re.MULTILINE)
                assert sorted(sessions) == sorted(judge.policy) == sorted(judge.most)
                assert set(judge.policy.values()) <= set(judge.list_of)
                assert text.count("neighbor FABRIC ttl-security hops 1") == text.count("\nrouter bgp ")
                assert ("route-map SEGMENTS in" in text) == bool(uses(device, "vni"))
            judge = filters(device.switch.name, name, number)
            for port in device.fabric:
                for table in tables(device):
                    announced = len(own(switches[port.peer], table))
                    assert announced < judge.most[interface(device, port, table)]


def test_the_limit_of_a_leafs_session_follows_from_what_the_leaf_has() -> None:
    switches = planes("superpod")[0]
    leaf = next(iter(switches.values()))
    spine = switches[leaf.fabric[0].peer]
    back = next(port for port in spine.fabric if port.peer == leaf.switch.name)
    count = len(own(leaf, "research"))
    judge = filters(spine.switch.name, "superpod", 0)
    assert judge.most[interface(spine, back, "research")] == count + max(16, count // 4)


def test_sonics_leaves_may_announce_their_loopback_in_a_zones_table_and_linux_ones_not() -> None:
    switches = planes("lab")[2]
    leaf = next(iter(switches.values()))
    spine = switches[leaf.fabric[0].peer]
    back = next(port for port in spine.fabric if port.peer == leaf.switch.name)
    part = spine.partitions["restricted"]
    loopback = f"{leaf.switch.loopback}/32"
    assert Filters(frr(spine, NAMES)).accepts(NAMES.subinterface(spine, back, part), loopback)
    assert not Filters(frr(spine)).accepts(LinuxNames().subinterface(spine, back, part), loopback)


@pytest.mark.parametrize("name", ["lab", "plural", "superpod"])
def test_cumulus_has_the_same_lists_maps_and_limits_as_frr(name: str) -> None:
    for switches in planes(name):
        for device in switches.values():
            data = yaml.safe_load(cumulus(device))[0]["set"]
            judge = Filters(frr(device))
            lists = {}
            for list_name, rows in data["router"]["policy"]["prefix-list"].items():
                entries = []
                for number in sorted(rows["rule"], key=int):
                    rule = rows["rule"][number]
                    ((cidr, length),) = rule["match"].items()
                    network = IPv4Network("0.0.0.0/0" if cidr == "any" else cidr)
                    entries.append((rule["action"], network, length == {"min-prefix-len": 32}))
                lists[list_name] = entries
            assert lists == dict(judge.lists)
            policy, most = {}, {}
            for vrf in data["vrf"].values():
                bgp = vrf["router"]["bgp"]
                assert bgp["peer-group"]["fabric"]["ttl-security"] == {"state": "enabled", "hops": 1}
                for link, session in bgp["neighbor"].items():
                    group = bgp["peer-group"]["fabric"]["address-family"]["ipv4-unicast"]
                    family = session.get("address-family", {}).get("ipv4-unicast", group)
                    policy[link] = family["policy"]["inbound"]["route-map"]
                    most[link] = family["prefix-limits"]["inbound"]["maximum"]
            assert (policy, most) == (judge.policy, judge.most)


@pytest.mark.twin
@pytest.mark.parametrize("name", ["lab", "plural", "superpod"])
def test_frr_itself_reads_the_first_switch_of_each_tier(name: str, tmp_path: Path) -> None:
    for switches in planes(name):
        for tier in ("leaf", "spine"):
            device = next(each for each in switches.values() if each.switch.tier == tier)
            for names in (LinuxNames(), NAMES):
                file = tmp_path / "frr.conf"
                file.write_text(frr(device, names), encoding="ascii")
                done = subprocess.run(
                    ["vtysh", "-C", "-f", file], capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("numbers", "ranges"),
    [
        ([], []),
        ([0], ["0.0.0.0/32"]),
        ([5, 4], ["0.0.0.4/31"]),
        ([5, 6], ["0.0.0.5/32", "0.0.0.6/32"]),
        (range(256), ["0.0.0.0/24"]),
        (range(2, 16), ["0.0.0.2/31", "0.0.0.4/30", "0.0.0.8/29"]),
        ([2**32 - 1], ["255.255.255.255/32"]),
    ],
)
def test_ranges_hold_exactly_the_addresses(numbers: list[int], ranges: list[str]) -> None:
    assert collapse(numbers) == ranges
    assert sum(IPv4Network(cidr).num_addresses for cidr in ranges) == len(numbers)
