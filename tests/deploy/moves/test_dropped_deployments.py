"""A deployment that a program does not declare any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.api.errors import UnreachableError
from sovereign_ai.deploy.allowed_deletions import Allowed
from sovereign_ai.deploy.moves import dropped_deployments
from sovereign_ai.deploy.moves.dropped_deployments import drop_problems, require_requested_drops
from sovereign_ai.deploy.program import CURRENT, Deployment, Program
from sovereign_ai.deploy.refusal import expect_refusal, read_refusal
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.deploy.state.stack_record import StackRecord
from sovereign_ai.errors import Problem
from tests.deploy.projects import ONE_NAMESPACE, Project, lone_project
from tests.support.memory_cluster import MemoryCluster

__all__ = ["lone_project"]

ROOT = "urn:pulumi:s::p::sovereign:index:FactoryDeployment::lab"
PROVIDER = "urn:pulumi:s::p::sovereign:index:FactoryDeployment$pulumi:providers:kubernetes::lab"


def state(uid: str = "u1", **more: Any) -> list[dict[str, Any]]:
    """A state with a deployment of one namespace."""
    kind = "kubernetes:core/v1:Namespace"
    inputs = {"kubeconfig": "/nowhere/config", "context": "prod"}
    return [
        {"type": "sovereign:index:FactoryDeployment", "urn": ROOT, "inputs": {"cluster": "lab"}},
        {"type": "pulumi:providers:kubernetes", "urn": PROVIDER, "parent": ROOT, "inputs": inputs},
        {
            "type": kind,
            "urn": f"{ROOT}/x",
            "parent": ROOT,
            "provider": f"{PROVIDER}::1",
            "outputs": {"metadata": {"name": "research", "uid": uid}},
            **more,
        },
    ]


def cluster(*more: Mapping[str, Any]) -> MemoryCluster:
    metadata = {"name": "research", "uid": "u1"}
    return MemoryCluster({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, *more)


WORK = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "precious", "namespace": "research"}}


def problems(
    resources: list[dict[str, Any]],
    api: MemoryCluster,
    declared: tuple[str, ...] = (),
    allowed: Allowed | None = None,
) -> list[Problem]:
    def connect(kubeconfig: Path, context: str | None) -> Api:
        assert (kubeconfig, context) == (Path("/nowhere/config"), "prod")
        return api

    return list(drop_problems(resources, declared, allowed or Allowed(by_settings=True), connect))


def test_a_dropped_deployment_is_asked_for_with_the_work_of_others_in_it() -> None:
    work, whole = problems(state(), cluster(WORK))
    assert (work.code, str(work.where)) == ("deletes-data", "Namespace/research")
    assert "destroys 1 ConfigMap" in work.message
    assert "pulumi config set sovereign:allowDelete research" in work.hint
    assert whole.code == "deployment-dropped"
    assert "would delete 1 object of it on https://memory.invalid" in whole.message
    assert f'aliases=["{ROOT}"]' in whole.hint
    assert "sovereign:allowMassDeletion true" in whole.hint


def test_a_declared_deployment_and_one_that_is_kept_or_gone_are_no_problem() -> None:
    assert problems(state(), cluster(WORK), declared=(ROOT,)) == []
    assert problems(state(retainOnDelete=True), cluster(WORK)) == []
    assert problems(state(), MemoryCluster()) == []


def test_what_was_asked_for_is_dropped() -> None:
    assert problems(state(), cluster(WORK), allowed=Allowed(frozenset({"research"}), mass=True)) == []
    assert problems(state(), cluster(), allowed=Allowed(mass=True)) == []


def test_an_object_that_somebody_made_again_is_never_deleted_with_the_deployment() -> None:
    [problem] = problems(state(uid="u2"), cluster(), allowed=Allowed(frozenset({"research"}), mass=True))
    assert problem.code == "object-not-ours"
    assert "would delete Namespace/research, which somebody made again" in problem.message
    assert "pulumi state delete --target-dependents" in problem.hint


def test_of_a_cluster_that_gives_no_answer_nothing_is_dropped() -> None:
    api = cluster()
    api.failure = UnreachableError(Problem("cluster-unreachable", "it gave no answer"))
    [problem] = problems(state(), api, allowed=Allowed(mass=True))
    assert problem.message.endswith("what deleting it destroys is unknown: it gave no answer")
    assert "pulumi state delete" in problem.hint


def test_a_state_that_names_no_kubeconfig_is_refused() -> None:
    root, _, namespace = state()
    [problem] = problems([root, namespace], cluster())
    assert "names no kubeconfig" in problem.message


@pytest.fixture
def program() -> Iterator[Program]:
    """A program whose run has come to its end."""
    made = Program()
    token = CURRENT.set(made)
    yield made
    CURRENT.reset(token)


@pytest.mark.parametrize("declared", [(), ("mini",)])
def test_the_end_of_a_program_is_refused_by_a_command_as_by_plain_pulumi(
    program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, declared: tuple[str, ...]
) -> None:
    stack = StackContext(StackRecord(Path("none.json")), [state()[0], state()[2]], "")
    monkeypatch.setattr(dropped_deployments, "context_of_program", lambda *_: stack)
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    expect_refusal(tmp_path)
    program.known.add(ROOT)
    for name in declared:
        program.add(Deployment(name, name, frozenset()))
    with pytest.raises(pulumi.RunError, match="deployment-dropped"):
        require_requested_drops("organization", "p", "s")
    assert (noted := read_refusal(tmp_path)) is not None
    assert [problem.code for problem in noted.problems] == ["deployment-dropped"]


def test_a_program_that_declares_all_that_its_state_has_reads_it_no_second_time(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(dropped_deployments, "context_of_program")
    program.add(Deployment("lab", "one", frozenset()))
    program.known.add(ROOT)
    program.urns |= {ROOT, f"{ROOT}-now"}
    require_requested_drops("organization", "p", "s")


DROPPED = f"""
import os
{ONE_NAMESPACE}
for name in os.environ["DEPLOY"].split():
    FactoryDeployment(name, sai.load("lab.yaml"), kubeconfig="one.kubeconfig")
"""


@pytest.mark.cluster
def test_the_engine_deletes_nothing_of_a_deployment_that_a_program_drops_unasked(
    lone_project: Project,
) -> None:
    project = lone_project
    project.program(DROPPED)
    project.env["DEPLOY"] = "lab"
    project.pulumi("up", "--yes", "--skip-preview")
    project.env["DEPLOY"] = ""
    done = project.run("up", "--yes", "--skip-preview")
    assert done.returncode, done.stdout
    assert "[deployment-dropped]" in done.stdout + done.stderr
    assert "deleted" not in done.stdout
    project.pulumi("config", "set", "sovereign:allowMassDeletion", "true")
    assert " deleted" in project.pulumi("up", "--yes", "--skip-preview").stdout
