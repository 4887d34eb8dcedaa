"""Pulumi projects for tests: the real engine on a state of their own, on a control plane that has two
names.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.deploy.stack_folder import contents
from sovereign_ai.deploy.state.pulumi_environment import engine_variables
from sovereign_ai.toolchain.install import find

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "stacks" / "lab" / "factory.yaml"
PROGRAM = """
import pulumi
import sovereign_ai as sai
from sovereign_ai.deploy import FactoryDeployment

{body}
"""

ONE_NAMESPACE = """
from sovereign_ai.deploy.components import factory_deployment as components

components.begin_preparation = lambda *_, **__: lambda: None
components.try_out = lambda *_, **__: None
components.registered = lambda *_: components.Registered(
    frozenset({"Namespace/research"}), frozenset({"tenant.research"})
)
"""
"""Has a program deploy a tenant's namespace alone, which takes a moment."""


def dead_kubeconfig(path: Path, port: int = 9) -> Path:
    """Write a kubeconfig whose server answers nothing."""
    cluster = {"server": f"https://127.0.0.1:{port}"}
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": "nothing"}}],
    }
    path.write_text(yaml.safe_dump(data))
    return path


def two_names(source: Path, one: Path, two: Path) -> None:
    """Write two kubeconfigs of one control plane, by its address and by its name: for the program they are
    two clusters.
    """
    text = source.read_text()
    for path, name in ((one, "127.0.0.1"), (two, "localhost")):
        path.write_text(text.replace("https://127.0.0.1:", f"https://{name}:"))
        path.chmod(0o600)


def mini(path: Path) -> Path:
    """Write the description of `sovereign-ai init`, another factory than the lab."""
    path.write_text(contents("mini")["factory.yaml"])
    return path


@dataclass
class Project:
    """A Pulumi project with one stack, `dev`."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def pulumi(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the engine's program, which must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the engine's program; its output is text."""
        return subprocess.run(
            [str(find("pulumi")), *words, "--non-interactive"],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=540,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def program(self, body: str) -> None:
        """Write the program."""
        (self.folder / "__main__.py").write_text(PROGRAM.format(body=body))

    def preview(self, *words: str) -> dict[str, dict[str, Any]]:
        """Preview; return each resource's step by its URN without stack and project, as a state has it."""
        text = self.pulumi("preview", "--json", *words).stdout
        return {local(step["urn"]): step for step in orjson.loads(text)["steps"]}

    def refused(self, *words: str) -> str:
        """Preview what must be refused; return what the engine says."""
        done = self.run("preview", *words)
        assert done.returncode, done.stdout
        return done.stdout + done.stderr


def local(urn: str) -> str:
    """Return types and name of a URN."""
    return urn.split("::", 2)[2]


def created(steps: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return what a preview would create, as far as it does not depend on the program's language."""
    states = {urn: step["newState"] for urn, step in steps.items() if step["op"] == "create"}
    return {
        urn: (
            state["type"],
            state.get("inputs"),
            _locals([state.get("parent", "")]),
            _locals(state.get("dependencies") or ()),
        )
        for urn, state in states.items()
        if state["type"] != "pulumi:pulumi:Stack"
    }


def _locals(urns: Iterable[str]) -> list[str]:
    """Return URNs without stack and project; the stack itself, which is called after both, by its type."""
    names = [local(urn) if urn else "" for urn in urns]
    return sorted("stack" if name.startswith("pulumi:pulumi:Stack::") else name for name in names)


def make(folder: Path, runtime: str = "python", stack: str = "dev") -> Project:
    """Make a project with its stack; `XDG_STATE_HOME` says where state lies."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {folder.name}\nruntime: {runtime}\n")
    env = {name: value for name, value in os.environ.items() if name not in {"KUBECONFIG", "PULUMI_STACK"}}
    env |= engine_variables(stack, None) | {"PULUMI_STACK": stack, "PYTHONPATH": str(ROOT)}
    for name in ("pulumi", "pulumi-language-python"):
        find(name)
    project = Project(folder, env)
    project.pulumi("stack", "init", stack, "--secrets-provider", "passphrase")
    return project


@pytest.fixture
def project(tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A Python project beside two descriptions and the kubeconfigs of two clusters."""
    return _project(tmp_path, kubeconfig, monkeypatch)


@pytest.fixture
def lone_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The same on a plane of its own, for what deploys and deletes: others' lab has the same names."""
    clusters = tmp_path / "clusters"
    try:
        yield _project(tmp_path, up("lab", root=clusters).kubeconfig, monkeypatch)
    finally:
        down("lab", root=clusters)


def _project(tmp_path: Path, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project beside two descriptions and the kubeconfigs of two clusters."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = make(tmp_path / "factories")
    (made.folder / "lab.yaml").write_text(LAB.read_text())
    mini(made.folder / "mini.yaml")
    two_names(kubeconfig, made.folder / "one.kubeconfig", made.folder / "two.kubeconfig")
    assert sys.executable == made.env["PULUMI_PYTHON_CMD"]
    return made
