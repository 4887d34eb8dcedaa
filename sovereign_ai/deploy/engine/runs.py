"""Run the real Pulumi engine through its CLI, and read its event stream as the only source of what happened.

Each run is `pulumi <verb> --json` in the stack's folder, in the environment of `pulumi_environment.py`. The
engine's events are counted and shown as they come. The engine's output is kept in a log file of mode 0600,
which errors name. The engine works on a copy of the stack's state (`state_store.py`); the checkpoint that
it saved becomes the state when it has ended, however it ended.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import orjson

from sovereign_ai.cluster import KEPT
from sovereign_ai.cluster.control_plane import state_option
from sovereign_ai.deploy.control_plane_setup import is_local, remove_policies
from sovereign_ai.deploy.engine.connection_watch import watching_connection
from sovereign_ai.deploy.engine.environment import engine_environment
from sovereign_ai.deploy.engine.events import (
    EngineEvents,
    advice,
    errors_in,
    failure,
    interrupted,
    last_lines,
    program_line_in,
    waiting_in,
)
from sovereign_ai.deploy.engine.partial_run import PartialRun
from sovereign_ai.deploy.engine.process import GRACE_SECONDS, supervised
from sovereign_ai.deploy.engine.run_log import RunLog
from sovereign_ai.deploy.live.kubeconfig_move import MovedKubeconfig
from sovereign_ai.deploy.objects import object_name
from sovereign_ai.deploy.refusal import expect_refusal, read_refusal
from sovereign_ai.deploy.state.backends import require_own_backends, require_passphrase
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.deploy.state.durable import make_folder, write_durably
from sovereign_ai.deploy.state.files import StackFiles, project_of
from sovereign_ai.deploy.state.folder_lock import lock_folder
from sovereign_ai.deploy.state.key import require_key
from sovereign_ai.deploy.state.objects import Held, doubles_in, held_objects, providers_of, without
from sovereign_ai.deploy.state.pulumi_environment import engine_variables, key_file, pulumi_state, state_dir
from sovereign_ai.deploy.state.stack_settings import StackSettings, salt_line
from sovereign_ai.deploy.state.store import CommandState, hold_state, read_state, view_state
from sovereign_ai.deploy.state.target import (
    StateTarget,
    kubeconfig_in_settings,
    other_in_settings,
    read_target,
)
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem, SpecError, UsageError, Where
from sovereign_ai.files import PROJECT, captured, content_of, read
from sovereign_ai.files.writing import open_lock, write_private
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted
from sovereign_ai.toolchain import try_lock
from sovereign_ai.toolchain.install import find

Progress = Callable[[str], None]
Watch = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""From a function that interrupts an engine to the context in which that engine runs."""

_PROJECT = "Pulumi.yaml"
_BEGINS = {
    "up": "comparing what is described with what is there",
    "preview": "comparing what is described with what is there",
    "destroy": "removing what the stack owns",
}
_COMPARE = frozenset({"up", "preview"})
_GRACE_MARGIN = 2.0
"""Seconds beyond an engine's own time for saving its state, until the next command kills it."""
_QUIET = frozenset({"same", "read", "refresh"})
_HALVES = frozenset({"create-replacement", "delete-replaced"})
"""Steps that the engine reports beside the `replace` that they are the halves of."""
_AT_ONCE = "--parallel=1024"
"""How many deletions at once.

A namespace's controller waits five seconds before it starts a deletion (namespaceDeletionGracePeriod in
pkg/controller/namespace of Kubernetes), so that all namespaces have to wait at the same time.
"""


