"""Cable lists, parts and rail maps: every cable once, and no part too short."""

from __future__ import annotations

from collections import Counter

import pytest

from sovereign_ai.plan.cabling.routes import cable_length
from sovereign_ai.plan.factory import plan as planned
from sovereign_ai.render.interop.cabling import gpus_of_rail, medium, part, rail_map
from tests.plan.factories import factory
from tests.render.interop.test_output_files import SMALL, rows
from tests.render.lab import stack


@pytest.mark.parametrize("name", SMALL)
def test_every_cable_of_the_plan_is_in_a_list_under_a_label_of_its_own(name: str) -> None:
    for plane in stack(name)[1].fabrics:
        found = rows(name, f"{plane.name}/cables.csv")
        assert len({row["label"] for row in found}) == len(plane.cables)
        assert [(row["a"], row["a port"], row["b"], row["b port"]) for row in found] == list(plane.cables)


@pytest.mark.parametrize("name", SMALL)
def test_each_gpu_speaks_through_exactly_one_port_of_its_compute_plane(name: str) -> None:
    plan = stack(name)[1]
    for plane in (one for one in plan.fabrics if one.role == "compute"):
        for host, ports in rail_map(plan, plane).items():
            gpus = next(node.gpus for node in plan.nodes if node.name == host)
            assert sorted(gpu for port in ports for gpu in port["gpus"]) == list(range(gpus)), host


@pytest.mark.parametrize(
    ("gpus", "rails", "of_each"),
    [(4, 8, [[0], [0], [1], [1], [2], [2], [3], [3]]), (8, 6, [[0, 1], [2], [3], [4, 5], [6], [7]])],
    ids=["more ports than GPUs", "fewer"],
)
def test_no_port_is_without_a_gpu(gpus: int, rails: int, of_each: list[list[int]]) -> None:
    """Every second of the eight ports of a Vera Rubin tray had none."""
    assert [gpus_of_rail(gpus, rail, rails) for rail in range(rails)] == of_each


def test_a_rail_that_is_a_plane_has_the_gpus_of_its_number() -> None:
    fabric = {"name": "compute", "kind": "roce", "rails": 4, "radix": 32, "link": "400 Gbps"}
    plan = planned(factory(fabrics=[{**fabric, "planes_by": "rail"}]))
    ports = [rail_map(plan, plane)["train-001"] for plane in plan.fabrics]
    assert [[(port["rail"], port["gpus"]) for port in own] for own in ports] == [
        [(0, [0, 1])],
        [(1, [2, 3])],
        [(2, [4, 5])],
        [(3, [6, 7])],
    ]


def test_lengths_grow_with_rows_and_places() -> None:
    assert (
        cable_length((0, 0), (0, 0), same=True)
        < cable_length((0, 0), (0, 1), same=False)
        < cable_length((0, 0), (3, 1), same=False)
    )


@pytest.mark.parametrize("name", SMALL)
def test_the_parts_of_a_plane_are_as_many_as_its_cables(name: str) -> None:
    for plane in stack(name)[1].fabrics:
        parts = Counter({row["part"]: int(row["cables"]) for row in rows(name, f"{plane.name}/parts.csv")})
        assert parts.total() == len(plane.cables)
        assert parts == Counter(
            row["part"] or "open: an end has no rack" for row in rows(name, f"{plane.name}/cables.csv")
        )


@pytest.mark.parametrize("rate", [1, 10, 100, 200, 400, 800])
@pytest.mark.parametrize("metres", [1, 2, 3, 30, 31, 60, 400, 900])
def test_what_is_ordered_is_never_shorter_than_the_cable_and_fits_its_medium(rate: int, metres: int) -> None:
    for kind in ("roce", "infiniband"):
        text = part(rate * 10**9, metres * 100, kind)
        assert int(text.removesuffix(" m").rpartition(" ")[2]) >= metres, text
        words = {
            "twisted pair": "twisted",
            "copper": "copper",
            "active optical": "active",
            "transceivers and fibre": "2 x",
        }
        assert words[medium(metres * 100, rate * 10**9)] in text


def test_a_cable_that_no_optics_reach_is_said() -> None:
    assert "no optics here reach so far" in part(400 * 10**9, 500_000, "roce")
