"""A stack that an earlier version deployed: its children had no prefix, and nothing of it is replaced."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.deploy.state.pulumi_environment import engine_variables
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load
from tests.deploy.projects import ROOT, Project, mini, two_names
from tests.life import Lab

pytestmark = pytest.mark.cluster
SECOND = """
FactoryDeployment("mini", sai.load("mini.yaml"), kubeconfig="two.kubeconfig")
FactoryDeployment("lab", sai.load("factory.yaml"))
"""
RENAMED = """
aliases = [pulumi.Alias(name="lab")]
FactoryDeployment("other", sai.load("factory.yaml"), pulumi.ResourceOptions(aliases=aliases))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab, deployed by the command line."""
    made = Lab(tmp_path_factory.mktemp("upgrade"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


@pytest.fixture
def stack(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same stack for plain Pulumi, its state as the earlier version wrote it."""
    monkeypatch.setenv("XDG_STATE_HOME", lab.env["XDG_STATE_HOME"])
    env = lab.env | engine_variables("lab", lab.kubeconfig) | {"PYTHONPATH": str(ROOT)}
    project = Project(lab.stack, env)
    text = project.pulumi("stack", "export").stdout
    file = lab.stack / "earlier.json"
    file.write_text(
        text.replace("::lab/", "::")
        .replace("::other/", "::")
        .replace("FactoryDeployment::other", "FactoryDeployment::lab")
    )
    project.pulumi("stack", "import", "--file", str(file))
    assert any(urn.endswith("::Namespace/research") for urn in names(project))
    return project


def names(project: Project) -> list[str]:
    """List the URNs of a state."""
    deployment = json.loads(project.pulumi("stack", "export").stdout)["deployment"]
    return [resource["urn"] for resource in deployment["resources"]]


def seen(api: Api, objects: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Return what tells that an object was written: identity, generation and version."""
    found = []
    for obj in objects:
        meta = obj["metadata"]
        live = api.get(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace"))
        assert live is not None
        # The controller manager writes the status of a policy some time after the policy itself was written.
        version = "generation" if obj["kind"].endswith("AdmissionPolicy") else "resourceVersion"
        found.append((obj["kind"], meta["name"], live["metadata"]["uid"], str(live["metadata"][version])))
    return found


def test_a_preview_and_a_full_run_of_this_version_change_nothing(lab: Lab, stack: Project) -> None:
    factory = load(lab.stack)
    objects = render(factory, plan(factory), "lab").objects
    before = seen(lab.api, objects)
    steps = stack.preview("--show-sames")
    assert {step["op"] for step in steps.values()} == {"same"}
    assert len(steps) > 80
    stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    assert seen(lab.api, objects) == before
    assert [urn for urn in names(stack) if urn.endswith("::Namespace/research")] == []
    assert any(urn.endswith("::lab/Namespace/research") for urn in names(stack))
    stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    outputs = orjson.loads(stack.pulumi("stack", "output", "--json").stdout)
    assert outputs == {
        "spec": factory.digest,
        "plan": plan(factory).digest,
        "bundle": outputs["bundle"],
        "cluster": "lab",
    }
    state = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    (deployment,) = (
        resource for resource in state if resource["type"] == "sovereign:index:FactoryDeployment"
    )
    assert deployment["inputs"] == deployment["outputs"] == outputs


def test_the_command_line_finds_nothing_to_do_either_and_names_objects_as_before(
    lab: Lab, stack: Project
) -> None:
    assert lab.on_plane("preview")["changes"] == {}
    name = "NetworkPolicy/research/default-deny"
    lab.api.delete("networking.k8s.io/v1", "NetworkPolicy", "default-deny", "research")
    done = lab.on_plane("up")
    assert (done["steps"], done["restored"]) == ([{"op": "create", "resource": name}], [])
    assert lab.api.get("networking.k8s.io/v1", "NetworkPolicy", "default-deny", "research") is not None


def test_a_deleted_object_is_made_again_by_the_program_that_somebody_wrote_too(
    lab: Lab, stack: Project
) -> None:
    program = (lab.stack / "__main__.py").read_text()
    name = "NetworkPolicy/research/default-deny"
    try:
        (lab.stack / "__main__.py").write_text(f"{program}\nprint('a line of the user')\n")
        lab.api.delete("networking.k8s.io/v1", "NetworkPolicy", "default-deny", "research")
        done = lab.on_plane("up")
    finally:
        (lab.stack / "__main__.py").write_text(program)
    assert (done["steps"], done["restored"]) == ([{"op": "create", "resource": name}], [])


def test_a_renamed_deployment_keeps_everything_by_its_alias(stack: Project, lab: Lab) -> None:
    program = (lab.stack / "__main__.py").read_text()
    try:
        stack.program(RENAMED)
        steps = stack.preview("--show-sames")
        assert {step["op"] for step in steps.values()} == {"same"}
        stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
        assert any(urn.endswith("::other/Namespace/research") for urn in names(stack))
        # Under one more name, without an alias for the last one, the engine would delete what it deploys.
        stack.program(RENAMED.replace("other", "third"))
        said = stack.refused("--diff")
        assert "an object of the deployment 'other', and the program calls that 'third'" in said
    finally:
        (lab.stack / "__main__.py").write_text(program)


def test_objects_that_a_state_has_under_both_names_are_kept(stack: Project, lab: Lab) -> None:
    """As after an `up` of the earlier version over a state of this one, which was cut short."""
    state = json.loads(stack.pulumi("stack", "export").stdout)
    resources = state["deployment"]["resources"]
    for held in list(resources):
        if held["type"] in {"kubernetes:core/v1:Namespace", "kubernetes:core/v1:ConfigMap"}:
            start, name = held["urn"].rsplit("::", 1)
            resources.append({**held, "urn": f"{start}::lab/{name}"})
    (lab.stack / "both.json").write_text(json.dumps(state))
    stack.pulumi("stack", "import", "--file", str(lab.stack / "both.json"))
    kept = [("Namespace", "research", ""), ("ConfigMap", "factory", "sovereign-system")]
    before = [lab.api.get("v1", *key) for key in kept]
    done = lab.on_plane("up")
    assert (done["steps"], done["restored"]) == ([], [])
    assert [lab.api.get("v1", *key) for key in kept] == before != [None, None]
    assert len(names(stack)) == len(set(names(stack)))


def test_a_second_deployment_before_the_first_run_of_this_version_is_refused_by_the_engine(
    stack: Project, lab: Lab
) -> None:
    program = (lab.stack / "__main__.py").read_text()
    two_names(lab.kubeconfig, lab.stack / "one.kubeconfig", lab.stack / "two.kubeconfig")
    mini(lab.stack / "mini.yaml")
    before = names(stack)
    try:
        stack.program(SECOND)
        said = stack.refused("--diff")
        assert "Duplicate resource alias" in said
        assert "kubernetes:core/v1:Namespace" not in said
        assert names(stack) == before
    finally:
        (lab.stack / "__main__.py").write_text(program)
