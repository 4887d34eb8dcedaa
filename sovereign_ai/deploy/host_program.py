"""Runs the hosts' Pulumi program through the real engine, on the same state and key as `up`.

The program is four lines that are written anew each time into the state folder, where a person may read them, or run `pulumi`
on them. Its stack is called `<factory>.hosts`, which no cluster can be called.

One command at a time has the program of a factory, from writing it to the end of the run: when an engine reads it is not told, and
it would do what another command was asked for, with other hosts and another budget.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sovereign_ai.cluster.state import write_private
from sovereign_ai.deploy.engine import Engine, Outcome
from sovereign_ai.deploy.engine_words import Told
from sovereign_ai.deploy.host_provider.inventories import forget
from sovereign_ai.deploy.hosts import need
from sovereign_ai.deploy.place import state_dir
from sovereign_ai.deploy.turn import turn
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem, Where
from sovereign_ai.toolchain.waiting import taken, until

PATIENCE_SECONDS = 60.0
"""How long a command waits for another one on the same factory's hosts."""
_PROGRAM = '''"""Brings hosts of {factory} to the plan; written by `sovereign-ai hosts`, and written anew by it."""

import sovereign_ai as sai
from sovereign_ai.deploy import HostConfiguration

HostConfiguration({factory!r}, sai.load({description!r}), given={given!r}, limit={limit!r}, budget={budget!r}, forks={forks!r})
'''


