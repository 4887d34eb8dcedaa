"""The two kinds of work: defaults that are stated, and figures that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assess.fit.work import job, service


def test_nothing_but_degrees_and_dropout_has_a_default():
    bare = job(model=None, parallel=None, optimizer=None, attention=None, recompute=None, checkpoint=None)
    assert set(bare.model.model_dump(exclude_none=True)) == {"dropout"}
    assert bare.parallel.model_dump(exclude_none=True) == dict.fromkeys(
        ("tensor", "pipeline", "context", "expert"), 1
    )
    assert (bare.optimizer, bare.attention, bare.recompute) == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"model__kv_heads": 128}, "model.kv_heads"),
        ({"model__heads": 60, "model__kv_heads": 4}, "model.heads"),
        ({"model__kv_heads": 7}, "model.kv_heads"),
        ({"model__experts_chosen": 2}, "model.active"),
        ({"model__experts": 2, "model__experts_chosen": 4}, "model.experts_chosen"),
        ({"nodes": 8}, "nodes"),
    ],
)
def test_figures_that_contradict_each_other_are_problems(fields: dict[str, Any], field: str):
    assert field in [problem.where.field for problem in job(**fields).problems()]


def test_a_consistent_job_and_service_have_no_problems():
    assert [*job().problems(), *service().problems()] == []


def test_checkpoints_without_time_between_them_are_refused():
    problems = list(job(checkpoint__interval="0 s").problems())
    assert [problem.where.field for problem in problems] == ["checkpoint.interval"]
