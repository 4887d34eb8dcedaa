"""The closed forms of memory, against the published totals and against what holds for any model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.assess.fit.memory import (
    Width,
    expert_parameters,
    layer_bytes,
    live_layers,
    score_bytes,
    stage_layers,
    state_bytes,
)

# GPT-3, the example of Korthikanti and others: s 2048, b 1, a 96, h 12288.
GPT3 = Width(hidden=12_288, query=12_288, key=12_288, kept=2 * 4 * 12_288, dropout=True)
SBH = 2_048 * 12_288


def test_mixed_precision_adam_keeps_the_published_16_bytes_a_parameter():
    assert sum(state_bytes("bf16", "bf16", "adam")) == 16
    assert sum(state_bytes("fp32", "fp32", "adam")) == 16
    assert state_bytes("bf16", "fp32", "momentum") == (2, 4, 8)
    assert state_bytes("fp32", "fp32", "sgd") == (4, 4, 0)


def test_a_layer_keeps_the_published_34_and_5_as_over_h():
    assert layer_bytes(GPT3, 2_048, 2) == 34 * SBH
    scores = score_bytes(96, 2_048, 2_048, 2, dropout=True)
    assert scores / SBH == 5 * 96 * 2_048 / 12_288 == 80


def test_tensor_parallelism_leaves_10_whole_and_divides_24():
    assert layer_bytes(GPT3, 2_048, 2, tensor=8) == SBH * (10 + 24 / 8)


def test_along_the_sequence_all_34_are_divided():
    assert layer_bytes(GPT3, 2_048, 2, tensor=8, sequence=True) == SBH * 34 / 8


def test_a_llama_layer_keeps_another_count_with_its_own_widths():
    """Per h: 8 whole, 4 of queries and outputs, 0.25 of keys and values, 19.5 behind a gate of 3.25 h."""
    llama = Width(hidden=16_384, query=16_384, key=8 * 128, kept=3 * 53_248, dropout=False)
    assert layer_bytes(llama, 8_192, 2, tensor=8, sequence=True) == 8_192 * 16_384 * 31.75 / 8


@pytest.mark.parametrize(
    ("layers", "stages", "fullest", "live"),
    [(80, 4, 20, 80), (126, 16, 8, 120), (96, 1, 96, 96), (10, 4, 3, 9)],
)
def test_the_second_stage_keeps_most_where_the_first_has_a_layer_less(
    layers: int, stages: int, fullest: int, live: int
):
    assert max(stage_layers(layers, stages)) == fullest
    assert live_layers(layers, stages) == live


@given(st.integers(1, 200), st.integers(1, 64))
def test_stages_hold_every_layer_and_no_stage_more_than_a_share(layers: int, stages: int):
    each = stage_layers(layers, stages)
    assert len(each) == stages
    assert sum(each) >= layers
    assert max(each) == -(-layers // stages)


@given(st.integers(1, 200), st.integers(1, 64))
def test_an_even_pipeline_keeps_the_activations_of_all_layers_of_one_micro_batch(layers: int, stages: int):
    if not layers % stages:
        assert live_layers(layers, stages) == layers


def test_deepseeks_experts_hold_654_of_671_thousand_million_parameters():
    assert round(expert_parameters(671e9, 37e9, 256, 8) / 1e9) == 654
    assert expert_parameters(70e9, 70e9, 1, 1) == 0
