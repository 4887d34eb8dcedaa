"""Kills of real commands at drawn moments: who is killed when, and what must hold after the next run.

A seed is one life of a stack: it is created, changed, replaced in part, repaired after drift, previewed and
destroyed, with a kill in each of these phases. Over five seeds each phase loses each victim once, and the
seed draws the moment.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.deploy.objects import object_name, resource_name
from sovereign_ai.deploy.stack_folder import contents
from sovereign_ai.deploy.state.process_table import descendants, marked
from sovereign_ai.deploy.state.stack_record import StackRecord, record_path
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import KIND_ORDER, Bundle, render
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.waiting import wait_until
from sovereign_ai.verify.drift import find_drift
from sovereign_ai.verify.observation import observe
from tests.life import ROOT, cache_home

NAME = "mini"
VICTIMS = ("command", "engine", "provider", "language host", "group")
PHASES = ("create", "update", "replace", "refresh", "preview", "destroy")
_STEPS = {"create": 30, "update": 3, "replace": 3, "refresh": 2, "preview": 1, "destroy": 20}
"""Fewer lines of progress than a phase prints once its engine works: after its last one there may be nobody
to kill."""
_BEGIN = ("comparing what", "removing what")
"""What a command prints when it starts the engine."""
_SETTLE_SECONDS = 20.0
_PROVIDER, _HOST, _SUPERVISOR = "pulumi-resource-kubernetes", "language_host", "engine/supervisor.py"


@dataclass(frozen=True)
class Kill:
    """Who is killed, and when.

    Attributes:
        phase: what the command does.
        who: the command, its engine or a part of it, or the command with all that it started.
        steps: after how many lines of the engine's progress.
        seconds: how much later.
    """

    phase: str
    who: str
    steps: int
    seconds: float


def kill_of(seed: int, phase: str) -> Kill:
    """Draw a kill: the victim goes round with seed and phase, the moment is drawn."""
    dice = random.Random(f"{seed}/{phase}")  # noqa: S311 - repeatable on purpose
    who = VICTIMS[(seed + PHASES.index(phase)) % len(VICTIMS)]
    # The command itself deletes the policies, when the engine has deleted everything else and has ended.
    most = 5 if phase == "destroy" and who not in {"command", "group"} else _STEPS[phase]
    return Kill(phase, who, dice.randrange(most), dice.uniform(0, 1.5 if phase == "preview" else 0.3))


class Victim:
    """A command at work, in a session of its own, with the engine that it starts."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "sovereign_ai.cli", *arguments]
        self.process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def wait_for(self, steps: int) -> None:
        """Wait for the engine's start and some lines after it, or for the command's end."""
        has_begun = False
        for line in self.process.stdout or ():
            self.lines.append(line)
            if has_begun:
                steps -= 1
            has_begun = has_begun or any(word in line for word in _BEGIN)
            if has_begun and steps <= 0:
                return

    def kill(self, who: str) -> bool:
        """Kill; a part that has not started yet is waited for. Return whether there was anybody to kill."""
        victims: list[int] = []

        def is_there() -> bool:
            victims[:] = self._find(who)
            return bool(victims) or self.process.poll() is not None

        wait_until(is_there, _SETTLE_SECONDS)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(victims)

    def _find(self, who: str) -> list[int]:
        # What the command starts beside the engine, such as a control plane, is not part of this test.
        engine = [
            pid for pid in descendants(self.process.pid) if holds(pid, "environ", "PULUMI_BACKEND_URL=")
        ]
        alive = [self.process.pid] if self.process.poll() is None else []
        chosen: dict[str, Callable[[int], bool]] = {
            "engine": lambda pid: (
                holds(pid, "cmdline", "--non-interactive") and not holds(pid, "cmdline", _SUPERVISOR)
            ),
            "provider": lambda pid: holds(pid, "cmdline", _PROVIDER),
            "language host": lambda pid: holds(pid, "cmdline", _HOST),
        }
        if who == "command":
            return alive
        if who == "group":
            return [*alive, *engine]
        return [pid for pid in engine if chosen[who](pid)]

    def end(self) -> str:
        """Wait for the command's end, and return all that it printed."""
        output, _ = self.process.communicate(timeout=300)
        return "".join(self.lines) + output


