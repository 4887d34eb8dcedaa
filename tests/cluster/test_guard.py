"""The guard of the admission policies: its text, and on the real API server against the mightiest caller
there is.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, status, up
from sovereign_ai.cluster.guard import (
    GUARD,
    GUARDED,
    LEVELS,
    LEVELS_GUARD,
    _as_stored,
    guard_objects,
    guard_policies,
    open_guard,
)
from sovereign_ai.cluster.identities import CLUSTER_CA, kubeconfig
from sovereign_ai.cluster.pki import Leaf, authority, sign
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.spec.reader import load
from sovereign_ai.verify.defaults import completed

ADMISSION = "admissionregistration.k8s.io/v1"
FLOW_CONTROL = "flowcontrol.apiserver.k8s.io/v1"
LAB = Path(__file__).parents[2] / "stacks" / "lab"


def lab_policies() -> list[dict[str, Any]]:
    factory = load(LAB)
    return [one for one in render(factory, plan(factory), "lab").objects if one["kind"] in GUARDED]


def lab_levels() -> list[dict[str, Any]]:
    factory = load(LAB)
    return [one for one in render(factory, plan(factory), "lab").objects if one["kind"] in LEVELS]


def test_the_levels_of_tenants_and_platform_are_kept_from_being_deleted_by_their_names() -> None:
    levels = lab_levels()
    guarding, binding = guard_objects([*lab_policies(), *levels])[-2:]
    spec = guarding["spec"]
    assert binding["spec"] == {"policyName": LEVELS_GUARD, "validationActions": ["Deny"]}
    texts = " ".join(one["expression"] for one in spec["validations"])
    assert len(levels) == 6
    assert all(f'"{one["metadata"]["name"]}"' in texts for one in levels)
    assert spec["matchConstraints"]["resourceRules"][0]["operations"] == ["DELETE"]
    assert LEVELS_GUARD not in {one["metadata"]["name"] for one in guard_objects(lab_policies())}


def test_each_policy_and_binding_has_a_validation_that_names_it():
    policies = lab_policies()
    guarding, binding, *_ = guard_objects(policies)
    texts = [one["expression"] for one in guarding["spec"]["validations"]]
    assert len(texts) >= len(policies) > 10
    for one in policies:
        named = f'"{GUARDED[one["kind"]]}" && variables.held.metadata.name == "{one["metadata"]["name"]}"'
        assert any(named in text for text in texts)
    assert max(map(len, texts)) < 100_000, "CEL takes no longer expression"
    assert binding["spec"] == {"policyName": GUARD, "validationActions": ["Deny"]}
    assert guarding["metadata"]["name"].endswith(".static.k8s.io")


def test_a_long_policy_is_compared_in_pieces_that_leave_nothing_out() -> None:
    named = [one for one in lab_policies() if one["metadata"]["name"] == "sovereign-others"]
    (long,) = (one for one in named if one["kind"] == "ValidatingAdmissionPolicy")
    guarding, _ = guard_objects([long])
    texts = " ".join(one["expression"] for one in guarding["spec"]["validations"])
    spec = _as_stored(long["kind"], long["spec"])
    for field, value in spec.items():
        if isinstance(value, list):
            assert f"size(object.spec.{field}) == {len(value)}" in texts
            assert all(f"object.spec.{field}[{number}]" in texts for number in range(len(value)))
        else:
            assert f"dyn(object.spec.{field}) == " in texts
    assert f"in {json.dumps(sorted(spec))}" in texts


def test_what_it_expects_is_what_the_server_stores_of_what_we_write():
    """`verify/defaults.py` is compared with a real server.

    The guard, which may not import it, must say the same.
    """
    for one in lab_policies():
        assert _as_stored(one["kind"], one["spec"]) == completed(one)["spec"]


def test_a_refusal_says_how_to_change_a_policy_and_how_to_remove_the_factory():
    guarding, *_ = guard_objects(lab_policies())
    for one in guarding["spec"]["validations"][1:]:
        for word in (
            "is guarded",
            "change the description and deploy",
            "`sovereign-ai down`, and not `pulumi destroy`",
        ):
            assert word in one["message"]
        assert "\n" not in one["message"], "the API server takes none"


def test_what_is_no_policy_is_not_guarded():
    assert guard_objects([{"kind": "Namespace", "metadata": {"name": "research"}}]) == []


@dataclass(frozen=True)
class Guarded:
    """A plane with the lab's policies on it, and a caller whom RBAC cannot stop."""

    where: ClusterDir
    cluster: EmbeddedCluster
    admin: Api
    master: Api
    policies: list[dict[str, Any]]
    levels: list[dict[str, Any]]

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Everything that the guard is for."""
        return [*self.policies, *self.levels]


@pytest.fixture(scope="module")
def guarded(
    clusters: Path, components: dict[str, Path] | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    cluster = up("guarded", components=components, root=clusters)
    where = ClusterDir("guarded", cluster.folder)
    admin = open_cluster(cluster.kubeconfig)
    pair = sign(
        authority(where.pki, CLUSTER_CA),
        Leaf("", "mightiest", ("system:masters",), client=True),
        timedelta(hours=1),
    )
    path = tmp_path_factory.mktemp("master") / "kubeconfig"
    path.write_bytes(kubeconfig(where, "mightiest", cluster.server, pair))
    policies = lab_policies()
    # A FlowSchema that leads to no level is served all the same, and judged by no policy until then.
    levels = sorted(lab_levels(), key=lambda one: str(one["kind"]), reverse=True)
    assert guard_policies(where, admin, [*policies, *levels])
    for one in (*levels, *policies):
        admin.apply(one)
    until(lambda: "NSP-001" in refused(lambda: admin.create(STRANGER, dry_run=True)))
    yield Guarded(where, cluster, admin, open_cluster(path), policies, levels)
    admin.close()


STRANGER = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "stranger", "labels": {KEYS.namespace_zone: "restricted"}},
}
"""A namespace that passes for a part of a zone, which NSP-001 forbids."""


def until(holds: Callable[[], Any], seconds: float = 180) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)
    return value


def refused(call: Callable[[], Any]) -> str:
    """Give the reason of a refusal; empty if there was none."""
    try:
        call()
    except ApiError as error:
        return str(error)
    return ""


def changed(obj: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Give a copy with another value at a path below `spec`; None takes it out."""
    copied = deepcopy(obj)
    *parents, last = path.split(".")
    holder = copied["spec"]
    for part in parents:
        holder = holder[int(part)] if part.isdecimal() else holder[part]
    if value is None:
        del holder[last]
    else:
        holder[last] = value
    return copied


