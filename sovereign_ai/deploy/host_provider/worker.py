"""One run over hosts in a process of its own, which the provider starts and speaks to through pipes.

Ansible forks, and a process that serves gRPC must not: what it forks has the server's threads half alive. So each run has a
process without it, in a session of its own. Its input holds the job as one line and stays open; when that closes, whether the run
is to be cancelled or the provider is dead, the run is ended here and on the hosts. Its output is a JSON document a line: progress,
and at last the outcome or the problems.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sovereign_ai.deploy import hosts
from sovereign_ai.deploy.host_events import Change, HostResult
from sovereign_ai.deploy.host_provider.inventories import kept
from sovereign_ai.deploy.hosts import Outcome, Wish
from sovereign_ai.errors import DeploymentError, ExitCode, Problem, SovereignError
from sovereign_ai.toolchain.launcher import starting

PLAYBOOK = "hosts.yml"


@dataclass(frozen=True, slots=True)
class Job:
    """What one run does.

    Attributes:
        inventory: digest of a kept inventory.
        check: look only.
        budget: hosts that may fail before no further unit is begun.
        forks: hosts worked on at the same time.
    """

    inventory: str
    check: bool
    budget: int = 0
    forks: int = 50

    def to_json(self) -> bytes:
        """Give the line that the worker reads."""
        data = {"inventory": self.inventory, "check": self.check, "budget": self.budget, "forks": self.forks}
        return orjson.dumps(data) + b"\n"


def work(job: Job, progress: Callable[[str], None], cancel: threading.Event) -> Outcome:
    """Do a job in a process of its own.

    Args:
        job: what to do.
        progress: takes a line for a person.
        cancel: once it is set, the run is ended; the call comes back when nothing is left running.

    Raises:
        SovereignError: Ansible is not there, it failed before any host, or the process died.
    """
    command = starting("sovereign_ai.deploy.host_provider.worker")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None  # noqa: S101 - PIPE was asked for
    assert process.stdout is not None  # noqa: S101 - PIPE was asked for
    with process, contextlib.suppress(BrokenPipeError):
        process.stdin.write(job.to_json())
        process.stdin.flush()
        threading.Thread(target=_close_when, args=(cancel, process), daemon=True).start()
        for line in process.stdout:
            said = orjson.loads(line)
            if "progress" in said:
                progress(said["progress"])
            elif "problems" in said:
                raise _failure(said)
            else:
                return _outcome(said["outcome"])
    message = f"the process that works on the hosts ended without a result, with exit code {process.returncode}"
    raise DeploymentError(Problem("worker-died", message))


def _close_when(cancel: threading.Event, process: subprocess.Popen[bytes]) -> None:
    """Close the worker's input once the run is to be cancelled, as long as it runs."""
    while process.poll() is None:
        if cancel.wait(0.2):
            assert process.stdin is not None  # noqa: S101 - PIPE was asked for
            with contextlib.suppress(OSError):
                process.stdin.close()
            return


def _failure(said: Mapping[str, Any]) -> SovereignError:
    """Give the worker's error as ours."""
    error = DeploymentError([Problem(one["code"], one["message"], hint=one["hint"]) for one in said["problems"]])
    error.exit_code = ExitCode(said["code"])
    return error


def _outcome(data: Mapping[str, Any]) -> Outcome:
    """Read an outcome from its plain data."""
    results = [
        HostResult(one["host"], one["state"], tuple(Change(**change) for change in one["changes"]), one["failure"], tuple(one["notes"]))
        for one in data["hosts"]
    ]
    return Outcome(data["check"], tuple(results), data["stopped"], data["seconds"])


def main(_arguments: Sequence[str]) -> None:
    """Be the worker: read the job, do it, say what came of it."""
    job = Job(**orjson.loads(_line(0)))
    output = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no word of ours
    cancel = threading.Event()
    threading.Thread(target=_until_end_of_input, args=(cancel,), daemon=True).start()

    def say(said: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError):
            os.write(output, orjson.dumps(said) + b"\n")

    try:
        wish = Wish(PLAYBOOK, check=job.check, budget=job.budget, forks=job.forks)
        outcome = hosts.run(kept(job.inventory), wish, progress=lambda line: say({"progress": line}), cancel=cancel.is_set)
        say({"outcome": outcome.to_data()})
    except SovereignError as error:
        problems = [{"code": one.code, "message": one.message, "hint": one.hint} for one in error.problems]
        say({"problems": problems, "code": int(error.exit_code)})


def _line(descriptor: int) -> bytes:
    """Read one line without taking more."""
    found = b""
    while not found.endswith(b"\n") and (piece := os.read(descriptor, 1)):
        found += piece
    return found


def _until_end_of_input(cancel: threading.Event) -> None:
    """Set the event when the provider closes its end, or is dead."""
    while os.read(0, 4096):
        pass
    cancel.set()
