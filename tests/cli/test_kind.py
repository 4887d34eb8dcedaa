from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.cluster.kind.dead_containers import COMPONENTS

STACK = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state and a cache of their own, and no container engine."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))


def asked(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, [*arguments, "--json"])
    found: dict[str, Any] = orjson.loads(done.stdout)
    return done.exit_code, found


def test_the_configuration_is_printed_as_it_stands_at_the_top_level() -> None:
    done = CliRunner().invoke(app, ["cluster", "config", STACK])
    assert done.exit_code == 0
    written = (Path(STACK).parents[1] / "kind-config.yaml").read_text()
    assert done.stdout.splitlines()[5:] == written.splitlines()[5:]


def test_a_kind_cluster_that_is_not_there_is_absent_by_name_and_by_stack() -> None:
    for name in ("lab", STACK):
        code, document = asked("cluster", "status", name, "--cluster", "kind")
        assert (code, document["phase"], document["name"]) == (3, "absent", "lab")
    assert asked("cluster", "list") == (0, {"command": "cluster list", "ok": True, "clusters": []})
    assert asked("cluster", "down", STACK, "--cluster", "kind")[1]["ended"] is False


def test_without_an_engine_a_kind_cluster_says_what_to_do() -> None:
    code, document = asked("cluster", "up", STACK, "--cluster", "kind")
    (problem,) = document["problems"]
    assert (code, problem["code"]) == (3, "no-engine")
    assert "cluster engine up" in problem["hint"]
    assert asked("cluster", "engine", "status")[0] == 3
    assert asked("tools", "node-image")[0] == 3


def test_down_of_a_cluster_that_is_not_there_is_fine_and_needs_no_tool() -> None:
    assert asked("down", STACK, "--cluster", "kind") == (
        0,
        {"command": "down", "ok": True, "cluster": "lab", "forgotten": 0},
    )


def test_verify_and_env_name_the_command_that_makes_the_cluster() -> None:
    for verb in ("verify", "env"):
        code, document = asked(verb, STACK, "--cluster", "kind")
        (problem,) = document["problems"]
        assert (code, problem["code"]) == (3, "no-cluster")
        assert "--cluster kind" in problem["hint"]


def silent_cluster(folder: Path, state: str) -> None:
    """A kind cluster of ours whose API server does not answer, and an engine that says a state of its control
    plane.
    """
    where = folder / "state" / "sovereign-ai" / "kind" / "lab"
    where.mkdir(parents=True)
    (where / "cluster.json").write_bytes(
        orjson.dumps({"layout": 1, "name": "lab", "machines": {}, "made": True})
    )
    context = {"name": "lab", "context": {"cluster": "lab", "user": "lab"}}
    config = {
        "clusters": [{"name": "lab", "cluster": {"server": "https://127.0.0.1:9"}}],
        "contexts": [context],
        "current-context": "lab",
        "users": [{"name": "lab", "user": {"token": "none"}}],
    }
    (where / "kubeconfig").write_bytes(orjson.dumps(config))
    row = "\\t".join(("lab-control-plane", "0" * 64, state, "abc", "control-plane"))
    running = orjson.dumps({"containers": [{"metadata": {"name": name}} for name in COMPONENTS]}).decode()
    (folder / "docker").write_text(
        f"""#!/bin/sh
case "$1" in
  version) echo 28.1.0;;
  ps) printf '{row}\\n';;
  exec) echo '{running}';;
  *) exit 1;;
esac
"""
    )
    (folder / "docker").chmod(0o755)


def test_verify_of_a_dead_control_plane_is_a_finding_that_names_the_container_and_the_way_back(
    tmp_path: Path,
) -> None:
    silent_cluster(tmp_path, "exited")
    code, document = asked("verify", STACK, "--cluster", "kind")
    (finding,) = document["findings"]
    assert (code, finding["resource"], finding["found"]) == (1, "Container/lab-control-plane", "exited")
    assert "docker start lab-control-plane" in finding["hint"]
    assert (document["ok"], document["unknown"]) == (False, ["devices", "nodes", "objects", "probes"])
    said = CliRunner().invoke(app, ["verify", STACK, "--cluster", "kind"]).stdout.splitlines()
    assert any(line.startswith("lab: NOT as planned: its control plane is dead; ") for line in said)


def test_silence_of_a_cluster_that_is_foreign_or_of_which_nothing_is_dead_stays_unreachable(
    tmp_path: Path,
) -> None:
    silent_cluster(tmp_path, "running")
    kubeconfig = tmp_path / "state" / "sovereign-ai" / "kind" / "lab" / "kubeconfig"
    for target in (("--cluster", "kind"), ("--cluster", "kubeconfig", "--kubeconfig", str(kubeconfig))):
        code, document = asked("verify", STACK, *target)
        assert (code, document["problems"][0]["code"]) == (3, "cluster-unreachable")


def test_a_kind_clusters_data_cannot_be_kept() -> None:
    assert asked("cluster", "down", "lab", "--cluster", "kind", "--keep-data")[0] == 2