WAYS = [
    ("ValidatingAdmissionPolicy", "failurePolicy", "Ignore"),
    ("ValidatingAdmissionPolicy", "validations.0.expression", "true"),
    ("ValidatingAdmissionPolicy", "matchConditions", [{"name": "never", "expression": "false"}]),
    ("ValidatingAdmissionPolicy", "matchConstraints.namespaceSelector", {"matchLabels": {"no": "where"}}),
    ("ValidatingAdmissionPolicy", "matchConstraints.objectSelector", {"matchLabels": {"no": "thing"}}),
    (
        "ValidatingAdmissionPolicy",
        "matchConstraints.excludeResourceRules",
        [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}],
    ),
    ("ValidatingAdmissionPolicy", "matchConstraints.resourceRules.0.operations", ["DELETE"]),
    ("ValidatingAdmissionPolicy", "paramKind", {"apiVersion": "v1", "kind": "ConfigMap"}),
    ("ValidatingAdmissionPolicyBinding", "validationActions", ["Audit"]),
    (
        "ValidatingAdmissionPolicyBinding",
        "matchResources",
        {"namespaceSelector": {"matchLabels": {"no": "where"}}},
    ),
    ("MutatingAdmissionPolicy", "matchConditions", [{"name": "never", "expression": "false"}]),
    (
        "MutatingAdmissionPolicyBinding",
        "matchResources",
        {"objectSelector": {"matchLabels": {"no": "thing"}}},
    ),
]


@pytest.mark.cluster
@pytest.mark.parametrize(("kind", "path", "value"), WAYS, ids=[f"{kind}.{path}" for kind, path, _ in WAYS])
def test_nobody_loosens_a_policy(guarded: Guarded, kind: str, path: str, value: Any):
    for one in (one for one in guarded.policies if one["kind"] == kind):
        loose = changed(one, path, value)
        assert f"{kind} {one['metadata']['name']} is guarded" in refused(
            lambda: guarded.master.apply(loose, force=True)  # noqa: B023 - called at once
        )
    assert "NSP-001" in refused(lambda: guarded.master.create(STRANGER))


