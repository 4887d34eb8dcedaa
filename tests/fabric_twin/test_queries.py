"""Checks of a twin without faults, against pings that a test answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.fabric_twin import queries
from sovereign_ai.fabric_twin.neighbours import Miswire
from sovereign_ai.fabric_twin.sample import PlanePart, Sample, choose_sample
from tests.fabric_twin.answering import Pings, Quiet, same_zone
from tests.render.lab import stack


@pytest.fixture(scope="module")
def lab() -> Sample:
    return choose_sample(*stack("lab"))


@pytest.fixture
def part(lab: Sample) -> PlanePart:
    return lab.parts[0]


def test_a_twin_without_miswires_is_cabled_and_one_with_some_names_three(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin: Any = Quiet(lab)
    wrong: list[Miswire] = []
    monkeypatch.setattr(queries, "miswires", lambda _sample, _prefix: wrong)
    assert queries.cabling(twin) == (True, "every port meets what the plan says", {"ports": 744, "wrong": 0})
    wrong += [Miswire((f"leaf-{number}", "swp1"), ("spine", "swp1"), None) for number in range(4)]
    passed, text, figures = queries.cabling(twin)
    assert (passed, text.count("hears nobody"), figures["wrong"]) == (False, 3, 4)


def test_every_pair_of_a_zone_is_pinged_within_each_rail_and_to_the_next(part: PlanePart) -> None:
    pings: Any = Pings(lambda _pair: True)
    passed, _, figures = queries.reachability(part, pings)
    assert passed
    assert figures == {"pairs": 2 * 8 * (12 * 11 + 4 * 3), "answered": 2 * 8 * (12 * 11 + 4 * 3)}
    steps = {(target.rail - source.rail) % part.plane.rails for source, target in pings.pinged}
    assert steps == {0, 1}
    assert all(source.zone == target.zone and source.host != target.host for source, target in pings.pinged)


def test_the_first_pair_that_does_not_answer_is_named(part: PlanePart) -> None:
    silent = part.endpoints[5]
    passed, text, _ = queries.reachability(part, Pings(lambda pair: silent not in pair))  # type: ignore[arg-type]
    assert not passed
    assert f"{silent.host} {silent.interface}" in text.partition("; not ")[2]


def test_silence_shows_separation_and_one_answer_a_leak(part: PlanePart) -> None:
    nobody: Any = Pings(lambda _pair: False)
    passed, _, figures = queries.separation(part, nobody)
    assert (passed, figures) == (True, {"pairs": 8 * 2 * 12 * 4, "leaks": 0})
    leak = nobody.pinged[0]
    passed, text, figures = queries.separation(part, Pings(lambda pair: pair == leak))  # type: ignore[arg-type]
    assert (passed, figures["leaks"]) == (False, 1)
    assert f"{leak[0].host} ({leak[0].zone}) reaches {leak[1].host} ({leak[1].zone})" in text


def test_a_plane_of_one_zone_has_nothing_to_keep_apart(part: PlanePart) -> None:
    first = part.endpoints[0].zone
    alone = replace(part, endpoints=tuple(end for end in part.endpoints if end.zone == first))
    pings: Any = Pings(lambda _pair: True)
    assert queries.separation(alone, pings)[:2] == (True, "one zone, and so nothing to keep apart")
    assert pings.pinged == []


def test_nothing_to_ping_shows_nothing(part: PlanePart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "pairs_of", lambda *_rails, **_zone: [])
    pings: Any = Pings(lambda _pair: True)
    assert not queries.reachability(part, pings)[0]
    assert not queries.separation(part, pings)[0]


def test_planes_are_apart_where_no_host_of_another_plane_answers(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str, str]] = []

    def batch(lines: Any, namespace: str, **_force: bool) -> None:
        commands.extend((namespace, line) for line in lines)

    monkeypatch.setattr(queries, "batch", batch)
    pings: Any = Pings(lambda _pair: False)
    passed, _, figures = queries.apart(Quiet(lab), pings)  # type: ignore[arg-type]
    assert passed
    assert figures["pairs"] == 2 * (16 * 15 + 16 * 10)
    assert figures["forced"] > 2 * (50 + 120)
    assert all(source.host != target.host for source, target in pings.pinged)
    # Each wrong route is deleted from the host that it was added to.
    added = [command for command in commands if command[1].startswith("route add ")]
    deleted = [(name, line.replace("route del ", "route add ")) for name, line in commands if "del" in line]
    assert sorted(added) == sorted(deleted) != []


def test_a_way_between_planes_is_named_and_wrong_routes_are_deleted_after_a_failure(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[str] = []
    monkeypatch.setattr(queries, "batch", lambda lines, _namespace, **_force: commands.extend(lines))
    passed, text, figures = queries.apart(Quiet(lab), Pings(lambda _pair: True))  # type: ignore[arg-type]
    assert not passed
    assert figures["leaks"] == figures["pairs"] + figures["forced"]
    assert "reaches" in text
    commands.clear()

    def interrupted(_pair: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queries._forced(Quiet(lab), Pings(interrupted))  # type: ignore[arg-type]
    assert commands
    assert sum("route add" in line for line in commands) == sum("route del" in line for line in commands)


def test_wrong_routes_that_were_added_in_part_only_are_deleted_as_far_as_they_are_there(
    lab: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str, bool]] = []

    def batch(lines: Any, _namespace: str, *, force: bool = False) -> None:
        for line in lines:
            commands.append((line, force))
            if " add " in line:
                raise KeyboardInterrupt

    monkeypatch.setattr(queries, "batch", batch)
    with pytest.raises(KeyboardInterrupt):
        queries._forced(Quiet(lab), Pings(lambda _pair: False))  # type: ignore[arg-type]
    assert commands[0][0].startswith("route add ")
    assert commands[1] == (commands[0][0].replace("route add", "route del"), True)


def test_ends_of_a_rail_that_a_leaf_learned_elsewhere_are_counted(
    lab: Sample, part: PlanePart, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = {(end.leaf, end.leaf_interface): f"{end.host} {end.interface}" for end in part.endpoints}

    def ask(namespace: str, *words: str, program: str = "ip") -> list[dict[str, Any]]:
        device = namespace.removeprefix("twin-test.")
        if program == "ip":
            return [{"address": f"{device} {words[2]}"}]
        rows = [
            {"mac": mac, "ifname": port, "master": "br1"}
            for (leaf, port), mac in ports.items()
            if leaf == device
        ]
        return [*rows, {"mac": rows[0]["mac"], "ifname": "vni1"}]

    monkeypatch.setattr(queries, "query_table", ask)
    twin: Any = Quiet(lab)
    pings: Any = Pings(same_zone)
    passed, _, figures = queries.one_hop(twin, part, pings)
    assert passed
    assert figures["ends"] == 8 * 4
    first, second = sorted(ports)[:2]
    ports[first], ports[second] = ports[second], ports[first]
    passed, _, figures = queries.one_hop(twin, part, pings)
    assert not passed
    assert figures["elsewhere"] >= 1


def test_flows_that_leave_out_a_spine_or_pairs_that_lack_a_path_fail(
    lab: Sample, part: PlanePart, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaves = {leaf.switch.name: leaf for leaf in part.tier("leaf")}
    uplinks = sorted(port.interface for port in next(iter(leaves.values())).fabric)

    def ask(_namespace: str, *words: str) -> list[dict[str, Any]]:
        port = int(words[words.index("sport") + 1])
        return [{"dev": uplinks[port % len(uplinks)]}]

    class Routed(Quiet):
        def paths(self, switch: str, _towards: str) -> list[str]:
            return sorted(port.interface for port in leaves[switch].fabric)

    twin: Any = Routed(lab)
    monkeypatch.setattr(queries, "query_table", ask)
    passed, _, figures = queries.paths(twin, part)
    assert (passed, figures["used"], figures["short"]) == (True, len(uplinks), 0)
    monkeypatch.setattr(queries, "query_table", lambda *_words: [{"dev": uplinks[0]}])
    assert not queries.paths(twin, part)[0]
    monkeypatch.setattr(queries, "query_table", ask)
    monkeypatch.setattr(Routed, "paths", lambda *_words: [])
    passed, _, figures = queries.paths(twin, part)
    assert (passed, figures["short"]) == (False, 2 * (len(leaves) - 1))
