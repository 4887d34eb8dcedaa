"""Checks of an InfiniBand twin against a subnet that answers from a table."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from sovereign_ai.assess.observed.verdicts import PortState
from sovereign_ai.fabric_twin.infiniband.checks import (
    compare,
    expected_keys,
    miswire,
    partitions,
    separation,
    switch_lost,
    wrong_key,
)
from sovereign_ai.fabric_twin.infiniband.ibsim_net import Net
from tests.fabric_twin.infiniband.test_ibsim_net import superpod


def test_a_zones_ports_have_its_key_and_the_manager_the_full_default_alone() -> None:
    one = superpod()
    assert expected_keys(one, "dgx-001-compute0") == {0x7FFF, 0x8001}
    assert expected_keys(one, one.manager) == {0xFFFF}
    others = [name for name in one.adapters if "-manager-" in name and name != one.manager]
    assert {frozenset(expected_keys(one, name)) for name in others} == {frozenset({0x7FFF})}


def test_links_as_planned_are_right_and_an_exchange_is_exactly_four_ports() -> None:
    one = superpod()
    links = {near: far for lower, upper in one.links for near, far in ((lower, upper), (upper, lower))}
    assert all(port.state is PortState.RIGHT for port in compare(one, links))
    (a, b), (c, d) = one.links[-1], one.links[-40]
    crossed = links | {a: d, d: a, c: b, b: c}
    wrong = {(port.device, port.port) for port in compare(one, crossed) if port.state is not PortState.RIGHT}
    assert wrong == {(name, str(port)) for name, port in (a, b, c, d)}


class Subnet:
    """A subnet whose links follow ibsim's commands, and whose ports have the keys of their zone."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.names = {net.node_id(name): name for name in (*net.switches, *net.adapters)}
        self.lids = {name: lid for lid, name in enumerate(self.names.values(), 1)}
        self.links: dict[tuple[str, int], tuple[str, int]] = {}
        for lower, upper in net.links:
            self.links[lower], self.links[upper] = upper, lower
        self.keys = {name: expected_keys(net, name) for name in net.adapters}
        self.paths: set[bool] = {True}

    def console(self, *commands: str) -> None:
        for command in commands:
            verb, *ends = command.replace('"', " ").replace("[", " ").replace("]", " ").split()
            named = [(self.names[ends[at]], int(ends[at + 1])) for at in range(0, len(ends), 2)]
            if verb == "Unlink":
                self.links.pop(self.links.pop(named[0], ("", 0)), None)
            else:
                self.links[named[0]], self.links[named[1]] = named[1], named[0]

    def discover(self) -> Any:
        linked = {node for node, _ in self.links}
        nodes = {name: SimpleNamespace(lid=lid) for name, lid in self.lids.items() if name in linked}
        return SimpleNamespace(nodes=nodes, links=self.links)

    def sweep(self) -> float:
        return 0.0

    def partitions(self, text: str) -> None:
        for name, guid in self.net.adapters.items():
            zone = self.net.zones[name]
            listed = f"{guid:#018x}" in text.partition("intruder")[0]
            keys = set(expected_keys(self.net, name))
            if zone in self.net.pkeys and not listed:
                keys.discard(self.net.pkeys[zone])
            if f"{guid:#018x}" in text.partition("intruder")[2]:
                keys.add(0x7ABC | 0x8000)
            self.keys[name] = frozenset(keys)

    def ask_all(self, questions: Sequence[tuple[str, ...]]) -> list[str]:
        return [self._answer(*words) for words in questions]

    def _answer(self, program: str, *words: str) -> str:
        by_lid = {str(lid): name for name, lid in self.lids.items()}
        if program == "smpquery":
            return " ".join(f"0x{key:04x}" for key in sorted(self.keys[by_lid[words[1]]]))
        if program == "saquery":
            source, target = (by_lid[lid] for lid in words[-1].split(":"))
            zones = self.net.zones
            same = zones[source] == zones[target] and zones[source] in self.net.pkeys
            return "dlid 1" if same in self.paths else ""
        if program == "ibtracert":
            return f'-> switch port 1 "{self.net.leaf_of(by_lid[words[0]])}"\nTo ca'
        return ""


def subnet() -> Any:
    return Subnet(superpod())


def test_ports_with_the_keys_of_their_zones_pass_and_others_are_named() -> None:
    sound = subnet()
    assert partitions(sound)[0]
    name = next(iter(sound.net.adapters))
    sound.keys[name] = frozenset({0xFFFF})
    passed, text, figures = partitions(sound)
    assert (passed, text, figures["wrong"]) == (False, f"wrong: {name}", 1)


def test_paths_within_zones_and_none_across_pass_and_open_zones_fail() -> None:
    sound = subnet()
    assert separation(sound)[0]
    sound.paths = {True, False}
    passed, text, figures = separation(sound)
    assert not passed
    assert text.startswith("wrong: ")
    assert figures["wrong"] == figures["across asked"] == figures["across answered"]


def test_a_wrong_key_is_reported_by_both_its_ports_and_repaired() -> None:
    passed, text, figures = wrong_key(subnet())
    assert passed, text
    assert figures == {"found": 2, "left after it": 0}


def test_a_miswire_is_exactly_four_swapped_ports_and_is_undone() -> None:
    sound = subnet()
    before = dict(sound.links)
    passed, text, figures = miswire(sound)
    assert passed, text
    assert figures == {"found": 4, "left after it": 0}
    assert sound.links == before


def test_a_lost_leaf_cuts_off_its_ports_and_a_wrong_prediction_is_seen() -> None:
    sound = subnet()
    before = dict(sound.links)
    most = max(sum(leaf == upper[0] for _, upper in sound.net.links) for leaf in sound.net.switches)
    loss = SimpleNamespace(kind="leaf, most ports", endpoints=most)
    report: Any = SimpleNamespace(losses=[loss])
    passed, text, figures = switch_lost(sound, report, "leaf")
    assert passed, text
    assert figures["cut off"] == figures["foretold"] > 0
    assert sound.links == before
    loss.endpoints = 1
    assert not switch_lost(sound, report, "leaf")[0]
