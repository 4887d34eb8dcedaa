"""Run the hosts' Pulumi program through the real engine, on the same state and key as `up`.

The program is four lines. Each command writes it into the state folder, where a person may read it or run
`pulumi` on it. Its stack is called `<factory>.hosts`; no cluster can have that name, since a cluster's name
has no dot.

One command at a time has the program of a factory, from writing it to the end of the run. The engine does not
report when it reads the program, so a second command could replace it first: the engine would then work on
other hosts with another budget.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from sovereign_ai.deploy.engine.events import EngineEvents
from sovereign_ai.deploy.engine.partial_run import PartialRun
from sovereign_ai.deploy.engine.runs import Engine, PulumiOutcome
from sovereign_ai.deploy.hosts.provider.inventories import remove_inventory
from sovereign_ai.deploy.hosts.runner import require_ansible
from sovereign_ai.deploy.state.pulumi_environment import state_dir
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem, Where
from sovereign_ai.files.writing import open_lock, write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain import make_folders, try_lock, wait_until

PATIENCE_SECONDS = 60.0
"""How long a command waits for another command on the same factory's hosts."""
_PROGRAM = '''\
"""Brings hosts of {factory} to the plan; written by `sovereign-ai hosts`, and written anew by it."""

import sovereign_ai as sai
from sovereign_ai.deploy import HostConfiguration

HostConfiguration(\
{factory!r}, sai.load({description!r}), given={given!r}, limit={limit!r}, budget={budget!r}, forks={forks!r})
'''


@frozen_dataclass
class HostsProgram:
    """The arguments of the program, and its files.

    Attributes:
        factory: the factory's name.
        description: the description's file or folder.
        given: the file with what a plan cannot know; None if there is none.
        limit: only these hosts, units or groups.
        budget: hosts that may fail before no further unit is started.
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
        """Return the program's source."""
        given = str(self.given.resolve()) if self.given else None
        return _PROGRAM.format(
            factory=self.factory,
            # Absolute paths: the program runs in a folder of its own.
            description=str(self.description.resolve()),
            given=given,
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
        """Write program and project into their folder, and hold it until the block ends.

        Args:
            progress: called with a line if the command has to wait for another one.

        Yields:
            The folder.

        Raises:
            EnvironmentLacksError: another command works on the factory's hosts, and did not end in time.
        """
        folder = self.folder
        make_folders(folder.parent)
        # The lock lies beside the folder and is never removed: `forget` removes the folder while it holds the
        # lock.
        lock = folder.with_name(f"{self.factory}.lock")
        descriptor = open_lock(lock)
        try:
            if not try_lock(descriptor):
                progress("waiting for another `hosts` command on this factory")
                if not wait_until(partial(try_lock, descriptor), PATIENCE_SECONDS):
                    hint = "wait for it to end, or end it, and run the command again"
                    message = (
                        f"another `hosts` command is at work on the hosts of {self.factory}; "
                        "nothing was changed"
                    )
                    raise EnvironmentLacksError(Problem("hosts-busy", message, Where(str(folder)), hint))
            folder.mkdir(exist_ok=True, mode=0o700)
            project = f"name: {self.factory}-hosts\nruntime: python\n"
            write_private(folder / "Pulumi.yaml", project.encode())
            write_private(folder / "__main__.py", self.text().encode())
            yield folder
        finally:
            os.close(descriptor)


class HostsEngine(Engine):
    """The engine on the hosts' program; it also keeps the drift that the provider reports.

    Attributes:
        drift: host to what differs on it: role and task, to the difference line by line.
        failed: host to why it could not be checked.
    """

    package: ClassVar[str] = "sovereign-hosts:"
    ending: ClassVar[str] = "ending what runs, here and on the hosts"
    grace: ClassVar[float] = 60.0
    """The provider ends what runs on the hosts; it takes at most as long (host_provider/service.py)."""

    def __init__(self, program: HostsProgram, progress: Callable[[str], None]) -> None:
        """Write the program for the first time, so that its folder is a Pulumi project.

        Raises:
            EnvironmentLacksError: Ansible or the engine is not installed, or another command works on the
                factory's hosts.
        """
        require_ansible()
        self.program = program
        with program.written(progress) as folder:
            super().__init__(folder, program.stack, None, progress)
        self.drift: dict[str, dict[str, str]] = {}
        self.failed: dict[str, str] = {}

    def _as_argument(self) -> str:
        """Return how a command line names this stack."""
        return f"{shlex.quote(str(self.program.description))} --hosts"

    def forget(self) -> int:
        """Remove the stack without connecting to any host, and return how many hosts it had.

        `pulumi destroy` does the same but checks the hosts first: the engine refreshes what it is about to
        delete.
        """
        names: set[str] = set()
        inventories: set[str] = set()
        with self.program.written(self.progress):
            if self.exists():
                with self.hold("forget"):
                    names, inventories = self._named()
                    self._remove(force=True)
            # Only now: a stack that could not be removed still names its inventories.
            for digest in inventories:
                remove_inventory(digest)
            shutil.rmtree(self.folder)
        return len(names)

    def _named(self) -> tuple[set[str], set[str]]:
        """Return the hosts and the digests of the inventories that the state names."""
        hosts: set[str] = set()
        inventories: set[str] = set()
        for resource in self._exported():
            if not resource["type"].startswith(self.package):
                continue
            # After an update that failed in part, the outputs name another inventory than the inputs.
            for state in (resource.get("inputs"), resource.get("outputs")):
                if not state:
                    continue
                inventories.add(state["inventory"])
                for unit_hosts in state["units"].values():
                    hosts.update(unit_hosts)
        return hosts, inventories

    def _run(
        self, verb: str, *flags: str, policy_pack: Path | None = None, part: PartialRun | None = None
    ) -> PulumiOutcome:
        """Run a verb on the program that this command was asked for."""
        with self.program.written(self.progress):
            return super()._run(verb, *flags, policy_pack=policy_pack, part=part)

    def _failed(self, verb: str, events: EngineEvents, log: Path) -> DeploymentError:
        """Return one problem for each host that failed, where the provider named them."""
        reasons: list[str] = []
        for text in events.failures:
            for row in text.splitlines():
                # The engine lists the reasons of a failed initialisation as `* ` items.
                line = row.strip()
                if line.startswith("* "):
                    reasons.append(line.removeprefix("* "))
        if not reasons or events.policies:
            return super()._failed(verb, events, log)
        problems = []
        for reason in dict.fromkeys(reasons):
            hint = f"the whole log: {log}"
            problems.append(Problem("host-failed", reason, hint=hint))
        return DeploymentError(problems)

    def _take_event(self, line: str, events: EngineEvents) -> None:
        """Read one line of the event stream.

        The provider's own messages are progress; the drift that it saw is in the resource's outputs.
        """
        super()._take_event(line, events)
        try:
            event = json.loads(line)
        except ValueError:
            return
        diag = event.get("diagnosticEvent") or {}
        if diag.get("urn") and diag.get("severity") != "error":
            self.progress(str(diag.get("message", "")).strip())
        meta = (event.get("resOutputsEvent") or {}).get("metadata") or {}
        if str(meta.get("type", "")).startswith(self.package):
            self._record_check(meta)

    def _record_check(self, meta: Mapping[str, Any]) -> None:
        """Keep the result of a check: a refresh's outputs, or those of a creation that is only previewed."""
        outputs = (meta.get("new") or {}).get("outputs") or {}
        if meta["op"] in ("refresh", "create"):
            self.drift = dict(outputs.get("drift") or {})
            self.failed = dict(outputs.get("failed") or {})
