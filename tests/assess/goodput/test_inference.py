"""Prefill, decode and concurrency, for dense models and mixtures of experts."""

from __future__ import annotations

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.goodput.inference import kv_bytes, sequences, weights_read
from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.stacks import stack

LLAMA = {
    "parameters": 70.6e9,
    "layers": 80,
    "kv-heads": 8,
    "head-width": 128,
    "context": 8192,
    "weight-bytes": 2,
    "cache-bytes": 2,
}


def _given(model: dict[str, float], service: str = "serve") -> dict[str, GivenValue]:
    return {f"service.{service}.{part}": GivenValue(float(value)) for part, value in model.items()}


def test_the_cache_of_a_token_follows_from_the_published_shape():
    assert kv_bytes(126, 8, 128, 2) == 516_096
    assert kv_bytes(80, 8, 128, 2) == 327_680


def test_a_single_token_reads_the_active_experts_and_a_large_batch_reads_all():
    one = weights_read(671e9, 37e9, 256, 8, batch=1, size=1)
    assert one == pytest.approx(37e9)
    assert weights_read(671e9, 37e9, 256, 8, batch=10_000, size=1) == pytest.approx(671e9)
    assert weights_read(70e9, 70e9, 1, 1, batch=1, size=2) == 140e9


@examples(batch=st.floats(min_value=1, max_value=1e4), more=st.floats(min_value=1, max_value=1e4))
def test_a_larger_batch_never_reads_less(batch: float, more: float):
    small, large = (weights_read(671e9, 37e9, 256, 8, size, 1) for size in (batch, batch + more))
    assert 37e9 * 0.999 <= small <= large <= 671e9 * 1.001


def test_sequences_are_whole_and_nothing_fits_beside_weights_that_do_not():
    assert sequences(memory=100.5, weights=50, context=10, token=1) == 5
    assert sequences(memory=40, weights=50, context=10, token=1) == 0


def test_a_dense_service_on_eight_h100_comes_out_by_hand():
    factory, planned = stack("lab")
    found = assess_goodput(
        factory,
        planned,
        _given(LLAMA)
        | {"memory.usable": GivenValue(0.9), "mbu.decode": GivenValue(0.6), "mfu.prefill": GivenValue(0.5)},
        runs=0,
    )
    value = lambda part: found.measure(f"service.serve.{part}").value  # noqa: E731 - short for the lines below
    assert value("replica") == 1
    fits = int((640e9 * 0.9 - 141.2e9) // (8192 * 327_680))
    assert value("concurrency") == fits
    assert value("prefill") == pytest.approx(8 * 989e12 * 0.5 / (2 * 70.6e9))
    step = (141.2e9 + fits * 8192 * 327_680) / (8 * 3.35e12 * 0.6)
    assert value("decode") == pytest.approx(fits / step)
    assert value("replicas") == 4


def test_a_service_without_a_model_is_open_and_asks_for_it():
    factory, planned = stack("lab")
    found = assess_goodput(factory, planned, runs=0)
    assert found.services == ("serve",)
    assert found.measure("service.serve.decode").value is None
    assert "service.serve.layers" in found.measure("service.serve.decode").needs
    assert found.measure("service.serve.prefill").needs == ("service.serve.parameters",)
