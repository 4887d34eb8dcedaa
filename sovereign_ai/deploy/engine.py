"""Drives the real Pulumi engine: the CLI as a program, its event stream as the only word on what happened.

Each run is `pulumi <verb> --json` in the stack's folder, in the environment of `place.py`; the
engine's events are counted and shown as they come. What the engine said stands in a log file of
mode 0600, which an error names.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from sovereign_ai.deploy.engine_words import Told, advice, errors_in, failure, interrupted, last_lines
from sovereign_ai.deploy.handing import handing_on
from sovereign_ai.deploy.hold import release
from sovereign_ai.deploy.place import environment, pulumi_state, state_dir
from sovereign_ai.deploy.standing import Standing, other_in_settings, standing
from sovereign_ai.deploy.turn import turn
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem, SpecError, UsageError, Where
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.waiting import taken

Progress = Callable[[str], None]

_SALT = "encryptionsalt:"
_BEGINS = {
    "up": "comparing what is described with what is there",
    "preview": "comparing what is described with what is there",
    "destroy": "removing what the stack owns",
}
_COMPARE = frozenset({"up", "preview"})
_QUIET = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the engine did.

    Attributes:
        verb: `up`, `preview`, `destroy` or `refresh`.
        changes: operation (`create`, `update`, `delete`, …) to number of objects; `same` left out.
        same: objects that needed nothing.
        steps: (operation, object's name) of every change, in the engine's order.
        log: file that holds the engine's own events.
    """

    verb: str
    changes: Mapping[str, int]
    same: int
    steps: tuple[tuple[str, str], ...]
    log: Path

    @property
    def changed(self) -> bool:
        """Tell whether anything was, or would be, changed."""
        return bool(self.changes)

    def to_data(self) -> dict[str, Any]:
        """Give plain data for `--json`."""
        return {
            "verb": self.verb,
            "changes": dict(sorted(self.changes.items())),
            "same": self.same,
            "steps": [{"op": op, "resource": name} for op, name in self.steps],
            "log": str(self.log),
        }


def ready(folder: Path) -> Path:
    """See that a folder can be deployed before anything is started for it, and give the engine's program.

    Raises:
        SpecError: the folder is no Pulumi project.
        EnvironmentLacksError: a tool is missing; all that are, at once.
    """
    if not (folder / "Pulumi.yaml").is_file():
        raise SpecError(
            Problem("no-project", "the folder has no Pulumi.yaml", Where(str(folder)), "make a stack with `sovereign-ai init FOLDER`")
        )
    problems: list[Problem] = []
    found: dict[str, Path] = {}
    for name in ("pulumi", "pulumi-resource-kubernetes", "pulumi-language-python"):
        try:
            found[name] = find(name)
        except EnvironmentLacksError as error:
            problems += error.problems
    if problems:
        raise EnvironmentLacksError(problems)
    return found["pulumi"]