@frozen_dataclass
class PulumiOutcome:
    """The outcome of one run of the engine.

    Attributes:
        verb: `up`, `preview`, `destroy` or `refresh`.
        changes: operation (`create`, `update`, `delete`, …) to number of objects; `same` left out.
        same: number of objects that needed no change.
        steps: (operation, object's name) of every change, in the engine's order.
        log: file with the engine's own events.
    """

    verb: str
    changes: Mapping[str, int]
    same: int
    steps: tuple[tuple[str, str], ...]
    log: Path

    @property
    def changed(self) -> bool:
        """Whether anything was, or would be, changed."""
        return bool(self.changes)

    def with_deleted(self, names: Sequence[str]) -> PulumiOutcome:
        """Return this outcome with objects that were deleted without the engine, which left them in place."""
        # The engine has counted them as unchanged.
        return replace(self.with_orphans(names), same=max(0, self.same - len(names)))

    def with_orphans(self, names: Sequence[str]) -> PulumiOutcome:
        """Return this outcome with objects deleted without the engine, whose state never had them."""
        if not names:
            return self
        changes = {**self.changes, "delete": self.changes.get("delete", 0) + len(names)}
        deletions = [("delete", name) for name in names]
        return replace(self, changes=changes, steps=(*self.steps, *deletions))

    def with_replaced(self, names: Collection[str]) -> PulumiOutcome:
        """Return this outcome with objects that are recreated, each as one `replace`.

        A preview of the engine ignores what cannot be changed, and calls such an object updated or unchanged.
        A run of it may find the object in its new form already.
        """
        own = {name for _, name in self.steps}
        kept = [(operation, name) for operation, name in self.steps if name not in names]
        steps = (*kept, *(("replace", name) for name in sorted(names)))
        # Those without a step of their own were counted as unchanged.
        same = max(0, self.same - sum(name not in own for name in names))
        return replace(self, changes=Counter(operation for operation, _ in steps), same=same, steps=steps)

    def without_deleted(self, names: Collection[str]) -> PulumiOutcome:
        """Return this outcome without deletions of objects that `up` only drops from the state.

        A preview of the engine sees the state in which they still are.
        """
        steps = tuple(step for step in self.steps if step[0] != "delete" or step[1] not in names)
        if steps == self.steps:
            return self
        return replace(self, changes=Counter(operation for operation, _ in steps), steps=steps)

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {
            "verb": self.verb,
            "changes": dict(sorted(self.changes.items())),
            "same": self.same,
            "steps": [{"op": op, "resource": name} for op, name in self.steps],
            "log": str(self.log),
        }


def ready(folder: Path) -> Path:
    """Check that a folder can be deployed before anything is started, and return the engine's program.

    Raises:
        SpecError: the folder is no Pulumi project.
        EnvironmentLacksError: tools are missing; all of them at once.
    """
    if not (folder / _PROJECT).is_file():
        file = Where(str(folder / _PROJECT))
        hint = "make a stack with `sovereign-ai init FOLDER`"
        raise SpecError(Problem("no-project", "the folder has no Pulumi.yaml", file, hint))
    problems: list[Problem] = []
    programs: dict[str, Path] = {}
    for name in ("pulumi", "pulumi-resource-kubernetes", "pulumi-language-python"):
        try:
            programs[name] = find(name)
        except EnvironmentLacksError as error:
            problems += error.problems
    if problems:
        raise EnvironmentLacksError(problems)
    return programs["pulumi"]


