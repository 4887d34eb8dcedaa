"""The drift of hosts as Pulumi shows it."""

from __future__ import annotations

import pytest

from sovereign_ai.deploy.hosts.events import HostChange, HostResult
from sovereign_ai.deploy.hosts.provider import drift
from sovereign_ai.deploy.hosts.provider.drift import HostDrift, drift_of, failures, name_of, path
from sovereign_ai.deploy.hosts.runner import HostRun

FILE = HostChange("base", "base : Files", "", "- a\n+ b\n")


def outcome(*results: HostResult, stopped: str = "") -> HostRun:
    return HostRun(check=True, results=results, stopped=stopped, seconds=1.0)


def test_changes_of_one_task_are_joined_and_a_change_without_a_diff_is_named() -> None:
    silent = HostChange("base", "base : Service", "", "")
    result = drift_of(outcome(HostResult("a", "drift", (FILE, FILE, silent))))
    assert result.drift == {"a": {"base: Files": FILE.diff * 2, "base: Service": "would change\n"}}
    assert not result.clean


def test_a_host_without_a_result_counts_as_not_checked() -> None:
    result = drift_of(
        outcome(HostResult("a", "ok"), HostResult("b", "not-run"), HostResult("c", "cancelled"))
    )
    assert result.failed == {"b": "no task reached it", "c": "the check was cancelled"}
    assert list(result.paths()) == ['failed["b"]', 'failed["c"]']
    assert HostDrift().clean


def test_differences_beyond_the_limit_are_named_without_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "MOST_TEXT", len(FILE.diff))
    result = drift_of(outcome(HostResult("a", "drift", (FILE,)), HostResult("b", "drift", (FILE,))))
    assert result.drift == {"a": {"base: Files": FILE.diff}, "b": {"base: Files": "would change\n"}}


def test_a_name_has_the_item_of_a_loop_and_a_path_quotes_it() -> None:
    assert name_of(HostChange("base", "base : Files", 'a "b"', "")) == 'base: Files (a "b")'
    assert path("drift", "a.b", 'c "d" \\') == 'drift["a.b"]["c \\"d\\" \\\\"]'


def test_failures_name_ten_hosts_that_were_left_out_and_why_the_run_stopped() -> None:
    left = [HostResult(f"h{number}", "not-run") for number in range(12)]
    lines = failures(outcome(HostResult("a", "failed", failure="no disk"), *left, stopped="cancelled in u0"))
    assert lines[0] == "a failed: no disk"
    assert lines[1].startswith("not brought to the plan: h0, h1,")
    assert lines[1].endswith("h9 and 2 more")
    assert lines[2] == "cancelled in u0"