class Engine:
    """One stack of one folder, ready to run.

    Args:
        folder: the stack's folder, with its Pulumi.yaml.
        stack: the Pulumi stack's name, which is the cluster's name in the plan.
        kubeconfig: the cluster to deploy to.
        progress: takes a line for a person.
        plane: `kind` for the kind plane, whose state lies apart; empty for any other.
    """

    package: ClassVar[str] = "kubernetes:"
    """What the types of counted resources begin with."""
    ending: ClassVar[str] = "the engine ends what it has begun and keeps what is done"
    """What is said once a person or a signal asked for the end."""

    def __init__(self, folder: Path, stack: str, kubeconfig: Path | None, progress: Progress, plane: str = "") -> None:
        """Check that the folder is a Pulumi project.

        Raises:
            SpecError: it is not.
        """
        self.pulumi = ready(folder)
        self.folder = folder
        self.stack = stack
        self.kubeconfig = kubeconfig
        self.progress = progress
        self._asked_to_end = False
        self._plane = plane
        self._state = pulumi_state(plane)
        self.env = os.environ | environment(stack, kubeconfig, plane)

    def ensure_stack(self) -> None:
        """Make the stack in the state folder unless it is there, and give the stack's folder the salt that belongs to it."""
        if self.exists():
            if self._salt.is_file() and self._holds_only_salt():
                self._settings.write_bytes(self._salt.read_bytes())
            return
        if self._holds_only_salt():
            self._settings.unlink(missing_ok=True)
        self._plain("stack", "init", self.stack, "--secrets-provider", "passphrase")
        lines = self._settings.read_text(encoding="utf-8").splitlines(keepends=True)
        fresh = self._salt.with_suffix(".fresh")
        fresh.write_text("".join(line for line in lines if line.startswith(_SALT)), encoding="utf-8")
        fresh.replace(self._salt)

    @property
    def _settings(self) -> Path:
        """The stack's settings in its folder; Pulumi keeps there the salt of the key that encrypts the state."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    @property
    def _salt(self) -> Path:
        """The copy of that salt beside the state, so that one folder may be deployed from several states."""
        return self._state / f"{self.stack}.salt"

    def _holds_only_salt(self) -> bool:
        """Tell whether the settings may be written anew without losing anything that a user wrote."""
        if not self._settings.exists():
            return True
        return all(line.startswith(_SALT) for line in self._settings.read_text(encoding="utf-8").splitlines() if line)

    def exists(self) -> bool:
        """Tell whether the state folder knows the stack."""
        return any(item["name"].rsplit("/", 1)[-1] == self.stack for item in json.loads(self._plain("stack", "ls", "--json")))

    def up(self, *, policy_pack: Path | None = None) -> Outcome:
        """Bring the cluster to what the program declares, after a look at what is really there.

        Raises:
            EnvironmentLacksError: the state or the stack's settings name another cluster.
            DeploymentError: the engine, the provider or the program failed, with its own words.
        """
        return self._run("up", "--yes", "--skip-preview", "--refresh", policy_pack=policy_pack)

    def preview(self, *, policy_pack: Path | None = None) -> Outcome:
        """Say what `up` would change, and change nothing.

        Raises:
            EnvironmentLacksError: the state or the stack's settings name another cluster.
            DeploymentError: the engine, the provider or the program failed, with its own words.
        """
        return self._run("preview", "--refresh", policy_pack=policy_pack)

    def destroy(self) -> Outcome:
        """Remove what the stack owns, and then the stack itself.

        Raises:
            EnvironmentLacksError: what it owns stands on another cluster than the one that was named.
            DeploymentError: the engine or the provider failed, with its own words.
        """
        with turn(self.folder, self.progress):
            self.ensure_stack()
        if elsewhere := self.standing().elsewhere(self.kubeconfig):
            raise EnvironmentLacksError(elsewhere)
        if self.kubeconfig is not None:
            release(self.stack, self.kubeconfig)
        outcome = self._run("destroy", "--yes", "--skip-preview")
        self._remove()
        return outcome

    def _insist_on_one_cluster(self) -> None:
        """See that state, settings and command mean the same cluster.

        With the state of one cluster the engine finds nothing to do on another: it asks where its objects stand.

        Raises:
            EnvironmentLacksError: they do not, with what each of them names.
        """
        found = (self.standing().elsewhere(self.kubeconfig), other_in_settings(self._settings, self.kubeconfig))
        if problems := [problem for problem in found if problem]:
            raise EnvironmentLacksError(problems)

    def standing(self) -> Standing:
        """Say what the state holds, and of which cluster."""
        return standing(self.stack, self.folder, self._exported(), self._plane)

    def forget(self) -> int:
        """Drop the stack from the state without speaking to its cluster, and give how many objects it held there."""
        with turn(self.folder, self.progress):
            self.ensure_stack()
        count = self.standing().objects
        self._remove("--force")
        return count

    def _remove(self, *flags: str) -> None:
        """Remove the stack from the state, and the salt that belonged to it."""
        with turn(self.folder, self.progress):
            self._plain("stack", "rm", self.stack, "--yes", "--preserve-config", *flags)
            if self._holds_only_salt():
                self._settings.unlink(missing_ok=True)
        self._salt.unlink(missing_ok=True)

    def resources(self) -> list[dict[str, str]]:
        """List what the state holds: type, name and parent's name of each resource, in the engine's order; nothing secret is read."""
        return [
            {"type": item["type"], "name": item["urn"].rsplit("::", 1)[-1], "parent": item.get("parent", "").rsplit("::", 1)[-1]}
            for item in self._exported()
        ]

    def _exported(self) -> list[dict[str, Any]]:
        """Give the state's resources; what is secret in them stays encrypted."""
        deployment = json.loads(self._plain("stack", "export", "--stack", self.stack))["deployment"]
        return list(deployment.get("resources", ()))

    def _plain(self, *arguments: str) -> str:
        """Run a short command and give its output.

        Raises:
            DeploymentError: it failed.
        """
        command = [str(self.pulumi), *arguments, "--non-interactive"]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise DeploymentError(
                Problem("pulumi-failed", f"`pulumi {' '.join(arguments)}` failed: {last_lines(done.stderr)}", hint=advice(done.stderr))
            )
        return done.stdout

    def _run(self, verb: str, *flags: str, policy_pack: Path | None = None) -> Outcome:
        """Run a verb, count its events, and raise with the engine's own words if it fails."""
        command = [str(self.pulumi), verb, "--stack", self.stack, "--non-interactive", "--json", *flags]
        if policy_pack is not None:
            command += ["--policy-pack", str(_require_pack(policy_pack))]
        told = Told()
        environ = self.env | {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
        with turn(self.folder, self.progress) as settled:
            self.ensure_stack()
            if verb in _COMPARE:
                self._insist_on_one_cluster()
            self.progress(_BEGINS.get(verb, verb))
            log, descriptor = open_log(state_dir(), f"{self.stack}.{verb}")
            with os.fdopen(descriptor, "w", encoding="utf-8") as kept, self._start(command, environ) as process:
                for line in process.stdout or ():
                    settled()  # by its first word the engine has read the salt
                    kept.write(line)
                    self._hear(line, told)
        if process.returncode or self._asked_to_end:
            raise self._failed(verb, told, log)
        return Outcome(verb, dict(told.changes), told.same, tuple(told.steps), log)

    def _failed(self, verb: str, told: Told, log: Path) -> DeploymentError:
        """Turn what the engine said into one error."""
        return interrupted(verb, told, log) if self._asked_to_end else failure(verb, told, log)

    @contextmanager
    def _start(self, command: Sequence[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Start the engine, both of its streams as one, in a session of its own: a request to end reaches it by us alone, and once."""
        with (
            handing_on(self._end_asked) as started,
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            started(process)
            yield process

    def _end_asked(self) -> None:
        """Take note of the first request to end."""
        self._asked_to_end = True
        self.progress(self.ending)

    def _hear(self, line: str, told: Told) -> None:
        """Take one line of the engine's output."""
        try:
            event = json.loads(line)
        except ValueError:
            if line.strip():
                told.failures.append(line.strip())
            return
        if pre := event.get("resourcePreEvent") or event.get("resOutputsEvent"):
            self._step(pre["metadata"], told, done="resOutputsEvent" in event)
        for text in errors_in(event):
            told.failures.append(text)
        if (policy := event.get("policyEvent")) and policy.get("enforcementLevel") == "mandatory":
            told.policies.append(f"{policy.get('policyName')}: {policy.get('message', '').strip()}")

    def _step(self, meta: Mapping[str, Any], told: Told, *, done: bool) -> None:
        """Count a resource's step once: when it is done, or in a preview when it is planned."""
        name, op = meta["urn"].rsplit("::", 1)[-1], meta["op"]
        if not done or not meta["type"].startswith(self.package):
            return  # components and the provider are ways of grouping; a user asked for objects
        if op in _QUIET:
            told.same += op == "same"
            return
        told.changes[op] += 1
        told.steps.append((op, name))
        self.progress(f"{op} {name}")


def open_log(folder: Path, name: str) -> tuple[Path, int]:
    """Open a log for one run, empty: the usual file, or the next one that no run is writing to now.

    Returns:
        The file, and its descriptor, which holds it for this run until it is closed.
    """
    for number in count(1):
        path = folder / (f"{name}.log" if number == 1 else f"{name}-{number}.log")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if taken(descriptor):
            os.ftruncate(descriptor, 0)
            return path, descriptor
        os.close(descriptor)
    raise AssertionError  # numbers do not end


def _require_pack(path: Path) -> Path:
    """Give the pack's whole path, since the engine runs in the stack's folder.

    Raises:
        UsageError: no policy pack is there.
    """
    if (path / "PulumiPolicy.yaml").is_file():
        return path.resolve()
    raise UsageError(Problem("no-policy-pack", f"{path} has no PulumiPolicy.yaml", hint="name the folder of a policy pack"))
