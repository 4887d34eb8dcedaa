"""Bring hosts to an inventory's state, or only compare them, through ansible-runner.

This is the only module of the project that calls Ansible. Its rules:

- Every run has a fresh folder of mode 0700, removed at its end: ansible-runner keeps a run's command line
  there and would use it for the next run.
- Every process of a run carries the run's mark in its environment, on this server and on the hosts, so that a
  cancelled run can be ended everywhere: ansible-runner itself ends its own child alone.
- One unit follows the other; after each, failures are counted against a budget. What is done is kept, so that
  a run can resume.
- A host that fails or does not answer does not keep the others from finishing.

    outcome = run(inventory, Wish("hosts.yml", check=True), progress=print)
    drifted = [result.host for result in outcome.results if result.state == "drift"]
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from sovereign_ai.deploy.hosts.cleanup import CONTROLLER, close_connections, end_local_processes
from sovereign_ai.deploy.hosts.events import FAILED_STATES, HostEvents, HostResult
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from sovereign_ai.files.writing import write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.render.hosts import HostInventory, as_data, twin_inventory
from sovereign_ai.render.switches import SwitchPorts
from sovereign_ai.text import clean, counted

Progress = Callable[[str], None]
MOST_AT_ONCE = 50
_LAST_LINES = 10_000
"""Of what Ansible prints, for the reason of a failure."""
_CHECKED_AT_ONCE = 4
"""Hosts that a check takes together, in multiples of its forks."""
_SETTINGS = ("ANSIBLE_", "_ANSIBLE_")
"""How the names of Ansible's variables begin."""
_OF_THE_WAY = "ANSIBLE_SSH_EXTRA_ARGS"
"""The one that counts: ssh takes these arguments after those of `ansible.cfg`, and of two the first."""
_CONNECTIONS = "cp"
"""Name of the folder of ssh's control sockets.

Short, since a socket's path has at most 108 bytes (unix(7)).
"""
_ENDING_TIMEOUT = 20
"""Seconds that a host has for ending a cancelled run's processes."""


@frozen_dataclass
class RunRequest:
    """A request to run a playbook.

    Attributes:
        playbook: file below the folder of playbooks.
        check: compare only, and report what differs.
        budget: hosts that may fail before no further unit is started.
        skip: tags that are left out.
        variables: more variables for the run; nothing secret.
        forks: hosts worked on at the same time.
        timeout: seconds that one task may take on a host; a task that takes longer fails there.
        changes_nothing: whether hosts may be grouped whatever their units; a check always may.
    """

    playbook: str
    check: bool = False
    budget: int = 0
    skip: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    forks: int = MOST_AT_ONCE
    timeout: int = 900
    changes_nothing: bool = False

    def parts(self, inventory: HostInventory) -> list[tuple[str, HostInventory]]:
        """Return the parts of an inventory that are worked on one after the other.

        A part is a unit; where nothing is changed, it is as many hosts as are quick together.
        """
        if self.check or self.changes_nothing:
            return list(inventory.in_parts(self.forks * _CHECKED_AT_ONCE))
        return list(inventory.in_units())


@frozen_dataclass
class HostRun:
    """The outcome of a run.

    Attributes:
        check: whether it only compared.
        results: one a host, in the inventory's order.
        stopped: why some units were left out; empty if none was.
        seconds: how long it took.
    """

    check: bool
    results: tuple[HostResult, ...]
    stopped: str
    seconds: float

    @property
    def changed(self) -> tuple[HostResult, ...]:
        """The hosts that were changed, or would be."""
        return tuple(result for result in self.results if result.changes)

    @property
    def bad(self) -> tuple[HostResult, ...]:
        """The hosts that failed or did not answer."""
        return tuple(result for result in self.results if result.state in FAILED_STATES)

    @property
    def complete(self) -> bool:
        """Whether every host was worked on and none failed."""
        return not self.stopped and not self.bad

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        states: dict[str, int] = {}
        hosts = []
        for result in self.results:
            states[result.state] = states.get(result.state, 0) + 1
            hosts.append(result.to_data())
        return {
            "check": self.check,
            "states": states,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 1),
            "hosts": hosts,
        }


