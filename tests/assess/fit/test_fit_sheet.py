"""Verdicts by margin, and the place of work in a plan."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.fit.fit_sheet import FitPlace, FitSheet, TensorGroups, add_scale_up
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.plan import pool_shapes
from tests.assess.stacks import stack


@pytest.mark.parametrize(("need", "verdict"), [(8, "fits"), (8.1, "not known"), (12.1, "does not fit")])
def test_a_margin_is_judged_at_both_ends_of_its_range(need: float, verdict: str):
    fit = FitSheet(Sheet())
    have = fit.sheet.estimate("have", 10, "B", 8, 12, "an estimate")
    fit.at_most("size", fit.sheet.plan("need", need, "B", "an example"), have)
    [check] = fit.judged(fit.sheet.measures())
    assert (check.verdict.value, check.missing) == (verdict, ("have",) if verdict == "not known" else ())


def _place(pool: str, tenant: str | None = None) -> FitPlace:
    factory, plan = stack("plural")
    return FitPlace(plan, next(shape for shape in pool_shapes(factory) if shape.pool.name == pool), tenant)


def _scale_up(pool: str, tensor: int, count: int) -> list[str]:
    fit = FitSheet(Sheet())
    size = fit.sheet.plan("degree", tensor, "GPUs", "an example")
    number = fit.sheet.plan("count", count, "groups", "an example")
    add_scale_up(fit, _place(pool), TensorGroups("tensor", size, tensor, number))
    return [check.verdict.value for check in fit.judged(fit.sheet.measures())]


@pytest.mark.parametrize(
    ("pool", "tensor", "verdict"),
    [
        ("hopper", 16, "does not fit"),
        ("hopper", 3, "does not fit"),
        ("grace", 16, "fits"),
        ("grace", 32, "fits"),
        ("grace", 36, "fits"),
        ("grace", 72, "fits"),
        ("grace", 10, "does not fit"),
        ("grace", 80, "does not fit"),
    ],
)
def test_a_group_lies_in_one_domain_of_72_gpus_as_whole_servers(pool: str, tensor: int, verdict: str):
    assert _scale_up(pool, tensor, 1)[0] == verdict


@pytest.mark.parametrize("tensor", [16, 20, 28, 32, 40, 64])
def test_as_many_groups_have_room_as_can_be_put_into_domains_one_after_the_other(tensor: int):
    nodes, _ = _place("grace").nodes()
    room, left = 0, 0
    for number in range(nodes):
        left = 4 if number % 18 == 0 else left + 4
        if left >= tensor:
            room, left = room + 1, left - tensor
    assert _scale_up("grace", tensor, room) == ["fits", "fits"]
    assert _scale_up("grace", tensor, room + 1) == ["fits", "does not fit"]


def test_spares_are_no_room_and_a_tenant_outside_the_zone_has_no_quota():
    assert _place("hopper").nodes()[0] == 32
    assert _place("hopper", "nobody").quota()[0] == 0
