"""The control plane itself fails under a command: killed, gone for a while, frozen, its store killed or full.

pytest -m faults_long tests/faults/test_control_plane_faults.py -k "down and etcd and frozen"
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.api.client import ApiError, UnreachableError
from sovereign_ai.cluster.embedded.lifecycle import up
from sovereign_ai.cluster.embedded.process_status import status_of
from sovereign_ai.cluster.state import ClusterDir
from tests.faults.etcd_client import Etcd
from tests.faults.stand import LONGEST_SECONDS, NEVER_SHOWN, Done
from tests.life import Lab, within

WORDS = {
    "up": "comparing what is described",
    "preview": "comparing what is described",
    "verify": "reading",
    "down": "removing what",
}
"""What a command reports when it has begun with its work; trouble comes a second later."""
NAMED = {
    "cluster-unreachable",
    "cluster-unwell",
    "cluster-untrusted",
    "webhook-silent",
    "api-service-unavailable",
    "api-internal-error",
}
ALSO = {"pulumi-failed", "api-forbidden", "cluster-forbidden"}
"""An API server that has just started again forbids for a moment what it permits."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to a component.

    Attributes:
        component: which one.
        kind: `killed`, and started again by its supervisor; `gone` with nobody to start it; `frozen`.
        seconds: for how long it is gone or frozen.
    """

    component: str
    kind: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.component}-{self.kind}-{self.seconds:g}"


TROUBLES = [
    *(Trouble(component, "killed") for component in ("kube-apiserver", "etcd")),
    *(Trouble("kube-apiserver", kind, seconds) for kind in ("gone", "frozen") for seconds in (5, 20, 60)),
    *(Trouble("etcd", kind, seconds) for kind in ("gone", "frozen") for seconds in (5, 30)),
]


class Plane(Lab):
    """The lab on an embedded plane of its own, some part of which fails."""

    @property
    def place(self) -> ClusterDir:
        return ClusterDir("lab", self.kubeconfig.parent)

    def pid(self, name: str) -> int:
        """Give the process of a component, or of the supervisor."""
        seen = status_of(self.place)
        pids = {one.name: one.pid for one in seen.components} | {"supervisor": seen.supervisor}
        found = pids[name]
        assert found is not None
        return found

    def trouble(self, what: Trouble) -> None:
        """Make trouble, and end it after its time."""
        victim, supervisor = self.pid(what.component), self.pid("supervisor")
        stopped = {"killed": None, "gone": supervisor, "frozen": victim}[what.kind]
        if stopped is not None:
            os.kill(stopped, signal.SIGSTOP)
        if what.kind != "frozen":
            os.kill(victim, signal.SIGKILL)
        time.sleep(what.seconds)
        if stopped is not None:
            with suppress(ProcessLookupError):
                os.kill(stopped, signal.SIGCONT)

    def broken(self, verb: str, act: Callable[[], object]) -> Done:
        """Run a command, and act once it has begun with its work."""
        more = {"down": ["--keep-cluster"], "verify": ["--no-probes"]}.get(verb, [])
        command = [
            sys.executable,
            "-m",
            "sovereign_ai.cli",
            verb,
            str(self.stack),
            "--cluster",
            "embedded",
            *more,
            "--json",
        ]
        lines: list[str] = []
        with subprocess.Popen(
            command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stderr is not None
            assert running.stdout is not None
            actor: threading.Thread | None = None
            for line in running.stderr:
                lines.append(line)
                if actor is None and WORDS[verb] in line:
                    actor = threading.Thread(target=act)
                    actor.start()
            text = running.stdout.read()
            running.wait(LONGEST_SECONDS)
        assert actor is not None, "".join(lines)
        actor.join()
        said = text + "".join(lines)
        assert not NEVER_SHOWN.search(said), said
        return Done(running.returncode, orjson.loads(text), said)

    def refused(self, verb: str) -> Done:
        """Run a command that must fail."""
        command = [
            sys.executable,
            "-m",
            "sovereign_ai.cli",
            verb,
            str(self.stack),
            "--cluster",
            "embedded",
            "--json",
        ]
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
        )
        said = done.stdout + done.stderr
        assert done.returncode in {3, 4}, said
        assert not NEVER_SHOWN.search(said), said
        return Done(done.returncode, orjson.loads(done.stdout), said)

    def healed(self) -> None:
        """Wait until the plane is well, as `cluster up` does."""
        self.call("cluster", "up", "lab")
        assert within(60, lambda: status_of(self.place).healthy)

    def prepared(self, verb: str) -> None:
        """Bring the plane to where a verb has something to do."""
        self.healed()
        if verb == "up":
            self.on_plane("down", "--keep-cluster")
        else:
            self.on_plane("up")

    def converges(self, verb: str) -> None:
        """Insist that one run brings everything to what is described, and a second one does nothing."""
        if verb == "down":
            self.on_plane("down", "--keep-cluster")
            return
        if verb == "up":
            self.on_plane("up")
        assert self.verify() == []
        again = self.on_plane("up")
        assert (again["changes"], again["restored"]) == ({}, [])


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    made = Plane(tmp_path_factory.mktemp("plane"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def tried(plane: Plane, verb: str, what: Trouble) -> None:
    """Make one case."""
    plane.prepared(verb)
    done = plane.broken(verb, lambda: (time.sleep(1.0), plane.trouble(what)))
    dead = verb == "verify" and done.code == 1 and bool(done.document["unknown"] or done.document["findings"])
    assert done.code in {0, 3, 4} or dead, done.text
    if done.code in {3, 4}:
        assert done.codes <= NAMED | ALSO, done.text
        assert done.codes & (NAMED | ALSO), done.text
    plane.healed()
    plane.converges(verb)


@pytest.mark.faults_long
def test_an_api_server_that_is_gone_for_five_seconds_costs_one_more_up_at_most(plane: Plane) -> None:
    tried(plane, "up", Trouble("kube-apiserver", "gone", 5))


@pytest.mark.faults_long
@pytest.mark.parametrize("what", TROUBLES, ids=str)
@pytest.mark.parametrize("verb", list(WORDS))
def test_every_command_meets_every_trouble_of_the_control_plane(
    plane: Plane, verb: str, what: Trouble
) -> None:
    tried(plane, verb, what)


@pytest.mark.faults_long
def test_a_full_etcd_is_named_and_one_run_converges_once_it_has_room(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sovereign_ai.toolchain.install import find

    small = tmp_path / "etcd"
    small.write_text(f'#!/bin/sh\nexec {find("etcd")} "$@" --quota-backend-bytes=16777216\n')
    small.chmod(0o755)
    plane = Plane(tmp_path_factory.mktemp("full"))
    monkeypatch.setenv("XDG_STATE_HOME", plane.env["XDG_STATE_HOME"])
    try:
        up("lab", components={"etcd": small})
        etcd = Etcd(plane.place)
        fill(plane)
        done = plane.refused("up")
        assert done.codes & {"cluster-full", "api-internal-error", "cluster-unwell"}, done.text
        assert re.search("etcd is full|database space exceeded", done.text), done.text
        clear(plane, etcd)
        plane.converges("up")
    finally:
        plane.end()


def fill(plane: Plane) -> None:
    """Write until the store takes no more."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "filler"}}
    plane.api.apply(namespace)
    for number in range(200):
        data: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"f{number}", "namespace": "filler"},
        }
        try:
            plane.api.create({**data, "data": {"x": os.urandom(400_000).hex()}})
        except (ApiError, UnreachableError):
            return
    raise AssertionError("the store took everything")


def clear(plane: Plane, etcd: Etcd) -> None:
    """Give the store room, as an administrator does: delete, compact, defragment, disarm."""
    etcd.make_room("/registry/configmaps/filler/")
    assert within(30, lambda: status_of(plane.place).healthy)
    plane.api.delete("v1", "Namespace", "filler")