def playbooks_dir() -> Path:
    """Return the folder of playbooks: in the package as installed, else beside it in the repository.

    Raises:
        EnvironmentLacksError: it is in neither.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "playbooks", package.parent / "playbooks"):
        if (folder / "ansible.cfg").is_file():
            return folder
    problem = Problem("no-playbooks", "the playbooks are not installed", hint="install sovereign-ai again")
    raise EnvironmentLacksError(problem)


def require_ansible() -> None:
    """Check that Ansible is installed.

    Raises:
        EnvironmentLacksError: it is not.
    """
    try:
        import ansible_runner  # noqa: F401, PLC0415 - imported for its presence alone
    except ImportError:
        message = "ansible-runner is not installed; it brings hosts to the plan"
        problem = Problem("no-ansible", message, hint="pip install 'sovereign-ai[hosts]'")
        raise EnvironmentLacksError(problem) from None


def run(
    inventory: HostInventory,
    request: RunRequest,
    *,
    progress: Progress,
    cancel: Callable[[], bool] = lambda: False,
    done: Callable[[str, Sequence[HostResult]], None] = lambda _unit, _results: None,
) -> HostRun:
    """Work on every unit of an inventory, one after the other.

    Args:
        inventory: the hosts.
        request: the playbook, and how to run it.
        progress: called with a line for a person.
        cancel: called several times a second; once it returns True, the run and all its processes are ended.
        done: called with each unit and its results.

    Raises:
        EnvironmentLacksError: Ansible is not installed.
        DeploymentError: Ansible itself failed before it reached any host.
    """
    require_ansible()
    if dropped := _drop_inherited_settings():
        progress(f"settings of Ansible in the environment do not count: {', '.join(dropped)}")
    start = time.monotonic()
    results: dict[str, HostResult] = {}
    stopped = ""
    parts = request.parts(inventory)
    for number, (unit, part) in enumerate(parts, 1):
        label = f"{unit} ({number} of {len(parts)})"
        unit_results = _run_unit(part, request, _prefixed(progress, label), cancel)
        for result in unit_results:
            results[result.host] = result
        done(unit, unit_results)
        bad = sum(result.state in FAILED_STATES for result in results.values())
        if cancel():
            stopped = f"cancelled in {unit}"
        elif bad > request.budget and not request.check and number < len(parts):
            hosts_text = counted(bad, "host")
            stopped = (
                f"{hosts_text} failed, and the budget is {request.budget}; nothing after {unit} was begun"
            )
        if stopped:
            break
    whole = []
    for host in inventory.hosts:
        result = results.get(host.name) or HostResult(host.name, "not-run")
        whole.append(result)
    return HostRun(request.check, tuple(whole), stopped, time.monotonic() - start)


def _drop_inherited_settings() -> list[str]:
    """Drop Ansible's settings from this process' environment, and return their names.

    ansible-runner hands the whole environment on, and a variable of Ansible's counts more than `ansible.cfg`:
    `ANSIBLE_SSH_ARGS` takes the check of host keys away, and others name programs and folders of plugins.
    """
    dropped: list[str] = []
    for name in sorted(os.environ):
        if name.startswith(_SETTINGS) and name != _OF_THE_WAY:
            del os.environ[name]
            dropped.append(clean(name))
    return dropped


def configure_twin(
    maps: Sequence[SwitchPorts], prefix: str, folder: Path, progress: Progress, *, check: bool = False
) -> HostRun:
    """Bring a twin's switches to the plan by the playbook for real switches.

    Their daemons must run, with empty configurations.

    Args:
        maps: the switches, as `Sample.switches` has them.
        prefix: what the namespaces' names start with.
        folder: holds one folder a switch, with its daemons' sockets; `frr.conf` is kept there.
        progress: called with a line for a person.
        check: compare only; the outcome's changes are what differs.

    Raises:
        EnvironmentLacksError: Ansible is not installed.
        DeploymentError: a switch could not be configured, with each one's reason.
    """
    switches = twin_inventory(maps, prefix, folder, sys.executable)
    outcome = run(switches, RunRequest("switches.yml", check=check), progress=progress)
    if outcome.bad:
        problems = []
        for result in outcome.bad:
            message = f"{result.host}: {result.failure}"
            problems.append(Problem("switch-failed", message))
        raise DeploymentError(problems)
    return outcome


def _prefixed(progress: Progress, prefix: str) -> Progress:
    """Return a progress callback that puts a prefix before each line."""
    return lambda line: progress(f"{prefix}: {line}")


def _run_unit(
    part: HostInventory, request: RunRequest, progress: Progress, cancel: Callable[[], bool]
) -> tuple[HostResult, ...]:
    """Run a playbook on one unit's hosts."""
    host_events = HostEvents([host.name for host in part.hosts], check=request.check)
    last_task = ""

    def take_event(event: Mapping[str, Any]) -> bool:
        nonlocal last_task
        host_events.take_event(event, ending=cancel())
        if host_events.task and host_events.task != last_task:
            last_task = host_events.task
            progress(last_task)
        return True  # else ansible-runner keeps no event and counts nothing

    mark = secrets.token_hex(8)
    # True until Ansible has come to its own end: an exception leaves processes on the hosts as a cancellation
    # does.
    cancelled = True
    try:
        cancelled, last_words = _run_ansible(part, request, mark, take_event, cancel)
    finally:
        end_local_processes(mark)
        if cancelled:
            _end_on_hosts(part, mark)
    if not cancelled and not host_events.over:
        message = f"Ansible ended before its time: {last_words}"
        raise DeploymentError(Problem("ansible-failed", message, hint="the line above is its own"))
    return host_events.results(cancelled=cancelled)


