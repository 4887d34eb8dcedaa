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
        ({"replicas": 1, "tensor": 16}, "tensor parallelism", "does not fit"),
        ({"tensor": 3}, "attention heads", "does not fit"),
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
    verdict = _verdict(_fit(model__weights="fp4"), "time to the first token")
    assert verdict == ("not known", ("peak.h100-sxm.fp4",))
