"""Disruption budgets as a person reads them: of a plan, and on a running cluster."""

from __future__ import annotations

from datetime import UTC, datetime

from sovereign_ai.cli.budget_text import live_budget_lines, live_budget_rows, planned_budget_lines
from sovereign_ai.operate import Budget, Cordon, Machine
from sovereign_ai.spec import DisruptionBudget
from tests.render.lab import stack


def test_a_plan_shows_what_a_share_comes_to_and_how() -> None:
    factory, plan = stack("lab")
    window = {"days": ["sat"], "start": "22:00", "duration": "6 h"}
    fields = {"name": "a", "pools": ["train"], "max_unavailable": "29 %", "windows": [window]}
    factory = factory.model_copy(update={"disruption_budgets": (DisruptionBudget.model_validate(fields),)})
    text = "\n".join(planned_budget_lines(factory, plan, why=True))
    assert "3 of 12" in text
    assert "sat 22:00 for 6 h (UTC)" in text
    assert "max(1, 29 % x 12 machines, rounded down) = 3" in text


def test_a_running_cluster_shows_who_is_out_of_work_and_whether_more_may_be_drained() -> None:
    machines = [Machine("m1", "train", cordon=Cordon.FOREIGN), Machine("m2", "train")]
    budget = Budget("a", frozenset({"m1", "m2"}), 1)
    rows = live_budget_rows([budget], machines, datetime(2026, 11, 28, tzinfo=UTC))
    assert list(live_budget_lines(rows)) == [
        "budget a: 1 out of work of at most 1; budget a: 1 machine is out of work, of at most 1: m1"
    ]
    rows = live_budget_rows([budget], machines[1:], datetime(2026, 11, 28, tzinfo=UTC))
    assert list(live_budget_lines(rows)) == ["budget a: 0 out of work of at most 1; more may be drained"]
