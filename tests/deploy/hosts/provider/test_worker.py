"""The process that works on hosts for the provider: a result comes back whole, an error as it was, and it
ends with its provider.
"""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from sovereign_ai.deploy.hosts.events import HostChange, HostResult
from sovereign_ai.deploy.hosts.provider import inventories, worker
from sovereign_ai.deploy.hosts.provider.worker import HostJob, run_job
from sovereign_ai.deploy.hosts.runner import HostRun
from sovereign_ai.errors import DeploymentError, ExitCode, SovereignError
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory
from sovereign_ai.toolchain.launcher import starting

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
UNOWNED = HostInventory((Host("a", "u0", ("machines",), LOCAL),), {})


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_an_outcome_comes_through_the_pipe_as_it_was() -> None:
    change = HostChange("baseline", "Files", "one", "- a\n+ b\n")
    whole = HostRun(
        check=False,
        results=(HostResult("a", "failed", (change,), "why", ("note",)), HostResult("b", "ok")),
        stopped="why",
        seconds=1.5,
    )
    assert worker._outcome(whole.to_data()) == whole


def test_a_job_is_done_by_the_real_ansible_in_a_process_of_its_own() -> None:
    told: list[str] = []
    outcome = run_job(
        HostJob(inventories.save_inventory(UNOWNED), check=True), told.append, threading.Event()
    )
    assert [(one.host, one.state) for one in outcome.results] == [("a", "not-run")], (
        "a host without a role has nothing done to it"
    )
    assert outcome.check


def test_an_error_keeps_its_code_hint_and_exit_code() -> None:
    with pytest.raises(SovereignError) as found:
        run_job(HostJob("0" * 64, check=True), lambda _line: None, threading.Event())
    problem = found.value.problems[0]
    assert (problem.code, problem.hint != "", found.value.exit_code) == (
        "no-inventory",
        True,
        ExitCode.DEPLOYMENT,
    )


def test_a_worker_that_dies_is_an_error_and_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "starting", lambda _module: ["/bin/sh", "-c", "read line; exit 7"])
    with pytest.raises(DeploymentError, match="exit code 7"):
        run_job(HostJob("0" * 64, check=True), lambda _line: None, threading.Event())


@pytest.mark.parametrize(
    "line",
    [
        '{"outcome": {"check": fal',
        "[]",
        "7",
        "null",
        '{"outcome": {}}',
        '{"outcome": {"check": false, "stopped": "", "seconds": 1, "hosts": [{"host": "a"}]}}',
        '{"problems": [{"code": "a"}], "code": 4}',
        '{"problems": [], "code": 4000}',
        "\\0377\\0376",
    ],
)
def test_a_line_that_is_no_message_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    command = ["/bin/sh", "-c", f"read line; printf '%b\\n' '{line}'"]
    monkeypatch.setattr(worker, "starting", lambda _module: command)
    with pytest.raises(DeploymentError) as found:
        run_job(HostJob("0" * 64, check=True), lambda _line: None, threading.Event())
    assert [problem.code for problem in found.value.problems] == ["worker-answer"]


def test_a_line_without_an_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "starting", lambda _module: ["/bin/sh", "-c", "read line; yes | tr -d '\\n'"])
    monkeypatch.setattr(worker, "_MOST_MESSAGE_BYTES", 1 << 20)
    with pytest.raises(DeploymentError, match="no message"):
        run_job(HostJob("0" * 64, check=True), lambda _line: None, threading.Event())


def test_a_cancelled_job_closes_the_workers_input_and_waits_for_its_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = '{"outcome": {"check": false, "stopped": "cancelled in u0", "seconds": 1, "hosts": []}}'
    monkeypatch.setattr(
        worker, "starting", lambda _module: ["/bin/sh", "-c", f"cat > /dev/null; echo '{said}'"]
    )
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    assert run_job(HostJob("0" * 64, check=False), lambda _line: None, cancel).stopped == "cancelled in u0"


def test_a_worker_whose_provider_is_killed_sets_out_to_end() -> None:
    code = starting("sovereign_ai.deploy.hosts.provider.worker")[-1]
    slow = (
        "import time; from sovereign_ai.deploy.hosts import runner as hosts; from sovereign_ai.deploy.hosts.runner import HostRun\n"  # noqa: E501 - one literal text
        "def run(inventory, wish, *, progress, cancel):\n"
        "    progress('begun')\n"
        "    while not cancel(): time.sleep(0.05)\n"
        "    return HostRun(False, (), 'cancelled', 0.0)\n"
        "hosts.run = run\n"
    )
    path, rest = code.split("; from ", 1)
    command = [*starting("x")[:-1], f"{path}\n{slow}from {rest}"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(HostJob(inventories.save_inventory(UNOWNED), check=False).to_json())
        process.stdin.flush()
        assert process.stdout.readline() == b'{"progress":"begun"}\n'
        process.stdin.close()
        assert b'"stopped":"cancelled"' in process.stdout.readline()
        assert process.wait(timeout=20) == 0
