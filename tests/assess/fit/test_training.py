"""The checks of a training job: hand-made numbers, published layouts, and what holds for any job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.assess.fit.components import TrainingJob
from sovereign_ai.assess.fit.fit_sheet import FitCheck
from sovereign_ai.assess.fit.report import Fit, assess_fit
from sovereign_ai.assess.fit.training import MEMORY_PARTS
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from tests.assess.fit.work import LLAMA_405B, job
from tests.assess.stacks import changed, stack

FORTY_HEADS = {"model__heads": 40, "model__head_width": 128}


def _fit(**fields: Any) -> Fit:
    return assess_fit(*stack("lab"), job(**fields))


def _check(fit: Fit, label: str) -> FitCheck:
    return next(check for check in fit.checks if check.label == label)


def _value(fit: Fit, name: str) -> float:
    value = fit.measure(name).value
    assert value is not None
    return value


def test_a_70b_job_on_64_gpus_fits_and_its_states_are_those_of_the_hand():
    fit = _fit()
    assert fit.verdict.value == "fits", list(fit.lines_with_measures())
    held = 70e9 / (8 * 4)
    assert _value(fit, "memory.weights") == 2 * held == 4.375e9
    assert _value(fit, "memory.gradients") == 4 * held == 8.75e9
    assert _value(fit, "memory.optimizer") == 12 * held / 2 == 13.125e9
    # 80 layers under way keep their inputs of 2 s h; the layer that is calculated again keeps 33 s h / 8:
    # 8 whole, 4 + 0.5 of queries, output, keys and values, 21 behind a gate of 3.5 h.
    sh = 8_192 * 8_192
    assert _value(fit, "memory.activations") == pytest.approx(80 * 2 * sh + (8 + 4.5 + 21) * sh / 8)


def test_without_recomputation_the_same_job_does_not_fit():
    fit = _fit(recompute="none", optimizer__sharding="none")
    assert _check(fit, "memory of a GPU").verdict.value == "fits"
    assert _value(fit, "memory.activations") == pytest.approx(80 * 33.5 * 8_192 * 8_192 / 8)
    assert _check(_fit(recompute="none", micro_batch=4), "memory of a GPU").verdict.value == "does not fit"


def test_selective_recomputation_keeps_the_scores_of_one_layer_of_plain_attention():
    scores = 64 * 8_192 * 8_192 * 2 / 8
    kept, again = (
        _value(_fit(attention="plain", recompute=mode), "memory.activations")
        for mode in ("none", "selective")
    )
    assert kept - again == pytest.approx(79 * scores)


@pytest.mark.parametrize("sharding", ["none", "optimizer", "gradients", "parameters"])
def test_each_stage_of_zero_divides_one_part_more(sharding: str):
    fit = _fit(optimizer__sharding=sharding)
    stage = ["none", "optimizer", "gradients", "parameters"].index(sharding)
    held = 70e9 / 32
    for part, size, least in (("optimizer", 12, 1), ("gradients", 4, 2), ("weights", 2, 3)):
        assert _value(fit, f"memory.{part}") == size * held / (2 if stage >= least else 1)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, 12),
        ({"optimizer__moments": "bf16"}, 8),
        ({"optimizer__moments": "int8"}, 6),
        ({"optimizer__moments": "int8", "optimizer__master": "none"}, 2),
        ({"optimizer__kind": "muon"}, 8),
        ({"model__precision": "fp32"}, 8),
        ({"model__precision": "fp32", "optimizer__master": "none"}, 8),
    ],
)
def test_the_optimizer_keeps_its_moments_and_its_copy_in_their_formats(fields: dict[str, Any], size: int):
    fit = _fit(optimizer__sharding="none", **fields)
    assert _value(fit, "memory.optimizer") == size * 70e9 / 32


def test_adapters_alone_have_gradients_state_and_a_checkpoint():
    """QLoRA (arXiv 2305.14314): 4 bits and 0.127 bits of scales a parameter of the model."""
    adapter = {"parameters": 800_000_000, "base": "nf4"}
    fit = _fit(optimizer__sharding="none", adapter=adapter)
    assert _value(fit, "memory.weights") == pytest.approx((70e9 * 4.127 / 8 + 0.8e9 * 2) / 32)
    assert _value(fit, "memory.gradients") == 4 * 0.8e9 / 32
    assert _value(fit, "memory.optimizer") == 12 * 0.8e9 / 32
    assert _value(fit, "checkpoint.size") == 14 * 0.8e9


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> tuple[AIFactory, Plan]:
    """A pool of 2,400 machines of eight H100."""
    return changed(
        "gigafactory",
        "train-north, site: north, system: dgx-b200, nodes: 4000",
        "train-north, nodes_per_rack: 3, site: north, system: dgx-h100, nodes: 2400",
        tmp_path_factory.mktemp("fleet"),
    )


@pytest.mark.parametrize(
    ("data", "context", "sequence"),
    [(64, 1, 8_192), (128, 1, 8_192), (8, 16, 131_072)],
    ids=["8k", "16k", "long"],
)
def test_the_published_layouts_of_llama_3_405b_fit_into_80_gb_without_recomputation(
    fleet: tuple[AIFactory, Plan], data: int, context: int, sequence: int
):
    """Table 4 of arXiv 2407.21783: TP 8 and PP 16, FSDP that divides optimizer state and gradients (section
    3.3.2), which are summed up in FP32, and sequences of 8K tokens a GPU without recomputed activations.
    """
    published = TrainingJob.model_validate(
        {
            "kind": "TrainingJob",
            "name": "llama-3",
            "pool": "train-north",
            "gpus": 8 * 16 * data * context,
            "model": LLAMA_405B | {"sequence": sequence},
            "parallel": {"tensor": 8, "pipeline": 16, "data": data, "context": context, "sequence": True},
            "optimizer": {"kind": "adam", "gradients": "fp32", "sharding": "gradients"},
            "attention": "fused",
            "recompute": "none",
            "micro_batch": 1,
            "checkpoint": {"tier": fleet[0].storage[0].name, "interval": "30 min"},
        }
    )
    fit = assess_fit(*fleet, published)
    verdicts = {check.label: check.verdict.value for check in fit.checks}
    # The paper names no tenant, so its quota alone is not known.
    assert verdicts.pop("quota of the tenant") == "not known"
    assert set(verdicts.values()) == {"fits"}, verdicts
    # 120 layers under way (the second stage: 8 layers, 15 micro-batches), 31.75 s h / 8 each.
    assert _value(fit, "memory.activations") == pytest.approx(120 * 31.75 * 8_192 * 16_384 / 8)
    assert _value(fit, "memory.weights") == pytest.approx(2 * 405e9 * 8 / 126 / 8)


@pytest.mark.parametrize(
    ("sharding", "verdict", "missing"),
    [("optimizer", "not known", ("memory.reserved",)), ("none", "does not fit", ())],
)
def test_the_same_layout_with_whole_gradients_is_at_the_edge_and_with_whole_state_too_large(
    fleet: tuple[AIFactory, Plan], sharding: str, verdict: str, missing: tuple[str, ...]
):
    """Whole gradients make 83.5 GB of 85.5: what the software reserves, 2 to 8 GB, decides."""
    data = job().model_dump(mode="json", exclude_none=True, exclude={"tenant", "checkpoint"})
    data |= {"pool": "train-north", "gpus": 16_384, "model": LLAMA_405B, "recompute": "none"}
    data["parallel"] = {"tensor": 8, "pipeline": 16, "data": 128, "sequence": True}
    data["optimizer"]["sharding"] = sharding
    check = _check(assess_fit(*fleet, TrainingJob.model_validate(data)), "memory of a GPU")
    assert (check.verdict.value, check.missing) == (verdict, missing)


@pytest.mark.parametrize(
    ("fields", "label", "verdict"),
    [
        ({"gpus": 128}, "servers of the pool", "does not fit"),
        ({"gpus": 104}, "quota of the tenant", "does not fit"),
        ({"tenant": "startups"}, "quota of the tenant", "does not fit"),
        ({"tenant": None}, "quota of the tenant", "not known"),
        ({"parallel__data": 3}, "degrees of parallelism", "does not fit"),
        ({"parallel__data": None}, "degrees of parallelism", "fits"),
        ({"parallel__data": None, "parallel__pipeline": 3}, "degrees of parallelism", "does not fit"),
        ({"parallel__tensor": 16, "parallel__data": 1}, "tensor parallelism", "fits"),
        ({"parallel__tensor": 12, "parallel__data": 1}, "tensor parallelism", "does not fit"),
        ({"parallel__tensor": 3}, "tensor parallelism", "does not fit"),
        ({"parallel__tensor": 3}, "attention heads", "does not fit"),
        ({"model__kv_heads": 4}, "key and value heads", "fits"),
        ({"model__kv_heads": 16}, "key and value heads", "fits"),
        ({**FORTY_HEADS, "model__kv_heads": 10}, "key and value heads", "does not fit"),
        ({"model__feed_forward": 28_673}, "feed-forward width", "does not fit"),
        ({"model__feed_forward": None}, "memory of a GPU", "not known"),
        ({"parallel__context": 2, "parallel__data": 1}, "tokens of a GPU", "fits"),
        ({"parallel__context": 3}, "tokens of a GPU", "does not fit"),
        ({"model__sequence": 8_196}, "tokens of a GPU", "does not fit"),
        ({"parallel__pipeline": 3}, "pipeline stages", "fits"),
        ({"parallel__pipeline": 81}, "pipeline stages", "does not fit"),
        ({"model__layers": 78}, "pipeline stages", "fits"),
        ({"checkpoint__tier": "models"}, "tier within reach", "does not fit"),
        ({"checkpoint__interval": "10 s"}, "checkpoint in time", "does not fit"),
        ({"checkpoint__interval": None}, "checkpoint in time", "not known"),
        ({"checkpoint": None}, "checkpoint in time", "not known"),
        ({"elastic": {"min_nodes": 4}}, "whole copies", "fits"),
        ({"elastic": {"min_nodes": 5}}, "whole copies", "does not fit"),
        ({"elastic": {"min_nodes": 12}}, "smallest size", "does not fit"),
    ],
)
def test_each_check_decides_what_its_name_says(fields: dict[str, Any], label: str, verdict: str):
    assert _check(_fit(**fields), label).verdict.value == verdict


def test_without_a_division_along_the_sequence_its_length_is_free():
    labels = [check.label for check in _fit(model__sequence=8_191, parallel__sequence=False).checks]
    assert "tokens of a GPU" not in labels


@pytest.mark.parametrize(("capacity", "verdict"), [("1970 GB", "fits"), ("1950 GB", "does not fit")])
def test_a_tier_has_room_for_two_checkpoints(tmp_path: Path, capacity: str, verdict: str):
    fit = assess_fit(*changed("lab", "capacity: 500 TB", f"capacity: {capacity}", tmp_path), job())
    assert _value(fit, "checkpoint.both") == 2 * 14 * 70e9
    assert _check(fit, "room for checkpoints").verdict.value == verdict


def test_an_elastic_job_holds_more_of_the_optimizer_at_its_smallest_size():
    fit = _fit(elastic={"min_nodes": 4})
    assert _value(fit, "memory.optimizer.smallest") == 2 * _value(fit, "memory.optimizer")
    assert _check(fit, "memory of a GPU at the smallest size").verdict.value == "fits"


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"model__layers": None}, "model.layers"),
        ({"model__feed_forward": None}, "model.feed_forward"),
        ({"model__gated": None}, "model.gated"),
        ({"model__precision": None}, "model.precision"),
        ({"optimizer": None}, "optimizer"),
        ({"attention": None, "recompute": "none"}, "attention"),
        ({"recompute": None}, "recompute"),
        ({"micro_batch": None}, "micro_batch"),
        ({"parallel__sequence": None}, "parallel.sequence"),
        ({"parallel__pipeline": 1, "parallel__data": 8}, "model.vocabulary"),
    ],
)
def test_what_is_left_out_is_named_and_never_assumed(fields: dict[str, Any], missing: str):
    check = _check(_fit(**fields), "memory of a GPU")
    assert (check.verdict.value, missing in check.missing) == ("not known", True), check


def test_a_checkpoint_is_14_bytes_a_parameter_over_the_least_of_tier_and_ports():
    fit = _fit()
    assert _value(fit, "checkpoint.size") == 14 * 70e9
    # Grade `better` writes 20 GB/s for a unit of 256 GPUs; eight servers have ports for more.
    assert _value(fit, "checkpoint.drain") == pytest.approx(14 * 70e9 / 20e9)


def test_youngs_interval_is_the_root_of_twice_mean_and_stall():
    fit = _fit()
    mean = 24 / (419 / (54 * 16_384) * 64) * 3600
    assert _value(fit, "checkpoint.young") == pytest.approx((2 * mean * 20) ** 0.5)
    assert _value(fit, "checkpoint.best") == pytest.approx(_value(fit, "checkpoint.young"), rel=0.01)


MOE = {"model__experts": 8, "model__experts_chosen": 2, "model__active": 20_000_000_000}


@pytest.mark.parametrize(
    ("fields", "label", "verdict"),
    [
        ({"parallel__expert": 2}, "expert parallelism", "fits"),
        ({"parallel__expert": 4}, "expert parallelism", "does not fit"),
        ({"parallel__expert": 8, "parallel__expert_tensor": 2}, "expert parallelism", "fits"),
        ({"parallel__expert": 8, "parallel__expert_tensor": 4}, "expert parallelism", "does not fit"),
        ({"parallel__expert_tensor": 32}, "expert parallelism", "does not fit"),
        ({"parallel__expert_tensor": 3}, "width of an expert", "does not fit"),
        (
            {"parallel__expert": 2, "elastic": {"min_nodes": 4}},
            "expert parallelism at the smallest size",
            "does not fit",
        ),
        (
            {"parallel__expert": 8, "parallel__expert_tensor": 1, "elastic": {"min_nodes": 4}},
            "expert parallelism at the smallest size",
            "fits",
        ),
    ],
)
def test_gpus_that_share_experts_divide_those_that_may_at_each_size(
    fields: dict[str, Any], label: str, verdict: str
):
    """The job has two copies of four stages of eight GPUs; at four servers it has one."""
    checks = {check.label: check.verdict.value for check in _fit(**MOE, **fields).checks}
    assert checks[label] == verdict


def test_an_expert_that_lies_whole_on_a_gpu_is_divided_by_nobody_else():
    folded, whole = (
        _fit(**MOE, parallel__expert=2, optimizer__sharding="none", **more)
        for more in ({"parallel__expert_tensor": 1}, {})
    )
    routed = (70e9 - 20e9) / 6 * 8
    dense = 70e9 - routed
    assert _value(whole, "held") == pytest.approx((dense + routed / 2) / 4 / 8)
    assert _value(folded, "held") == pytest.approx((dense / 8 + routed / 2) / 4)
    # Divided over all of the job, both hold the same.
    assert _value(folded, "held.divided") == pytest.approx(_value(whole, "held.divided"))
    assert _value(folded, "held.divided") == pytest.approx((dense / 16 + routed / 16) / 4)


def test_experts_are_divided_over_the_gpus_that_share_them():
    moe = {
        "model__experts": 8,
        "model__experts_chosen": 2,
        "model__active": 20_000_000_000,
        "model__parameters": 60_000_000_000,
    }
    whole, shared = (_fit(**moe, parallel__expert=degree, optimizer__sharding="none") for degree in (1, 2))
    routed = 40e9 / 6 * 8
    assert _value(whole, "held") == pytest.approx(60e9 / 32)
    assert _value(shared, "held") == pytest.approx((60e9 - routed + routed / 2) / 32)


jobs = st.fixed_dictionaries(
    {
        "parallel__tensor": st.sampled_from([1, 2, 4, 8]),
        "parallel__pipeline": st.sampled_from([1, 2, 4, 5, 16]),
        "parallel__sequence": st.booleans(),
        "optimizer__sharding": st.sampled_from(["none", "optimizer", "gradients", "parameters"]),
        "optimizer__kind": st.sampled_from(["adam", "momentum", "sgd"]),
        "recompute": st.sampled_from(["none", "selective", "full"]),
        "attention": st.sampled_from(["fused", "plain"]),
        "model__dropout": st.booleans(),
        "model__gated": st.booleans(),
        "micro_batch": st.integers(1, 8),
    }
)


@settings(max_examples=15)
@given(jobs, st.integers(1, 8))
def test_doubling_data_parallelism_never_takes_more_memory_of_a_gpu(fields: dict[str, Any], data: int):
    fields["model__vocabulary"] = 128_256
    single, double = (_fit(**fields, parallel__data=copies) for copies in (data, 2 * data))
    assert _value(double, "memory.total") <= _value(single, "memory.total")


@settings(max_examples=15)
@given(jobs)
def test_the_parts_of_a_gpus_memory_sum_to_its_total(fields: dict[str, Any]):
    fields["model__vocabulary"] = 128_256
    fit = _fit(**fields)
    parts = [_value(fit, f"memory.{part}") for part in MEMORY_PARTS]
    assert sum(parts) == pytest.approx(_value(fit, "memory.total"))
    margin = _value(fit, "margin.memory-of-a-GPU")
    assert margin == pytest.approx(_value(fit, "memory.available") - sum(parts))


def test_data_parallelism_that_is_left_out_is_what_the_other_degrees_leave_of_the_gpus():
    described, left_out = _fit(), _fit(parallel__data=None)
    assert left_out.measure("parallel.data").value == described.measure("parallel.data").value == 2
    assert left_out.measure("memory.total").value == described.measure("memory.total").value


def test_a_check_names_what_it_lacks_once():
    check = next(check for check in _fit(model__heads=None).checks if check.label == "attention heads")
    assert "of ?, decided by model.heads" in check.text


def test_a_group_over_two_machines_is_told_what_it_waits_for_in_each_layer():
    """Eight ports of 400 Gbps a machine; half of each sum leaves the machine and half comes back."""
    fit = _fit(parallel__tensor=16, parallel__data=1)
    assert fit.verdict.value == "fits", list(fit.lines_with_measures())
    # Full recomputation sums up six times a layer: 2 x (2 - 1) / 2 of tokens x width x 2 bytes each.
    assert _value(fit, "exchange") == pytest.approx(6 * 1 * 8_192 * 8_192 * 2 / (8 * 400e9 / 8))
    # Eight operations for each parameter of a layer and token, at H100's 989 TFLOP/s.
    assert _value(fit, "products.layer") == pytest.approx(8 * 70e9 / 80 * 8_192 / 16 / 989.4e12, rel=0.01)
    [(text, names)] = fit.advice
    assert "over 2 scale-up domains" in text
    assert "?" not in text
    assert set(names) == {"exchange", "products.layer"}
    again = _fit(parallel__tensor=16, parallel__data=1, recompute="none")
    assert _value(again, "exchange") == pytest.approx(_value(fit, "exchange") * 4 / 6)
    assert _fit().advice == ()


ALBERT = {
    "parameters": 223_000_000,
    "layers": 12,
    "own_layers": 1,
    "hidden": 4_096,
    "heads": 64,
    "kv_heads": 64,
    "feed_forward": 16_384,
    "gated": False,
    "vocabulary": 30_000,
    "sequence": 512,
    "precision": "bf16",
}
"""ALBERT xxlarge (arXiv 1909.11942, table 1): twelve layers with the parameters of one."""


def test_layers_that_share_parameters_are_held_once_by_each_stage():
    fields = {"tensor": 8, "pipeline": 4, "data": 2, "sequence": True}
    fit = _fit(model=ALBERT, parallel=fields)
    assert fit.verdict.value == "fits", list(fit.lines_with_measures())
    # Each of the four stages has the one layer; activations are those of three.
    assert _value(fit, "memory.weights") == 2 * 223e6 / 8
    own = _fit(model=ALBERT | {"own_layers": 12, "parameters": 2_500_000_000}, parallel=fields)
    assert _value(own, "memory.weights") == 2 * 2.5e9 / 8 / 4
    assert _value(own, "memory.activations") == _value(fit, "memory.activations")


@pytest.mark.parametrize(("within", "divided"), [(None, 2), (1, 1), (2, 2)])
def test_each_expert_of_a_token_keeps_a_copy_of_its_input(within: int | None, divided: int):
    """A mixture of 8 experts, of which 2 work on a token: two copies beside the router's input."""
    tensor, tokens, hidden, width, chosen = 2, 8_192, 8_192, 28_672, 2
    mixture = {"model__experts": 8, "model__experts_chosen": chosen, "model__active": 20_000_000_000}
    mixture |= {"parallel__tensor": tensor, "parallel__pipeline": 4, "parallel__data": 8}
    fit = _fit(**mixture, parallel__expert_tensor=within, model__parameters=None, recompute="none")
    each = 2 * (2 * 64 * 128 + 2 * 8 * 128 + 3 * width * chosen + chosen * hidden * divided)
    assert _value(fit, "layer.activations") == pytest.approx(tokens * (4 * 2 * hidden + each) / tensor)
    for width_of_experts in (1_024, hidden):
        less = _fit(
            **mixture,
            parallel__expert_tensor=within,
            model__parameters=None,
            model__expert_hidden=width_of_experts,
            recompute="none",
        )
        saved = 2 * tokens * chosen * (hidden - width_of_experts) * divided / tensor
        assert _value(fit, "layer.activations") - _value(less, "layer.activations") == pytest.approx(saved)
