"""Machines without accelerators: a partition of a description like any other, of which no job is assumed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from sovereign_ai.assess.acceptance.acceptance_sheet import sheet
from sovereign_ai.assess.fault_series import FaultDomain, draw, parse_series
from sovereign_ai.assess.goodput.training_jobs import jobs
from sovereign_ai.catalog.figures import clear_description_rows, table
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.rules.whole_check import decide
from sovereign_ai.sovereignty.report import assess_sovereignty
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, pool

NOW = date(2026, 11, 28)


def cpu_row() -> dict[str, Any]:
    """A DGX H100 without its accelerators."""
    [row] = [raw for raw in table("systems.json")["rows"] if raw["name"] == "dgx-h100"]
    gpus = {**row["figures"]["gpus"], "value": 0, "grade": "measured"}
    return {**row, "kind": "system", "name": "cpu-node", "figures": {**row["figures"], "gpus": gpus}}


@pytest.fixture(params=[False, True], ids=["alone", "beside GPUs"])
def described(request: pytest.FixtureRequest) -> Iterator[tuple[AIFactory, Plan]]:
    pools = [pool("cpu", system="cpu-node")]
    if request.param:
        pools.append(pool("gpu"))
    wish = factory(catalog=[cpu_row()], pools=pools)
    yield wish, plan(wish)
    clear_description_rows()


def test_a_partition_of_cpus_is_planned_and_every_rule_decides_it(
    described: tuple[AIFactory, Plan],
) -> None:
    wish, planned = described
    assert {node.gpus for node in planned.nodes if node.pool == "cpu"} == {0}
    assert planned.power[0].it_load >= 8 * 10_200
    assert not [finding for finding in decide(wish, planned, NOW) if "cannot be decided" in finding.message]


def test_no_job_and_no_test_of_gpus_is_assumed_of_it(described: tuple[AIFactory, Plan]) -> None:
    wish, planned = described
    assert "cpu" not in {job.name for job in jobs(wish, pool_shapes(wish))}
    assert not [test for test in sheet(wish, planned).tests if "-g 0" in test.command]


def test_a_lost_vendor_stops_no_service_of_it(described: tuple[AIFactory, Plan]) -> None:
    wish, planned = described
    found = assess_sovereignty(wish, planned, now=NOW)
    served = {name for drill in found.drills for name in drill.served}
    assert served == ({"training"} if len(wish.pools) == 2 else set())


def test_no_fault_is_counted_of_it_and_a_file_may_still_name_it(described: tuple[AIFactory, Plan]) -> None:
    """The published count is of machines with GPUs."""
    _, planned = described
    cluster = planned.clusters[0].name
    for seed in range(3):
        events = draw(planned, cluster, seed=seed, days=3_000)
        assert all("cpu" not in event.unit for event in events if event.domain is not FaultDomain.PDU)
        assert bool(events) or len(planned.nodes) == 8
    rows = ["seconds,domain,unit,gpu,code,repair", "1,node,cpu-001,,0,7", "1,nic,cpu-001,,0,7"]
    assert len(parse_series("\n".join(rows), "faults.csv", planned, cluster)) == 2
    for row in ("1,gpu,cpu-001,0,48,7", "1,thermal,cpu-001,,0,7", "1,nic,cpu-001,0,0,7"):
        with pytest.raises(SpecError):
            parse_series(f"{rows[0]}\n{row}\n", "faults.csv", planned, cluster)
