"""The component: what it tells Pulumi's provider, what it registers for several factories, and what its
options reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pulumi
import pytest

from sovereign_ai.deploy.components.factory_deployment import provider_settings, require_plain
from sovereign_ai.deploy.state.target import read_target
from sovereign_ai.errors import UsageError
from tests.deploy.projects import Project, project
from tests.render.lab import stack

__all__ = ["project"]

CONTEXT = """
apiVersion: v1
kind: Config
current-context: {context}
contexts: [{{name: prod, context: {{cluster: k, user: u}}}}]
clusters: [{{name: k, cluster: {{server: "https://127.0.0.1:1"}}}}]
"""


def test_the_state_remembers_the_file_and_the_context_that_was_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, _ = stack("lab")
    file = tmp_path / "config"
    file.write_text(CONTEXT.format(context="prod"))
    monkeypatch.setenv("KUBECONFIG", str(file))
    inputs = provider_settings(factory)
    found = read_target(
        "lab",
        tmp_path,
        [{"type": "pulumi:providers:kubernetes", "inputs": inputs}, {"type": "kubernetes:core/v1:Pod"}],
    )
    assert (found.kubeconfig, found.context) == (file, "prod")
    file.write_text(CONTEXT.format(context='""'))
    assert "context" not in provider_settings(factory)


def test_what_is_no_file_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(pulumi.RunError, match="sovereign-ai env"):
        provider_settings(stack("lab")[0])


def test_an_argument_names_file_and_context_before_the_settings_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, _ = stack("lab")
    file = tmp_path / "config"
    file.write_text(CONTEXT.format(context="prod"))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    inputs = provider_settings(factory, file, "other")
    assert (inputs["kubeconfig"], inputs["context"]) == (str(file), "other")


def test_an_output_in_place_of_a_plain_argument_is_refused() -> None:
    async def value() -> str:
        return "lab"

    async def known() -> bool:
        return True

    async def late() -> pulumi.Output[str]:
        resources: set[pulumi.Resource] = set()
        return pulumi.Output(resources, asyncio.ensure_future(value()), asyncio.ensure_future(known()))

    with pytest.raises(UsageError, match="'cluster' is an Output") as raised:
        require_plain(cluster=asyncio.run(late()), kubeconfig="file", context=None)
    assert len(raised.value.problems) == 1


TWO = """
lab, mini = sai.load("lab.yaml"), sai.load("mini.yaml")
made = [
    FactoryDeployment("lab", lab, kubeconfig="one.kubeconfig"),
    FactoryDeployment("mini", mini, kubeconfig="two.kubeconfig"),
]
pulumi.export("plans", [one.plan for one in made])
"""


@pytest.mark.cluster
def test_two_factories_in_one_program_have_resources_of_their_own_and_no_exports(
    project: Project,
) -> None:
    project.program(TWO)
    steps = project.preview()
    assert {step["op"] for step in steps.values()} == {"create"}
    names = [urn.rpartition("::")[2] for urn in steps if not urn.startswith("pulumi:pulumi:Stack")]
    counts = {
        root: sum(name == root or name.startswith(f"{root}/") for name in names) for root in ("lab", "mini")
    }
    assert sum(counts.values()) == len(names)
    assert all(count > 50 for count in counts.values())
    for root, port in (("lab", "one"), ("mini", "two")):
        provider = steps[f"sovereign:index:FactoryDeployment$pulumi:providers:kubernetes::{root}"]["newState"]
        assert provider["inputs"]["kubeconfig"] == f"{port}.kubeconfig"
        deployment = steps[f"sovereign:index:FactoryDeployment::{root}"]["newState"]
        assert set(deployment["inputs"]) == {"spec", "plan", "bundle", "cluster"}
    outputs = project.pulumi("preview").stdout.partition("Outputs:\n")[2].partition("\n\n")[0]
    plans = [
        steps[f"sovereign:index:FactoryDeployment::{root}"]["newState"]["inputs"]["plan"]
        for root in ("lab", "mini")
    ]
    lines = [line.strip() for line in outputs.splitlines()]
    assert lines == ["plans: [", f'[0]: "{plans[0]}"', f'[1]: "{plans[1]}"', "]"]


@pytest.mark.cluster
def test_the_same_objects_twice_on_one_cluster_are_refused(project: Project) -> None:
    project.program(TWO.replace("two.kubeconfig", "one.kubeconfig"))
    said = project.refused()
    assert "'mini' and 'lab' both declare ConfigMap/sovereign-system/factory" in said
    assert "Traceback" not in said


OPTIONS = """
import pulumi_kubernetes

