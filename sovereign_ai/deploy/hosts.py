"""The one wrapper of ansible-runner: hosts brought to what an inventory says, or only looked at.

Nothing else in the project knows Ansible. What it takes care of:

* Every run has a fresh folder of mode 0700, removed at its end: ansible-runner keeps a run's command line and would use it again.
* Every process of a run carries the run's mark in its environment, on this machine and on the hosts, so that a cancelled run can
  be ended everywhere: ansible-runner itself ends its own child alone.
* One unit after the other; after each, failures are counted against a budget. What is done is kept, so that a run can go on.
* A host that fails or does not answer does not keep the others from finishing.

    outcome = run(inventory, Wish("hosts.yml", check=True), progress=print)
    [one.host for one in outcome.results if one.state == "drift"]
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sovereign_ai.deploy.host_ending import CONTROLLER, end_here, hang_up
from sovereign_ai.deploy.host_events import BAD, Heard, HostResult
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from sovereign_ai.render.hosts.inventory import Inventory
from sovereign_ai.render.hosts.switches import twin_inventory
from sovereign_ai.render.switches.ports import SwitchPorts

Progress = Callable[[str], None]
MOST_AT_ONCE = 50
_CONNECTIONS = "cp"
"""Where ssh's connections lie in a run's folder; short, since a socket's path has at most 108 bytes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to run.

    Attributes:
        playbook: file below the folder of playbooks.
        check: look only, and say what differs.
        budget: hosts that may fail before no further unit is begun.
        skip: tags that are left out.
        variables: more variables for the run; nothing secret.
        forks: hosts worked on at the same time.
        timeout: seconds that one task may take on a host; what hangs longer has failed there.
        changes_nothing: whether hosts may be taken together whatever their units; a check may always.
    """

    playbook: str
    check: bool = False
    budget: int = 0
    skip: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    forks: int = MOST_AT_ONCE
    timeout: int = 900
    changes_nothing: bool = False

    def parts(self, inventory: Inventory) -> list[tuple[str, Inventory]]:
        """Give what is worked on at once: a unit, or where nothing is changed as many hosts as are quick together."""
        return list(inventory.in_parts(self.forks * 4) if self.check or self.changes_nothing else inventory.in_units())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        check: whether it only looked.
        results: one a host, in the inventory's order.
        stopped: why not every unit was worked on; empty if every one was.
        seconds: how long it took.
    """

    check: bool
    results: tuple[HostResult, ...]
    stopped: str
    seconds: float

    @property
    def changed(self) -> tuple[HostResult, ...]:
        """Give the hosts that were changed, or would be."""
        return tuple(one for one in self.results if one.changes)

    @property
    def bad(self) -> tuple[HostResult, ...]:
        """Give the hosts that failed or did not answer."""
        return tuple(one for one in self.results if one.state in BAD)

    @property
    def whole(self) -> bool:
        """Tell whether every host was worked on and none failed."""
        return not self.stopped and not self.bad

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        states: dict[str, int] = {}
        for one in self.results:
            states[one.state] = states.get(one.state, 0) + 1
        return {
            "check": self.check,
            "states": states,
            "stopped": self.stopped,
            "seconds": round(self.seconds, 1),
            "hosts": [one.to_data() for one in self.results],
        }