def _run_ansible(
    part: HostInventory,
    request: RunRequest,
    mark: str,
    take_event: Callable[[Mapping[str, Any]], bool],
    cancel: Callable[[], bool],
) -> tuple[bool, str]:
    """Run ansible-runner in a fresh folder.

    Return whether it was cancelled, and the last lines of its output.
    """
    import ansible_runner  # noqa: PLC0415 - heavy, and optional

    with tempfile.TemporaryDirectory(prefix="sovereign-hosts-") as name:
        folder = Path(name)
        write_private(folder / "inventory.json", part.to_json().encode(), durable=False)
        flags = ["--diff"]
        if request.check:
            flags.append("--check")
        if request.skip:
            flags += ["--skip-tags", ",".join(request.skip)]
        try:
            runner = ansible_runner.interface.run(
                private_data_dir=str(folder),
                project_dir=str(playbooks_dir()),
                playbook=request.playbook,
                inventory=str(folder / "inventory.json"),
                cmdline=" ".join(flags),
                # The playbooks pass the run's mark on to the processes that they start on the hosts.
                extravars=as_data({**request.variables, "sovereign_run": mark}),
                envvars=_environment(folder, mark, request),
                settings={"suppress_ansible_output": True},
                event_handler=take_event,
                cancel_callback=cancel,
                quiet=True,
                suppress_env_files=True,
            )
        finally:
            # Before the folder goes: the sockets in it are the only way to these connections.
            close_connections(folder / _CONNECTIONS)
        # `stdout` opens the file anew at each access, so that it must be closed here.
        with runner.stdout as output:
            text = "".join(deque(output, maxlen=_LAST_LINES))
    return bool(runner.status == "canceled"), _last_lines(text, folder)


def _environment(folder: Path, mark: str, request: RunRequest) -> dict[str, str]:
    """Return Ansible's environment: this tool's settings alone, and all its files in the run's own folder."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {
        "PATH": path,
        "ANSIBLE_CONFIG": str(playbooks_dir() / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        # In a shared folder, ssh would use another run's connection, however that one was authenticated.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / _CONNECTIONS),
        # ansible-runner switches the check of host keys off unless it is asked for.
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_FORKS": str(request.forks),
        "ANSIBLE_TASK_TIMEOUT": str(request.timeout),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        CONTROLLER: mark,
    }


def _last_lines(text: str, folder: Path) -> str:
    """Return the last lines of Ansible's output, without the path of the run's folder."""
    lines, errors = [], []
    for row in text.splitlines():
        if not row.strip():
            continue
        line = row.replace(str(folder), "…").strip()
        lines.append(line)
        if "ERROR" in line or "fatal" in line:
            errors.append(line)
    return " / ".join((errors or lines)[-3:])[:600] or "it gave no reason"


def _end_on_hosts(part: HostInventory, mark: str) -> None:
    """End what still runs on the hosts; nothing can be done on a host that does not answer."""
    request = RunRequest("end.yml", variables={"sovereign_ended": mark}, timeout=_ENDING_TIMEOUT)
    own_mark = secrets.token_hex(8)
    try:
        _run_ansible(part, request, own_mark, lambda _event: True, lambda: False)
    finally:
        end_local_processes(own_mark)
