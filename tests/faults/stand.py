"""A plane with the lab's machines, a proxy that breaks the way to it, and a stack that is deployed through
it.

The stack is driven by the command line alone, as on a cluster of a user's. Beside it live strangers, whose
objects must come through everything untouched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.api.client import open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster
from sovereign_ai.deploy.objects import object_name
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.sim.factory import simulate
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain.install import module_files
from tests.life import ROOT, cache_home
from tests.support.fault_proxy import FaultProxy

_LAB = load(ROOT / "stacks" / "lab")
LAB_OBJECTS = len(render(_LAB, plan(_LAB), "lab").objects)
"""How many objects the lab's deployment has."""
LONGEST_SECONDS = 420
NEVER_SHOWN = re.compile(
    r"Traceback|defect|PULUMI_K8S|remove this resource|pulumi (refresh|cancel)|goroutine|not-a-secret|unreachable cluster"  # noqa: E501 - one literal text
)
"""No traceback, no defect, no advice to lose objects, no secret, whatever breaks."""
_STRANGER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "theirs", "namespace": "strangers", "labels": {KEYS.owner: "somebody-else"}},
    "data": {"keep": "me"},
}


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended.

    Attributes:
        code: its exit code.
        document: what it printed with `--json`.
        text: all that it said.
    """

    code: int
    document: dict[str, Any]
    text: str

    @property
    def codes(self) -> set[str]:
        """Codes of its problems."""
        return {str(problem["code"]) for problem in self.document.get("problems", ())}


class Stand:
    """One stack behind one proxy."""

    def __init__(self, cluster: EmbeddedCluster, folder: Path) -> None:
        self.stack = folder / "lab"
        shutil.copytree(ROOT / "stacks" / "lab", self.stack)
        self.env = os.environ | {
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CACHE_HOME": cache_home(),
            "PYTHONPATH": str(ROOT),
        }
        self.api = open_cluster(cluster.kubeconfig)
        self.cluster = cluster
        self.proxy = FaultProxy(cluster.kubeconfig, folder / "proxy")
        factory = load(self.stack)
        derived = plan(factory)
        self.objects = render(factory, derived, "lab").objects
        install_crds(self.api, module_files("kueue", "config/components/crd/bases"))
        simulate(self.api, factory, derived, "lab")
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strangers"}})
        self.stranger = self.api.apply(_STRANGER)

    def call(self, verb: str, *more: str, under: Iterable[str] = ()) -> Done:
        """Run a command through the proxy; what nobody may ever see is looked for in all that it says.

        Args:
            verb: the command.
            more: further options.
            under: a program with its arguments that starts it, such as `prlimit`.
        """
        yes = ["--yes"] if verb in {"up", "down"} else []
        probes = ["--no-probes"] if verb == "verify" else []
        where = ["--cluster", "kubeconfig", "--kubeconfig", str(self.proxy.kubeconfig)]
        command = [
            *under,
            sys.executable,
            "-m",
            "sovereign_ai.cli",
            verb,
            str(self.stack),
            *where,
            *yes,
            *probes,
            *more,
            "--json",
        ]
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
        )
        text = done.stdout + done.stderr
        assert not NEVER_SHOWN.search(text), text
        assert done.stdout, text
        return Done(done.returncode, orjson.loads(done.stdout), text)

    def require(self, verb: str) -> Done:
        """Run a command that must succeed."""
        done = self.call(verb)
        assert done.code == 0, done.text
        return done

    def live(self) -> set[str]:
        """Name what is ours on the plane, by the names that the state uses."""
        kinds = sorted({(str(obj["apiVersion"]), str(obj["kind"])) for obj in self.objects})
        selector = f"{KEYS.owner}={OWNER}"
        lists = self.api.many([partial(self.api.list, *kind, label_selector=selector) for kind in kinds])
        return {_name(obj) for objects in lists for obj in objects}

    def wanted(self) -> set[str]:
        """Name what the description wants on the plane."""
        return {_name(obj) for obj in self.objects}

    def in_state(self) -> set[str]:
        """Name the Kubernetes objects that the state holds."""
        script = (
            "import sys, json; from pathlib import Path; from sovereign_ai.deploy.engine.runs import Engine;"
            "engine = Engine(Path(sys.argv[1]), 'lab', Path(sys.argv[2]), lambda _line: None);"
            "print(json.dumps(engine.resources() if engine.exists() else []))"
        )
        command = [sys.executable, "-c", script, str(self.stack), str(self.proxy.kubeconfig)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True)
        return {
            object_name(one["name"])
            for one in orjson.loads(done.stdout)
            if one["type"].startswith("kubernetes:")
        }

    def writes(self) -> list[tuple[str, str]]:
        """List the requests through the proxy that may have changed something."""
        return [
            (method, path)
            for method, path in self.proxy.requests
            if method not in {"GET", "HEAD"} and "review" not in path and "dryRun=All" not in path
        ]

    def strangers_are_untouched(self) -> bool:
        """Tell whether what is not ours is the very object that it was."""
        found = self.api.get("v1", "ConfigMap", "theirs", "strangers")
        return found is not None and _content(found) == _content(self.stranger)

    def is_as_described(self) -> None:
        """Insist on a plane that is as described, and on a second run that changes nothing."""
        found = self.require("verify").document
        assert found["findings"] == []
        again = self.require("up").document
        assert (again["changes"], again["restored"]) == ({}, [])
        assert self.in_state() == self.wanted() == self.live()

    def is_empty(self) -> None:
        """Insist on a plane without anything of ours."""
        assert self.live() == set()
        assert self.in_state() == set()

    def stop(self) -> None:
        """Stop the proxy."""
        self.proxy.stop()


def _name(obj: dict[str, Any]) -> str:
    """Name an object as the state does."""
    meta = obj["metadata"]
    parts: Iterable[str] = (obj["kind"], meta.get("namespace", ""), meta["name"])
    return "/".join(part for part in parts if part)


def _content(obj: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    return obj["metadata"]["uid"], obj["metadata"]["resourceVersion"], obj["data"]
