"""Time and energy of training runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.goodput.test_report import JOB, LLAMA
from tests.assess.stacks import changed, stack


def test_the_published_gpu_hours_of_llama_3_lie_within_the_range():
    factory, planned = stack("superpod")
    found = assess_goodput(factory, planned, LLAMA, runs=0)
    hours = found.measure(f"{JOB}.gpu-hours")
    assert found.measure(f"{JOB}.flop").value == pytest.approx(3.79e25, rel=0.001)
    assert found.measure(f"{JOB}.systemic-risk").value == 1.0
    assert hours.low is not None
    assert hours.high is not None
    # 30.84 million were published, over more than the 90 % of time that was effective
    assert hours.low < 30.84e6 * 0.9 < hours.high


def test_time_is_six_n_d_over_what_the_gpus_do():
    factory, planned = stack("superpod")
    found = assess_goodput(factory, planned, LLAMA, runs=0)
    good = found.measure(f"{JOB}.goodput").value or 0
    expected = 6 * 405e9 * 15.6e12 / (1016 * 989e12 * 0.41 * good) / 3600
    assert found.measure(f"{JOB}.time").value == pytest.approx(expected)
    assert found.measure(f"{JOB}.it-energy").value == pytest.approx(expected * 127 * 10.2 * 0.76)


def test_a_described_model_gives_training_time_and_energy_and_a_given_figure_still_replaces_it(
    tmp_path: Path,
):
    old = "images:\n  registries: [registry.example.com/ai]\n"
    image = f'"registry.example.com/ai/train@sha256:{"a" * 64}"'
    job = f"  - {{name: language, tenant: research, pool: train, nodes: 8, image: {image}, model: {{parameters: 70000000000, tokens: 2000000000000}}}}\n"  # noqa: E501 - one literal text
    factory, planned = changed("lab", old, f"{old}\nworkloads:\n{job}", tmp_path)
    found = assess_goodput(factory, planned, runs=0)
    flop = found.measure("job.language.flop").value
    assert flop == pytest.approx(6 * 70e9 * 2e12)
    good = found.measure("job.language.goodput").value or 0
    assert found.measure("job.language.time").value == pytest.approx(
        6 * 70e9 * 2e12 / (64 * 989e12 * 0.41 * good) / 3600, rel=1e-3
    )
    assert (found.measure("job.language.energy").value or 0) > 0
    mine = assess_goodput(factory, planned, {"job.language.parameters": GivenValue(7e9)}, runs=0)
    assert mine.measure("job.language.flop").value == pytest.approx(6 * 7e9 * 2e12)
