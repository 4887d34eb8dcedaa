"""A provider that the program passes in: compared with the cluster that is meant, before any object is
registered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.output import Unknown

from sovereign_ai.deploy.components.given_provider import judge
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from tests.deploy.projects import Project, dead_kubeconfig, project

__all__ = ["project"]


def refused(inputs: dict[str, Any], meant: Path, context: str | None = None) -> list[tuple[str, str]]:
    with pytest.raises(UsageError) as raised:
        judge("mine", inputs, meant, context)
    return [(problem.code, problem.message) for problem in raised.value.problems]


def test_a_provider_by_path_by_content_or_by_the_environment_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = dead_kubeconfig(tmp_path / "one")
    copy = dead_kubeconfig(tmp_path / "copy")
    judge("mine", {"kubeconfig": str(copy)}, meant, None)
    judge("mine", {"kubeconfig": meant.read_text(), "context": "here"}, meant, "here")
    judge("mine", {"kubeconfig": str(meant), "cluster": "here", "context": "no such"}, meant, None)
    monkeypatch.setenv("KUBECONFIG", str(meant))
    judge("mine", {"enableServerSideApply": "true", "deleteUnreachable": False}, meant, None)


def test_a_provider_of_another_cluster_is_refused(tmp_path: Path) -> None:
    meant, other = dead_kubeconfig(tmp_path / "one"), dead_kubeconfig(tmp_path / "two", port=10)
    message = (
        "the provider 'mine' leads to https://127.0.0.1:10, and the cluster meant is https://127.0.0.1:9"
    )
    assert refused({"kubeconfig": str(other)}, meant) == [("other-cluster", message)]
    assert refused({"kubeconfig": other.read_text()}, meant, "here") == [("other-cluster", message)]


def test_the_same_address_with_another_authority_is_another_cluster(tmp_path: Path) -> None:
    meant, other = dead_kubeconfig(tmp_path / "one"), dead_kubeconfig(tmp_path / "two")
    other.write_text(other.read_text().replace("server:", "certificate-authority-data: YQ==\n    server:"))
    assert refused({"kubeconfig": str(other)}, meant)[0][1].endswith("by another authority")


@pytest.mark.parametrize(
    "field", ["kubeconfig", "context", "cluster", "enableServerSideApply", "renderYamlToDirectory"]
)
def test_what_is_unknown_at_preview_is_refused(tmp_path: Path, field: str) -> None:
    meant = dead_kubeconfig(tmp_path / "one")
    message = (
        f"{field} of the provider 'mine' is unknown at preview, and a deployment is decided on plain values"
    )
    assert refused({"kubeconfig": str(meant), field: Unknown()}, meant) == [("unknown-input", message)]


def test_a_provider_that_cannot_apply_what_is_planned_is_refused_with_every_reason(tmp_path: Path) -> None:
    meant = dead_kubeconfig(tmp_path / "one")
    inputs = {"enableServerSideApply": "false", "deleteUnreachable": True, "renderYamlToDirectory": "out"}
    assert [code for code, _ in refused(inputs, meant)] == ["unsuitable-provider"] * 3


@pytest.mark.parametrize(
    "internal",
    [
        {"envVarMappings": {"OTHER": "KUBECONFIG"}},
        {"name": "terraform-provider", "parameterization": "e30="},
        {"pluginDownloadURL": "https://example.com"},
    ],
    ids=str,
)
def test_a_provider_with_another_plugin_or_environment_is_refused(
    tmp_path: Path, internal: dict[str, Any]
) -> None:
    meant = dead_kubeconfig(tmp_path / "one")
    own = {"kubeconfig": str(meant), "__internal": {"name": "kubernetes"}}
    judge("mine", own, meant, None)
    ((code, message),) = refused({**own, "__internal": internal}, meant)
    assert (code, message.partition(" is ")[0]) == (
        "unsuitable-provider",
        "the plugin of the provider 'mine'",
    )


def test_a_server_under_a_name_that_only_go_reads_is_refused(tmp_path: Path) -> None:
    """The provider reads `!!binary c2VydmVy` as `server`, and takes the last."""
    meant = dead_kubeconfig(tmp_path / "one")
    hidden = "!!binary c2VydmVy: https://192.0.2.1:6443\n    server:"
    for given in (meant.read_text().replace("server:", hidden), "\n" + '{"clusters": [], "clusters": []}'):
        with pytest.raises(EnvironmentLacksError, match="is no YAML"):
            judge("mine", {"kubeconfig": given}, meant, None)


def test_several_files_and_a_file_without_a_cluster_name_no_cluster(tmp_path: Path) -> None:
    meant = dead_kubeconfig(tmp_path / "one")
    for given in (f"{meant}:{meant}", str(tmp_path / "none"), "{}"):
        with pytest.raises(EnvironmentLacksError):
            judge("mine", {"kubeconfig": given}, meant, None)


GIVEN = """
import pulumi_kubernetes as k8s
import asyncio

