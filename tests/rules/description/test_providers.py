"""Resources of other providers, as the policy pack sees them."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.rules.description.providers import reject_resource
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
