from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.cel.library import compile_program
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.expressions import variables_of, with_constants, without_variables
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.objects import pod_networks
from sovereign_ai.spec.platform import Platform
from tests.rules.cases import cases
from tests.rules.deciding import refused_by
from tests.rules.test_residency_by_default import described

if TYPE_CHECKING:
    from tests.conftest import Deployed

OVN = "k8s.ovn.org/pod-networks"
NOTED = '{"default":{"ip_addresses":["10.244.1.5/24"],"mac_address":"0a:58:0a:f4:01:05"}}'
GOOD = next(case.obj for case in cases() if case.name == "PLC-011/own-network")
PATH = "/api/v1/namespaces/research/pods/noted"
MERGE = "application/merge-patch+json"


def _pod(**annotations: str) -> dict[str, Any]:
    return {**GOOD, "metadata": {"name": "noted", "namespace": "research", "annotations": annotations}}


def test_nobody_creates_a_pod_with_a_note_that_the_plugin_reads_back() -> None:
    assert refused_by(_pod(**{OVN: NOTED})) == {"PLC-011"}


@pytest.mark.parametrize(
    ("annotations", "is_refused"),
    [
        ({OVN: NOTED}, False),
        ({"ovn.kubernetes.io/ip_address": "10.16.0.5"}, False),
        ({"ovn.kubernetes.io/ip_pool": "10.16.0.5"}, True),
        ({"k8s.ovn.org/routing-network": "wan"}, True),
    ],
)
def test_a_live_pod_has_the_notes_of_its_plugin_and_asks_for_nothing(
    annotations: dict[str, str], *, is_refused: bool
) -> None:
    assert ("PLC-011" in refused_by(_pod(**annotations), "live")) is is_refused


@pytest.mark.parametrize("key", sorted(pod_networks.REPORTS))
def test_each_report_is_below_a_domain_of_a_plugin(key: str) -> None:
    assert re.search(pod_networks.OF_PLUGIN, key)


ACCOUNT = "system:serviceaccount:cni-system:agent"


def _answer(user: str, context: Context) -> bool:
    """Tell whether PLC-011 lets a user write a note on a pod that has none."""
    kind = KINDS["Pod"]
    parts = {name: with_constants(text, context.constants()) for name, text in variables_of(kind).items()}
    check = next(check for check in pod_networks.NETWORKS.checks if "Pod" in check.kinds)
    expression = without_variables(with_constants(check.expression, context.constants()), parts)
    request = {"userInfo": {"username": user}}
    values = {"object": _pod(**{OVN: NOTED}), "oldObject": _pod(a="b"), "request": request}
    return compile_program(expression).execute(facts(values)) is True


@pytest.mark.parametrize("user", sorted(pod_networks.PLUGIN_ACCOUNTS))
def test_each_account_of_a_plugin_may_write_a_note(user: str) -> None:
    assert _answer(user, described()[2])


@pytest.mark.parametrize(
    "user",
    [
        "system:serviceaccount:kube-system:default",
        "system:serviceaccount:kube-system:job-controller",
        "system:serviceaccount:kube-system:ovn:x",
        "system:serviceaccount:calico-system:tigera-operator",
        "system:serviceaccount:research:calico-node",
        ACCOUNT,
        "cni-system/agent",
        "",
    ],
)
def test_no_other_account_of_a_plugins_namespace_may_write_one(user: str) -> None:
    assert not _answer(user, described()[2])


def test_the_description_lists_accounts_of_a_plugin_that_no_rule_knows() -> None:
    factory, planned, _ = described()
    listed = Platform(network_accounts=("cni-system/agent", "research/agent"))
    context = factory_context(factory.model_copy(update={"platform": listed}), planned, "lab")
    assert _answer(ACCOUNT, context)
    assert not _answer("system:serviceaccount:cni-system:default", context)
    # The factory's own namespaces hold no network plugin, whatever the description says.
    assert not _answer("system:serviceaccount:research:agent", context)


