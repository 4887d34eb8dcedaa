"""What is asked of each stack, and whether the limits follow from its plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from sovereign_ai.assess.acceptance.acceptance_sheet import sheet
from sovereign_ai.assess.acceptance.tests import AcceptanceSheet, AcceptanceTest, Limit, file_name
from sovereign_ai.assess.sources import figures
from sovereign_ai.catalog.accelerator import accelerators
from tests.render.lab import stack

STACKS = ("lab", "superpod", "plural", "gigafactory")


def only(found: AcceptanceSheet, level: str, name: str, group: str) -> AcceptanceTest:
    (one,) = [test for test in found.tests if (test.level, test.name, test.group) == (level, name, group)]
    return one


def limit(test: AcceptanceTest, metric: str) -> Limit:
    (one,) = [one for one in test.limits if one.metric == metric]
    return one


@pytest.mark.parametrize("name", STACKS)
def test_each_result_has_a_name_of_its_own_and_each_limit_a_plan_and_a_source(name: str) -> None:
    found = sheet(*stack(name))
    names = Counter(file_name(subject, test.name) for subject, test in found.runs() if test.tool != "count")
    assert [one for one, count in names.items() if count > 1] == []
    for test in found.tests:
        assert test.limits
        assert test.command
        for one in test.limits:
            assert one.planned, test
            assert one.source, test
            assert "estimate" not in one.source or (
                one.low is not None and one.high is not None and one.low <= one.value <= one.high
            )


@pytest.mark.parametrize("name", STACKS)
def test_every_machine_is_tested_and_every_rail_of_machines_that_can_be_read(name: str) -> None:
    _, plan = stack(name)
    found = sheet(*stack(name))
    assert {subject for test in found.tests if test.level == "node" for subject in test.subjects} == {
        node.name for node in plan.nodes
    }


def test_published_limits_belong_to_accelerators_of_the_catalogue() -> None:
    names = {one.removeprefix("bus.") for one in figures("acceptance") if one.startswith("bus.")}
    assert names == {"h100-sxm", "h200-sxm", "gb200", "mi300x"}
    assert names <= {one.name for one in accelerators()}


def test_the_labs_limits_are_those_of_its_plan() -> None:
    found = sheet(*stack("lab"))
    assert limit(only(found, "node", "collectives", "train"), "bus").value == 460
    scratch = only(found, "node", "storage-scratch", "train")
    assert (limit(scratch, "read").value, limit(scratch, "write").value) == (8, 4)
    assert limit(only(found, "node", "links", "train"), "ports").value == 10
    assert "2.1 h of full load" in only(found, "node", "links", "train").command
    rails = [test for test in found.tests if test.level == "rail"]
    assert [(len(one.subjects), limit(one, "bus").value, limit(one, "ranks").value) for one in rails] == [
        (8, 40, 12),
        (8, 40, 4),
    ]
    assert limit(only(found, "unit", "collectives", "train"), "bus").value == pytest.approx(0.8 * 400)
    assert limit(only(found, "site", "storage", "scratch"), "read").value == 40
    assert limit(only(found, "site", "burn-in", "fra1"), "broken").value == 2


def test_machines_that_a_fabric_keeps_apart_are_never_in_one_collective() -> None:
    _, plan = stack("lab")
    zones = {node.zone for node in plan.nodes}
    found = sheet(*stack("lab"))
    rails = [subject for test in found.tests if test.level == "rail" for subject in test.subjects]
    assert {subject.rpartition("-")[2] for subject in rails} == zones == {"restricted", "open"}
    unbound = replace(plan, partitions=())
    (one,) = [test for test in sheet(stack("lab")[0], unbound).tests if test.level == "rail"]
    assert limit(one, "ranks").value == 16


def test_a_cut_that_carries_less_than_the_ports_lowers_the_exchange() -> None:
    factory, plan = stack("superpod")
    thin = replace(
        plan,
        fabrics=tuple(
            replace(one, bisection=one.bisection // 8) if one.role == "compute" else one
            for one in plan.fabrics
        ),
    )
    whole, less = (
        limit(only(sheet(factory, one), "site", "exchange", "compute-lyon"), "bus").value
        for one in (plan, thin)
    )
    assert less == pytest.approx(whole / 4, rel=0.01)


def test_what_nobody_can_read_is_said() -> None:
    found = sheet(*stack("plural"))
    assert any("gaudi: the collectives of intel" in one for one in found.untested)
    assert not any(test.tool == "dcgm" and test.group in ("gaudi", "instinct") for test in found.tests)
