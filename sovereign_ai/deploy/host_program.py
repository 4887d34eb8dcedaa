"""Runs the hosts' Pulumi program through the real engine, on the same state and key as `up`.

The program is four lines that are written anew each time into the state folder, where a person may read them, or run `pulumi`
on them. Its stack is called `<factory>.hosts`, which no cluster can be called.

The engine runs in a session of its own, and gets one request to end where we get one: a second would make it end without waiting
for its plugins.
"""

from __future__ import annotations

import json
import platform
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sovereign_ai.deploy.engine import Engine
from sovereign_ai.deploy.engine_words import Told
from sovereign_ai.deploy.host_provider.inventories import forget
from sovereign_ai.deploy.hosts import need
from sovereign_ai.deploy.place import state_dir
from sovereign_ai.deploy.turn import turn
from sovereign_ai.errors import DeploymentError, Problem

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

    def write(self) -> Path:
        """Write program and project into the state folder, and give their folder."""
        folder = state_dir() / "hosts" / "pulumi" / self.factory
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "Pulumi.yaml").write_text(f"name: {self.factory}-hosts\nruntime: python\n", encoding="utf-8")
        (folder / "__main__.py").write_text(self.text(), encoding="utf-8")
        return folder


class HostsEngine(Engine):
    """The engine on the hosts' program; beside what it did, it keeps in what the hosts differ.

    Attributes:
        drift: host to what differs on it: role and task, to the difference line by line.
        failed: host to why it could not be looked at.
    """

    package: ClassVar[str] = "sovereign-hosts:"
    own_session: ClassVar[bool] = True

    def __init__(self, program: HostsProgram, progress: Callable[[str], None]) -> None:
        """Write the program.

        Raises:
            EnvironmentLacksError: Ansible or the engine is not there.
        """
        need()
        super().__init__(program.write(), program.stack, None, progress)
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
        if self.exists():
            with turn(self.folder, self.progress):
                self.ensure_stack()
            for one in [one for one in self._exported() if one["type"].startswith(self.package)]:
                states = [state for state in (one.get("inputs"), one.get("outputs")) if state]
                names |= {host for state in states for unit in state["units"].values() for host in unit}
                for state in states:
                    forget(state["inventory"])
            self._remove("--force")
        shutil.rmtree(self.folder)
        return len(names)

    @contextmanager
    def _start(self, command: Sequence[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Start the engine in a session of its own, and hand on to it the first request to end."""
        with super()._start(command, environ) as process:
            asked: list[int] = []

            def hand_on(number: int, _frame: Any) -> None:
                if not asked:
                    process.send_signal(signal.SIGINT)
                    self.progress("ending what runs, here and on the hosts")
                asked.append(number)

            before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield process
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

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
