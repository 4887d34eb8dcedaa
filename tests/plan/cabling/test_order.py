"""The order list: sums over phases, spares, trunks and panels, and what it says of what it leaves out."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest

from sovereign_ai.plan.cabling.order import BETWEEN_ROWS, SPARES, CableOrder, order_cables
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.cabling import Cabling
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.phase import Phase, PhasePool
from tests.plan.cabling.wished import KINDS, cabled, factory
from tests.plan.factories import planned, stack

PHASES = (
    Phase(name="first", pools=(PhasePool(pool="train", nodes=9),)),
    Phase(name="second", pools=(PhasePool(pool="train", nodes=20),)),
    Phase(name="last"),
)


def ordered(described: AIFactory) -> CableOrder:
    return order_cables(described, plan(described))


def counts(order: CableOrder, phase: str | None = None) -> Counter[tuple[str, str, int | None]]:
    counted: Counter[tuple[str, str, int | None]] = Counter()
    for line in order.lines:
        if phase is None or line.phase == phase:
            counted[line.use, line.part.name, line.length] += line.pieces
    return counted


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_the_phases_order_adds_up_to_the_pieces_of_the_whole(kind: str) -> None:
    described = factory(kind, 33, {"trunks": 24, "media": ["dac", "acc", "sr", "dr", "fr"]}, phases=PHASES)
    net, order = cabled(described), ordered(described)
    whole = Counter((piece.part.name, piece.length) for piece in net.pieces)
    in_use: Counter[tuple[str, int | None]] = Counter()
    spares: Counter[tuple[str, int | None]] = Counter()
    for (use, name, length), count in counts(order).items():
        if use != BETWEEN_ROWS:
            (spares if use == SPARES else in_use)[name, length] += count
    assert in_use == whole
    assert spares == Counter({key: ceil(count * 3 / 100) for key, count in whole.items()})
    assert all(line.pieces > 0 for line in order.lines)
    assert {line.phase for line in order.lines} == {"first", "second", "last"}


@pytest.mark.parametrize("kind", ["ndr, two ports a cage at both ends", "800G split in four", "xdr"])
def test_every_link_that_stands_is_served_by_what_was_ordered_by_then(kind: str) -> None:
    described = factory(kind, 33, phases=PHASES)
    net = cabled(described)
    ready: dict[int, int] = {}
    for piece in net.pieces:
        for number in piece.links:
            ready[number] = max(ready.get(number, 0), piece.phase)
    plug = {cage: piece.phase for piece in net.pieces for cage in piece.cages}
    phases = set()
    for number, link in enumerate(net.links.links):
        phases.add(link.phase)
        assert ready[number] <= link.phase
        assert max(plug[link.near], plug[link.far]) <= link.phase
    assert phases == {0, 1, 2}


def test_the_order_does_not_depend_on_the_phase_of_now() -> None:
    described = factory("ndr, two ports a cage at both ends", 33, phases=PHASES)
    orders = [ordered(described.in_phase(phase.name)).lines for phase in PHASES]
    assert orders[0] == orders[1] == orders[2]


@pytest.mark.parametrize(("share", "percent"), [("0 %", 0), ("3 %", 3), ("40 %", 40)])
def test_spares_are_a_share_of_each_part_and_length_and_at_least_one(share: str, percent: int) -> None:
    order = ordered(factory("800G split in two", 33, {"spares": share, "trunks": 12}))
    used: Counter[tuple[str, int | None]] = Counter()
    spare: Counter[tuple[str, int | None]] = Counter()
    for line in order.lines:
        if line.use == SPARES:
            assert line.part.kind not in ("trunk", "panel")
            spare[line.part.name, line.length] += line.pieces
        elif line.part.kind not in ("trunk", "panel"):
            used[line.part.name, line.length] += line.pieces
    wanted = {key: ceil(count * percent / 100) for key, count in used.items()}
    assert spare == Counter({key: count for key, count in wanted.items() if count})


@pytest.mark.parametrize(("fibres", "connectors"), [(12, 1), (24, 2), (144, 12)])
def test_trunks_hold_the_connectors_of_all_links_between_rows_and_waste_less_than_one_each(
    fibres: int, connectors: int
) -> None:
    described = factory("800G split in two", 48, {"trunks": fibres, "media": ["sr"]}, phases=PHASES)
    links = cabled(described).links.links
    between = [link.route.rows for link in links if link.route.legs]
    pairs = Counter(tuple(sorted(rows)) for rows in between)
    trunks = panels = 0
    for line in ordered(described).lines:
        if line.use == BETWEEN_ROWS and line.part.kind == "trunk":
            assert line.part.name.startswith(f"trunk-{fibres}-apc-om4")
            trunks += line.pieces
        elif line.use == BETWEEN_ROWS:
            panels += line.pieces
    assert len(between) > 100
    assert trunks == sum(ceil(count / connectors) for count in pairs.values())
    ends = Counter(row for rows in between for row in rows)
    assert panels == sum(ceil(count / 48) for count in ends.values())


def test_every_link_of_the_stacks_is_in_the_order_or_counted_as_unserved() -> None:
    for name in ("lab", "superpod", "plural"):
        order = order_cables(stack(name), planned(name))
        assert order.links == sum(len(plane.cables) for plane in planned(name).fabrics)
        assert order.links == sum(use.links for use in order.uses)


def test_links_between_halls_have_no_length_until_the_way_is_described() -> None:
    described = stack("plural")
    order = order_cables(described, planned("plural"))
    assert sum(use.unknown for use in order.uses) > 72
    known = described.model_copy(update={"cabling": Cabling(between_halls="90 m")})
    measured = order_cables(known, planned("plural"))
    assert sum(use.unknown for use in measured.uses) == 0
    assert {line.length for line in measured.lines if line.part.name == "mpo12-apc-os2-type-b"} == {10_000}
    assert not [line for line in measured.lines if line.length is None]


def test_a_copper_management_network_beyond_a_hundred_metres_is_unserved() -> None:
    described = factory("management", 48)
    (site,) = described.sites
    halls = tuple(hall.model_copy(update={"row": 200}) for hall in site.halls)
    far = described.model_copy(update={"sites": (site.model_copy(update={"halls": halls}),)})
    assert ordered(far).unserved == 0
    slack = Cabling(slack="100 %", media=("dac",))
    assert ordered(far.model_copy(update={"cabling": slack})).unserved > 0
