"""The checks of an inference service, against numbers worked out from a published model and a data sheet."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.assess.fit.report import Fit, assess_fit
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.fit.work import service
from tests.assess.stacks import stack


def _fit(given: dict[str, GivenValue] | None = None, **fields: Any) -> Fit:
    return assess_fit(*stack("lab"), service(**fields), given)


def _verdict(fit: Fit, label: str) -> tuple[str, tuple[str, ...]]:
    check = next(check for check in fit.checks if check.label == label)
    return check.verdict.value, check.missing


def _value(fit: Fit, name: str) -> float:
    value = fit.measure(name).value
    assert value is not None
    return value


def test_a_70b_service_on_eight_h100_fits_with_the_numbers_of_the_hand():
    fit = _fit()
    assert fit.verdict.value == "fits", list(fit.lines_with_measures())
    token = 2 * 80 * 8 * 128 * 2
    assert _value(fit, "cache.token") == token == 327_680
    assert _value(fit, "batch") == 16
    cache = 16 * 8_192 * token
    assert _value(fit, "memory.total") == pytest.approx((140e9 + cache) / 8)
    assert _value(fit, "ttft") == pytest.approx(2 * 70e9 * 2_048 / (8 * 989e12 * 0.5))
    assert _value(fit, "tpot") == pytest.approx((140e9 + cache) / (8 * 3.35e12 * 0.6))


def test_a_large_batch_is_bounded_by_products_and_no_longer_by_memory():
    fit = _fit(concurrent=40_000, context=2_048, prompt=1, model__cache="fp8")
    assert _value(fit, "tpot") >= 2 * 70e9 * 10_000 / (8 * 989e12 * 0.5) * 0.999


def test_a_cache_head_is_not_divided_over_more_gpus_than_there_are_heads():
    fit = _fit(model__kv_heads=2)
    assert _value(fit, "memory.cache") == pytest.approx(_value(fit, "cache") / 2)


@pytest.mark.parametrize(
    ("model", "kilobytes"),
    [
        ({"layers": 61, "heads": 128, "kv_heads": 128, "cache_width": 576}, 70.272),
        ({"layers": 80, "heads": 64, "kv_heads": 8, "head_width": 128}, 327.680),
        ({"layers": 126, "heads": 128, "kv_heads": 8, "head_width": 128}, 516.096),
    ],
    ids=["DeepSeek-V3", "Qwen-2.5 72B", "Llama-3.1 405B"],
)
def test_the_cache_of_a_token_is_the_published_one(model: dict[str, Any], kilobytes: float):
    """Table 1 of Insights into DeepSeek-V3 (arXiv 2505.09343), in BF16."""
    fields = {f"model__{name}": value for name, value in model.items()}
    assert _value(_fit(model__hidden=16_384, **fields), "cache.token") == kilobytes * 1000


def test_a_compressed_cache_lies_whole_on_each_gpu():
    fit = _fit(model__cache_width=576)
    assert _value(fit, "memory.cache") == _value(fit, "cache") == 16 * 8_192 * 80 * 576 * 2


@pytest.mark.parametrize(
    ("model", "cache_of_a_gpu"),
    [
        ({"cache_width": 576}, 16 * 8_192 * 80 * 576 * 2),
        ({"kv_heads": 2}, 16 * 8_192 * 2 * 80 * 2 * 128 * 2 / 2),
        ({"kv_heads": 8}, 16 * 8_192 * 2 * 80 * 8 * 128 * 2 / 8),
    ],
    ids=["compressed", "fewer heads than GPUs", "a head each"],
)
def test_each_gpu_reads_all_of_the_cache_that_it_keeps(model: dict[str, Any], cache_of_a_gpu: float):
    fit = _fit(**{f"model__{name}": value for name, value in model.items()})
    assert _value(fit, "tpot") == pytest.approx((140e9 / 8 + cache_of_a_gpu) / (3.35e12 * 0.6))


def test_a_prompt_lies_in_one_of_the_groups_that_share_experts():
    """About 17e9 parameters of DeepSeek-V3 are dense, and not spread over the groups of other prompts."""
    moe = {"parameters": 671_000_000_000, "active": 37_000_000_000, "experts": 256, "experts_chosen": 8}
    fields = {f"model__{name}": value for name, value in moe.items()}
    fit = _fit(replicas=1, tensor=1, data=32, **fields)
    routed = (671e9 - 37e9) / 248 * 256
    dense, chosen = 671e9 - routed, 37e9 - (671e9 - routed)
    seconds = 2 * 2_048 * (dense + chosen / 32) / (989e12 * 0.5)
    assert _value(fit, "ttft") == pytest.approx(seconds)
    assert seconds > 10 * 2 * 2_048 * 37e9 / (32 * 989e12 * 0.5)


def test_a_mixture_of_experts_works_with_its_active_parameters_alone():
    moe = {"model__experts": 8, "model__experts_chosen": 2, "model__active": 20_000_000_000}
    assert _value(_fit(**moe), "ttft") == pytest.approx(2 * 20e9 * 2_048 / (8 * 989e12 * 0.5))


def test_prefill_and_decode_pools_are_judged_apart():
    split = {"prefill": {"replicas": 2, "tensor": 4}, "decode": {"replicas": 3, "tensor": 8}}
    fit = _fit(replicas=None, tensor=None, **split)
    labels = [check.label for check in fit.checks]
    assert "memory of a GPU of prefill" in labels
    assert "memory of a GPU of decode" in labels
    # Two replicas of four share one server, three of eight take three.
    assert _value(fit, "nodes") == 4
    assert _value(fit, "ttft") == pytest.approx(2 * 70e9 * 2_048 / (4 * 989e12 * 0.5))


@pytest.mark.parametrize(
    ("fields", "label", "verdict"),
    [
        ({"replicas": 5}, "servers of the pool", "does not fit"),
        ({"tenant": None}, "quota of the tenant", "not known"),
        ({"tenant": "research"}, "quota of the tenant", "does not fit"),
        ({"replicas": 1, "tensor": 16}, "tensor parallelism", "fits"),
        ({"replicas": 1, "tensor": 12}, "tensor parallelism", "does not fit"),
        ({"tensor": 3}, "attention heads", "does not fit"),
        ({"tensor": 4, "model__heads": 40, "model__kv_heads": 10}, "key and value heads", "does not fit"),
        ({"tensor": 8, "model__kv_heads": 4}, "key and value heads", "fits"),
        ({"model__feed_forward": 28_676, "model__gated": True}, "feed-forward width", "does not fit"),
        ({"tensor": 1}, "memory of a GPU", "does not fit"),
        ({"concurrent": 2_000}, "memory of a GPU", "does not fit"),
        ({"concurrent": None}, "memory of a GPU", "not known"),
        ({"targets__ttft_ms": 20}, "time to the first token", "does not fit"),
        ({"targets__tpot_ms": 5}, "time for a further token", "does not fit"),
        ({"targets__tpot_ms": None}, "time for a further token", "not known"),
        ({"model__weights": None}, "time to the first token", "not known"),
    ],
)
def test_each_check_decides_what_its_name_says(fields: dict[str, Any], label: str, verdict: str):
    assert _verdict(_fit(**fields), label)[0] == verdict


def test_a_target_within_the_range_of_an_estimate_is_not_known_until_the_figure_is_given():
    label, target = "time to the first token", {"targets__ttft_ms": 80}
    assert _verdict(_fit(**target), label) == ("not known", ("mfu.prefill",))
    assert _verdict(_fit({"mfu.prefill": GivenValue(0.55)}, **target), label) == ("fits", ())
    assert _verdict(_fit({"mfu.prefill": GivenValue(0.4)}, **target), label) == ("does not fit", ())


def test_a_peak_that_no_source_has_is_asked_for():
    verdict = _verdict(_fit(model__weights="int8"), "time to the first token")
    assert verdict == ("not known", ("peak.h100-sxm.int8",))


@pytest.mark.parametrize(
    ("fields", "peak"),
    [
        ({"model__weights": "fp8"}, "fp8"),
        ({"model__weights": "mxfp4"}, "bf16"),
        ({"model__weights": "nvfp4"}, "bf16"),
        ({"model__weights": "int4"}, "bf16"),
        ({"model__weights": "mxfp4", "model__products": "fp8"}, "fp8"),
    ],
)
def test_hopper_widens_weights_of_four_bits_and_multiplies_them_in_sixteen(fields: dict[str, Any], peak: str):
    names = {measure.id for measure in _fit(**fields).measures}
    assert {name for name in names if name.startswith("peak.")} == {f"peak.h100-sxm.{peak}"}


def test_weights_in_several_formats_have_the_size_that_is_published():
    """gpt-oss-120b (OpenAI's model card, 2025-08): experts in MXFP4, the rest in BF16, 60.8 GiB in all."""
    shape = {"parameters": 116_829_156_672, "active": 5_132_849_472, "experts": 128, "experts_chosen": 4}
    model = {**shape, "layers": 36, "hidden": 2_880, "heads": 64, "kv_heads": 8, "head_width": 64}
    model |= {"weights": "mxfp4", "cache": "bf16", "weights_size": "65283 MB"}
    fit = _fit(model=model, replicas=1, tensor=1, concurrent=4)
    assert _value(fit, "weights") == pytest.approx(65.283e9)
    assert _verdict(fit, "memory of a GPU") == ("fits", ())
    # Two bytes; the card's active parameters are without the embedding, so that fewer seem to be dense.
    assert 2 <= _value(fit, "bytes.dense") < 3


def test_a_stage_of_a_pipeline_has_its_layers_and_reads_its_weights_for_each_part_of_the_batch():
    alone, staged = _fit(replicas=1), _fit(replicas=1, pipeline=2)
    assert _value(staged, "gpus") == 2 * _value(alone, "gpus") == 16
    for part in ("memory.weights", "memory.cache"):
        assert _value(staged, part) == pytest.approx(_value(alone, part) / 2), part
    assert _value(staged, "read.weights") == 2 * _value(alone, "read.weights")
    uneven = _fit(replicas=1, pipeline=3)
    assert _value(uneven, "memory.weights") == pytest.approx(_value(alone, "memory.weights") * 27 / 80)


DEEPSEEK = {
    "parameters": 671_026_419_200,
    "active": 37_552_000_000,
    "layers": 61,
    "hidden": 7_168,
    "heads": 128,
    "kv_heads": 128,
    "head_width": 192,
    "experts": 256,
    "experts_chosen": 8,
    "cache_width": 576,
    "weights": "fp8",
    "cache": "bf16",
}
"""DeepSeek-V3 (arXiv 2412.19437, section 4.2)."""
PREFILL = {"replicas": 1, "tensor": 4, "data": 8, "expert_copies": 32, "concurrent": 16}
DECODE = {"replicas": 1, "tensor": 4, "data": 80, "expert_copies": 64}


def _deepseek(**fields: Any) -> Fit:
    pools = {"replicas": None, "tensor": None, "prefill": PREFILL, "decode": DECODE}
    return _fit(**{**pools, "model": DEEPSEEK, "concurrent": 8_192, **fields})


def test_the_published_deployment_of_deepseek_has_its_published_gpus_and_experts():
    """Sections 3.4.1 and 3.4.2: 32 GPUs with 9 experts each for prefill, 320 with one for decode."""
    fit = _deepseek()
    assert (_value(fit, "replica.gpus.prefill"), _value(fit, "replica.gpus.decode")) == (32, 320)
    assert (_value(fit, "experts.gpu.prefill"), _value(fit, "experts.gpu.decode")) == (9, 1)
    assert _value(fit, "gpus") == 352


def test_the_weights_of_a_gpu_are_those_of_its_whole_experts_and_its_part_of_all_else():
    """Counted from the shapes of its matrices: 58 layers with experts, each of three of 7168 x 2048."""
    expert = 58 * 3 * 7_168 * 2_048
    dense = 671_026_419_200 - 256 * expert
    fit = _deepseek()
    assert _value(fit, "memory.weights.decode") == pytest.approx(expert + dense / 4, rel=0.002)
    assert _value(fit, "memory.weights.prefill") == pytest.approx(9 * expert + dense / 4, rel=0.002)


def test_a_group_keeps_the_cache_of_its_own_requests_and_prefill_that_of_prompts_alone():
    fit = _deepseek()
    assert _value(fit, "memory.cache.decode") == pytest.approx(103 * 8_192 * 70_272)
    assert _value(fit, "memory.cache.prefill") == pytest.approx(2 * 2_048 * 70_272)


def test_each_group_reads_what_is_dense():
    fit, once = _deepseek(), 671_026_419_200
    dense = once - 58 * 3 * 7_168 * 2_048 * 256
    # In a step of 8,192 tokens every expert is touched.
    assert _value(fit, "read.groups") == pytest.approx(once + 79 * dense, rel=0.01)


def test_layers_with_a_window_keep_no_more_tokens_than_it_has():
    """gpt-oss-120b: every second of 36 layers has a window of 128 tokens (arXiv 2508.10925, section 2.2)."""
    model = {"layers": 36, "heads": 64, "kv_heads": 8, "head_width": 64, "window": 128, "window_layers": 18}
    fields = {f"model__{name}": value for name, value in model.items()}
    layer = 2 * 8 * 64 * 2
    fit = _fit(context=131_072, prompt=100, concurrent=4, **fields)
    assert _value(fit, "cache") == 18 * layer * 131_072 + 18 * layer * 128
    assert _value(_fit(context=100, prompt=50, concurrent=4, **fields), "cache") == 36 * layer * 100


def test_layers_without_a_cache_keep_none():
    assert _value(_fit(model__cache_layers=12), "cache.token") == 12 * 2 * 8 * 128 * 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"data": 2}, "no-experts"),
        ({"model__window": 128}, "half-a-window"),
        ({"model__window": 128, "model__window_layers": 81}, "more-than-whole"),
        ({"model__cache_layers": 81}, "more-than-whole"),
        ({"model__cache_layers": 8, "model__window": 9, "model__window_layers": 9}, "more-than-whole"),
        ({"model": DEEPSEEK, "prefill": PREFILL, "decode": DECODE, "data": 2}, "replicas-or-pools"),
    ],
)
def test_shapes_that_contradict_themselves_are_refused(fields: dict[str, Any], code: str):
    if "prefill" in fields:
        fields = {"replicas": None, "tensor": None, **fields}
    assert code in {problem.code for problem in service(**fields).problems()}