def playbooks() -> Path:
    """Give the folder of playbooks: in the package as installed, else beside it in the repository.

    Raises:
        EnvironmentLacksError: neither is there.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "playbooks", package.parent / "playbooks"):
        if (folder / "ansible.cfg").is_file():
            return folder
    raise EnvironmentLacksError(Problem("no-playbooks", "the playbooks are not there", hint="install sovereign-ai again"))


def need() -> None:
    """See that Ansible is there.

    Raises:
        EnvironmentLacksError: it is not.
    """
    try:
        import ansible_runner  # noqa: F401, PLC0415 - asked for alone
    except ImportError:
        message = "ansible-runner is not there, which brings hosts to the plan"
        raise EnvironmentLacksError(Problem("no-ansible", message, hint="pip install 'sovereign-ai[hosts]'")) from None


def run(
    inventory: Inventory,
    wish: Wish,
    *,
    progress: Progress,
    cancel: Callable[[], bool] = lambda: False,
    done: Callable[[str, Sequence[HostResult]], None] = lambda _unit, _results: None,
) -> Outcome:
    """Work on every unit of an inventory, one after the other.

    Args:
        inventory: the hosts.
        wish: what to run.
        progress: takes a line for a person.
        cancel: asked several times a second; once it says yes, everything is ended and nothing left running.
        done: told of each unit with its results.

    Raises:
        EnvironmentLacksError: Ansible is not there.
        DeploymentError: Ansible itself failed before it reached any host.
    """
    need()
    start = time.monotonic()
    results: dict[str, HostResult] = {}
    stopped = ""
    parts = wish.parts(inventory)
    for number, (unit, part) in enumerate(parts, 1):
        said = f"{unit} ({number} of {len(parts)})"
        found = _unit(part, wish, _prefixed(progress, said), cancel)
        results |= {one.host: one for one in found}
        done(unit, found)
        bad = sum(one.state in BAD for one in results.values())
        if cancel():
            stopped = f"cancelled in {unit}"
        elif bad > wish.budget and not wish.check and number < len(parts):
            stopped = f"{bad} hosts failed, and the budget is {wish.budget}; nothing after {unit} was begun"
        if stopped:
            break
    whole = tuple(results.get(one.name, HostResult(one.name, "not-run")) for one in inventory.hosts)
    return Outcome(wish.check, whole, stopped, time.monotonic() - start)


def configure_twin(maps: Sequence[SwitchPorts], prefix: str, folder: Path, progress: Progress, *, check: bool = False) -> Outcome:
    """Bring a twin's switches to the plan by the playbook that real switches have; their daemons must run, with empty configurations.

    Args:
        maps: the switches, as `Sample.switches` has them.
        prefix: what the namespaces' names start with.
        folder: holds one folder a switch, with its daemons' sockets; `frr.conf` is kept there.
        progress: takes a line for a person.
        check: look only; the outcome's changes are what differs.

    Raises:
        EnvironmentLacksError: Ansible is not there.
        DeploymentError: a switch could not be configured, with each one's reason.
    """
    outcome = run(twin_inventory(maps, prefix, folder, sys.executable), Wish("switches.yml", check=check), progress=progress)
    if outcome.bad:
        raise DeploymentError([Problem("switch-failed", f"{one.host}: {one.failure}") for one in outcome.bad])
    return outcome


def _prefixed(progress: Progress, before: str) -> Progress:
    """Give a progress that says first where it is."""
    return lambda line: progress(f"{before}: {line}")


def _unit(part: Inventory, wish: Wish, progress: Progress, cancel: Callable[[], bool]) -> tuple[HostResult, ...]:
    """Run a playbook over one unit's hosts."""
    heard = Heard([one.name for one in part.hosts], check=wish.check)
    last = ""

    def hear(event: Mapping[str, Any]) -> bool:
        nonlocal last
        heard.hear(event, ending=cancel())
        if heard.task and heard.task != last:
            last = heard.task
            progress(last)
        return True  # else ansible-runner keeps no event and counts nothing

    mark = secrets.token_hex(8)
    cancelled = True  # until Ansible has come to its own end
    try:
        cancelled, said = _ansible(part, wish, mark, hear, cancel)
    finally:
        end_here(mark)
        if cancelled:
            _end_there(part, mark)
    if not cancelled and not heard.over:
        raise DeploymentError(Problem("ansible-failed", f"Ansible ended before its time: {said}", hint="the line above is its own"))
    return heard.results(cancelled=cancelled)


def _ansible(
    part: Inventory, wish: Wish, mark: str, hear: Callable[[Mapping[str, Any]], bool], cancel: Callable[[], bool]
) -> tuple[bool, str]:
    """Run ansible-runner in a fresh folder; give whether it was cancelled, and its last words."""
    import ansible_runner  # noqa: PLC0415 - heavy, and optional

    with tempfile.TemporaryDirectory(prefix="sovereign-hosts-") as name:
        folder = Path(name)
        (folder / "inventory.json").write_text(part.to_json(), encoding="utf-8")
        flags = ["--diff", *(["--check"] if wish.check else []), *(["--skip-tags", ",".join(wish.skip)] if wish.skip else [])]
        try:
            runner = ansible_runner.interface.run(
                private_data_dir=str(folder),
                project_dir=str(playbooks()),
                playbook=wish.playbook,
                inventory=str(folder / "inventory.json"),
                cmdline=" ".join(flags),
                extravars={**wish.variables, "sovereign_run": mark},
                envvars=_environment(folder, mark, wish),
                settings={"suppress_ansible_output": True},
                event_handler=hear,
                cancel_callback=cancel,
                quiet=True,
                suppress_env_files=True,
            )
        finally:
            hang_up(folder / _CONNECTIONS)
        with runner.stdout as told:  # a fresh file at every look at it
            text = told.read()
    return bool(runner.status == "canceled"), _last_words(text, folder)


def _environment(folder: Path, mark: str, wish: Wish) -> dict[str, str]:
    """Give Ansible's environment: our settings alone, everything that it writes in the run's own folder."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(playbooks() / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / _CONNECTIONS),  # else another run's connection is used, whoever let that one in
        "ANSIBLE_HOST_KEY_CHECKING": "True",  # ansible-runner's own default is not to
        "ANSIBLE_FORKS": str(wish.forks),
        "ANSIBLE_TASK_TIMEOUT": str(wish.timeout),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        CONTROLLER: mark,
    }


def _last_words(text: str, folder: Path) -> str:
    """Give what Ansible said last, without the run's folder."""
    lines = [line.replace(str(folder), "…").strip() for line in text.splitlines() if line.strip()]
    wrong = [line for line in lines if "ERROR" in line or "fatal" in line] or lines
    return " / ".join(wrong[-3:])[:600] or "it said nothing"


def _end_there(part: Inventory, mark: str) -> None:
    """End what still runs on the hosts; a host that does not answer is none that we can do anything about."""
    wish = Wish("end.yml", variables={"sovereign_ended": mark}, timeout=20)
    own = secrets.token_hex(8)
    try:
        _ansible(part, wish, own, lambda _event: True, lambda: False)
    finally:
        end_here(own)
