"""How the engine's own words become an outcome or an error."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from sovereign_ai.deploy.engine.events import EngineEvents, failure
from sovereign_ai.deploy.engine.runs import Engine, PulumiOutcome, open_log
from sovereign_ai.errors import ExitCode, SpecError


def hear(*events: object, waits: bool = True) -> EngineEvents:
    engine = Engine.__new__(Engine)
    engine.progress = lambda _line: None
    told = EngineEvents(waits=waits)
    for event in events:
        engine._take_event(event if isinstance(event, str) else json.dumps(event), told)
    return told


def step(op: str, name: str, kind: str = "kubernetes:core/v1:ConfigMap") -> dict[str, object]:
    return {"resOutputsEvent": {"metadata": {"op": op, "type": kind, "urn": f"urn:pulumi:s::p::t::{name}"}}}


def test_an_object_counts_once_when_it_is_done_and_a_component_not_at_all() -> None:
    begun = {
        "resourcePreEvent": {
            "metadata": {"op": "create", "type": "kubernetes:core/v1:Pod", "urn": "urn:pulumi:s::p::t::a"}
        }
    }
    told = hear(
        begun,
        step("create", "a"),
        step("same", "b"),
        step("create", "lab", "sovereign:index:FactoryDeployment"),
    )
    assert dict(told.changes) == {"create": 1}
    assert told.steps == [("create", "a")]
    assert told.same == 1


def test_what_the_program_deleted_is_shown_at_once_and_not_again_when_the_engine_drops_it() -> None:
    said = {"diagnosticEvent": {"severity": "info", "message": "delete Role/guests/viewer"}}
    told = hear(said, step("delete", "Role/guests/viewer"), step("delete", "LocalQueue/guests/serve"))
    assert list(told.shown) == ["delete Role/guests/viewer", "delete LocalQueue/guests/serve"]
    assert told.changes["delete"] == 2


def test_an_object_that_is_waited_for_is_shown_and_in_a_preview_nothing_is_waited_for() -> None:
    refused = {
        "severity": "warning",
        "ephemeral": True,
        "urn": "urn:pulumi:s::p::t::lab/Namespace/academy",
        "message": "Retry #0; creation failed: a policy that the same change updates denied it",
    }
    assert len(hear({"diagnosticEvent": refused}).shown) == 1
    assert not hear({"diagnosticEvent": refused}, waits=False).shown


def test_what_is_no_event_is_kept_as_the_engines_words() -> None:
    assert hear("error: something broke\n").failures == ["error: something broke"]


def test_a_mandatory_violation_is_a_finding_and_anything_else_a_failed_deployment() -> None:
    policy = {"policyEvent": {"enforcementLevel": "mandatory", "policyName": "pods", "message": "no"}}
    diag = {"diagnosticEvent": {"severity": "error", "urn": "urn:pulumi:s::p::t::a", "message": "conflict"}}
    assert failure("up", hear(policy), Path("log")).exit_code is ExitCode.FINDINGS
    failed = failure("up", hear(diag), Path("log"))
    assert failed.exit_code is ExitCode.DEPLOYMENT
    assert "a conflict" in str(failed)


def test_a_killed_engine_is_called_so_with_what_was_done_and_never_silent() -> None:
    told = hear(step("create", "a"))
    told.ended_by = signal.SIGKILL
    (problem,) = failure("up", told, Path("log")).problems
    assert problem.code == "engine-killed"
    assert (
        "ended by SIGKILL in the middle of `pulumi up`; the 1 change that was done stays" in problem.message
    )
    assert "memory" in problem.hint
    told.ended_by = signal.SIGSEGV
    assert "memory" not in failure("up", told, Path("log")).problems[0].hint


@pytest.mark.parametrize(
    ("words", "todo"),
    [
        ("write x: No space left on device", "free some space"),
        ("open x: file too large", "ulimit -f"),
        ("accept4: too many open files", "ulimit -n"),
        ("fatal error: runtime: cannot allocate memory", "ulimit -v"),
        ("snapshot integrity failure; refusing to use it", "state repair"),
    ],
)
def test_what_the_machine_refuses_the_engine_is_said_with_a_way_out(words: str, todo: str) -> None:
    assert todo in failure("up", hear(f"error: {words}"), Path("log")).problems[0].hint


def test_a_folder_without_a_project_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no Pulumi"):
        Engine(tmp_path, "lab", None, lambda _line: None)


def test_two_runs_at_once_have_a_log_each_and_the_next_one_begins_the_usual_file_anew(tmp_path: Path) -> None:
    first, held = open_log(tmp_path, "lab.up")
    os.write(held, b"of the first\n")
    second, other = open_log(tmp_path, "lab.up")
    os.write(other, b"of the second\n")
    assert (first.name, second.name) == ("lab.up.log", "lab.up-2.log")
    assert [one.read_text() for one in (first, second)] == ["of the first\n", "of the second\n"]
    assert first.stat().st_mode & 0o777 == 0o600
    os.close(held)
    os.close(other)
    again, held = open_log(tmp_path, "lab.up")
    os.close(held)
    assert (again, again.read_text()) == (first, "")


def test_of_many_failures_a_few_are_shown_and_the_others_counted() -> None:
    error = failure("up", hear(*(f"error: number {number}" for number in range(20))), Path("log"))
    assert "number 7\n    | and 12 more, in the log" in str(error)
    assert "number 8" not in str(error)


def test_a_replaced_object_is_one_step_whatever_the_engine_calls_it() -> None:
    """In a preview it is updated or unchanged, and in a run replaced, or updated after it was recreated."""
    names = ["StorageClass/models", "StorageClass/scratch"]
    previewed = PulumiOutcome(
        "preview", {"update": 2}, 9, (("update", "a"), ("update", names[0])), Path("log")
    )
    run = PulumiOutcome(
        "up",
        {"update": 1, "replace": 2},
        8,
        (("update", "a"), *(("replace", name) for name in names)),
        Path("log"),
    )
    expected = (
        {"update": 1, "replace": 2},
        8,
        (("update", "a"), ("replace", names[0]), ("replace", names[1])),
    )
    for outcome in (previewed.with_replaced(names), run.with_replaced(names)):
        assert (outcome.changes, outcome.same, outcome.steps) == expected
    assert run.with_replaced([]) == run


def test_what_goes_without_the_engine_counts_as_deleted_and_as_unchanged_only_where_it_was() -> None:
    run = PulumiOutcome("up", {"delete": 1}, 3, (("delete", "a"),), Path("log"))
    steps = (("delete", "a"), ("delete", "b"), ("delete", "c"))
    for outcome, same in ((run.with_orphans(["b", "c"]), 3), (run.with_deleted(["b", "c"]), 1)):
        assert (outcome.changes, outcome.same, outcome.steps) == ({"delete": 3}, same, steps)
    assert run.with_orphans([]) == run.with_deleted([]) == run


def test_a_preview_names_no_deletion_of_what_is_only_dropped_from_the_state() -> None:
    steps = (("delete", "Role/a/x"), ("delete", "Role/a/y"), ("update", "Role/a/z"))
    run = PulumiOutcome("preview", {"delete": 2, "update": 1}, 3, steps, Path("log"))
    shown = run.without_deleted({"Role/a/x", "Role/a/z"})
    assert shown.steps == steps[1:]
    assert (shown.changes, shown.same) == ({"delete": 1, "update": 1}, 3)
    assert run.without_deleted(set()) == run


def test_the_two_halves_of_a_replacement_are_not_counted(tmp_path: Path) -> None:
    told = EngineEvents()
    engine = object.__new__(Engine)
    engine.progress = lambda _: None
    for operation in ("delete-replaced", "replace", "create-replacement"):
        urn = "urn:pulumi:lab::lab::a$kubernetes:storage.k8s.io/v1:StorageClass::lab/StorageClass/models"
        engine._step(
            {"urn": urn, "op": operation, "type": "kubernetes:storage.k8s.io/v1:StorageClass"},
            told,
            done=True,
        )
    assert (dict(told.changes), told.steps) == ({"replace": 1}, [("replace", "StorageClass/models")])