@pytest.mark.parametrize(("copies", "verdict"), [(64, "fits"), (63, "does not fit")])
def test_each_gpu_of_wide_expert_parallelism_holds_an_expert(copies: int, verdict: str):
    decode = {"replicas": 1, "tensor": 4, "data": 80, "expert_copies": copies}
    fields = {"replicas": None, "tensor": None, "model": DEEPSEEK, "prefill": PREFILL, "decode": decode}
    assert _verdict(_fit(**fields), "experts of a GPU of decode")[0] == verdict


def test_contexts_of_ten_million_tokens_can_be_said():
    assert service(context=10_000_000, prompt=9_000_000).context == 10_000_000


def test_layers_that_share_parameters_work_and_are_read_as_often_as_there_are_layers():
    """A stage holds the one layer that all have; each of twelve reads it and multiplies by it."""
    fields = {"model__parameters": 220_000_000, "model__layers": 12, "model__kv_heads": 64}
    shared, plain = _fit(**fields, model__own_layers=1), _fit(**fields)
    assert shared.measure("memory.weights").value == plain.measure("memory.weights").value
    assert shared.measure("memory.cache").value == plain.measure("memory.cache").value
    for name in ("ttft", "read.used"):
        once, often = plain.measure(name).value, shared.measure(name).value
        assert once is not None
        assert often == pytest.approx(12 * once)
