"""Errors that follow from the engine's events."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.deploy.engine.events import (
    EngineEvents,
    errors_in,
    failure,
    interrupted,
    last_lines,
    program_line_in,
)
from sovereign_ai.errors import ExitCode, Problem

LOG = Path("lab.up.log")


@pytest.mark.parametrize(
    ("event", "texts"),
    [
        ({}, []),
        ({"diagnosticEvent": {"severity": "info", "message": "hello"}}, []),
        ({"diagnosticEvent": {"severity": "error", "urn": "urn:p::t::a", "message": "no"}}, ["a no"]),
        ({"diagnosticEvent": {"severity": "warning", "message": "careful"}}, []),
        (
            {
                "diagnosticEvent": {
                    "severity": "warning",
                    "message": "configured Kubernetes cluster is unreachable: EOF",
                }
            },
            ["configured Kubernetes cluster is unreachable: EOF"],
        ),
    ],
)
def test_errors_and_warnings_that_explain_one_are_kept(event: dict[str, object], texts: list[str]) -> None:
    assert list(errors_in(event)) == texts


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({}, ""),
        ({"severity": "info", "message": "drain a: it leaves,\n3 pods\n"}, "drain a: it leaves, 3 pods"),
        ({"severity": "info", "message": "\n"}, ""),
        ({"severity": "info", "message": "waiting", "ephemeral": True}, ""),
        ({"severity": "info", "message": "printed", "urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::s"}, ""),
        ({"severity": "error", "message": "no"}, ""),
    ],
)
def test_a_person_is_shown_what_the_program_does_by_itself(event: dict[str, object], line: str) -> None:
    assert program_line_in({"diagnosticEvent": event}) == line


def test_an_engine_without_a_reason_still_fails_with_its_log() -> None:
    (problem,) = failure("up", EngineEvents(), LOG).problems
    assert problem.message == "`pulumi up` failed: it gave no reason"
    assert problem.hint == f"The whole log: {LOG}"


def test_an_error_that_comes_twice_is_reported_once() -> None:
    (problem,) = failure("up", EngineEvents(failures=["no", "<{%reset%}>no", "no"]), LOG).problems
    assert problem.message == "`pulumi up` failed: no"


def test_a_lost_cluster_replaces_what_the_engine_reports_of_its_own_end() -> None:
    told = EngineEvents(
        failures=["context canceled"], lost=Problem("cluster-unreachable", "no answer", hint="start it")
    )
    told.changes["create"] = 2
    (problem,) = failure("up", told, LOG).problems
    assert problem.code == "cluster-unreachable"
    assert problem.message == "`pulumi up` was ended after 2 changes: no answer"


@pytest.mark.parametrize(
    ("verb", "effect"), [("preview", "it changes nothing"), ("up", "the 2 changes that were done stay")]
)
def test_an_interrupted_run_reports_what_it_did(verb: str, effect: str) -> None:
    told = EngineEvents()
    told.changes["create"] = 2
    error = interrupted(verb, told, LOG)
    assert error.exit_code is ExitCode.INTERRUPTED
    assert error.problems[0].message == f"`pulumi {verb}` was interrupted; {effect}"


def test_of_a_crash_the_first_line_is_kept_and_of_other_output_the_last_three() -> None:
    assert last_lines("started\npanic: boom\n\ngoroutine 1 [running]:\n") == "panic: boom"
    assert last_lines("a\nb\n\nc\nd\n") == "b c d"
