"""The draft of a standing site: facts of several lines, and problems."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt import standing
from sovereign_ai.adopt.standing import MACHINE, MOST_PROBLEMS, SiteDraft
from sovereign_ai.errors import SpecError, Where

HERE = Where("nodes.conf", 7)


def test_facts_of_several_lines_are_one_device() -> None:
    draft = SiteDraft()
    draft.add("n1", HERE, kind=MACHINE)
    draft.add("n1", HERE, gpus=8, domain="")
    draft.add("n1", HERE, gpus=8)
    device = draft.finish().devices["n1"]
    assert (device.kind, device.gpus, device.domain) == (MACHINE, 8, "")


def test_a_fact_with_two_values_is_a_problem_at_the_second_place() -> None:
    draft = SiteDraft()
    draft.add("n1", Where("nodes.conf", 1), gpus=8)
    draft.add("n1", HERE, gpus=4)
    with pytest.raises(SpecError) as caught:
        draft.finish()
    [problem] = caught.value.problems
    assert (problem.code, problem.where) == ("two-values", HERE)


def test_a_link_without_ports_counts_once_and_each_cable_with_ports_counts() -> None:
    draft = SiteDraft()
    for _ in range(2):
        draft.connect(("n1", ""), ("leaf", ""))
        draft.connect(("n1", "e0"), ("leaf", "1"))
    assert len(draft.finish().cables) == 3


def test_reading_ends_after_hundreds_of_problems() -> None:
    draft = SiteDraft()
    for _ in range(MOST_PROBLEMS - 1):
        draft.refuse("bad", "it is bad", HERE, "")
    with pytest.raises(SpecError) as caught:
        draft.refuse("bad", "it is bad", HERE, "")
    assert len(caught.value.problems) == MOST_PROBLEMS + 1
    assert "too-many-problems" in {problem.code for problem in caught.value.problems}


def test_devices_are_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST_DEVICES", 2)
    draft = SiteDraft()
    draft.add("a", HERE)
    draft.add("b", HERE)
    draft.add("a", HERE, gpus=1)
    with pytest.raises(SpecError, match="more than 2 devices"):
        draft.add("c", HERE)


def test_what_is_left_out_is_counted() -> None:
    draft = SiteDraft()
    draft.left_out["ring"] += 2
    draft.left_out["flat topology"] += 1
    assert draft.finish().left_out == ("2 x ring", "flat topology")


def test_the_lists_of_all_lines_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST_NAMES", 5)
    draft = SiteDraft()
    assert draft.hosts("n[1-3]", HERE) == ["n1", "n2", "n3"]
    with pytest.raises(SpecError, match="more than 5 names together"):
        draft.hosts("n[1-3]", HERE)


def test_a_circle_of_switches_is_named_and_a_tree_with_two_roots_is_none() -> None:
    draft = SiteDraft()
    for lower, upper in (("a", "b"), ("b", "c"), ("a", "d")):
        draft.connect((lower, ""), (upper, ""))
    draft.refuse_circle({})
    assert draft.problems == []
    draft.connect(("c", ""), ("a", ""))
    draft.refuse_circle({"a": HERE, "b": HERE, "c": HERE})
    [problem] = draft.problems
    assert (problem.code, problem.where) == ("circle", HERE)