@dataclass(frozen=True, slots=True)
class HostsProgram:
    """What the program is about.

    Attributes:
        factory: the factory's name.
        description: the description's file or folder.
        given: the file that says what a plan cannot know; None if there is none.
        limit: only these hosts, units or groups.
        budget: hosts that may fail before no further unit is begun.
        forks: hosts worked on at the same time.
    """

    factory: str
    description: Path
    given: Path | None = None
    limit: tuple[str, ...] = ()
    budget: int = 0
    forks: int = 50

    @property
    def stack(self) -> str:
        """The Pulumi stack's name."""
        return f"{self.factory}.hosts"

    def text(self) -> str:
        """Give the program."""
        return _PROGRAM.format(
            factory=self.factory,
            description=str(self.description.resolve()),
            given=str(self.given.resolve()) if self.given else None,
            limit=list(self.limit),
            budget=self.budget,
            forks=self.forks,
        )

    @property
    def folder(self) -> Path:
        """The program's folder, whether or not it is there."""
        return state_dir() / "hosts" / "pulumi" / self.factory

    @contextmanager
    def written(self, progress: Callable[[str], object]) -> Iterator[Path]:
        """Write program and project into their folder and give it; no other command writes there until the block ends.

        Args:
            progress: told that one waits for another command.

        Raises:
            EnvironmentLacksError: another command is at work on the factory's hosts, and did not end in time.
        """
        folder = self.folder
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The lock lies beside the folder and is never removed: what is forgotten takes its folder along.
        descriptor = os.open(folder.with_name(f"{self.factory}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not taken(descriptor):
                progress("waiting for another `hosts` command on this factory")
                if not until(partial(taken, descriptor), PATIENCE_SECONDS):
                    hint = "wait for it to end, or end it, and run the command again"
                    message = f"another `hosts` command is at work on the hosts of {self.factory}; nothing was changed"
                    raise EnvironmentLacksError(Problem("hosts-busy", message, Where(str(folder)), hint))
            folder.mkdir(exist_ok=True, mode=0o700)
            write_private(folder / "Pulumi.yaml", f"name: {self.factory}-hosts\nruntime: python\n".encode())
            write_private(folder / "__main__.py", self.text().encode())
            yield folder
        finally:
            os.close(descriptor)


class HostsEngine(Engine):
    """The engine on the hosts' program; beside what it did, it keeps in what the hosts differ.

    Attributes:
        drift: host to what differs on it: role and task, to the difference line by line.
        failed: host to why it could not be looked at.
    """

    package: ClassVar[str] = "sovereign-hosts:"
    ending: ClassVar[str] = "ending what runs, here and on the hosts"

    def __init__(self, program: HostsProgram, progress: Callable[[str], None]) -> None:
        """Write the program for a first time, which is a project from then on.

        Raises:
            EnvironmentLacksError: Ansible or the engine is not there, or another command is at work on the factory's hosts.
        """
        need()
        self.program = program
        with program.written(progress) as folder:
            super().__init__(folder, program.stack, None, progress)
        self.drift: dict[str, dict[str, str]] = {}
        self.failed: dict[str, str] = {}

    def ensure_stack(self) -> None:
        """Make the stack unless it is there, and take away a lock whose holder was killed: nothing of a run outlives it."""
        super().ensure_stack()
        locks = list((self._state / ".pulumi" / "locks").glob(f"*/*/{self.stack}/*.json"))
        if locks and all(map(_left_behind, locks)):
            self._plain("cancel", "--yes", "--stack", self.stack)

    def forget(self) -> int:
        """Remove the stack without speaking to any host, and give how many hosts it had.

        `pulumi destroy` does the same after a look at them: the engine refreshes what it is about to delete.
        """
        names: set[str] = set()
        inventories: set[str] = set()
        with self.program.written(self.progress):
            if self.exists():
                with turn(self.folder, self.progress):
                    self.ensure_stack()
                names, inventories = self._named()
                self._remove("--force")
            for digest in inventories:  # only now: a stack that could not be removed goes on naming them
                forget(digest)
            shutil.rmtree(self.folder)
        return len(names)

    def _named(self) -> tuple[set[str], set[str]]:
        """Give the hosts and the inventories that the state names."""
        found = [one for one in self._exported() if one["type"].startswith(self.package)]
        states = [state for one in found for state in (one.get("inputs"), one.get("outputs")) if state]
        return {host for state in states for unit in state["units"].values() for host in unit}, {state["inventory"] for state in states}

    def _run(self, verb: str, *flags: str, policy_pack: Path | None = None) -> Outcome:
        """Run a verb on the program that this command was asked for."""
        with self.program.written(self.progress):
            return super()._run(verb, *flags, policy_pack=policy_pack)

    def _failed(self, verb: str, told: Told, log: Path) -> DeploymentError:
        """Give one problem for each host that failed, where the provider named them."""
        lines = [line.strip() for text in told.failures for line in text.splitlines()]
        reasons = [line.removeprefix("* ") for line in lines if line.startswith("* ")]
        if not reasons or told.policies:
            return super()._failed(verb, told, log)
        return DeploymentError([Problem("host-failed", reason, hint=f"the whole log: {log}") for reason in dict.fromkeys(reasons)])

    def _hear(self, line: str, told: Told) -> None:
        """Take one line; what the provider says of its work is progress, and what it saw stands in the resource's outputs."""
        super()._hear(line, told)
        try:
            event = json.loads(line)
        except ValueError:
            return
        diag = event.get("diagnosticEvent") or {}
        if diag.get("urn") and diag.get("severity") != "error":
            self.progress(str(diag.get("message", "")).strip())
        meta = (event.get("resOutputsEvent") or {}).get("metadata") or {}
        if str(meta.get("type", "")).startswith(self.package):
            self._saw(meta)

    def _saw(self, meta: Mapping[str, Any]) -> None:
        """Keep what a look found: a refresh's outputs, or those of a creation that is only previewed."""
        outputs = (meta.get("new") or {}).get("outputs") or {}
        if meta["op"] in ("refresh", "create"):
            self.drift = dict(outputs.get("drift") or {})
            self.failed = dict(outputs.get("failed") or {})


def _left_behind(lock: Path) -> bool:
    """Tell whether a lock of the state was taken by a process of this machine that is no more."""
    try:
        holder = json.loads(lock.read_bytes())
        return holder["hostname"] == platform.node() and not Path("/proc", str(holder["pid"])).exists()
    except (OSError, ValueError, KeyError):
        return False
