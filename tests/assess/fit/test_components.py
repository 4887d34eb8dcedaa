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


OTHERS: dict[str, dict[str, object]] = {
    # Layers that share parameters (arXiv 1909.11942; 2502.05171, whose middle four are repeated 32 times).
    "ALBERT xxlarge": {
        "parameters": 223_000_000, "layers": 12, "own_layers": 1, "hidden": 4_096, "heads": 64,
        "feed_forward": 16_384, "gated": False,
    },
    "Huginn": {
        "parameters": 3_500_000_000, "layers": 132, "own_layers": 8, "hidden": 5_280, "heads": 55,
        "feed_forward": 17_920, "gated": True,
    },
    # Experts of a compressed stream (NVIDIA, Nemotron 3 Super, 2026-03).
    "Nemotron 3 Super": {
        "parameters": 120_000_000_000, "active": 12_000_000_000, "layers": 88, "hidden": 4_096, "heads": 32,
        "kv_heads": 2, "head_width": 128, "feed_forward": 2_688, "gated": False, "experts": 512,
        "experts_chosen": 22, "expert_hidden": 1_024,
    },
    "PaLM": {
        "parameters": 540_350_000_000, "layers": 118, "hidden": 18_432, "heads": 48, "kv_heads": 1,
        "head_width": 256, "feed_forward": 73_728, "gated": True, "vocabulary": 256_000,
    },
    "GLaM": {
        "parameters": 1_200_000_000_000, "active": 96_600_000_000, "layers": 64, "hidden": 8_192,
        "heads": 128, "feed_forward": 32_768, "gated": False, "experts": 64, "experts_chosen": 2,
    },
    "Arctic": {
        "parameters": 480_000_000_000, "active": 17_000_000_000, "layers": 35, "hidden": 7_168, "heads": 56,
        "kv_heads": 8, "feed_forward": 4_864, "gated": True, "experts": 128, "experts_chosen": 2,
    },
    "Nemotron Ultra 253B": {
        "parameters": 253_000_000_000, "layers": 162, "hidden": 16_384, "heads": 128, "kv_heads": 8,
        "feed_forward": 53_248, "gated": True,
    },
    "Falcon 180B": {
        "parameters": 180_000_000_000, "layers": 80, "hidden": 14_848, "heads": 232, "kv_heads": 8,
        "feed_forward": 59_392, "gated": False,
    },
    "Qwen3-Next 80B": {
        "parameters": 80_000_000_000, "active": 3_900_000_000, "layers": 48, "hidden": 2_048, "heads": 16,
        "kv_heads": 2, "head_width": 256, "feed_forward": 512, "gated": True, "experts": 512,
        "experts_chosen": 10,
    },
    "T5 11B": {
        "parameters": 11_000_000_000, "layers": 24, "hidden": 1_024, "heads": 128, "head_width": 128,
        "feed_forward": 65_536, "gated": False,
    },
}  # fmt: skip
"""Published models whose parameters are not those of equal layers."""


@pytest.mark.parametrize("name", OTHERS)
def test_a_published_model_of_another_build_is_described_and_not_refused(name: str):
    model = {"sequence": 4_096, "precision": "bf16", **OTHERS[name]}
    assert [*job(model=model).problems()] == []
    # What makes it another build is what keeps it from being refused.
    for field in ("own_layers", "expert_hidden"):
        if field in model:
            bare = {key: value for key, value in model.items() if key != field}
            [problem] = job(model=bare).problems()
            assert problem.code == "other-size"
            assert "own_layers" in (problem.hint or "")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"model__own_layers": 81}, "more-than-whole"),
        ({"model__expert_hidden": 64}, "no-experts"),
        ({"model__experts": 8, "model__expert_hidden": 8_193, "model__parameters": None}, "more-than-whole"),
    ],
)
def test_a_part_of_a_model_that_it_cannot_have_is_refused(fields: dict[str, Any], code: str):
    assert code in [problem.code for problem in job(**fields).problems()]


def test_a_consistent_job_and_service_have_no_problems():
    assert [*job().problems(), *service().problems()] == []


def test_checkpoints_without_time_between_them_are_refused():
    problems = list(job(checkpoint__interval="0 s").problems())
    assert [problem.where.field for problem in problems] == ["checkpoint.interval"]
