"""The hosts' Pulumi program and its engine, without hosts: what is written, what is heard, and what a killed
run left.
"""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest

from sovereign_ai.deploy.engine import runs as engines
from sovereign_ai.deploy.engine.events import EngineEvents
from sovereign_ai.deploy.hosts import program
from sovereign_ai.deploy.hosts.configuration import hosts_of
from sovereign_ai.deploy.hosts.program import HostsEngine, HostsProgram
from sovereign_ai.deploy.hosts.provider import inventories
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, ExitCode, Problem
from sovereign_ai.render.hosts.site_facts import SiteFacts
from sovereign_ai.toolchain.launcher import HOSTS, write_launcher
from tests.render.lab import stack

LAB = Path(__file__).resolve().parents[3] / "stacks" / "lab"


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_the_program_that_is_written_runs_and_says_what_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with HostsProgram("lab", LAB, None, ("train-*",), 1, 20).written(print) as folder:
        text = (folder / "__main__.py").read_text()
    assert folder.stat().st_mode & 0o777 == 0o700
    asked: list[object] = []
    monkeypatch.setattr(
        "sovereign_ai.deploy.hosts.configuration.HostConfiguration",
        lambda *words, **more: asked.append((words[0], more)),
    )
    exec(compile(text, "__main__.py", "exec"), {})  # noqa: S102 - the program under test
    assert asked == [("lab", {"given": None, "limit": ["train-*"], "budget": 1, "forks": 20})]


