"""Jobs: their checkpoints and their failures."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.assess.measure import Basis
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.goodput.test_report import JOB
from tests.assess.stacks import stack


def test_a_checkpoint_is_never_due_before_the_last_is_away():
    factory, planned = stack("superpod")
    huge = {f"{JOB}.parameters": GivenValue(1e14)}
    found = assess_goodput(factory, planned, huge, runs=0)
    drain, best, interval = (found.measure(f"{JOB}.{part}").value for part in ("drain", "best", "interval"))
    assert drain == pytest.approx(14e14 / 250e9)
    assert drain is not None
    assert best is not None
    assert interval == drain > best
    assert (found.measure(f"{JOB}.bandwidth").value or 0) > 250e9


def test_a_declared_job_is_told_from_a_whole_pool_and_no_job_spans_two_sites():
    factory, planned = stack("gigafactory")
    found = {job.name: job.declared for job in assess_goodput(factory, planned, runs=0).jobs}
    assert found == {"train-north": False, "national-model": True}


def test_a_machine_without_counted_failures_has_an_estimate_with_a_wide_range():
    factory, planned = stack("gigafactory")
    rate = assess_goodput(factory, planned, runs=0).measure("failure-rate.b200")
    assert rate.basis is Basis.ESTIMATE
    assert rate.low is not None
    assert rate.high is not None
    assert rate.high / rate.low > 2.5
    counted = assess_goodput(*stack("superpod"), runs=0).measure("failure-rate.h100-sxm")
    assert counted.basis is Basis.SOURCE