class Engine:
    """One stack of one folder, ready to run.

    Args:
        folder: the stack's folder, with its Pulumi.yaml.
        stack: the Pulumi stack's name, which is the cluster's name in the plan.
        kubeconfig: the cluster to deploy to.
        progress: called with a line for a person.
        plane: `kind` for the kind control plane, whose state is separate; empty for any other.

    Attributes:
        notes: files for the program, by name, which each run finds in its working copy alone.
    """

    package: ClassVar[str] = "kubernetes:"
    """Prefix of the types of counted resources."""
    ending: ClassVar[str] = "the engine ends what it has begun and keeps what is done"
    """The progress line after a termination signal."""
    grace: ClassVar[float] = GRACE_SECONDS
    """Seconds that an engine whose command was killed has for saving its state."""

    def __init__(
        self, folder: Path, stack: str, kubeconfig: Path | None, progress: Progress, plane: str = ""
    ) -> None:
        """Check that the folder is a Pulumi project.

        Raises:
            SpecError: it is none, or its files send state or secrets elsewhere.
            EnvironmentLacksError: a variable of the environment sends them elsewhere.
        """
        self.pulumi = ready(folder)
        self.folder = folder
        self.stack = stack
        self.kubeconfig = kubeconfig
        self.progress = progress
        self._is_terminated = False
        self.watch: Watch = lambda _end: nullcontext()
        self.notes: dict[str, bytes] = {}
        self._plane = plane
        self.files = StackFiles(pulumi_state(plane), project_of(folder), stack, self._as_argument())
        self._held: CommandState | None = None
        self._moved: MovedKubeconfig | None = None
        self._settings_instead: Path | None = None
        require_own_backends(folder, stack, self.files.folder)
        self.env = engine_environment(os.environ, engine_variables(stack, kubeconfig, plane))

    def _as_argument(self) -> str:
        """Return how a command line names this stack."""
        return f"{shlex.quote(str(self.folder))} --stack {self.stack}{state_option(self._plane)}"

    @contextmanager
    def hold(self, verb: str) -> Iterator[CommandState]:
        """Hold the stack's state for as long as the block runs; an inner block uses the outer one's hold.

        Args:
            verb: the command, such as `up`; a `preview` holds nothing, and works on a copy.

        Raises:
            EnvironmentLacksError: another command works on the stack, or its state cannot be used.
            OSError: a file of the state cannot be read or written.
        """
        if self._held is not None:
            yield self._held
            return
        if verb == "preview":
            begun = view_state(self.files, verb)
        else:
            begun = hold_state(self.files, verb, self.progress, self.grace + _GRACE_MARGIN)
        with begun as state:
            self._held = state
            try:
                if self._moved is not None:
                    _follow(state, self._moved)
                yield state
            finally:
                self._held = None

    def require_hold(self) -> None:
        """Check that this command still holds the stack, before a write to the cluster without the engine.

        Raises:
            EnvironmentLacksError: another command took it over while this process was stopped.
        """
        if self._held is not None:
            self._held.require_hold()

    @property
    def working_copy(self) -> Path:
        """The folder, of mode 0700, of the run that holds the stack; what the engine runs finds it too.

        Raises:
            RuntimeError: the stack is not held.
        """
        if self._held is None:
            message = "only a run that holds the stack has a working copy"
            raise RuntimeError(message)
        return self._held.copy.folder

    def ensure_stack(self) -> None:
        """Create the stack in the state unless it exists, and give its salt to the engine.

        Raises:
            EnvironmentLacksError: no run of the engine follows, and the stack's folder cannot be written.
        """
        # Only a run finds settings in its working copy; a plain `pulumi` does not.
        instead = self._held.copy.folder if self._held is not None else None
        checkpoint = self.checkpoint()
        salt = self._salt_of(checkpoint) if checkpoint is not None else self._created()
        self._settings_instead = self._settings.give(salt, instead) if salt else None

    def _created(self) -> bytes:
        """Create the stack in the state unless it exists, and return the line with its salt."""
        with self.hold("init") as state:
            if state.checkpoint is not None:
                return self._salt_of(state.checkpoint)
            project = self.folder
            if self._settings.holds_only_salt():
                # In the stack's own folder the engine would keep the salt of another state that was deployed
                # from there.
                project = make_folder(state.copy.folder / "project")
                write_private(project / _PROJECT, read(self.folder / _PROJECT, PROJECT), durable=False)
            self._plain(project, "stack", "init", self.stack, "--secrets-provider", "passphrase")
            salt = StackSettings(project / self._settings.path.name).salt
            state.commit("init")
            if self.files.exists:
                write_durably(self._salt, salt)
            return salt

    def _salt_of(self, checkpoint: Checkpoint) -> bytes:
        """Return the line with a state's salt; one of an older version has it in a file beside it."""
        if checkpoint.salt:
            return salt_line(checkpoint.salt)
        return content_of(self._salt) or b""

    @property
    def _settings(self) -> StackSettings:
        """The stack's settings in its folder, with the salt of the key that encrypts the state."""
        return StackSettings(self.folder / f"Pulumi.{self.stack}.yaml")

    @property
    def _salt(self) -> Path:
        """The copy of the salt beside the state, so that one folder may be deployed from several states."""
        return self.files.salt

    def exists(self) -> bool:
        """Return whether the stack exists in the state.

        Raises:
            EnvironmentLacksError: the state cannot be used.
        """
        return read_state(self.files) is not None

    def up(self, *, refresh: bool = True, part: PartialRun | None = None) -> PulumiOutcome:
        """Deploy what the program declares.

        Args:
            refresh: whether the engine first reads every live object.
            part: the scope of a partial run; None for a whole one.

        Raises:
            EnvironmentLacksError: the state or the stack's settings name another cluster.
            DeploymentError: the engine, the provider or the program failed, with its own message.
        """
        flags = ["--yes", "--skip-preview"]
        if refresh:
            flags.append("--refresh")
        return self._run("up", *flags, part=part)

    def checkpoint(self) -> Checkpoint | None:
        """Return the state; None where the stack does not exist in it.

        Raises:
            EnvironmentLacksError: the state cannot be used.
        """
        if self._held is not None:
            return self._held.checkpoint
        checkpoint = read_state(self.files)
        if checkpoint is None or self._moved is None:
            return checkpoint
        return replace(checkpoint, resources=tuple(self._moved.followed(checkpoint.resources)))

    def record(self, verb: str, same: int = 0, deleted: Mapping[str, str] | None = None) -> PulumiOutcome:
        """Return the outcome of a run without the engine, with a log in the form of the engine's own.

        Args:
            verb: the command.
            same: number of objects that needed no change.
            deleted: names of the objects that were deleted, each with its URN.
        """
        gone = deleted or {}
        changes = {"delete": len(gone)} if gone else {}
        steps = []
        events: list[dict[str, Any]] = []
        for name, urn in gone.items():
            steps.append(("delete", name))
            metadata = {"op": "delete", "urn": urn, "type": _type_in(urn)}
            events.append({"resOutputsEvent": {"metadata": metadata}})
        counts = {**changes, "same": same}
        events.append({"summaryEvent": {"maybeCorrupt": False, "resourceChanges": counts}})
        log, descriptor = open_log(state_dir(), f"{self.stack}.{verb}")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for number, event in enumerate(events):
                file.write(json.dumps({"sequence": number, **event}) + "\n")
        return PulumiOutcome(verb, changes, same, tuple(steps), log)

    def preview(
        self, *, policy_pack: Path | None = None, refresh: bool = True, part: PartialRun | None = None
    ) -> PulumiOutcome:
        """Return what `up` would change, without changing anything.

        Args:
            policy_pack: a policy pack that checks every resource.
            refresh: whether the engine first reads every live object.
            part: the scope of a partial run; None for a whole one.

        Raises:
            EnvironmentLacksError: the state or the stack's settings name another cluster.
            DeploymentError: the engine, the provider or the program failed, with its own message.
        """
        flags = ["--refresh"] if refresh else []
        return self._run("preview", *flags, policy_pack=policy_pack, part=part)

    def destroy(self) -> PulumiOutcome:
        """Remove the stack's objects, and then the stack itself.

        Raises:
            EnvironmentLacksError: its objects are on another cluster than the one that was named.
            DeploymentError: the engine or the provider failed, with its own message.
        """
        with self.hold("destroy"):
            with lock_folder(self.folder, self.progress):
                self.ensure_stack()
            if elsewhere := self.standing().elsewhere(self.kubeconfig):
                raise EnvironmentLacksError(elsewhere)
            self._drop_doubles()
            kubeconfig = self.kubeconfig
            if kubeconfig is None or not is_local(self.stack, kubeconfig):
                outcome = self._run("destroy", "--yes", "--skip-preview", _AT_ONCE)
                self._remove()
                return outcome
            # The guard refuses the deletion of policies, and is opened only when everything else is gone. A
            # program may deploy to further clusters by other providers: the engine deletes the policies
            # there.
            providers = providers_of(self._exported(), kubeconfig, self.folder)
            policies = []
            excluded = []
            for key, item in self.held().items():
                if key.kind in KEPT and item.provider in providers:
                    policies.append(key)
                    excluded.append(f"--exclude={item.urn}")
            outcome = self._run("destroy", "--yes", "--skip-preview", _AT_ONCE, *excluded)
            deleted = remove_policies(self.stack, kubeconfig, policies, self.progress)
            self._remove(force=True)
            return outcome.with_deleted(deleted)

    def require_one_cluster(self) -> None:
        """Check that state, settings and command name the same cluster.

        With the state of one cluster the engine would change nothing on another: it reads its objects where
        the state has them.

        Raises:
            EnvironmentLacksError: they name several, each in a problem.
        """
        problems = []
        if elsewhere := self.standing().elsewhere(self.kubeconfig):
            problems.append(elsewhere)
        if other := other_in_settings(self._settings.path, self.kubeconfig):
            problems.append(other)
        if problems:
            raise EnvironmentLacksError(problems)

    def require_key(self) -> None:
        """Check that the key file opens the state, before a write that the engine has to complete.

        Raises:
            EnvironmentLacksError: it does not, or the state cannot be used.
        """
        checkpoint = self.checkpoint()
        if checkpoint is not None:
            salt = self._salt_of(checkpoint).decode().partition(":")[2].strip()
            require_key(key_file(), salt, self.files.key_note)

    def program_kubeconfig(self) -> str:
        """Return the path of the program's kubeconfig, as the program reads it.

        Empty if nothing names one.
        """
        return kubeconfig_in_settings(self._settings.path) or str(self.kubeconfig or "")

    def standing(self) -> StateTarget:
        """Return the objects in the state, and their cluster."""
        return read_target(self.stack, self.folder, self._exported(), self._plane)

    def held(self) -> Held:
        """Return the Kubernetes objects in the state; secrets stay encrypted."""
        return held_objects(self._exported())

    def drop(self, urns: Collection[str]) -> None:
        """Drop resources from the state without a change on the cluster.

        Raises:
            EnvironmentLacksError: another command works on the stack, or its state cannot be used.
            OSError: a file of the state cannot be written.
        """
        if not urns:
            return
        with self.hold("drop") as state:
            if state.checkpoint is None:
                return
            content = orjson.loads(state.checkpoint.data)
            content["checkpoint"]["latest"] = without(content["checkpoint"]["latest"], urns)
            state.rewrite(json.dumps(content).encode(), "drop")

    def follow(self, moved: MovedKubeconfig) -> None:
        """Put the kubeconfig of this command into the state, in place of the one that was moved.

        A command that does not hold the stack, as `preview`, has it in its own copy of the state only.

        Raises:
            EnvironmentLacksError: the stack was taken over, or its state cannot be used.
            OSError: a file of the state cannot be written.
        """
        self._moved = moved
        if self._held is not None:
            _follow(self._held, moved)

    def _drop_doubles(self) -> None:
        """Drop the second name of each object that the state holds twice, so that the engine deletes none.

        Raises:
            EnvironmentLacksError: another command works on the stack, or its state cannot be used.
            OSError: a file of the state cannot be written.
        """
        if doubles := doubles_in(self._exported()):
            objects_text = counted(len(doubles), "object")
            self.progress(f"the state holds {objects_text} twice; their former names are dropped")
            self.drop(doubles)

    def forget(self) -> int:
        """Drop the stack from the state without connecting to its cluster; return how many objects it had."""
        with self.hold("forget"):
            count = self.standing().objects
            self._remove(force=True)
        return count

    def _remove(self, *, force: bool = False) -> None:
        """Remove the stack from the state, and its salt.

        Raises:
            DeploymentError: it still owns resources, and the removal is not forced.
        """
        with self.hold("remove") as state:
            owned = state.checkpoint.owned if state.checkpoint is not None else 0
            if owned and not force:
                resources_text = counted(owned, "resource")
                message = f"the stack {self.stack!r} still owns {resources_text}, and stays in the state"
                raise DeploymentError(Problem("stack-not-empty", message, hint="run the command again"))
            state.remove()
            with lock_folder(self.folder, self.progress):
                self._settings.remove()
            self._salt.unlink(missing_ok=True)

    def resources(self) -> list[dict[str, str]]:
        """Return type, name and parent's name of each resource in the state, in the engine's order.

        Secrets stay encrypted.
        """
        resources = []
        for item in self._exported():
            name = item["urn"].rsplit("::", 1)[-1]
            parent = item.get("parent", "").rsplit("::", 1)[-1]
            resources.append({"type": item["type"], "name": name, "parent": parent})
        return resources

    def _exported(self) -> list[dict[str, Any]]:
        """Return the state's resources; secrets in them stay encrypted."""
        checkpoint = self.checkpoint()
        return [dict(item) for item in checkpoint.resources] if checkpoint is not None else []

    def _plain(self, project: Path, *arguments: str) -> str:
        """Run a short command in a project's folder on the copy of the state, and return its output.

        Raises:
            DeploymentError: it failed.
        """
        command = [str(self.pulumi), *arguments, "--non-interactive"]
        if self._held is not None:
            require_passphrase(self._held.checkpoint, self.files.checkpoint)
            environ = self.env | self._held.copy.environment()
        else:
            environ = self.env
        ended = captured(command, folder=project, environment=environ)
        if ended.returncode:
            words = ended.stderr.decode(errors="replace")
            message = f"`pulumi {' '.join(arguments)}` failed: {last_lines(words)}"
            raise DeploymentError(Problem("pulumi-failed", message, hint=advice(words)))
        return ended.stdout.decode(errors="replace")

    def _run(
        self, verb: str, *flags: str, policy_pack: Path | None = None, part: PartialRun | None = None
    ) -> PulumiOutcome:
        """Run a verb and count its events; raise an error with the engine's own message if it fails."""
        command = [str(self.pulumi), verb, "--stack", self.stack, "--non-interactive", "--json", *flags]
        if policy_pack is not None:
            command += ["--policy-pack", str(_require_pack(policy_pack))]
        command += part.arguments() if part else []
        events = EngineEvents(waits=verb != "preview")
        with self.hold(verb) as state, lock_folder(self.folder, self.progress) as release_folder:
            require_passphrase(state.checkpoint, self.files.checkpoint)
            self.ensure_stack()
            if self._settings_instead is not None:
                command.append(f"--config-file={self._settings_instead}")
            self._drop_doubles()
            if verb in _COMPARE:
                self.require_one_cluster()
            expect_refusal(state.copy.folder)
            for name, note in self.notes.items():
                write_private(state.copy.folder / name, note, durable=False)
            if part is not None:
                part.write(state.copy.folder)
                if part.seen:
                    state.reduce(part.seen)
            self.progress(_BEGINS.get(verb, verb))
            environ = self.env | state.copy.environment() | {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
            log, descriptor = open_log(state_dir(), f"{self.stack}.{verb}")
            try:
                with (
                    RunLog(log, descriptor, self.progress) as kept,
                    supervised(
                        command,
                        self.folder,
                        environ,
                        on_termination=self._note_termination,
                        watched=state.watched,
                        grace=self.grace,
                    ) as engine,
                    watching_connection(
                        self.kubeconfig, partial(engine.process.send_signal, signal.SIGINT), self.progress
                    ) as lost,
                    self.watch(partial(engine.process.send_signal, signal.SIGINT)),
                ):
                    for line in engine.output_lines:
                        # By its first line of output the engine has read the salt.
                        release_folder()
                        kept.write(line)
                        self._take_event(line, events)
                    events.lost = lost()
                if part is not None and not engine.returncode and not self._is_terminated:
                    part.complete(state.copy.files(self.files).checkpoint)
            finally:
                # Also after a failure: what the engine saved is what happened on the cluster.
                state.commit(verb)
            events.refused = read_refusal(state.copy.folder)
        if engine.returncode or self._is_terminated:
            events.ended_by = -engine.returncode if engine.returncode < 0 else 0
            raise self._failed(verb, events, log)
        # A partial run reports only the objects of its scope.
        same = part.total - len(events.steps) if part else events.same
        return PulumiOutcome(verb, dict(events.changes), same, tuple(events.steps), log)

    def _failed(self, verb: str, run_events: EngineEvents, log: Path) -> DeploymentError:
        """Return the error of a run that failed or was interrupted."""
        if self._is_terminated:
            return interrupted(verb, run_events, log)
        return failure(verb, run_events, log, self.kubeconfig)

    def _note_termination(self) -> None:
        """Record the first termination signal."""
        self._is_terminated = True
        self.progress(self.ending)

    def _take_event(self, line: str, run_events: EngineEvents) -> None:
        """Read one line of the engine's output."""
        try:
            event = orjson.loads(line)
        except ValueError:
            # Not an event: the engine prints some errors as plain text, before its event stream starts.
            if line.strip():
                run_events.failures.append(line.strip())
            return
        if pre := event.get("resourcePreEvent") or event.get("resOutputsEvent"):
            self._step(pre["metadata"], run_events, done="resOutputsEvent" in event)
        run_events.failures += errors_in(event)
        waiting = waiting_in(event) if run_events.waits else ""
        if line := waiting or program_line_in(event):
            self._report_once(line, run_events)
        if (policy := event.get("policyEvent")) and policy.get("enforcementLevel") == "mandatory":
            run_events.policies.append(f"{policy.get('policyName')}: {policy.get('message', '').strip()}")

    def _step(self, meta: Mapping[str, Any], run_events: EngineEvents, *, done: bool) -> None:
        """Count a resource's step once: when it is done, or in a preview when it is planned."""
        name, op = object_name(meta["urn"].rsplit("::", 1)[-1]), meta["op"]
        # Components and the provider only group resources; a user counts objects.
        if not done or not meta["type"].startswith(self.package):
            return
        if op in _QUIET:
            run_events.same += op == "same"
            return
        if op in _HALVES:
            return
        run_events.changes[op] += 1
        run_events.steps.append((op, name))
        # What leaves was deleted by the program already, under the policies that permitted it.
        self._report_once(f"{op} {name}", run_events)

    def _report_once(self, line: str, run_events: EngineEvents) -> None:
        """Show a person a line, once."""
        if line not in run_events.shown:
            run_events.shown[line] = None
            self.progress(line)


def _follow(state: CommandState, moved: MovedKubeconfig) -> None:
    """Put the kubeconfig of a command into its state, in place of the one that was moved."""
    if state.checkpoint is not None:
        content = orjson.loads(state.checkpoint.data)
        latest = content["checkpoint"]["latest"]
        latest["resources"] = moved.followed(latest["resources"])
        state.rewrite(json.dumps(content).encode(), "follow")


def _type_in(urn: str) -> str:
    """Return the type of a resource, the last one of its URN's types.

    >>> _type_in("urn:pulumi:lab::lab::sovereign:index:Tenant$kubernetes:core/v1:Namespace::lab/Namespace/a")
    'kubernetes:core/v1:Namespace'
    """
    return urn.split("::")[2].rpartition("$")[2]


def open_log(folder: Path, name: str) -> tuple[Path, int]:
    """Open an empty log for one run: the usual file, or the next one that no other run writes to now.

    Returns:
        The file, and its descriptor, whose lock keeps it for this run until it is closed.
    """
    for number in count(1):
        suffix = "" if number == 1 else f"-{number}"
        path = folder / f"{name}{suffix}.log"
        descriptor = open_lock(path)
        if try_lock(descriptor):
            os.ftruncate(descriptor, 0)
            return path, descriptor
        os.close(descriptor)
    raise AssertionError  # numbers do not end


def _require_pack(path: Path) -> Path:
    """Return the absolute path of a policy pack, since the engine runs in the stack's folder.

    Raises:
        UsageError: the folder has no policy pack.
    """
    if (path / "PulumiPolicy.yaml").is_file():
        return path.resolve()
    raise UsageError(
        Problem("no-policy-pack", f"{path} has no PulumiPolicy.yaml", hint="name the folder of a policy pack")
    )
