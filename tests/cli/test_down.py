"""`down` where the cluster is gone or is another than the state names; `up` where nothing may be started."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import orjson
import pytest
from typer.testing import CliRunner

import sovereign_ai.deploy
from sovereign_ai.cli import down as downs
from sovereign_ai.cli.main import app
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.deploy.engine import runs as engines
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from tests.support.small_engine import checkpoint

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
Held = Callable[..., None]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    program = tmp_path / "pulumi"
    program.write_text('#!/bin/sh\necho "called: $*" >&2; exit 1\n')
    program.chmod(0o700)
    monkeypatch.setattr(engines, "find", lambda _name: program)
    monkeypatch.setattr(engines, "engine_variables", lambda *_: {})
    shutil.copytree(LAB, tmp_path / "lab")
    return tmp_path / "lab"


@pytest.fixture
def held(tmp_path: Path) -> Held:
    """Make the state hold one object that was deployed by a kubeconfig."""

    def hold(kubeconfig: Path, state: str = "pulumi") -> None:
        path = held_in(tmp_path, state)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(checkpoint(1, kubeconfig=str(kubeconfig)))

    return hold


def held_in(folder: Path, state: str = "pulumi") -> Path:
    """Name the file that holds the state of the stack."""
    return folder / "state" / "sovereign-ai" / state / ".pulumi" / "stacks" / "lab" / "lab.json"


def write(kubeconfig: Path, port: int = 0) -> None:
    """Write a kubeconfig of one cluster."""
    data = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab"}}],
        "clusters": [{"name": "lab", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
    }
    kubeconfig.write_text(json.dumps(data))


def down(stack: Path, *more: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(app, ["down", str(stack), *more, "--json"])
    found: dict[str, Any] = orjson.loads(done.stdout)
    return done.exit_code, found


@pytest.mark.parametrize(
    "more", [(), ("--cluster", "kind"), ("--forget",)], ids=["embedded", "kind", "forget"]
)
def test_where_nothing_is_there_nothing_is_to_do_and_that_is_fine(stack: Path, more: tuple[str, ...]) -> None:
    assert down(stack, *more) == (0, {"command": "down", "ok": True, "cluster": "lab", "forgotten": 0})


def test_what_went_with_our_own_plane_is_dropped_from_the_state_and_a_second_time_is_fine(
    stack: Path, held: Held
) -> None:
    for more, folder, state in (((), "clusters", "pulumi"), (("--cluster", "kind"), "kind", "pulumi-kind")):
        held(stack.parent / "state" / "sovereign-ai" / folder / "lab" / "kubeconfig", state)
        assert down(stack, *more)[1]["forgotten"] == 1
        assert not held_in(stack.parent, state).exists()
        assert down(stack, *more)[1]["forgotten"] == 0


def test_what_stands_on_another_cluster_is_kept_and_named(stack: Path, held: Held) -> None:
    kubeconfig = stack.parent / "other.kubeconfig"
    held(kubeconfig)
    code, document = down(stack)
    assert (code, document["problems"][0]["code"]) == (3, "cluster-gone")
    write(kubeconfig)
    code, document = down(stack)
    assert (code, document["problems"][0]["code"]) == (3, "other-cluster")
    assert held_in(stack.parent).exists()


@pytest.mark.parametrize("verb", ["up", "preview"])
def test_with_the_state_of_another_cluster_nothing_is_compared_and_both_are_named(
    stack: Path, held: Held, verb: str
) -> None:
    theirs, ours = stack.parent / "theirs", stack.parent / "ours"
    for port, file in enumerate((theirs, ours)):
        write(file, port)
    held(theirs)
    (stack / "Pulumi.lab.yaml").write_text("config:\n  sovereign:kubeconfig: elsewhere\n")
    with pytest.raises(EnvironmentLacksError) as refused:
        getattr(engines.Engine(stack, "lab", ours, lambda _line: None), verb)()
    by_state, by_settings = refused.value.problems
    assert (
        f"1 object of 'lab' on the cluster of {theirs} in its context 'lab', and not on that of {ours}"
        in by_state.message
    )
    assert "--forget" in by_state.hint
    assert (
        f"sovereign:kubeconfig names elsewhere, and the command means the cluster of {ours}"
        in by_settings.message
    )


def test_forget_says_where_the_objects_stood(stack: Path, held: Held) -> None:
    held(stack.parent / "other.kubeconfig")
    code, document = down(stack, "--forget")
    assert (code, document["forgotten"], document["kubeconfig"]) == (
        0,
        1,
        str(stack.parent / "other.kubeconfig"),
    )


def test_up_of_a_folder_that_is_no_project_starts_nothing(stack: Path) -> None:
    (stack / "Pulumi.yaml").unlink()
    done = CliRunner().invoke(app, ["up", str(stack), "--json"])
    assert (done.exit_code, orjson.loads(done.stdout)["problems"][0]["code"]) == (2, "no-project")
    assert not (stack.parent / "state").exists()


@pytest.mark.parametrize("failing", ["before", "after", "nodes", "never"])
def test_a_further_attempt_to_remove_asks_nothing_twice_and_counts_what_failed(
    monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """A server that is too busy before the question has not heard the answer to it."""
    questions: list[str] = []
    calls: dict[str, int] = {"before": 0, "after": 0, "nodes": 0}

    def step(name: str, answer: Any) -> Callable[..., Any]:
        def take(*_arguments: object) -> Any:
            calls[name] += 1
            if name == failing and calls[name] == 1:
                raise DeploymentError(Problem("cluster-slow", "it took too long"))
            return answer

        return take

    engine = MagicMock()
    engine.return_value.hold.return_value = nullcontext()
    target = MagicMock(simulated=True, has_real_nodes=False)
    monkeypatch.setattr(sovereign_ai.deploy, "Engine", engine, raising=False)
    monkeypatch.setattr(sovereign_ai.deploy, "check_removal", step("before", MagicMock()), raising=False)
    monkeypatch.setattr("sovereign_ai.cli.stack.open_stack", MagicMock())
    monkeypatch.setattr("sovereign_ai.cluster.require_reachable", MagicMock(), raising=False)
    monkeypatch.setattr("sovereign_ai.cluster.busy_cluster._pause", lambda _seconds: None)
    monkeypatch.setattr(downs, "open_target", MagicMock(return_value=target))
    monkeypatch.setattr(sovereign_ai.deploy, "require_only_deployment", MagicMock(), raising=False)
    for name in ("deployment_of", "require_own_state", "_report_losses"):
        monkeypatch.setattr(downs, name, MagicMock())
    monkeypatch.setattr(downs, "confirm", lambda _target, verb, *_: questions.append(verb))
    monkeypatch.setattr(downs, "_remove", step("after", (["removed"], {"left": []})))
    monkeypatch.setattr(downs, "_remove_simulation", step("nodes", None))
    output = MagicMock()
    options = downs._Options(
        Path(),
        Backend.KUBECONFIG,
        Path(__file__),
        None,
        keep=True,
        yes=False,
        allow_delete=frozenset(),
        wait_seconds=1,
    )
    downs._down(output, options)
    assert questions == ["remove this factory from"]
    assert calls["nodes"] == (2 if failing == "nodes" else 1)
    # What was removed is told once, also where only the machines have to be removed again.
    assert calls["after"] == (2 if failing == "after" else 1)
    data, lines = output.finish.call_args[0][:2]
    assert lines[0] == "removed"
    assert data.get("failed_attempts", []) == (
        [] if failing == "never" else ["it took too long; trying again in 5 s (2 of 3)"]
    )


def test_another_deployment_of_the_state_is_never_removed_or_forgotten_with_the_stacks_own(
    stack: Path, held: Held
) -> None:
    for more in ((), ("--forget",)):
        held(stack.parent / "state" / "sovereign-ai" / "clusters" / "lab" / "kubeconfig")
        file = held_in(stack.parent)
        data = orjson.loads(file.read_bytes())
        resources = data["checkpoint"]["latest"]["resources"]
        root = "urn:pulumi:lab::lab::sovereign:index:FactoryDeployment::mini"
        resources.append(
            {"type": "sovereign:index:FactoryDeployment", "urn": root, "inputs": {"cluster": "mini"}}
        )
        own = {"type": "sovereign:index:FactoryDeployment", "urn": root.replace("mini", "lab"), "inputs": {}}
        kind = "kubernetes:core/v1:Namespace"
        metadata = {"metadata": {"name": "research", "uid": "u1"}}
        resources += [own, {"type": kind, "urn": f"{root}/x", "parent": root, "outputs": metadata}]
        file.write_bytes(orjson.dumps(data))
        code, document = down(stack, *more)
        assert (code, [problem["code"] for problem in document["problems"]]) == (2, ["several-deployments"])
        assert file.exists()


@pytest.mark.parametrize(
    ("others", "stops", "removed", "ended"),
    [([], False, 1, 0), ([], True, 1, 1), (["uuid"], False, 0, 0), (["uuid"], True, 0, 0)],
)
def test_a_factory_that_another_state_holds_keeps_its_machines_and_its_control_plane(
    monkeypatch: pytest.MonkeyPatch, others: list[str], stops: bool, removed: int, ended: int
) -> None:
    remove, end = MagicMock(), MagicMock()
    target = MagicMock(simulated=True, has_real_nodes=False)
    monkeypatch.setattr("sovereign_ai.cli.stack.open_stack", MagicMock())
    monkeypatch.setattr("sovereign_ai.cluster.require_reachable", MagicMock(), raising=False)
    monkeypatch.setattr("sovereign_ai.cli.real_nodes.end", end)
    monkeypatch.setattr(downs, "require_one_cluster", MagicMock())
    monkeypatch.setattr(downs, "control_plane", MagicMock())
    monkeypatch.setattr(downs, "open_target", MagicMock(return_value=target))
    monkeypatch.setattr(downs, "_remove_simulation", remove)
    monkeypatch.setattr(
        downs._FactoryRemoval, "run", lambda _self: (["removed"], {"left": [], "other_stacks": others})
    )
    output = MagicMock()
    options = downs._Options(
        Path(),
        Backend.EMBEDDED,
        None,
        None,
        keep=not stops,
        yes=False,
        allow_delete=frozenset(),
        wait_seconds=1,
    )
    downs._down(output, options)
    assert (remove.call_count, end.call_count) == (removed, ended)
    lines = output.finish.call_args[0][1]
    assert ("removed the simulated nodes" in lines) == bool(removed)
    assert any("still runs" in line for line in lines) == (bool(others) and stops)
