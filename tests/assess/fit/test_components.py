"""The two kinds of work: defaults that are stated, and figures that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assess.fit.published import DEPLOYMENTS, Published
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
        ({"model__parameters": 7_000_000_000}, "model.parameters"),
        ({"model__parameters": 70_000_000_000_000}, "model.parameters"),
        ({"model__hidden": 512}, "model.parameters"),
        ({"adapter": {"parameters": 70_000_000_001, "base": "nf4"}}, "adapter.parameters"),
        ({"model__experts": 8, "model__experts_chosen": 2, "model__active": 17_499_999_999}, "model.active"),
    ],
)
def test_figures_that_contradict_each_other_are_problems(fields: dict[str, Any], field: str):
    assert field in [problem.where.field for problem in job(**fields).problems()]


@pytest.mark.parametrize("published", DEPLOYMENTS, ids=lambda published: published.name)
def test_no_published_model_is_taken_for_a_mistake(published: Published):
    assert [*published.work.problems()] == []


@pytest.mark.parametrize(
    "shape",
    [
        # Layers with experts alternate with others: Llama 4 Maverick (Meta, 2025-04), Jamba 1.5 Large
        # (arXiv 2408.12570). Two thirds of Gemma 3 270M are its embedding (Google, 2025-08).
        (400e9, 17e9, 48, 5_120, 40, 8, 8_192, 128, 1),
        (398e9, 94e9, 72, 8_192, 64, 8, 24_576, 16, 2),
        (270e6, None, 18, 640, 4, 1, 2_048, None, None),
    ],
)
def test_no_model_whose_layers_differ_is_taken_for_a_mistake(shape: tuple[float | None, ...]):
    names = ("parameters", "active", "layers", "hidden", "heads", "kv_heads", "feed_forward", "experts")
    model = {"gated": True, "sequence": 8_192, "precision": "bf16"}
    for name, value in zip((*names, "experts_chosen"), shape, strict=True):
        if value is not None:
            model[name] = int(value)
    assert [*job(model=model).problems()] == []


def test_a_consistent_job_and_service_have_no_problems():
    assert [*job().problems(), *service().problems()] == []


def test_checkpoints_without_time_between_them_are_refused():
    problems = list(job(checkpoint__interval="0 s").problems())
    assert [problem.where.field for problem in problems] == ["checkpoint.interval"]
