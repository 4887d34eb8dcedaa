"""Run one job over hosts in a process of its own, which the provider starts and talks to through pipes.

Ansible forks, and a process that serves gRPC must not: the fork has the server's locks but not its threads.
So each run has a process without gRPC, in a session of its own. Its input holds the job as one line and stays
open; when it closes, because the run is cancelled or the provider is dead, the run is ended here and on the
hosts. Its output is a JSON document a line: progress, and at last the outcome or the problems.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from sovereign_ai.deploy.hosts import runner as hosts
from sovereign_ai.deploy.hosts.events import HostChange, HostResult
from sovereign_ai.deploy.hosts.provider.inventories import load_inventory
from sovereign_ai.deploy.hosts.runner import HostRun, RunRequest
from sovereign_ai.errors import DeploymentError, ExitCode, Problem, SovereignError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import starting

PLAYBOOK = "hosts.yml"
_MOST_JOB_BYTES = 1 << 16
_MOST_MESSAGE_BYTES = 1 << 28
"""Of the outcome, which has every change of every host; each text in it is cut where it arises."""


@frozen_dataclass
class HostJob:
    """One run over hosts.

    Attributes:
        inventory: digest of a saved inventory.
        check: compare only.
        budget: hosts that may fail before no further unit is started.
        forks: hosts worked on at the same time.
    """

    inventory: str
    check: bool
    budget: int = 0
    forks: int = 50

    def to_json(self) -> bytes:
        """Return the line that the worker reads."""
        data = {"inventory": self.inventory, "check": self.check, "budget": self.budget, "forks": self.forks}
        return orjson.dumps(data) + b"\n"


def run_job(job: HostJob, progress: Callable[[str], None], cancel: threading.Event) -> HostRun:
    """Run a job in a process of its own.

    Args:
        job: the job.
        progress: called with a line for a person.
        cancel: once it is set, the run is ended; the call returns when none of its processes is running.

    Raises:
        SovereignError: Ansible is not installed, it failed before any host, or the process died or sent
            what is no message.
    """
    command = starting("sovereign_ai.deploy.hosts.provider.worker")
    # A session of its own: Ctrl-C in the terminal must reach the run only through its closed input.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    # A worker that died at once has closed its input; its exit code is reported below.
    with process, contextlib.suppress(BrokenPipeError):
        process.stdin.write(job.to_json())
        process.stdin.flush()
        threading.Thread(target=_close_when, args=(cancel, process), daemon=True).start()
        for line in iter(partial(process.stdout.readline, _MOST_MESSAGE_BYTES), b""):
            message = _message(line)
            if isinstance(message, str):
                progress(message)
            elif isinstance(message, SovereignError):
                raise message
            else:
                return message
    code = process.returncode
    text = f"the process that works on the hosts ended without a result, with exit code {code}"
    raise DeploymentError(Problem("worker-died", text))


def _close_when(cancel: threading.Event, process: subprocess.Popen[bytes]) -> None:
    """Close the worker's input once the run is cancelled, as long as the worker runs."""
    while process.poll() is None:
        if cancel.wait(0.2):
            assert process.stdin is not None  # noqa: S101 - PIPE was asked for
            with contextlib.suppress(OSError):
                process.stdin.close()
            return


def _message(line: bytes) -> str | SovereignError | HostRun:
    """Return what the worker sent: progress, the error that ended the run, or its outcome.

    Raises:
        DeploymentError: it is none of them, such as what a killed worker had written of a line.
    """
    try:
        message = orjson.loads(line)
        if "progress" in message:
            return str(message["progress"])
        return _failure(message) if "problems" in message else _outcome(message["outcome"])
    except (ValueError, KeyError, TypeError) as error:
        text = f"the process that works on the hosts sent what is no message: {type(error).__name__}"
        hint = "run it again; what was changed on the hosts stays, and is not changed twice"
        raise DeploymentError(Problem("worker-answer", text, hint=hint)) from None


def _failure(message: Mapping[str, Any]) -> SovereignError:
    """Return the error that the worker reported."""
    problems = []
    for entry in message["problems"]:
        problem = Problem(entry["code"], entry["message"], hint=entry["hint"])
        problems.append(problem)
    error = DeploymentError(problems)
    error.exit_code = ExitCode(message["code"])
    return error


def _outcome(data: Mapping[str, Any]) -> HostRun:
    """Return the outcome that plain data describes; the inverse of `Outcome.to_data`."""
    results = []
    for entry in data["hosts"]:
        changes = tuple(HostChange(**change) for change in entry["changes"])
        notes = tuple(entry["notes"])
        results.append(HostResult(entry["host"], entry["state"], changes, entry["failure"], notes))
    return HostRun(data["check"], tuple(results), data["stopped"], data["seconds"])


def main(_arguments: Sequence[str]) -> None:
    """Run the worker: read the job, run it, report its outcome."""
    job = HostJob(**orjson.loads(_line(0)))
    output = os.dup(1)
    # A library that prints would break the protocol: its standard output goes to standard error.
    os.dup2(2, 1)
    cancel = threading.Event()
    threading.Thread(target=_until_end_of_input, args=(cancel,), daemon=True).start()

    def send(message: Mapping[str, Any]) -> None:
        # The provider may be dead; the run is being ended then, and must come to its end.
        with contextlib.suppress(OSError):
            os.write(output, orjson.dumps(message) + b"\n")

    def send_progress(line: str) -> None:
        send({"progress": line})

    try:
        request = RunRequest(PLAYBOOK, check=job.check, budget=job.budget, forks=job.forks)
        outcome = hosts.run(
            load_inventory(job.inventory), request, progress=send_progress, cancel=cancel.is_set
        )
        send({"outcome": outcome.to_data()})
    except SovereignError as error:
        problems = []
        for problem in error.problems:
            entry = {"code": problem.code, "message": problem.message, "hint": problem.hint}
            problems.append(entry)
        send({"problems": problems, "code": int(error.exit_code)})


def _line(descriptor: int) -> bytes:
    """Read one line, and nothing behind it."""
    line = b""
    # Byte by byte: a buffered reader would wait for more, and the input stays open until the run is
    # cancelled.
    while len(line) < _MOST_JOB_BYTES and not line.endswith(b"\n") and (piece := os.read(descriptor, 1)):
        line += piece
    return line


def _until_end_of_input(cancel: threading.Event) -> None:
    """Set the event when the provider closes its end of the pipe, or dies."""
    while os.read(0, 4096):
        pass
    cancel.set()
