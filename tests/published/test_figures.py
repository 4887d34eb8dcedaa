"""Figures on failures and performance that others published, beside ours: in their range, or with a reason.

A row has `published`, a range or a figure, with source and day, and what of ours corresponds to it. A row of
`reliability.yaml` names a quantity of the assessments; one of `performance.yaml` what a benchmark has seen,
as `benchmarks/README.md` says it. `left_out` has the reason of a row that does not agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.assess.goodput.exact import RATE, best_interval, goodput, mean_between
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.spec.factory import ClusterLimits

FOLDER = Path(__file__).parent / "figures"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "README.md"
MACHINE, MANY = 8, 1000
"""GPUs of a machine, and the machine-days that rates are published for."""
GPU_CAUSES = ("faulty-gpu", "hbm3", "sram", "gsp", "silent-corruption", "thermal")


def _rows(name: str) -> dict[str, dict[str, Any]]:
    table = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return {row["row"]: {"read": table["read"], **row} for row in table["rows"]}


RELIABILITY, PERFORMANCE = _rows("reliability"), _rows("performance")


def value(name: str) -> float:
    return float(figure("failures", name).value or 0)


def ends(name: str) -> tuple[float, float]:
    of_name = figure("failures", name)
    return float(of_name.low or 0), float(of_name.high or 0)


def rates() -> tuple[float, float]:
    """The interruptions a GPU-day between which a cluster may lie, as an assessment has them."""
    return value("rsc2.rate") / MANY / MACHINE, 24 / value("rsc.mttf.1024") / 1024


def best_goodput(gpus: int) -> float:
    seconds = mean_between(RATE * gpus) * 3600
    stall, restart = value("stall"), value("detection") + value("restart")
    return goodput(best_interval(seconds, stall), seconds, stall, restart)


def causes() -> Mapping[str, float]:
    prefix = "llama3.count."
    named = [name for name in figures("failures") if name.startswith(prefix)]
    return {name.removeprefix(prefix): value(name) for name in named}


def ours(row: Mapping[str, Any]) -> tuple[float, float]:
    """The range of ours that a row compares; both ends are equal where it is one figure."""
    gpus = row.get("gpus", 0)
    low, high = rates()
    limits = ClusterLimits()
    gpu_share = sum(causes()[name] for name in GPU_CAUSES) / value("llama3.interruptions")
    waits = [ends(name) for name in ("detection", "restart")]
    quantities: dict[str, Any] = {
        "rate": lambda: float(RATE * MACHINE * MANY),
        "rate range": lambda: (low * MACHINE * MANY, high * MACHINE * MANY),
        "mean": lambda: mean_between(RATE * gpus),
        "mean range": lambda: (mean_between(high * gpus), mean_between(low * gpus)),
        "goodput": lambda: best_goodput(gpus),
        "figure": lambda: value(row["of"]),
        "figure range": lambda: ends(row["of"]),
        "causes": lambda: sum(causes().values()),
        "gpu causes": lambda: gpu_share,
        "restart range": lambda: (sum(wait[0] for wait in waits), sum(wait[1] for wait in waits)),
        "cluster nodes": lambda: limits.nodes,
        "cluster pods": lambda: limits.nodes * limits.pods_per_node,
    }
    found = quantities[row["ours"]]()
    return found if isinstance(found, tuple) else (found, found)


def agrees(row: Mapping[str, Any]) -> bool:
    """Whether ours lies in the published range, or a range of ours holds what was published."""
    low, high = ours(row)
    least, most = row["published"]
    if low == high:
        return bool(least <= low <= most)
    near = 1e-9 * most
    return bool(low - near <= least and most <= high + near)


@pytest.mark.parametrize("name", RELIABILITY)
def test_a_published_figure_on_failures_agrees_with_ours_or_says_why_not(name: str) -> None:
    row = RELIABILITY[name]
    assert agrees(row) == ("left_out" not in row), ours(row)
    assert len(row.get("left_out", "x" * 41)) > 40


@pytest.mark.parametrize("name", PERFORMANCE)
def test_what_a_benchmark_has_seen_is_better_than_published_or_says_why_not(name: str) -> None:
    row = PERFORMANCE[name]
    assert row["seen"] in BENCHMARKS.read_text(encoding="utf-8")
    is_better = row["value"] < row["published"]
    if row["better"] == "more":
        is_better = row["value"] > row["published"]
    assert is_better == ("left_out" not in row)
    # The figure that is compared follows from the words of the benchmark: a number, or a rate of `of` things.
    stated = [float(word) for word in row["seen"].split() if word.replace(".", "", 1).isdigit()]
    assert any(_follows(row, number) for number in stated), stated


def _follows(row: Mapping[str, Any], number: float) -> bool:
    derived = row["of"] / number if "of" in row else number
    return any(abs(derived * unit - row["value"]) < 0.01 * row["value"] for unit in (1, 1e-3))


def _all_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    yield from RELIABILITY.items()
    yield from PERFORMANCE.items()


def test_every_figure_has_a_source_and_a_day() -> None:
    for name, row in _all_rows():
        assert len(row["source"]) > 10, name
        assert row["read"], name


def test_a_figure_that_departs_would_be_seen() -> None:
    row = RELIABILITY["hours between failures of 16,384 GPUs"]
    assert agrees(row)
    assert not agrees({**row, "published": [9.0, 9.0]})
    assert not agrees({**RELIABILITY["effective training time of Llama 3"], "published": [0.97, 1.0]})
