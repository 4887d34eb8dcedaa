"""Resources of other providers, as the policy pack sees them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.cluster.guard import KEPT
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.description.providers import ClusterProvider, reject_clusters, reject_resource
from sovereign_ai.spec.reader import load
from sovereign_ai.spec.zone import Provider
from tests.rules.subject import factory_of

PACK = Path(__file__).resolve().parents[3] / "policies" / "sovereign"
OPENSTACK = Provider(package="openstack", country="DE", reason="our own cloud beside the factory")


@pytest.mark.parametrize(
    ("resource_type", "is_refused"),
    [
        ("aws:s3/bucketV2:BucketV2", True),
        ("pulumi:providers:aws", True),
        ("command:local:Command", True),
        ("pulumi-python:dynamic:Resource", True),
        ("pulumi-nodejs:dynamic:Resource", True),
        ("random:index/randomId:RandomId", True),
        ("openstack:objectstorage/container:Container", False),
        ("pulumi:providers:openstack", False),
        ("pulumi:providers:kubernetes", False),
        ("kubernetes:core/v1:ConfigMap", False),
        ("sovereign-hosts:index:HostConfiguration", False),
        ("pulumi:pulumi:Stack", False),
        ("pulumi:pulumi:StackReference", False),
    ],
)
def test_a_resource_of_a_provider_that_is_not_declared_is_refused(
    resource_type: str, is_refused: bool
) -> None:
    assert (
        reject_resource(factory_of(providers=(OPENSTACK,)), resource_type).startswith("RES-015: ")
        is is_refused
    )


def reported(monkeypatch: pytest.MonkeyPatch, resource_type: str, **more: Any) -> list[str]:
    """Return what the policy pack reports of one resource, in a stack whose description is the lab's."""
    monkeypatch.syspath_prepend(str(PACK))
    import dispatch

    lab = str(PACK.parents[1] / "stacks" / "lab")
    opts = SimpleNamespace(ignore_changes=more.pop("ignore_changes", []))
    given = {"provider": SimpleNamespace(name="default"), "props": {}, **more}
    args = SimpleNamespace(resource_type=resource_type, opts=opts, get_config=lambda: {"spec": lab}, **given)
    problems: list[str] = []
    monkeypatch.setattr("pulumi.get_stack", lambda: "lab")
    dispatch._check_resource(args, problems.append)  # type: ignore[arg-type]
    for name in ("dispatch", "properties"):
        sys.modules.pop(name, None)
    return problems


def test_the_policy_pack_refuses_other_providers_and_passes_components(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "RES-015: aws:s3/bucketV2:BucketV2" in reported(monkeypatch, "aws:s3/bucketV2:BucketV2")[0]
    assert reported(monkeypatch, "pulumi:providers:aws", provider=None)
    assert reported(monkeypatch, "example:index:Component", provider=None) == []


def test_the_policy_pack_refuses_a_guard_whose_changes_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
    assert reported(monkeypatch, policy, props={"metadata": {"name": "sovereign-pods"}}) == []
    (problem,) = reported(
        monkeypatch, policy, props={"metadata": {"name": "sovereign-pods"}}, ignore_changes=["spec"]
    )
    assert problem.startswith("LIV-004: changes of spec are ignored")


@pytest.mark.parametrize(
    "holder",
    [
        "yaml:ConfigFile",
        "yaml/v2:ConfigGroup",
        "helm.sh/v3:Chart",
        "helm.sh/v4:Chart",
        "kustomize:Directory",
        "kustomize/v2:Directory",
    ],
)
def test_the_policy_pack_judges_what_a_component_of_the_provider_holds_and_not_the_component(
    monkeypatch: pytest.MonkeyPatch, holder: str
) -> None:
    assert reported(monkeypatch, f"kubernetes:{holder}") == []


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
        ("helm.cattle.io/v1", "HelmChart"),
        ("helm.sh/v3", "Directory"),
        ("yaml.example.com/v1", "ConfigFile"),
        ("yaml/v2", "Pod"),
    ],
)
def test_the_policy_pack_judges_a_kind_whose_group_begins_like_a_component_of_the_provider(
    monkeypatch: pytest.MonkeyPatch, group: str, kind: str
) -> None:
    metadata = {"name": "x", "namespace": "research"}
    spec = {"kubeConfig": {"secretRef": {"name": "another-cluster"}}}
    props = {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}
    problems = reported(monkeypatch, f"kubernetes:{group}:{kind}", props=props)
    assert any(problem.startswith("RES-01") for problem in problems), problems


