"""The sections about sovereignty: every part, every criterion and every question has a row."""

from __future__ import annotations

from sovereign_ai.attest.report import sovereign
from sovereign_ai.attest.report.markup import join
from sovereign_ai.sovereignty.criteria import CRITERIA
from tests.attest.report.reports import report


def test_every_part_of_the_graph_has_a_row() -> None:
    lab = report("lab")
    text = join(*sovereign.dependencies(lab))
    assert text.count('data-head="held by"') == len(lab.sovereignty.graph.parts)
    undescribed = [part.id for part in lab.sovereignty.graph.parts if part.id.endswith(":")]
    assert undescribed
    assert not any(f">{part_id}<" in text for part_id in undescribed)


def test_every_trigger_of_the_drill_has_a_row() -> None:
    lab = report("lab")
    text = join(*sovereign.drill(lab))
    assert text.count('data-head="switched off"') == len(lab.sovereignty.drills)


def test_every_criterion_has_a_row_and_open_ones_make_the_verdict_incomplete() -> None:
    lab = report("lab")
    text = join(*sovereign.verdict(lab))
    assert text.count('data-head="criterion"') >= len(CRITERIA)
    assert ("incomplete:" in text) == (not lab.sovereignty.verdict.complete)


def test_every_question_is_listed() -> None:
    lab = report("lab")
    assert join(*sovereign.questions(lab)).count('data-head="question"') == len(lab.sovereignty.questions())