def holds(pid: int, file: str, words: str) -> bool:
    """Tell whether a file of a process in /proc holds some words."""
    try:
        return words.encode() in Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return False


class Mini:
    """A small stack on a control plane of its own, driven by the command line alone."""

    def __init__(self, folder: Path) -> None:
        self.stack, self.state = folder / NAME, folder / "state"
        self.stack.mkdir()
        for name, text in contents(NAME).items():
            (self.stack / name).write_text(text)
        self.text = (self.stack / "factory.yaml").read_text()
        self.env = os.environ | {
            "XDG_STATE_HOME": str(self.state),
            "XDG_CACHE_HOME": cache_home(),
            "PYTHONPATH": str(ROOT),
        }

    def begin(self) -> None:
        """Start the control plane, with an object of somebody else on it."""
        self.kubeconfig = Path(self.call("cluster", "up", NAME)["kubeconfig"])
        self.api: Api = open_cluster(self.kubeconfig)
        self.stranger = self.api.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "theirs", "namespace": "default"},
                "data": {"keep": "me"},
            }
        )

    def call(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command with `--json` and without anybody to ask; return its document."""
        command = [sys.executable, "-m", "sovereign_ai.cli", *arguments, "--json"]
        done = subprocess.run(
            command,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=540,
        )
        assert done.returncode == code, done.stdout + done.stderr
        document: dict[str, Any] = orjson.loads(done.stdout)
        return document

    def describe(self, *edits: tuple[str, str]) -> None:
        """Write the description with some texts replaced."""
        text = self.text
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        (self.stack / "factory.yaml").write_text(text)

    def checkpoint(self) -> bytes:
        """Return the state's file; empty where there is none."""
        files = list((self.state / "sovereign-ai" / "pulumi" / ".pulumi" / "stacks").rglob(f"{NAME}.json"))
        return files[0].read_bytes() if files else b""

    def start_again(self) -> None:
        """Remove all of it after a failure, so that the next life begins as the first."""
        self.describe()
        self.call("cluster", "down", NAME)
        shutil.rmtree(self.state, ignore_errors=True)
        self.begin()

    def command(self, phase: str) -> tuple[str, ...]:
        """Return the command of a phase."""
        verb = {"preview": "preview", "destroy": "down"}.get(phase, "up")
        return (verb, str(self.stack), *(["--keep-cluster"] if verb == "down" else []))

    def engines(self) -> list[int]:
        """Return every process of an engine that works on a state of this stack."""
        state = f"XDG_STATE_HOME={self.state}".encode()
        return [pid for pid in marked(state) if holds(pid, "environ", "PULUMI_BACKEND_URL=")]

    @property
    def identity(self) -> str:
        """The stack's UUID."""
        return StackRecord(
            record_path(self.state / "sovereign-ai" / "pulumi", NAME, NAME)
        ).recorded_identity()

    def bundle(self) -> Bundle:
        """What the description wants, as the stack deploys it."""
        factory = load(self.stack)
        return render(factory, plan(factory), NAME).of_stack(self.identity)

    def end(self) -> None:
        """End the control plane, in whatever state it is."""
        self.call("cluster", "down", NAME)


def require_whole(mini: Mini) -> None:
    """See that plan, cluster and state agree, that a second run does nothing, and that nothing of a run is
    left behind.
    """
    bundle = mini.bundle()
    wanted = sorted(map(resource_name, bundle.objects))
    assert list(find_drift(observe(mini.api, load(mini.stack), bundle.objects), bundle.objects)) == []
    assert _kubectl_diff(mini, bundle) == ""
    assert _labelled(mini) == wanted, "a duplicate, or an orphan of a run"
    checked = mini.call("state", "check", str(mini.stack))
    left = (
        checked["pending_operations"],
        checked["pulumi_locks"],
        checked["left_processes"],
        checked["locked"],
    )
    assert (checked["state"], *left) == ("current", [], [], [], False)
    assert _held(Path(checked["file"])) == wanted, "the state is complete, and names nothing twice"
    again = mini.call(*mini.command("update"))
    assert (again["changes"], again["restored"], again["orphans"]) == ({}, [], [])
    _require_traces(mini)


def require_gone(mini: Mini) -> None:
    """See that nothing is left of the stack, neither on the cluster nor in the state."""
    assert _labelled(mini) == []
    assert mini.call("state", "check", str(mini.stack))["state"] == "none"
    _require_traces(mini)


def _require_traces(mini: Mini) -> None:
    """See that no process works on, that others' objects are untouched, and that no secret is in a state or a
    log.
    """
    assert mini.engines() == []
    found = mini.api.get("v1", "ConfigMap", "theirs", "default")
    assert found is not None
    assert found["metadata"]["resourceVersion"] == mini.stranger["metadata"]["resourceVersion"]
    assert secrets_in(mini) == []


def secrets_in(mini: Mini) -> list[str]:
    """Name the files of states and logs that hold the key of the state or the administrator's credentials."""
    home = mini.state / "sovereign-ai"
    canaries = [(home / "state.key").read_bytes().strip()]
    (entry,) = yaml.safe_load(mini.kubeconfig.read_text())["users"]
    user = entry["user"]
    if "client-key-data" in user or "token" in user:
        canaries.append(str(user.get("client-key-data") or user["token"]).encode())
    # Below the line that says what a file of a key is.
    keys = [
        path for path in (home / "clusters").rglob("*.key") if path.read_bytes().startswith(b"-----BEGIN")
    ]
    canaries += [path.read_bytes().splitlines()[1] for path in keys]
    assert len(canaries) > 1
    assert all(len(canary) > 20 for canary in canaries)
    files = [
        path
        for path in home.rglob("*")
        if path.is_file() and not path.is_relative_to(home / "clusters") and path != home / "state.key"
    ]
    return [str(path) for path in files if any(canary in path.read_bytes() for canary in canaries)]


def _kubectl_diff(mini: Mini, bundle: Bundle) -> str:
    """Return what Kubernetes' own client says differs between the rendered and the live objects."""
    text = "".join(f"---\n{orjson.dumps(obj).decode()}\n" for obj in bundle.objects)
    command = [
        str(find("kubectl")),
        "diff",
        "--kubeconfig",
        str(mini.kubeconfig),
        "--server-side",
        "--force-conflicts",
    ]
    command += ["--field-manager", "sovereign-ai-test", "-f", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=300)
    # A dry run under another manager adds that manager's entry, and nothing else where all is as described.
    changes = [
        line for line in done.stdout.splitlines() if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"}
    ]
    return done.stderr if done.returncode > 1 else "\n".join(changes)


def _labelled(mini: Mini) -> list[str]:
    """List every live object that carries the stack's labels, once for each under its preferred version."""
    selector = f"{KEYS.owner}={OWNER},{KEYS.stack}={mini.identity}"
    kinds = [kind for kind in mini.api.kinds() if kind.kind in KIND_ORDER and "list" in kind.verbs]
    uids: dict[str, str] = {}
    for kind in kinds:
        for obj in mini.api.list(kind.api_version, kind.kind, label_selector=selector):
            uids[obj["metadata"]["uid"]] = resource_name({"kind": kind.kind, **obj})
    return sorted(uids.values())


def _held(file: Path) -> list[str]:
    """List the Kubernetes objects in a checkpoint, with repetitions."""
    resources = orjson.loads(file.read_bytes())["checkpoint"]["latest"]["resources"]
    return sorted(
        object_name(item["urn"].rpartition("::")[2])
        for item in resources
        if item["type"].startswith("kubernetes:")
    )


class Run:
    """One command that is killed, and the same command once more."""

    def __init__(self, mini: Mini, kill: Kill) -> None:
        self.mini, self.kill, self.has_hit, self.output = mini, kill, False, ""

    def go(self) -> dict[str, Any]:
        """Kill the command, see that its engine ends too, and return what the next run of it prints."""
        arguments = self.mini.command(self.kill.phase)
        victim = Victim(self.mini.env, *arguments)
        victim.wait_for(self.kill.steps)
        time.sleep(self.kill.seconds)
        self.has_hit = victim.kill(self.kill.who)
        self.output = victim.end()
        if self.kill.who != "group":  # who is killed with its supervisor is ended by the next command
            assert wait_until(lambda: not self.mini.engines(), _SETTLE_SECONDS), (
                "an engine without its command goes on"
            )
        return self.mini.call(*arguments)
