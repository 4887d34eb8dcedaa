"""The hosts' Pulumi program and its engine, without hosts: what is written, what is heard, and what a killed run left."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import subprocess
import threading
from pathlib import Path
from typing import NoReturn

import pulumi
import pytest

import sovereign_ai.deploy
from sovereign_ai.deploy import engine as engines
from sovereign_ai.deploy import host_program
from sovereign_ai.deploy.engine_words import Told
from sovereign_ai.deploy.host_configuration import HostConfiguration, hosts_of
from sovereign_ai.deploy.host_program import HostsEngine, HostsProgram
from sovereign_ai.deploy.host_provider import inventories
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, ExitCode, Problem, UsageError
from sovereign_ai.render.hosts.given import Given
from sovereign_ai.toolchain.launcher import HOSTS, write_launcher
from tests.render.lab import stack

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
LOOP = asyncio.new_event_loop()
"""Kept open: threads of Pulumi's mocks hang on it, with loops of their own that they never close."""


class Registered(pulumi.runtime.Mocks):
    """Keeps what a program declares."""

    def __init__(self) -> None:
        self.made: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[object, object]]:
        self.made.append(args)
        return args.name, dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> NoReturn:
        raise AssertionError(args.token)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    asyncio.set_event_loop(LOOP)  # Pulumi's mocks take the thread's, and a test before may have left none


def declared(**more: object) -> dict[str, object]:
    """Declare the lab's hosts and give the inputs that reached Pulumi."""
    mocks = Registered()
    pulumi.runtime.set_mocks(mocks)
    factory, _ = stack("lab")
    made = HostConfiguration("lab", factory, **more)  # type: ignore[arg-type]
    pulumi.runtime.sync_await._sync_await(made.urn.future())
    assert [one.typ for one in mocks.made] == ["sovereign-hosts:index:HostConfiguration"]
    return dict(mocks.made[0].inputs)


def test_a_resource_holds_names_and_a_digest_and_the_inventory_lies_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "hosts.yaml"
    file.write_text("account: robot\n", encoding="utf-8")
    inputs = declared(given=file, limit=["train-001", "serve-001"], budget=2)
    assert inputs.keys() == {"factory", "inventory", "units", "budget", "forks"}
    assert inputs["units"] == {"fra1-train-su0": ["train-001"], "fra1-serve-su0": ["serve-001"]}
    kept = inventories.kept(str(inputs["inventory"]))
    assert [one.name for one in kept.hosts] == ["train-001", "serve-001"]
    assert kept.shared["all"]["ansible_user"] == "robot"


def test_a_limit_that_means_nobody_is_refused_with_the_nearest() -> None:
    factory, _ = stack("lab")
    with pytest.raises(UsageError, match="did you mean 'train-001'"):
        hosts_of(factory, Given(), ["trian-001"])
    with pytest.raises(pulumi.RunError, match="means no host"):
        declared(limit=["trian-001"])


def test_the_room_gives_the_resource_by_its_name() -> None:
    assert sovereign_ai.deploy.HostConfiguration is HostConfiguration


def test_the_program_that_is_written_runs_and_says_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with HostsProgram("lab", LAB, None, ("train-*",), 1, 20).written(print) as folder:
        text = (folder / "__main__.py").read_text()
    assert folder.stat().st_mode & 0o777 == 0o700
    asked: list[object] = []
    monkeypatch.setattr("sovereign_ai.deploy.host_configuration.HostConfiguration", lambda *words, **more: asked.append((words[0], more)))
    exec(compile(text, "__main__.py", "exec"), {})  # noqa: S102 - the program under test
    assert asked == [("lab", {"given": None, "limit": ["train-*"], "budget": 1, "forks": 20})]


