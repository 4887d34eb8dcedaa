"""Verdicts by margin, and the place of work in a plan."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.fit.fit_sheet import FitPlace, FitSheet, add_scale_up
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


@pytest.mark.parametrize(
    ("pool", "tensor", "verdict"),
    [("hopper", 16, "does not fit"), ("grace", 16, "does not fit"), ("grace", 36, "fits")],
)
def test_a_rack_of_72_gpus_is_one_domain_and_whole_groups_must_fill_it(pool: str, tensor: int, verdict: str):
    fit = FitSheet(Sheet())
    add_scale_up(fit, _place(pool), "tensor", fit.sheet.plan("degree", tensor, "GPUs", "an example"))
    assert fit.judged(fit.sheet.measures())[0].verdict.value == verdict


def test_spares_are_no_room_and_a_tenant_outside_the_zone_has_no_quota():
    assert _place("hopper").nodes()[0] == 32
    assert _place("hopper", "nobody").quota()[0] == 0
