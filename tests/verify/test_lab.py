"""The lab as `up` deploys it, on a real control plane: what was spoiled is found, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.guard import guard_policies, open_guard
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.sim.factory import simulate
from sovereign_ai.verify.kinds import RBAC
from sovereign_ai.verify.verdict import ClusterVerdict, verify

if TYPE_CHECKING:
    from tests.conftest import Deployed

MANAGER = "somebody"
pytestmark = pytest.mark.cluster


def judged(lab: Deployed, *, probes: bool = False) -> ClusterVerdict:
    return verify(lab.api, lab.factory, lab.plan, lab.bundle, cluster="lab", probes=probes)


def test_the_lab_as_deployed_has_no_finding_and_every_probe_passes(deployed_lab: Deployed) -> None:
    verdict = judged(deployed_lab, probes=True)
    assert [str(finding) for finding in verdict.findings] == []
    assert [str(probe) for probe in verdict.probes if probe.status != "passed"] == []
    assert verdict.complete
    assert (verdict.counts["nodes"], verdict.counts["ready"], verdict.counts["devices"]) == (16, 16, 128)


def test_a_deleted_node_a_widened_policy_and_a_foreign_binding_are_found_and_nothing_else(
    deployed_lab: Deployed,
) -> None:
    api = deployed_lab.api
    node = deployed_lab.plan.nodes_of("lab")[0].name
    wanted = next(
        obj
        for obj in deployed_lab.bundle.objects
        if obj["kind"] == "NetworkPolicy" and obj["spec"].get("ingress")
    )
    namespace, name = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
    binding: dict[str, Any] = {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": "intruder", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "intruder"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}],
    }
    try:
        api.delete("v1", "Node", node)
        with _admission_away(deployed_lab):
            _require(lambda: api.apply(_widened(deployed_lab, wanted), field_manager=MANAGER, force=True))
            _require(lambda: api.apply(binding))
        assert [(one.kind, one.resource, one.field) for one in judged(deployed_lab).findings] == [
            ("changed", f"NetworkPolicy/{namespace}/{name}", "spec.ingress[0].from"),
            ("missing", f"Node/{node}", ""),
            ("foreign", f"RoleBinding/{namespace}/intruder", ""),
        ]
    finally:
        api.delete(RBAC, "RoleBinding", "intruder", namespace)
        api.apply(wanted, field_manager=MANAGER, force=True)
        simulate(api, deployed_lab.factory, deployed_lab.plan, "lab")
    assert judged(deployed_lab).findings == ()


def test_a_policy_that_lets_everybody_in_is_refused_while_admission_is_there(deployed_lab: Deployed) -> None:
    wanted = next(
        obj
        for obj in deployed_lab.bundle.objects
        if obj["kind"] == "NetworkPolicy" and obj["spec"].get("ingress")
    )
    wider = _widened(deployed_lab, wanted)
    with pytest.raises(ApiError, match="ValidatingAdmissionPolicy 'sovereign-"):
        _for_a_while(lambda: deployed_lab.api.apply(wider, field_manager=MANAGER, force=True, dry_run=True))


def _for_a_while(write: Callable[[], object]) -> None:
    """Write again and again: a policy takes effect a moment after it is made."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        write()
        time.sleep(0.2)


@contextmanager
def _admission_away(lab: Deployed) -> Iterator[None]:
    """Take our admission bindings away, as only who owns the plane could, and put them back."""
    where = ClusterDir("lab", lab.kubeconfig.parent)
    assert open_guard(where, lab.api)
    bindings = [obj for obj in lab.bundle.objects if obj["kind"] == "ValidatingAdmissionPolicyBinding"]
    for obj in bindings:
        lab.api.delete(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])
    try:
        yield
    finally:
        for obj in bindings:
            lab.api.apply(obj)
        assert guard_policies(where, lab.api, lab.bundle.objects)


def _require(write: Callable[[], object]) -> None:
    """Write, until the server has noticed that nobody refuses any more."""
    deadline = time.monotonic() + 20
    while True:
        try:
            write()
        except ApiError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


def _widened(lab: Deployed, wanted: dict[str, Any]) -> dict[str, Any]:
    """Let every namespace in."""
    policy = _live(lab, wanted)
    policy["spec"]["ingress"][0]["from"].append({"namespaceSelector": {}})
    kept = {
        key: value
        for key, value in policy["metadata"].items()
        if key in {"name", "namespace", "labels", "annotations"}
    }
    return {**policy, "metadata": kept}


def _live(lab: Deployed, wanted: dict[str, Any]) -> dict[str, Any]:
    metadata = wanted["metadata"]
    found = lab.api.get(wanted["apiVersion"], wanted["kind"], metadata["name"], metadata.get("namespace"))
    assert found is not None
    return found
