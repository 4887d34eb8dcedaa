"""Conservation: each link is carried once, each cage has one plug, ends fit, lengths hold, fibres reach."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from functools import cache

import pytest

from sovereign_ai.plan.cabling.assemblies import Assembler, Piece
from sovereign_ai.plan.cabling.cages import CageKind
from sovereign_ai.plan.cabling.links import FabricLinks, Link, Route
from sovereign_ai.plan.cabling.parts import trunk
from sovereign_ai.spec.cabling import Cabling
from tests.plan.cabling.wished import KINDS, Cabled, cabled, factory

MEDIA = (
    ("dac", "acc", "aoc", "sr", "dr", "fr"),
    ("sr", "dr"),
    ("aec", "dac", "dr"),
    ("fr",),
    ("lpo", "dr"),
    ("dac",),
    ("aoc", "dr"),
)
CASES = 39
FINNED, FLAT = CageKind("OSFP", "switch", 800, 8), CageKind("OSFP", "host", 400, 4)


@cache
def made(number: int) -> Cabled:
    """Cable one of many factories, chosen at random but the same in every run; every kind comes up."""
    chosen = random.Random(number)  # noqa: S311 - no secret
    cabling = {
        "media": chosen.choice(MEDIA),
        "trunks": chosen.choice([None, 12, 24, 144]),
        "slack": chosen.choice(["0 %", "10 %", "50 %"]),
    }
    kind = sorted(KINDS)[number % len(KINDS)]
    return cabled(factory(kind, chosen.choice([2, 3, 7, 16, 33, 48]), cabling))


def served(net: Cabled) -> set[int]:
    return {number for group, choice in net.groups if choice is not None for number in group}


@pytest.mark.parametrize("case", range(CASES))
def test_every_cage_that_is_served_has_exactly_one_plug(case: int) -> None:
    net = made(case)
    plugs = Counter(cage for piece in net.pieces for cage in piece.cages)
    used = {cage for number in served(net) for cage in ends(net.links.links[number])}
    pluggable = {cage for cage in used if net.links.kinds[cage].form != "fibre"}
    assert plugs == Counter(dict.fromkeys(pluggable, 1))


def ends(link: Link) -> tuple[int, int]:
    return link.near, link.far


@pytest.mark.parametrize("case", range(CASES))
def test_every_link_is_carried_by_one_fixed_cable_or_by_the_fibres_of_its_lanes(case: int) -> None:
    net = made(case)
    carriers: defaultdict[int, list[Piece]] = defaultdict(list)
    for piece in net.pieces:
        for number in piece.links:
            carriers[number].append(piece)
    assert set(carriers) == served(net)
    choice_of = {number: choice for group, choice in net.groups for number in group}
    for number, pieces in carriers.items():
        link = net.links.links[number]
        choice = choice_of[number]
        assert choice is not None
        if pieces[0].part.kind == "cable":
            assert len(pieces) == 1
            assert set(ends(link)) <= set(pieces[0].cages)
            continue
        if pieces[0].part.name == "shuffle":
            assert len(pieces) == 1
            continue
        mpo = choice.medium.connector == "MPO-12"
        lanes = link.gbps // choice.lane
        legs = 2 if link.route.legs and mpo and (lanes > 1 or len(pieces[0].links) > 1) else 1
        assert len(pieces) == max(lanes // 4, 1) * legs, pieces


@pytest.mark.parametrize("case", range(CASES))
def test_a_cable_is_at_least_as_long_as_its_route_and_no_longer_than_its_reach(case: int) -> None:
    net = made(case)
    slack = 1 + net.cabling.slack.count / 10_000
    for group, choice in net.groups:
        if choice is None:
            continue
        routes = [net.links.links[number].route for number in group]
        split = choice.part is not None and "-to-" in choice.part.name
        for route in routes:
            assert route.length is not None
            assert route.length * slack <= choice.medium.reach_of(split=split) + 1
    for piece in net.pieces:
        whole = [net.links.links[number].route for number in piece.links]
        for route in whole:
            if piece.length and not route.legs:
                assert route.length is not None
                assert piece.length >= route.length * slack - 1e-6


@pytest.mark.parametrize("case", range(CASES))
def test_both_ends_of_a_fixed_cable_have_its_lanes_and_the_rate_of_their_cage(case: int) -> None:
    net = made(case)
    for piece in net.pieces:
        kinds = [net.links.kinds[cage] for cage in piece.cages]
        if piece.part.kind != "cable" or "RJ45" in piece.part.connector:
            continue
        assert len({kind.lane for kind in kinds}) == 1
        hub_text, _, spokes_text = piece.part.name.partition("-to-")
        if not spokes_text:
            assert len(kinds) == 2
            assert kinds[0].gbps == kinds[1].gbps
            continue
        legs, _, spoke_name = spokes_text.partition("x-")
        hubs = [kind for kind in kinds if hub_text.endswith(f"-{kind.gbps}g")]
        spokes = [kind for kind in kinds if spoke_name.endswith(f"-{kind.gbps}g")]
        assert len(hubs) == 1
        assert 1 <= len(spokes) <= int(legs)
        assert len(hubs) + len(spokes) == len(kinds)
        assert hubs[0].gbps == int(legs) * spokes[0].gbps


@pytest.mark.parametrize("case", range(CASES))
def test_transceivers_at_both_ends_of_a_link_speak_the_same_optics_and_fit_their_cages(
    case: int,
) -> None:
    net = made(case)
    plug = {}
    for piece in net.pieces:
        if piece.part.kind == "transceiver":
            (cage,) = piece.cages
            kind = net.links.kinds[cage]
            assert piece.part.name.startswith(kind.form.lower())
            assert ("flat" in piece.part.name) == (kind.form == "OSFP" and kind.side == "host")
            assert f"-{kind.gbps}g-" in piece.part.name
            plug[cage] = piece.part.name.rpartition("-")[2].lstrip("0123456789x").rstrip("0123456789")
    for link in net.links.links:
        words = {plug[cage] for cage in ends(link) if cage in plug}
        assert len(words) <= 1, words


@pytest.mark.parametrize("case", range(CASES))
def test_no_cage_carries_more_than_its_rate_and_never_mixes_straight_and_split_fibres(
    case: int,
) -> None:
    net = made(case)
    load: Counter[int] = Counter()
    for link in net.links.links:
        for cage in ends(link):
            load[cage] += link.gbps
    for cage, gbps in load.items():
        assert gbps <= net.links.kinds[cage].gbps, net.links.names[cage]
    cords: defaultdict[int, set[bool]] = defaultdict(set)
    for piece in net.pieces:
        routes = [net.links.links[number].route for number in piece.links]
        if piece.part.kind == "fibre" and not any(route.legs for route in routes):
            for number in piece.links:
                for cage in ends(net.links.links[number]):
                    cords[cage].add("1-to-" in piece.part.name)
    # A connector with a single link has a straight cord, so only cages that are full are told apart.
    for cage, kinds in cords.items():
        if load[cage] == net.links.kinds[cage].gbps:
            assert len(kinds) == 1, net.links.names[cage]


def reversed_position(position: int, polarity: str) -> int:
    """Return where a fibre of an MPO-12 ends, by ANSI/TIA-568.3: Type A keeps it, Type B reverses it."""
    return {"Type A": position, "Type B": 13 - position}[polarity]


@pytest.mark.parametrize("trunks", [None, 144])
def test_each_sending_fibre_ends_at_a_receiving_one(trunks: int | None) -> None:
    net = cabled(factory("ndr, one port a cage on servers", 65, {"media": ["dr"], "trunks": trunks}))
    channels: defaultdict[int, list[str]] = defaultdict(list)
    for piece in net.pieces:
        for number in piece.links:
            channels[number].append(piece.part.polarity)
    over_panels = 0
    for number, cords in channels.items():
        types = list(cords)
        if net.links.links[number].route.legs:
            over_panels += 1
            choice = net.groups[0][1]
            assert choice is not None
            types.insert(1, trunk(choice.medium, 144).polarity)
        for sent in (1, 2, 3, 4):
            position = sent
            for polarity in types:
                position = reversed_position(position, polarity)
            assert position in (9, 10, 11, 12), types
    assert (over_panels > 0) == (trunks is not None)


def by_hand(*routes: int, spoke: CageKind = FLAT) -> Cabled:
    """Cable one cage of a switch of 800 Gbps with a server behind each of its links."""
    links = FabricLinks("site", "net", kinds=[FINNED, *[spoke] * len(routes)])
    for number, length in enumerate(routes):
        links.links.append(Link(number + 1, 0, 0, number, spoke.gbps, Route(length), number))
    cabling = Cabling()
    group = list(range(len(routes)))
    choice = Assembler(links, cabling).choice(group)
    assert choice is not None
    return Cabled(links, cabling, [(group, choice)], list(Assembler(links, cabling).pieces(group, choice)))


@pytest.mark.parametrize(
    ("routes", "name", "length"),
    [
        ((120, 240), "dac-osfp-800g-to-2x-osfp-flat-400g", 250),
        ((240,), "dac-osfp-800g-to-2x-osfp-flat-400g", 250),
        ((120, 310), "acc-osfp-800g-to-2x-osfp-flat-400g", 400),
    ],
)
def test_servers_on_one_cage_share_one_splitter_that_reaches_the_farther(
    routes: tuple[int, ...], name: str, length: int
) -> None:
    (piece,) = by_hand(*routes).pieces
    assert (piece.part.name, piece.length) == (name, length)
    assert piece.cages == ((1, 0, 2) if len(routes) == 2 else (1, 0))
    assert piece.phase == 0


def test_beyond_copper_each_cage_has_a_transceiver_and_each_link_a_fibre() -> None:
    pieces = by_hand(120, 640).pieces
    assert Counter((piece.part.name, piece.length, piece.phase) for piece in pieces) == {
        ("osfp-800g-2xsr4", 0, 0): 1,
        ("osfp-flat-400g-sr4", 0, 0): 1,
        ("osfp-flat-400g-sr4", 0, 1): 1,
        ("mpo12-apc-om4-type-b", 300, 0): 1,
        ("mpo12-apc-om4-type-b", 700, 1): 1,
    }
    assert sum(piece.fibres for piece in pieces) == 24


def test_four_servers_of_200_gbps_take_two_splitter_fibres_of_one_transceiver() -> None:
    pieces = by_hand(900, 900, 900, 900, spoke=CageKind("QSFP112", "host", 200, 2)).pieces
    names = Counter(piece.part.name for piece in pieces)
    assert names == {"osfp-800g-2xsr4": 1, "qsfp112-200g-sr2": 4, "mpo12-apc-om4-type-b-1-to-2": 2}


def test_a_link_that_nothing_permitted_reaches_is_in_no_piece() -> None:
    net = cabled(factory("ndr, two ports a cage at both ends", 33, {"media": ["dac"]}))
    refused = [group for group, choice in net.groups if choice is None]
    assert refused
    carried = {number for piece in net.pieces for number in piece.links}
    assert not carried & {number for group in refused for number in group}


def test_optics_of_a_switch_take_a_transceiver_at_the_server_alone() -> None:
    net = cabled(factory("xdr, optics in the switch", 8, {"media": ["dac", "sr", "dr"]}))
    sides = {net.links.kinds[cage].side for piece in net.pieces for cage in piece.cages}
    assert sides == {"host"}
    assert {piece.part.name for piece in net.pieces if piece.cages} == {"osfp-flat-800g-dr4"}
