"""`up`: the run of the engine in words, and what differs after it."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.cli.up import _drifted, outcome_lines
from sovereign_ai.deploy.changes import Changes
from sovereign_ai.deploy.engine import PulumiOutcome

ROLE, POLICY = "Role/research/admin", "ValidatingAdmissionPolicy/sovereign-pods"


def outcome(*steps: tuple[str, str]) -> PulumiOutcome:
    return PulumiOutcome("up", {"update": len(steps)} if steps else {}, 3, steps, Path("log"))


def test_a_run_is_reported_with_its_changes_and_its_log() -> None:
    assert outcome_lines(outcome()) == ["up: no changes; 3 unchanged", "log: log"]
    assert outcome_lines(outcome(("update", ROLE)))[0] == "up: 1 update; 3 unchanged"


def test_what_differed_and_was_no_step_of_the_engine_still_differs() -> None:
    changes = Changes(restore=(ROLE, POLICY))
    assert _drifted(changes, outcome(("update", ROLE)), leaves_drift=False) == {POLICY}
    assert _drifted(changes, outcome(), leaves_drift=False) == {ROLE, POLICY}


def test_where_drift_is_only_reported_policies_are_restored_nevertheless() -> None:
    assert _drifted(Changes(restore=(ROLE, POLICY)), outcome(), leaves_drift=True) == {POLICY}