class Other(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("tests:index:Other", name)

def mark(args):
    if args.type_.startswith("kubernetes:core/v1:ConfigMap"):
        return pulumi.ResourceTransformResult({{**args.props, "data": {{"seen": "by the transform"}}}}, args.opts)
    return None

outer, cluster = Other("outer"), Other("cluster")
before = pulumi_kubernetes.Provider("before", kubeconfig="two.kubeconfig")
FactoryDeployment("mini", sai.load("mini.yaml"), pulumi.ResourceOptions({opts}), kubeconfig="one.kubeconfig")
"""  # noqa: E501 - one literal text
REACHES = {
    "parent=outer": lambda state: "tests:index:Other$sovereign:index:FactoryDeployment" in state["urn"],
    "protect=True": lambda state: state["protect"],
    "retain_on_delete=True": lambda state: state["retainOnDelete"],
    "depends_on=before": lambda state: any(urn.endswith("::before") for urn in state["dependencies"]),
    "deleted_with=cluster": lambda state: (
        state["deletedWith"].endswith("::cluster") or "::mini/Namespace/" in state["deletedWith"]
    ),
    "custom_timeouts=pulumi.CustomTimeouts(create='9m')": lambda state: (
        state["customTimeouts"]["create"] == 540
    ),
    "ignore_changes=['data']": lambda state: state["ignoreChanges"] == ["data"],
    "replace_on_changes=['type']": lambda state: state["replaceOnChanges"] == ["type"],
    "hide_diffs=['data']": lambda state: state["hideDiff"] == ["data"],
    "additional_secret_outputs=['data']": lambda state: "data" in state["additionalSecretOutputs"],
}
"""An option to how an object's state shows that it has come there."""


@pytest.mark.cluster
def test_options_reach_every_object(project: Project) -> None:
    project.program(OPTIONS.format(opts=", ".join(REACHES)))
    objects = {urn: step["newState"] for urn, step in project.preview().items() if "$kubernetes:" in urn}
    assert len(objects) > 40
    missing = [
        (option, urn)
        for option, shows in REACHES.items()
        for urn, state in objects.items()
        if not _shows(shows, state)
    ]
    assert missing == []


def _shows(shows: Callable[[dict[str, Any]], bool], state: dict[str, Any]) -> bool:
    """Tell whether a state shows an option; a field that is not there shows nothing."""
    try:
        return bool(shows(state))
    except KeyError:
        return False


@pytest.mark.cluster
def test_a_transform_reaches_every_object(project: Project) -> None:
    project.program(OPTIONS.format(opts="transforms=[mark]"))
    maps = [
        step["newState"]["inputs"]
        for step in project.preview().values()
        if step["newState"]["type"] == "kubernetes:core/v1:ConfigMap"
    ]
    assert maps
    assert all(inputs["data"] == {"seen": "by the transform"} for inputs in maps)


@pytest.mark.cluster
def test_an_option_without_a_meaning_is_refused(project: Project) -> None:
    project.program(OPTIONS.format(opts="version='1.0.0', import_='x'"))
    said = project.refused()
    assert "has no option 'import_'" in said
    assert "has no option 'version'" in said


PREPARED = """
import time
from pathlib import Path
from sovereign_ai.deploy.components import factory_deployment as components
from sovereign_ai.errors import DeploymentError, Problem

def note(text):
    with Path("order").open("a") as file:
        file.write(text)

def finish():
    time.sleep(2)
    {end}

components.begin_preparation = lambda *_arguments, **_options: finish
{more}
other = pulumi.ComponentResource("tests:index:Other", "other")
other.urn.apply(lambda _urn: note("registered "))
FactoryDeployment("mini", sai.load("mini.yaml"), kubeconfig="one.kubeconfig")
"""
FAILS = 'raise DeploymentError(Problem("policy-not-enforced", "the policies are not in force"))'
NONE_OF_ITS_OBJECTS = "components.registered = lambda *_: components.Registered(frozenset(), frozenset())"


@pytest.mark.cluster
@pytest.mark.parametrize("more", ["", NONE_OF_ITS_OBJECTS])
def test_where_the_preparation_fails_no_object_is_registered(project: Project, more: str) -> None:
    project.program(PREPARED.format(end=FAILS, more=more))
    done = project.run("up", "--yes", "--skip-preview")
    said = done.stdout + done.stderr
    assert done.returncode, said
    assert "the policies are not in force" in said
    assert "Traceback" not in said
    state = orjson.loads(project.pulumi("stack", "export").stdout)["deployment"]
    types = {resource["type"] for resource in state.get("resources", ())}
    assert not [name for name in types if name.startswith("kubernetes:")]


@pytest.mark.cluster
def test_nothing_that_a_program_declares_is_registered_before_the_policies_are_in_force(
    project: Project,
) -> None:
    project.program(PREPARED.format(end='note("in force ")', more=NONE_OF_ITS_OBJECTS))
    project.pulumi("up", "--yes", "--skip-preview")
    assert (project.folder / "order").read_text() == "in force registered "