async def value():
    return None

async def known():
    return False

def late():
    return pulumi.Output(set(), value(), known())

class Outer(pulumi.ComponentResource):
    def __init__(self, provider):
        super().__init__("tests:index:Outer", "outer", {{}}, pulumi.ResourceOptions(providers=[provider]))

mine = k8s.Provider("mine", {provider})
FactoryDeployment("mini", sai.load("mini.yaml"), pulumi.ResourceOptions({opts}), kubeconfig="one.kubeconfig")
"""


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("provider", "opts"),
    [
        ("kubeconfig='one.kubeconfig'", "provider=mine"),
        ("kubeconfig=open('one.kubeconfig').read()", "providers={'kubernetes': mine}"),
        ("kubeconfig=pulumi.Output.secret(open('one.kubeconfig').read())", "parent=Outer(mine)"),
    ],
)
def test_the_engine_uses_a_provider_that_leads_to_the_cluster_meant(
    project: Project, provider: str, opts: str
) -> None:
    project.program(GIVEN.format(provider=provider, opts=opts))
    steps = project.preview()
    objects = {
        urn: step["newState"]
        for urn, step in steps.items()
        if step["newState"]["type"].startswith("kubernetes:")
    }
    assert len(objects) > 30
    assert {state["provider"].rsplit("::", 2)[-2] for state in objects.values()} == {"mine"}
    assert [urn for urn in steps if "pulumi:providers:kubernetes" in urn] == [
        "pulumi:providers:kubernetes::mine"
    ]


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("kubeconfig='two.kubeconfig'", "the provider 'mine' leads to https://localhost:"),
        ("kubeconfig=late()", "kubeconfig of the provider 'mine' is unknown at preview"),
        ("kubeconfig='one.kubeconfig', enable_server_side_apply=False", "server-side apply switched off"),
    ],
)
def test_the_engine_registers_no_object_with_a_provider_that_is_refused(
    project: Project, provider: str, said: str
) -> None:
    project.program(GIVEN.format(provider=provider, opts="provider=mine"))
    text = project.refused("--diff")
    assert said in text
    assert "kubernetes:core/v1" not in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "text",
    [
        "users:\n- {{token: {}\n",
        "a: {}\nb: " + "[" * 20_000,
        "a: {}\na: b\n",
        "a: {}\n!!binary Yw==: d\n",
        "a: &x {}\nb: *x\n",
    ],
)
def test_a_kubeconfig_that_is_no_yaml_is_refused_without_a_word_of_it(tmp_path: Path, text: str) -> None:
    meant = dead_kubeconfig(tmp_path / "one")
    with pytest.raises(EnvironmentLacksError, match="is no YAML") as refused:
        judge("mine", {"kubeconfig": text.format("opaque-credential")}, meant, None)
    assert "opaque" not in str(refused.value)
    assert refused.value.__suppress_context__
