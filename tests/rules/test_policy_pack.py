"""The pack on the real Pulumi engine, with no account anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.rules.normalization import UNKNOWN

if TYPE_CHECKING:
    from tests.conftest import Deployed

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "policies" / "sovereign"

PROGRAM = '''
import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap, Pod

beside = Provider("beside", kubeconfig="""
apiVersion: v1
kind: Config
current-context: main
clusters: [{name: main, cluster: {server: 'https://127.0.0.1:9'}}]
contexts: [{name: main, context: {cluster: main, user: main}}]
users: [{name: main, user: {token: none}}]
""")
ConfigMap("away", metadata={"namespace": "research"}, opts=pulumi.ResourceOptions(provider=beside))
settings = ConfigMap("settings", metadata={"namespace": "research"})


def spec(image, **more):
    box = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "main", "image": image, "securityContext": box, "env": [{"name": "X", "value": settings.id}]}
    return {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}, "containers": [container], **more}


listed = "registry.example.com/ai/train@sha256:" + "a" * 64
Pod("good", metadata={"namespace": "research", "name": "good"}, spec=spec(listed))
Pod("open", metadata={"namespace": "research", "name": "open"}, spec=spec(listed, hostNetwork=True))
Pod("late", metadata={"namespace": "research", "name": "late"}, spec=spec(settings.id))
'''  # noqa: E501 - one literal text


def to_plain(monkeypatch: pytest.MonkeyPatch, props: dict[str, Any], token: str) -> dict[str, Any]:
    from pulumi_policy.proxy import unknown_checking_proxy

    monkeypatch.syspath_prepend(str(PACK))
    from properties import to_plain as convert

    return convert(unknown_checking_proxy(props), token)


def test_an_unknown_property_becomes_unknown_at_any_depth(monkeypatch: pytest.MonkeyPatch):
    from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

    props = {
        "spec": {"containers": [{"image": UNKNOWN_STRING_VALUE, "args": ["a", UNKNOWN_STRING_VALUE]}]},
        "__inputs": {},
    }
    found = to_plain(monkeypatch, props, "kubernetes:core/v1:Pod")
    assert found == {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"containers": [{"image": UNKNOWN, "args": ["a", UNKNOWN]}]},
    }


def test_a_type_token_gives_version_and_kind_and_a_patch_is_what_it_patches(monkeypatch: pytest.MonkeyPatch):
    assert to_plain(monkeypatch, {}, "kubernetes:apps/v1:DeploymentPatch") == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
    }


def test_a_field_whose_name_begins_like_one_of_pulumis_own_is_the_objects(monkeypatch: pytest.MonkeyPatch):
    props = {
        "identity": {"host": "example.com"},
        "ids": [1],
        "urns": 2,
        "id": "a",
        "urn": "b",
        "__inputs": {},
    }
    found = to_plain(monkeypatch, props, "kubernetes:example.com/v1:Login")
    assert found == {
        "apiVersion": "example.com/v1",
        "kind": "Login",
        "identity": {"host": "example.com"},
        "ids": [1],
        "urns": 2,
    }


def stack(folder: Path, *, with_factory: bool) -> Path:
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: packed\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    if with_factory:
        shutil.copy(ROOT / "stacks" / "lab" / "factory.yaml", folder)
    return folder


def refused(deployed: Deployed, folder: Path) -> str:
    from sovereign_ai.deploy.engine.runs import Engine
    from sovereign_ai.errors import DeploymentError

    with pytest.raises(DeploymentError) as caught:
        Engine(folder, folder.name, deployed.kubeconfig, lambda _line: None).preview(policy_pack=PACK)
    return str(caught.value)


@pytest.mark.cluster
def test_a_preview_is_refused_for_what_is_wrong_and_for_what_is_not_known(
    deployed_lab: Deployed, tmp_path: Path
):
    text = refused(deployed_lab, stack(tmp_path / "packed", with_factory=True))
    assert "PRV-001: Pod/research/open: spec.hostNetwork" in text
    assert "IMG-001: Pod/research/late: spec.containers.image: its value is not known yet" in text
    assert "Pod/research/good" not in text
    assert "RES-015: the Kubernetes provider beside leads to https://127.0.0.1:9, which is not known" in text


@pytest.mark.cluster
def test_without_a_description_every_kubernetes_resource_is_refused(deployed_lab: Deployed, tmp_path: Path):
    text = refused(deployed_lab, stack(tmp_path / "bare", with_factory=False))
    assert "cannot be decided" in text
    assert "RES-001" in text
    assert text.count("PLC-001") >= 4


@pytest.mark.cluster
def test_the_lab_itself_passes_the_pack(deployed_lab: Deployed):
    from sovereign_ai.deploy.engine.runs import Engine

    assert (
        Engine(ROOT / "stacks" / "lab", "lab", deployed_lab.kubeconfig, lambda _line: None)
        .preview(policy_pack=PACK)
        .verb
        == "preview"
    )