@pytest.fixture
def _no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an engine be made without Ansible and Pulumi."""
    monkeypatch.setattr(program, "require_ansible", lambda: None)
    monkeypatch.setattr(engines, "ready", lambda _folder: Path("pulumi"))
    monkeypatch.setattr(engines, "engine_variables", lambda *_: {})
    monkeypatch.setattr(program, "PATIENCE_SECONDS", 0.1, raising=False)


@pytest.mark.usefixtures("_no_tools")
def test_as_long_as_an_engine_runs_no_other_command_writes_another_program_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, other = (
        HostsProgram("lab", LAB, limit=("train-001",), budget=0),
        HostsProgram("lab", LAB, limit=("serve-001",), budget=9),
    )
    said: list[str] = []
    ran: list[str] = []

    def run(engine: HostsEngine, verb: str, *_flags: str, **_more: object) -> None:
        with pytest.raises(
            EnvironmentLacksError, match="another `hosts` command is at work on the hosts of lab"
        ) as caught:
            HostsEngine(other, said.append)
        assert caught.value.exit_code is ExitCode.ENVIRONMENT
        ran.append((engine.folder / "__main__.py").read_text())

    monkeypatch.setattr(engines.Engine, "_run", run)
    mine, theirs = HostsEngine(first, print), HostsEngine(other, print)
    mine.up()
    assert ran == [first.text()]
    assert said == ["waiting for another `hosts` command on this factory"]
    said.clear()
    monkeypatch.setattr(
        engines.Engine,
        "_run",
        lambda engine, *_, **_more: ran.append((engine.folder / "__main__.py").read_text()),
    )
    theirs.preview()
    assert ran[1:] == [other.text()]


def test_a_command_goes_on_once_the_other_on_the_same_factory_has_ended() -> None:
    first, other = (
        HostsProgram("lab", LAB, limit=("train-001",)),
        HostsProgram("lab", LAB, limit=("serve-001",)),
    )
    waits = threading.Event()
    texts: list[str] = []

    def run() -> None:
        with other.written(lambda _: waits.set()) as folder:
            texts.append((folder / "__main__.py").read_text())

    second = threading.Thread(target=run)
    with first.written(print) as folder:
        second.start()
        assert waits.wait(10)
        assert (folder / "__main__.py").read_text() == first.text()
    second.join(10)
    assert texts == [other.text()]


@pytest.mark.usefixtures("_no_tools")
def test_a_stack_that_could_not_be_removed_keeps_its_inventories_and_one_that_was_keeps_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factory, _ = stack("lab")
    digest = inventories.save_inventory(hosts_of(factory, SiteFacts(), ["train-001"]))
    state = {"inventory": digest, "units": {"fra1-train-su0": ["train-001"]}}
    engine = HostsEngine(HostsProgram("lab", LAB), print)

    def refused(**_: bool) -> None:
        raise DeploymentError(Problem("pulumi-failed", "the stack cannot be removed"))

    for name, does in (
        ("exists", lambda: True),
        ("ensure_stack", lambda: None),
        (
            "_exported",
            lambda: [{"type": "sovereign-hosts:index:HostConfiguration", "inputs": state, "outputs": state}],
        ),
        ("_remove", refused),
    ):
        monkeypatch.setattr(engine, name, does)
    with pytest.raises(DeploymentError, match="cannot be removed"):
        engine.forget()
    assert [one.name for one in inventories.load_inventory(digest).hosts] == ["train-001"]
    assert engine.folder.is_dir()
    monkeypatch.setattr(engine, "_remove", lambda **_: None)
    assert engine.forget() == 1
    assert not inventories.inventory_path(digest).exists()
    assert not engine.folder.exists()


def test_the_providers_launcher_starts_it_and_it_ends_with_the_engines_end_of_its_input(
    tmp_path: Path,
) -> None:
    place = write_launcher(tmp_path, HOSTS)
    process = subprocess.Popen([place, "127.0.0.1:1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert int(process.stdout.readline()) > 1024
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_a_checks_result_comes_from_events_and_progress_from_the_providers_messages() -> None:
    said: list[str] = []
    engine, events = object.__new__(HostsEngine), EngineEvents()
    engine.progress, engine.drift, engine.failed = said.append, {}, {}
    urn = "urn:pulumi:lab.hosts::lab-hosts::sovereign-hosts:index:HostConfiguration::lab"
    seen = {"drift": {"a": {"baseline: Files": "- x\n"}}, "failed": {"b": "no route"}}
    for op, outputs in (("refresh", seen), ("update", {"drift": {}, "failed": {}})):
        meta = {
            "urn": urn,
            "type": "sovereign-hosts:index:HostConfiguration",
            "op": op,
            "new": {"outputs": outputs},
        }
        engine._take_event(json.dumps({"resOutputsEvent": {"metadata": meta}}), events)
    engine._take_event(
        json.dumps({"diagnosticEvent": {"urn": urn, "severity": "info", "message": "u0: at work\n"}}), events
    )
    assert (engine.drift, engine.failed, dict(events.changes)) == (
        seen["drift"],
        seen["failed"],
        {"update": 1},
    )
    assert said == ["update lab", "u0: at work"]


def test_a_failed_run_gives_one_problem_a_host_and_other_failures_in_the_engines_words(
    tmp_path: Path,
) -> None:
    engine = object.__new__(HostsEngine)
    engine._is_terminated, engine.kubeconfig = False, None
    named = engine._failed(
        "up",
        EngineEvents(
            failures=["lab 2 errors occurred:\n\t* a failed: why\n\t* b unreachable: no\n\n", "update failed"]
        ),
        tmp_path,
    )
    assert [(one.code, one.message) for one in named.problems] == [
        ("host-failed", "a failed: why"),
        ("host-failed", "b unreachable: no"),
    ]
    other = engine._failed("up", EngineEvents(failures=["lab it is not there"]), tmp_path)
    assert [one.code for one in other.problems] == ["pulumi-failed"]
    engine._is_terminated = True
    ended = engine._failed("preview", EngineEvents(), tmp_path)
    assert ([one.code for one in ended.problems], ended.exit_code) == (["interrupted"], ExitCode.INTERRUPTED)
    cut = engine._failed(
        "up", EngineEvents(failures=["lab error:\n\t* not brought to the plan: a\n"]), tmp_path
    )
    assert [one.message for one in cut.problems] == ["not brought to the plan: a"]
