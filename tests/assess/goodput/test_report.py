"""Goodput of the stacks' jobs: golden training runs, verdicts, renaming, and what each figure changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.errors import UsageError
from tests.assess.stacks import ALL, changed, stack

JOB = "job.dgx"
LLAMA = {f"{JOB}.parameters": GivenValue(405e9), f"{JOB}.tokens": GivenValue(15.6e12)}


def test_a_job_that_repeats_more_than_it_does_is_called_infeasible():
    factory, planned = stack("gigafactory")
    slow = {"stall": GivenValue(600.0), "detection": GivenValue(600.0), "restart": GivenValue(900.0)}
    found = {job.name: job.verdict for job in assess_goodput(factory, planned, slow, runs=0).jobs}
    assert found["national-model"] == "infeasible"
    quick = {
        "stall": GivenValue(5.0),
        "detection": GivenValue(5.0),
        "restart": GivenValue(60.0),
        "corruption.latency": GivenValue(0.0),
    }
    found = {job.name: job.verdict for job in assess_goodput(factory, planned, quick, runs=0).jobs}
    assert found["national-model"] == "feasible"


def test_a_job_without_machines_to_take_over_waits_for_repairs_and_is_called_short_of_spares(tmp_path: Path):
    assert assess_goodput(*stack("superpod"), runs=40).jobs[0].verdict == "short of spares"
    fewer = (("gpus: 508", "gpus: 360"), ("nodes: 127", "nodes: 90"))
    spared = changed("superpod", "zone: research}", "zone: research, spares: 34}", tmp_path, *fewer)
    assert assess_goodput(*spared, runs=40).jobs[0].verdict == "feasible"


def test_renaming_changes_no_number(tmp_path: Path):
    before = assess_goodput(*stack("superpod"), runs=20)
    after = assess_goodput(*changed("superpod", "dgx, site: lyon", "other, site: lyon", tmp_path), runs=20)
    assert [(one.value, one.low, one.high) for one in before.measures] == [
        (one.value, one.low, one.high) for one in after.measures
    ]
    assert [job.simulated for job in before.jobs] == [job.simulated for job in after.jobs]


def test_a_figure_changes_only_what_hangs_on_it():
    factory, planned = stack("superpod")
    before = {one.id: one for one in assess_goodput(factory, planned, LLAMA, runs=0).measures}
    after = {
        one.id: one
        for one in assess_goodput(
            factory, planned, LLAMA | {"mfu.h100-sxm": GivenValue(0.5)}, runs=0
        ).measures
    }
    moved = {name for name in before if before[name] != after[name]}
    assert moved == {"mfu.h100-sxm"} | {
        f"{JOB}.{part}" for part in ("time", "gpu-hours", "it-energy", "energy", "carbon")
    }


def test_an_unknown_figure_is_refused():
    with pytest.raises(UsageError, match="is no figure of this assessment"):
        assess_goodput(*stack("lab"), {"price.gold": GivenValue(1.0)}, runs=0)


@pytest.mark.parametrize("name", ALL)
def test_every_stack_is_assessed_alike_twice_and_as_json(name: str):
    factory, planned = stack(name)
    one, two = (
        orjson.dumps(assess_goodput(factory, planned).to_data(), option=orjson.OPT_SORT_KEYS)
        for _ in range(2)
    )
    assert one == two


def test_the_superpods_page_stays_as_it_was(golden: Callable[[Path, str], None]):
    text = "\n".join(assess_goodput(*stack("superpod"), LLAMA, runs=100).lines()) + "\n"
    golden(Path(__file__).parent / "superpod.txt", text)


def test_a_job_whose_checkpoint_takes_a_year_is_told_to_have_been_stopped():
    found = assess_goodput(*stack("superpod"), {"stall": GivenValue(31_557_600.0)}, runs=8)
    lines = [line for line in found.lines() if line.startswith("  simulated")]
    assert (
        lines[0]
        == "  simulated, exponential: 0.000 +- 0.000 (1 run, stopped after 8,000 failures, seed 1; exact 0.000)"  # noqa: E501 - one literal text
    )
    assert found.jobs[0].verdict == "infeasible"


def test_a_checkpoint_without_a_standstill_makes_no_job_infeasible():
    stand, free = (
        assess_goodput(*stack("superpod"), {"stall": GivenValue(stall)}, runs=0) for stall in (5.0, 0.0)
    )
    assert free.jobs[0].verdict == "feasible"
    assert (free.measure(f"{JOB}.goodput").value or 0) > (stand.measure(f"{JOB}.goodput").value or 0) > 0.9
