"""A month as OpenMetrics text: what Prometheus' own tool reads back, and that series are whole."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sovereign_ai.operate.months.comparison import run_series
from sovereign_ai.operate.months.gangs import GangTerms
from sovereign_ai.operate.months.metrics import open_metrics
from sovereign_ai.operate.months.month import VirtualSite, read_site, run_month
from sovereign_ai.operate.repair.decide import Policy
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

DAYS = 30.0


@pytest.fixture(scope="module")
def site() -> VirtualSite:
    terms = GangTerms('train "a"', "train", 32, 3600.0, 20.0, 60.0, 300.0)
    return read_site(plan_of(factory_of(pool("train", nodes=32)), spares=2), CLUSTER, (terms,), Policy())


def month_text(site: VirtualSite, days: float) -> str:
    first = run_month(site, seed=1, days=days, every=3600.0)
    series = run_series(site, range(1, 4), days, None, lambda _line: None)
    return open_metrics("lab", first.samples, [series], days)


def test_samples_change_nothing_of_the_month(site: VirtualSite) -> None:
    plain, sampled = run_month(site, seed=1, days=DAYS), run_month(site, seed=1, days=DAYS, every=3600.0)
    assert (plain.shares, plain.faults, plain.decisions) == (
        sampled.shares,
        sampled.faults,
        sampled.decisions,
    )
    assert len(sampled.samples) == 30 * 24
    last = sampled.samples[-1]
    assert last.faults <= sampled.faults
    assert last.interruptions.keys() == sampled.shares.keys()


def test_each_series_is_whole_in_the_order_of_time_and_counters_never_fall(site: VirtualSite) -> None:
    text = month_text(site, DAYS)
    seen: dict[str, tuple[float, float]] = {}
    previous = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, value, moment = line.rsplit(" ", 2)
        if name in seen:
            assert name == previous, "a series is interrupted by another"
            assert float(moment) > seen[name][1]
            assert "_total" not in name or float(value) >= seen[name][0]
        seen[name], previous = (float(value), float(moment)), name
    assert len(seen) > 10


def test_promtool_makes_blocks_of_it_and_finds_every_series(site: VirtualSite, tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    text = month_text(site, 0.5)
    (tmp_path / "month.txt").write_text(text)
    # A database has a log of what is newer than its blocks.
    (tmp_path / "data" / "wal").mkdir(parents=True)
    create = [promtool, "tsdb", "create-blocks-from", "openmetrics", "month.txt", "data"]
    subprocess.run(create, cwd=tmp_path, check=True, capture_output=True)
    dump = [promtool, "tsdb", "dump", "data"]
    done = subprocess.run(dump, cwd=tmp_path, check=True, capture_output=True, text=True)
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(done.stdout.splitlines()) == len(samples)