@pytest.mark.cluster
def test_nobody_deletes_a_policy_one_by_one_or_all_at_once(guarded: Guarded):
    for one in guarded.policies:
        kind, name = one["kind"], one["metadata"]["name"]
        assert "is guarded" in refused(lambda: guarded.master.delete(ADMISSION, kind, name))  # noqa: B023
    for resource in GUARDED.values():
        assert "is guarded" in refused(
            lambda: guarded.master.request("DELETE", f"/apis/{ADMISSION}/{resource}")  # noqa: B023 - called at once
        )
    for one in guarded.policies:
        assert guarded.admin.get(ADMISSION, one["kind"], one["metadata"]["name"]) is not None
    assert "NSP-001" in refused(lambda: guarded.master.create(STRANGER))


@pytest.mark.cluster
def test_nobody_deletes_a_level_one_by_one_or_all_at_once(guarded: Guarded) -> None:
    def delete(one: dict[str, Any]) -> object:
        return guarded.master.delete(FLOW_CONTROL, one["kind"], one["metadata"]["name"])

    for one in guarded.levels:
        assert "are guarded" in refused(partial(delete, one))
    for resource in LEVELS.values():
        request = partial(guarded.master.request, "DELETE", f"/apis/{FLOW_CONTROL}/{resource}")
        assert "are guarded" in refused(request)
    for one in guarded.levels:
        assert guarded.admin.get(FLOW_CONTROL, one["kind"], one["metadata"]["name"]) is not None
    # A level of somebody else goes as it came.
    other = deepcopy(guarded.levels[0])
    other["metadata"] = {"name": "of-somebody"}
    guarded.admin.create(other)
    assert guarded.admin.delete(FLOW_CONTROL, other["kind"], "of-somebody")


@pytest.mark.cluster
def test_the_guard_itself_is_not_to_be_found_or_made_in_the_api(guarded: Guarded):
    assert guarded.master.get(ADMISSION, "ValidatingAdmissionPolicy", GUARD) is None
    false_guard = guard_objects(guarded.policies)[0]
    assert "reserved" in refused(lambda: guarded.master.create(false_guard))


@pytest.mark.cluster
def test_what_the_description_says_is_let_through(guarded: Guarded):
    for one in guarded.policies:
        assert refused(lambda: guarded.admin.apply(one, force=True)) == ""  # noqa: B023
    other = {**guarded.policies[0], "metadata": {"name": "of-somebody"}}
    assert refused(lambda: guarded.admin.create(other)) == ""
    assert guarded.admin.delete(ADMISSION, other["kind"], "of-somebody")
    assert not guard_policies(guarded.where, guarded.admin, guarded.objects), (
        "the same guard again is no change"
    )


@pytest.mark.cluster
def test_after_a_restart_of_the_api_server_the_guard_holds_from_the_first_request(guarded: Guarded):
    root = guarded.where.folder.parent
    pid = next(one.pid for one in status("guarded", root=root).components if one.name == "kube-apiserver")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    victim = guarded.policies[0]
    heard: list[str] = []

    def attempt() -> bool:
        try:
            guarded.master.delete(ADMISSION, victim["kind"], victim["metadata"]["name"])
        except ApiError as error:
            heard.append(str(error))
        except Exception:  # noqa: BLE001 - no API server yet
            return False
        else:
            heard.append("deleted")
        return "is guarded" in heard[-1]

    until(attempt)
    assert "deleted" not in heard
    until(lambda: status("guarded", root=root).healthy)
    assert guarded.admin.get(ADMISSION, victim["kind"], victim["metadata"]["name"]) is not None


@pytest.mark.cluster
def test_with_the_guard_open_policies_can_be_changed_and_deleted_again(guarded: Guarded):
    assert open_guard(guarded.where, guarded.admin)
    victim = next(one for one in guarded.policies if one["kind"] == "ValidatingAdmissionPolicyBinding")
    assert guarded.master.delete(ADMISSION, victim["kind"], victim["metadata"]["name"])
    assert guard_policies(guarded.where, guarded.admin, guarded.objects)
    assert "is guarded" in refused(
        lambda: guarded.admin.apply(changed(victim, "validationActions", ["Warn"]))
    )
    guarded.admin.apply(victim)