@pytest.mark.parametrize("kind", sorted(KEPT))
def test_the_policy_pack_refuses_ignored_changes_of_whatever_the_guard_keeps(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name in (kind, f"{kind}Patch"):
        props = {"metadata": {"name": "x"}}
        problems = reported(monkeypatch, f"kubernetes:x/v1:{name}", props=props, ignore_changes=["spec"])
        assert any(problem.startswith("LIV-004: changes of spec") for problem in problems)


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_the_policy_pack_refuses_what_helm_deploys_by_itself(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    (problem,) = reported(monkeypatch, f"kubernetes:helm.sh/{version}:Release")
    assert problem.startswith("PLC-001: the objects of a Helm release cannot be seen")


@pytest.mark.parametrize(
    "inputs",
    [
        {"pluginDownloadURL": "https://example.com"},
        {"__internal": {"pluginDownloadURL": "github://api/x"}},
        {"__internal": {"name": "terraform-provider", "parameterization": "e30=", "version": "1.0.0"}},
        {"__internal": {"parameterization": "e30="}},
        {"__internal": {"name": "another"}},
        {"__internal": {"envVarMappings": {"OTHER": "KUBECONFIG"}}},
    ],
    ids=str,
)
def test_the_policy_pack_refuses_a_kubernetes_provider_with_another_plugin_or_environment(
    monkeypatch: pytest.MonkeyPatch, inputs: dict[str, Any]
) -> None:
    kubernetes = "pulumi:providers:kubernetes"
    assert reported(monkeypatch, kubernetes, props={"version": "4.25.0", "__internal": {}}) == []
    own = {"name": "kubernetes", "pluginChecksums": {"linux-amd64": "aa"}}
    assert reported(monkeypatch, kubernetes, props={"version": "4.25.0", "__internal": own}) == []
    assert reported(monkeypatch, kubernetes, props={"version": "4.25.0"}) == []
    (problem,) = reported(monkeypatch, kubernetes, props=inputs)
    assert problem.startswith("RES-015: the plugin of pulumi:providers:kubernetes is ")


HOME = ("https://127.0.0.1:6443", b"our authority")
ABROAD = ("https://cluster.example.com", b"another authority")
ELSEWHERE = Provider(package="kubernetes", country="DE", reason="the cluster of the monitoring")


def provider_to(cluster: tuple[str, bytes], name: str, *, holds_factory: bool = False) -> ClusterProvider:
    return ClusterProvider(f"urn:{name}", name, *cluster, holds_factory)


@pytest.mark.parametrize(
    ("providers", "refused"),
    [
        ([provider_to(HOME, "own", holds_factory=True), provider_to(HOME, "default")], []),
        ([provider_to(HOME, "own", holds_factory=True), provider_to(ABROAD, "more")], ["urn:more"]),
        # The same address by another authority is another server.
        (
            [provider_to(HOME, "own", holds_factory=True), provider_to((HOME[0], b"x"), "more")],
            ["urn:more"],
        ),
        # A program may deploy several clusters of the factory.
        (
            [
                provider_to(HOME, "north", holds_factory=True),
                provider_to(ABROAD, "south", holds_factory=True),
            ],
            [],
        ),
        # Nothing says which of them is the factory's.
        ([provider_to(HOME, "one"), provider_to(ABROAD, "other")], ["urn:one", "urn:other"]),
        ([provider_to(HOME, "one"), provider_to(HOME, "other")], []),
    ],
)
def test_a_provider_that_leads_to_another_cluster_is_refused(
    providers: list[ClusterProvider], refused: list[str]
) -> None:
    assert [urn for urn, _ in reject_clusters(factory_of(), providers)] == refused
    assert reject_clusters(factory_of(providers=(ELSEWHERE,)), providers) == []


def kubeconfig_of(server: str) -> str:
    """Return the content of a kubeconfig, as a provider's input holds it."""
    return (
        "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
        f"clusters: [{{name: main, cluster: {{server: '{server}', certificate-authority-data: YQ==}}}}]\n"
        "contexts: [{name: main, context: {cluster: main, user: main}}]\n"
        "users: [{name: main, user: {token: none}}]\n"
    )


def stack_reported(monkeypatch: pytest.MonkeyPatch, inputs_of: dict[str, dict[str, Any]]) -> list[str]:
    """Return what the pack reports of a stack with a provider for each part of the URNs of its objects."""
    monkeypatch.syspath_prepend(str(PACK))
    import dispatch

    resources = []
    for part, inputs in inputs_of.items():
        provider = SimpleNamespace(urn=f"urn:{part}", name=part.rstrip("$"), props=inputs)
        urn = f"urn:pulumi:lab::lab::{part}kubernetes:core/v1:ConfigMap::settings"
        kind = "kubernetes:core/v1:ConfigMap"
        resources.append(SimpleNamespace(resource_type=kind, urn=urn, provider=provider))
    lab = str(PACK.parents[1] / "stacks" / "lab")
    args = SimpleNamespace(resources=resources, get_config=lambda: {"spec": lab})
    problems: list[str] = []
    monkeypatch.setattr("pulumi.get_stack", lambda: "lab")
    dispatch._check_clusters(args, lambda text, _urn=None: problems.append(text))  # type: ignore[arg-type]
    for name in ("dispatch", "properties"):
        sys.modules.pop(name, None)
    return problems


def test_the_policy_pack_refuses_objects_on_another_cluster_beside_the_factory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment = "sovereign:index:FactoryDeployment$"
    home, abroad = {"kubeconfig": kubeconfig_of(HOME[0])}, {"kubeconfig": kubeconfig_of(ABROAD[0])}
    assert stack_reported(monkeypatch, {deployment: home}) == []
    assert stack_reported(monkeypatch, {deployment: home, "beside$": home}) == []
    (problem,) = stack_reported(monkeypatch, {deployment: home, "beside$": abroad})
    assert problem.startswith("RES-015: the Kubernetes provider beside leads to https://cluster.example.com")
    (problem,) = stack_reported(monkeypatch, {deployment: home, "beside$": {"kubeconfig": "/nowhere"}})
    assert problem.startswith("RES-015: cannot be decided")


def resource(provider: str, kind: str, name: str, inputs: dict[str, Any]) -> SimpleNamespace:
    """Return a resource below a deployment, as a pack sees it."""
    to = SimpleNamespace(urn=f"urn:{provider}", name=provider, props=inputs)
    urn = f"urn:pulumi:lab::lab::sovereign:index:FactoryDeployment${kind}::{name}"
    return SimpleNamespace(resource_type=kind, urn=urn, provider=to, props={"metadata": {"name": name}})


FRAME = {
    "Namespace": "kubernetes:core/v1:Namespace",
    "ValidatingAdmissionPolicy": "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding": (
        "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding"
    ),
}


def test_a_component_that_is_only_called_a_deployment_makes_no_cluster_the_factory_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(PACK))
    import dispatch

    lab = PACK.parents[1] / "stacks" / "lab"
    home, abroad = {"kubeconfig": kubeconfig_of(HOME[0])}, {"kubeconfig": kubeconfig_of(ABROAD[0])}
    factory = load(lab)
    component = SimpleNamespace(resource_type="sovereign:index:FactoryDeployment", urn="u", provider=None)
    own = [
        resource("home", FRAME[obj["kind"]], obj["metadata"]["name"], home)
        for obj in render(factory, plan(factory), "lab").objects
        if obj["kind"] in FRAME
    ]
    forged = [resource("abroad", FRAME["Namespace"], "research", abroad)]
    monkeypatch.setattr("pulumi.get_stack", lambda: "lab")

    def problems(*resources: SimpleNamespace) -> list[str]:
        found: list[str] = []
        args = SimpleNamespace(resources=[component, *resources], get_config=lambda: {"spec": str(lab)})
        dispatch._check_clusters(args, lambda text, _urn=None: found.append(text))  # type: ignore[arg-type]
        return found

    beside = resource("beside", "kubernetes:core/v1:ConfigMap", "x", home)
    assert problems(*own, beside) == []
    (problem,) = problems(*own, *forged)
    assert problem.startswith("RES-015: the Kubernetes provider abroad leads to https://cluster.example.com")
    assert len(problems(*own[1:], *forged)) == 2
    for name in ("dispatch", "properties"):
        sys.modules.pop(name, None)
