"""`verify --watch`: what it prints when something changes, and how it ends. Without a cluster."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli import drift, verify
from sovereign_ai.cli.main import app
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.verify.drift import Drift
from sovereign_ai.verify.findings import ClusterFinding, Difference, changed, missing
from sovereign_ai.verify.verdict import ClusterVerdict

QUOTA = changed("ResourceQuota/research/tenant", [Difference("spec.hard.pods", "10", "99")])
GONE = missing("NetworkPolicy/research/default-deny")
EVE = Drift("changed", QUOTA.resource, "spec.hard.pods", "10", "99", "eve", "2026-11-26T10:00:00Z")
OTHER = Drift("changed", "Role/research/admin", "rules", [], [1], "eve", "2026-11-26T10:00:00Z")
Watch = Callable[..., Result]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Watch a cluster on which one look after the other finds something; the person then interrupts it."""

    def run(*looks: list[ClusterFinding], more: tuple[str, ...] = (), unreachable: bool = False) -> Result:
        verdicts = iter(
            [
                ClusterVerdict(
                    "lab",
                    "lab",
                    tuple(found),
                    (),
                    dict.fromkeys(("objects", "nodes", "ready", "devices"), 3),
                    datetime.now(UTC),
                )
                for found in looks
            ]
        )

        def look(*_: object, **__: object) -> ClusterVerdict:
            for verdict in verdicts:
                return verdict
            raise KeyboardInterrupt

        def seen(*_: object) -> drift.DriftCheck:
            if unreachable:
                raise EnvironmentLacksError(Problem("cluster-unreachable", "no answer"))
            return drift.DriftCheck("lab", "restore", (EVE, OTHER), 3, datetime.now(UTC))

        monkeypatch.setattr(verify, "_verdict", look)
        monkeypatch.setattr(drift, "drift_of", seen)
        monkeypatch.setattr("time.sleep", lambda _seconds: None)
        return CliRunner().invoke(app, ["verify", "--watch", "stacks/lab", *more])

    return run


def test_what_comes_is_printed_once_with_who_changed_it_and_what_goes_once_too(watch: Watch) -> None:
    done = watch([], [QUOTA], [QUOTA], [QUOTA, GONE], [GONE], [GONE])
    shown = [line for line in done.stdout.splitlines() if re.match(r"[+-]|    ", line)]
    assert shown == [f"+ {QUOTA}", f"    {EVE}", f"+ {GONE}", f"- {QUOTA}"]
    assert done.exit_code == 1


def test_each_change_is_one_document_on_a_line_of_its_own(watch: Watch) -> None:
    done = watch([QUOTA], [], more=("--json",))
    came, went = (orjson.loads(line) for line in done.stdout.splitlines())
    assert (came["ok"], came["came"], came["went"]) == (False, [str(QUOTA)], [])
    assert came["drift"] == [EVE.to_data()]
    assert (went["ok"], went["came"], went["went"], went["drift"]) == (True, [], [str(QUOTA)], [])
    assert done.exit_code == 0


def test_an_interruption_before_the_first_look_decides_nothing(watch: Watch) -> None:
    done = watch()
    assert (done.exit_code, done.stdout) == (130, "")


def test_who_changed_it_is_left_out_where_the_cluster_does_not_answer_just_then(watch: Watch) -> None:
    done = watch([QUOTA], unreachable=True)
    assert f"+ {QUOTA}" in done.stdout
    assert "eve" not in done.stdout
    assert done.exit_code == 1


def test_an_interruption_right_after_a_line_exits_with_the_code_of_that_line(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed_and_interrupted(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        if f"- {QUOTA}" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr("typer.echo", printed_and_interrupted)
    done = watch([QUOTA], [])
    assert f"- {QUOTA}" in done.stdout
    assert done.exit_code == 0


def test_without_probes_the_count_says_so() -> None:
    counts = dict.fromkeys(("objects", "nodes", "ready", "devices"), 3)
    verdict = ClusterVerdict("lab", "lab", (), (), counts, datetime.now(UTC))
    assert verify.lines(verdict)[-1].endswith("; 0 findings; not probed")