@pytest.fixture
def _no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an engine be made without Ansible and Pulumi."""
    monkeypatch.setattr(host_program, "need", lambda: None)
    monkeypatch.setattr(engines, "ready", lambda _folder: Path("pulumi"))
    monkeypatch.setattr(engines, "environment", lambda *_: {})
    monkeypatch.setattr(host_program, "PATIENCE_SECONDS", 0.1, raising=False)


@pytest.mark.usefixtures("_no_tools")
def test_as_long_as_an_engine_runs_no_other_command_writes_another_program_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = HostsProgram("lab", LAB, limit=("train-001",), budget=0), HostsProgram("lab", LAB, limit=("serve-001",), budget=9)
    said: list[str] = []
    ran: list[str] = []

    def run(engine: HostsEngine, verb: str, *_flags: str, **_more: object) -> None:
        with pytest.raises(EnvironmentLacksError, match="another `hosts` command is at work on the hosts of lab") as caught:
            HostsEngine(other, said.append)
        assert caught.value.exit_code is ExitCode.ENVIRONMENT
        ran.append((engine.folder / "__main__.py").read_text())

    monkeypatch.setattr(engines.Engine, "_run", run)
    mine, theirs = HostsEngine(first, print), HostsEngine(other, print)
    mine.up()
    assert ran == [first.text()]
    assert said == ["waiting for another `hosts` command on this factory"]
    said.clear()
    monkeypatch.setattr(engines.Engine, "_run", lambda engine, *_, **_more: ran.append((engine.folder / "__main__.py").read_text()))
    theirs.preview()
    assert ran[1:] == [other.text()]


def test_a_command_goes_on_once_the_other_on_the_same_factory_has_ended() -> None:
    first, other = HostsProgram("lab", LAB, limit=("train-001",)), HostsProgram("lab", LAB, limit=("serve-001",))
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
def test_a_stack_that_could_not_be_removed_keeps_its_inventories_and_one_that_was_keeps_none(monkeypatch: pytest.MonkeyPatch) -> None:
    factory, _ = stack("lab")
    digest = inventories.keep(hosts_of(factory, Given(), ["train-001"]))
    state = {"inventory": digest, "units": {"fra1-train-su0": ["train-001"]}}
    engine = HostsEngine(HostsProgram("lab", LAB), print)

    def refused(*_: str) -> None:
        raise DeploymentError(Problem("pulumi-failed", "the stack cannot be removed"))

    for name, does in (
        ("exists", lambda: True),
        ("ensure_stack", lambda: None),
        ("_exported", lambda: [{"type": "sovereign-hosts:index:HostConfiguration", "inputs": state, "outputs": state}]),
        ("_remove", refused),
    ):
        monkeypatch.setattr(engine, name, does)
    with pytest.raises(DeploymentError, match="cannot be removed"):
        engine.forget()
    assert [one.name for one in inventories.kept(digest).hosts] == ["train-001"]
    assert engine.folder.is_dir()
    monkeypatch.setattr(engine, "_remove", lambda *_: None)
    assert engine.forget() == 1
    assert not inventories.place(digest).exists()
    assert not engine.folder.exists()


def test_the_providers_launcher_starts_it_and_it_ends_with_the_engines_end_of_its_input(tmp_path: Path) -> None:
    place = write_launcher(tmp_path, HOSTS)
    process = subprocess.Popen([place, "127.0.0.1:1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert int(process.stdout.readline()) > 1024
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_what_a_look_found_is_read_from_the_engines_events_and_progress_from_the_providers_words() -> None:
    said: list[str] = []
    engine, told = object.__new__(HostsEngine), Told()
    engine.progress, engine.drift, engine.failed = said.append, {}, {}
    urn = "urn:pulumi:lab.hosts::lab-hosts::sovereign-hosts:index:HostConfiguration::lab"
    seen = {"drift": {"a": {"baseline: Files": "- x\n"}}, "failed": {"b": "no route"}}
    for op, outputs in (("refresh", seen), ("update", {"drift": {}, "failed": {}})):
        meta = {"urn": urn, "type": "sovereign-hosts:index:HostConfiguration", "op": op, "new": {"outputs": outputs}}
        engine._hear(json.dumps({"resOutputsEvent": {"metadata": meta}}), told)
    engine._hear(json.dumps({"diagnosticEvent": {"urn": urn, "severity": "info", "message": "u0: at work\n"}}), told)
    assert (engine.drift, engine.failed, dict(told.changes)) == (seen["drift"], seen["failed"], {"update": 1})
    assert said == ["update lab", "u0: at work"]


@pytest.mark.parametrize(
    ("pid", "host", "gone"),
    [(2**22 + 1, platform.node(), True), (os.getpid(), platform.node(), False), (2**22 + 1, "other", False)],
    ids=["ended", "running", "of another machine"],
)
def test_a_lock_is_left_behind_only_if_its_holder_was_of_this_machine_and_is_no_more(
    tmp_path: Path, pid: int, host: str, gone: bool
) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"pid": pid, "username": "x", "hostname": host}), encoding="utf-8")
    assert host_program._left_behind(lock) is gone
    lock.write_text("{", encoding="utf-8")
    assert host_program._left_behind(lock) is False


def test_a_failed_run_gives_one_problem_a_host_and_other_failures_in_the_engines_words(tmp_path: Path) -> None:
    engine = object.__new__(HostsEngine)
    engine._asked_to_end = False
    named = engine._failed(
        "up", Told(failures=["lab 2 errors occurred:\n\t* a failed: why\n\t* b unreachable: no\n\n", "update failed"]), tmp_path
    )
    assert [(one.code, one.message) for one in named.problems] == [("host-failed", "a failed: why"), ("host-failed", "b unreachable: no")]
    other = engine._failed("up", Told(failures=["lab it is not there"]), tmp_path)
    assert [one.code for one in other.problems] == ["pulumi-failed"]
    engine._asked_to_end = True
    ended = engine._failed("preview", Told(), tmp_path)
    assert ([one.code for one in ended.problems], ended.exit_code) == (["interrupted"], ExitCode.INTERRUPTED)
    cut = engine._failed("up", Told(failures=["lab error:\n\t* not brought to the plan: a\n"]), tmp_path)
    assert [one.message for one in cut.problems] == ["not brought to the plan: a"]