@pytest.fixture(scope="module")
def noted(deployed_lab: Deployed) -> Iterator[Deployed]:
    """A running pod without annotations in the lab."""
    pod = _pod()
    deployed_lab.api.create(pod)
    deadline = time.monotonic() + 30
    while not deployed_lab.api.request("GET", PATH)["spec"].get("nodeName"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    yield deployed_lab
    deployed_lab.api.delete("v1", "Pod", "noted", "research")


def _note(deployed: Deployed, user: str, annotations: dict[str, str | None], path: str = PATH) -> None:
    deployed.api.acting_as(user).request(
        "PATCH", path, {"metadata": {"annotations": annotations}}, content_type=MERGE
    )


@pytest.mark.cluster
@pytest.mark.parametrize(
    "user",
    [
        "system:serviceaccount:ovn-kubernetes:ovnkube-cluster-manager",
        "system:serviceaccount:openshift-ovn-kubernetes:ovn-kubernetes-node",
        "system:serviceaccount:kube-system:calico-cni-plugin",
        "system:serviceaccount:calico-system:calico-node",
        "system:serviceaccount:kube-system:ovn",
        "eks:vpc-resource-controller",
        "system:ovn-node:NODE",
        "system:multus:NODE",
    ],
)
def test_the_plugins_own_account_notes_what_a_pod_has_and_everybody_keeps_it(
    noted: Deployed, user: str
) -> None:
    from sovereign_ai.cluster.api.errors import ApiError

    node = noted.api.request("GET", PATH)["spec"]["nodeName"]
    plugin = user.replace("NODE", node)
    for path in (PATH, f"{PATH}/status"):
        _note(noted, plugin, {OVN: NOTED}, path)
        # Whoever changes something else keeps the note, and so does the kubelet.
        _note(noted, "somebody", {"example.com/note": user}, path)
        for changed in ({OVN: NOTED.replace("1.5", "1.6")}, {OVN: None}):
            with pytest.raises(ApiError, match="PLC-011"):
                _note(noted, "somebody", changed, path)
        _note(noted, plugin, {OVN: None}, path)


@pytest.mark.cluster
@pytest.mark.parametrize(
    "user",
    [
        "somebody",
        "system:serviceaccount:research:ovnkube-node",
        "system:serviceaccount:sovereign-system:ovn",
        "system:serviceaccount:flux-system:kustomize-controller",
        "system:serviceaccount:kube-system-of-mine:ovn",
        "system:serviceaccount:kube-system:job-controller",
        "system:serviceaccount:kube-system:generic-garbage-collector",
        "system:serviceaccount:kube-system:default",
        "system:serviceaccount:kube-system:ovn-of-mine",
        "system:serviceaccount:ovn-kubernetes:default",
        "system:serviceaccount:cni-system:agent",
        "ovn",
        "system:ovn-node:another",
        "system:ovn-node:",
        "system:node:another",
        "eks:vpc-resource-controllers",
    ],
)
def test_nobody_else_notes_what_a_pod_has(noted: Deployed, user: str) -> None:
    from sovereign_ai.cluster.api.errors import ApiError

    for path in (PATH, f"{PATH}/status"):
        with pytest.raises(ApiError, match="PLC-011"):
            _note(noted, user, {OVN: NOTED}, path)


@pytest.mark.cluster
@pytest.mark.parametrize(
    "annotations",
    [{"k8s.ovn.org/routing-network": "wan"}, {"ovn.kubernetes.io/ip_pool": "10.16.0.5"}],
)
def test_the_plugins_own_account_asks_for_nothing(
    noted: Deployed, annotations: dict[str, str | None]
) -> None:
    from sovereign_ai.cluster.api.errors import ApiError

    with pytest.raises(ApiError, match="PLC-011"):
        _note(noted, "system:serviceaccount:kube-system:ovn", annotations)
