"""Nobody takes anything out of the rules, by any resource that the API server serves.

Administrators included.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.evictions import CORDON_OWNER
from sovereign_ai.cluster.guard import REPEATED, guard_policies
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.deploy.enforcement import enforce
from sovereign_ai.deploy.moves.departures import CORDONED_AS
from sovereign_ai.names import KEYS, NODE_WRITER
from sovereign_ai.operate.repair.record import (
    ACCEPTANCE,
    ANNOTATION,
    HOLD,
    REPAIRS,
    REPLACES,
    write_verdict,
)
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.spec.reader import load
from tests.attack.walked import Served, Target, attempts, served
from tests.rules.cases import cases

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).resolve().parents[2]
CRDS = ROOT / "tests" / "rules" / "crds"
ADMISSION, MERGE = "admissionregistration.k8s.io/v1", "application/merge-patch+json"
IMAGE = "registry.example.com/app@sha256:" + "0" * 64
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Walked:
    """A control plane with the lab's policies and guard, a machine and a pod, and its mightiest caller."""

    api: Api
    factory: Api
    bundle: Bundle
    machine: dict[str, Any]
    by_the_file: dict[str, str]
    """What the guard's file alone answered, before any policy was in the API: policy to the refusal."""


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    factory = load(ROOT / "stacks" / "lab")
    derived = plan(factory)
    bundle = render(factory, derived, "lab")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cluster = up("walked", root=root)
        try:
            api = open_cluster(cluster.kubeconfig)
            install_crds(api, CRDS)
            writer = api.acting_as(NODE_WRITER)
            machine = next(
                node for node in node_objects(factory, derived, "lab") if node["spec"].get("taints")
            )
            guard_policies(cluster_dir_of("walked", root), api, bundle.objects)
            by_the_file = _tried_early(api, writer, bundle, machine)
            enforce(api, bundle.objects, lambda _line: None)
            for obj in bundle.objects:
                if obj["apiVersion"].rpartition("/")[0] not in bundle.custom_groups:
                    api.apply(obj, force=True)
            api.create(_pod())
            yield Walked(api, writer, bundle, machine, by_the_file)
            api.close()
        finally:
            down("walked", root=root)


def _tried_early(api: Api, writer: Api, bundle: Bundle, machine: dict[str, Any]) -> dict[str, str]:
    """Make a namespace and a machine while no policy is in the API, and try to take them out of the rules."""
    writer.create(machine)
    api.apply(
        next(
            obj
            for obj in bundle.objects
            if obj["kind"] == "Namespace" and obj["metadata"]["name"] == "research"
        )
    )
    strip = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": None}}}
    move = {"metadata": {"labels": {KEYS.zone: None, KEYS.jurisdiction: None}}}
    name = machine["metadata"]["name"]
    return {
        "sovereign-cluster": refused(
            lambda: api.request("PATCH", "/api/v1/namespaces/research/status", strip, content_type=MERGE)
        ),
        "sovereign-nodes": refused(
            lambda: api.request("PATCH", f"/api/v1/nodes/{name}/status", move, content_type=MERGE)
        ),
    }


@cache
def permitted() -> dict[str, list[dict[str, Any]]]:
    """Return the objects that the rules permit, by kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    for case in cases():
        if case.decision == "allow" and not case.admission:
            found.setdefault(case.obj["kind"], []).append(case.obj)
    return found


def _pod() -> dict[str, Any]:
    """Return a pod that the rules permit."""
    case = permitted()["Pod"][0]
    metadata = {
        **case["metadata"],
        "name": "kept",
        "namespace": "research",
        "labels": {f"{KEYS.domain}/component": "pod.kept"},
    }
    return {**case, "metadata": metadata}


def targets(walked: Walked) -> list[Target]:
    """Return what must stay within the rules: of each kind one, of namespaces a zone's and our own."""
    found = [
        Target("v1", "Namespace", "namespaces", "research"),
        Target("v1", "Namespace", "namespaces", "sovereign-system"),
        Target("v1", "Node", "nodes", walked.machine["metadata"]["name"]),
        Target("v1", "Pod", "pods", "kept", "research"),
    ]
    for kind, resource in (("Validating", "validating"), ("Mutating", "mutating")):
        for part, plural in (("Policy", "policies"), ("PolicyBinding", "policybindings")):
            full = f"{kind}Admission{part}"
            name = next(obj["metadata"]["name"] for obj in walked.bundle.objects if obj["kind"] == full)
            found.append(Target(ADMISSION, full, f"{resource}admission{plural}", name))
    return found


def test_no_resource_or_subresource_that_is_served_takes_anything_out_of_the_rules(walked: Walked) -> None:
    api, kept = walked.api, targets(walked)
    before = {target: target.state(api) for target in kept}
    assert all(any(state.values()) for state in before.values()), "there is something to lose"
    broken, tried = [], 0
    for what in served(api):
        if what.is_connection or what.name == "pods/eviction":
            continue  # an eviction deletes the pod, and carries no metadata to it
        own = [target for target in kept if target.resource == what.resource]
        for target in own:
            for words, send in attempts(api, what, target):
                send()
                tried += 1
                if target.state(api) != before[target]:
                    broken.append(words)
                    _restore(walked, target)
        others = [attempt for target in kept if target not in own for attempt in attempts(api, what, target)]
        api.many(send for _, send in others)
        tried += len(others)
        changed = [target for target in kept if target.state(api) != before[target]]
        broken += [
            f"{what.group_version} {what.name} changes {target.kind} {target.name}" for target in changed
        ]
        for target in changed:
            _restore(walked, target)
    assert broken == []
    assert tried > 1_000


def _restore(walked: Walked, target: Target) -> None:
    """Put back what an attempt changed, so that the next one can be judged."""
    if target.kind == "Node":
        walked.factory.apply({**walked.machine, "status": None}, force=True)
        return
    rendered = [obj for obj in [*walked.bundle.objects, _pod()] if obj["kind"] == target.kind]
    walked.api.apply(next(obj for obj in rendered if obj["metadata"]["name"] == target.name), force=True)


def test_what_says_nothing_about_the_rules_may_be_written_by_each_of_these_subresources(
    walked: Walked,
) -> None:
    """The control of the walk: the subresources do write metadata, and only what the rules read is held."""
    for target in targets(walked):
        for what in served(walked.api):
            if (
                what.resource != target.resource
                or what.kind != target.kind
                or what.verbs.isdisjoint({"patch", "update"})
            ):
                continue
            live = target.live(walked.api)
            assert live is not None
            live["metadata"].setdefault("labels", {})["note"] = what.name.replace("/", ".")
            said = refused(lambda: walked.api.request("PUT", what.path(target.name, target.namespace), live))  # noqa: B023
            # A pod that runs nowhere cannot be resized.
            assert said == "" or (what.subresource == "resize" and "without support for resize" in said), said


def test_a_subresource_that_writes_metadata_of_a_judged_kind_is_judged(walked: Walked) -> None:
    """Whether it does is tried on an object of each kind, and not read anywhere."""
    matched = {
        (rule["apiGroups"][0], resource)
        for obj in walked.bundle.objects
        if obj["kind"] == "ValidatingAdmissionPolicy"
        for rule in obj["spec"]["matchConstraints"]["resourceRules"]
        for resource in rule["resources"]
    }
    judged = {(kind.api_group, kind.resources[0]): kind for kind in KINDS.values() if kind.group}
    passed_by, writing, tried = [], 0, set()
    for what in served(walked.api):
        kind = judged.get((what.group, what.resource))
        if (
            kind is None
            or not what.subresource
            or what.kind != kind.name
            or what.verbs.isdisjoint({"patch", "update"})
        ):
            continue
        obj = _made(walked, kind.name)
        tried.add(kind.name)
        if _annotates(walked.api, what, obj):
            writing += 1
            if (what.group, what.name) not in matched:
                passed_by.append(what.name)
    assert passed_by == []
    assert writing >= 8
    assert {"Namespace", "Node", "Pod", "Service", "Deployment", "PersistentVolumeClaim", "Ingress"} <= tried


def _made(walked: Walked, kind: str) -> dict[str, Any]:
    """Return an object of a kind that the rules permit, stored."""
    if kind == "Node":
        return walked.machine
    for obj in permitted()[kind]:
        try:
            return walked.api.apply(obj, force=True)
        except ApiError:
            continue
    message = f"no permitted case of a {kind} is accepted by this API server"
    raise AssertionError(message)


def _annotates(api: Api, what: Served, obj: dict[str, Any]) -> bool:
    """Tell whether a subresource stores an annotation or a label."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "")
    path, main = (
        what.path(metadata["name"], namespace),
        Served(what.group_version, what.resource, "", "", what.namespaced, frozenset()),
    )
    live = api.request("GET", main.path(metadata["name"], namespace))
    mark = {"walked": what.subresource}
    for part in ("annotations", "labels"):
        live["metadata"][part] = {**(live["metadata"].get(part) or {}), **mark}
    change = {"metadata": {"annotations": mark, "labels": mark}}
    if refused(lambda: api.request("PUT", path, live)):
        refused(lambda: api.request("PATCH", path, change, content_type=MERGE))
    stored = api.request("GET", main.path(metadata["name"], namespace))["metadata"]
    return any(
        (stored.get(part) or {}).get("walked") == what.subresource for part in ("annotations", "labels")
    )


def refused(call: Any) -> str:
    """Return the reason of a refusal; empty if there was none."""
    try:
        call()
    except ApiError as error:
        return str(error)
    return ""


def relabelled(walked: Walked, **labels: str | None) -> dict[str, Any]:
    keys = {
        "zone": KEYS.zone,
        "jurisdiction": KEYS.jurisdiction,
        "pool": KEYS.pool,
        "region": "topology.kubernetes.io/region",
    }
    return {"metadata": {"labels": {keys.get(name, name): value for name, value in labels.items()}}}


@pytest.mark.parametrize("part", ["", "status"])
@pytest.mark.parametrize(
    "labels",
    [
        {"zone": "open"},
        {"zone": None},
        {"jurisdiction": "US"},
        {"jurisdiction": None},
        {"pool": "serve"},
        {"region": "us-east-1"},
        {"region": None},
    ],
    ids=str,
)
def test_an_administrator_moves_no_machine_to_another_zone_or_country(
    walked: Walked, part: str, labels: dict[str, str | None]
) -> None:
    path = "/".join(filter(None, (f"/api/v1/nodes/{walked.machine['metadata']['name']}", part)))
    change = relabelled(walked, **labels)
    assert "NOD-001" in refused(lambda: walked.api.request("PATCH", path, change, content_type=MERGE))
    assert (
        refused(lambda: walked.api.request("PATCH", path, relabelled(walked, note="x"), content_type=MERGE))
        == ""
    )


def test_the_factory_writes_what_is_planned_and_nothing_else(walked: Walked) -> None:
    path = f"/api/v1/nodes/{walked.machine['metadata']['name']}"

    def write(**labels: str | None) -> str:
        return refused(
            lambda: walked.factory.request("PATCH", path, relabelled(walked, **labels), content_type=MERGE)
        )

    planned = walked.machine["metadata"]["labels"]
    other = next(zone for zone in ("open", "restricted") if zone != planned[KEYS.zone])
    assert write(zone=other) == ""
    assert write(zone=planned[KEYS.zone]) == ""
    assert "does not have" in write(zone="secret")
    assert "no site" in write(jurisdiction="US")
    assert "not in the country" in write(region="us-east-1")
    assert "without a country" in write(jurisdiction=None)


def test_a_kubelet_says_its_region_and_no_zone(walked: Walked) -> None:
    """What NodeRestriction leaves to a kubelet is held to the country that the factory has said."""
    name = "joining"
    kubelet = walked.api.acting_as(f"system:node:{name}", ["system:nodes"])
    head = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/region": "fra1"}},
    }
    assert refused(lambda: kubelet.create(head)) == ""
    beat = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert (
        refused(lambda: kubelet.request("PATCH", f"/api/v1/nodes/{name}/status", beat, content_type=MERGE))
        == ""
    )
    for labels in ({"zone": "open"}, {"pool": "train"}):
        assert refused(lambda: kubelet.patch("v1", "Node", name, relabelled(walked, **labels)))  # noqa: B023
    assert (
        refused(
            lambda: walked.factory.patch(
                "v1", "Node", name, relabelled(walked, zone="open", jurisdiction="DE")
            )
        )
        == ""
    )
    assert "NOD-001" in refused(
        lambda: kubelet.patch("v1", "Node", name, relabelled(walked, region="us-east-1"))
    )
    assert "NOD-001" in refused(
        lambda: walked.api.patch("v1", "Node", name, relabelled(walked, region="fra2"))
    )


NOTES = (ANNOTATION, ACCEPTANCE, REPLACES, REPAIRS, HOLD, CORDON_OWNER, CORDONED_AS)


@pytest.mark.parametrize("part", ["", "status"])
@pytest.mark.parametrize("note", NOTES)
def test_a_machine_notes_nothing_of_itself_and_people_do(walked: Walked, note: str, part: str) -> None:
    """A kubelet's right to annotate its own Node would let it pass its own acceptance."""
    name = walked.machine["metadata"]["name"]
    path = "/".join(filter(None, (f"/api/v1/nodes/{name}", part)))
    kubelet = walked.api.acting_as(f"system:node:{name}", ["system:nodes"])

    def write(api: Api, path: str, **annotations: str | None) -> str:
        change = {"metadata": {"annotations": annotations}}
        return refused(lambda: api.request("PATCH", path, change, content_type=MERGE))

    passed = write_verdict(passed=True, now=datetime.now(UTC))
    assert "NOD-001" in write(kubelet, path, **{note: passed})
    assert write(walked.api, f"/api/v1/nodes/{name}", **{note: passed}) == ""
    assert "NOD-001" in write(kubelet, path, **{note: None})
    assert "NOD-001" in write(kubelet, path, **{note: f"{passed}0"})
    # What is not the factory's, a kubelet writes as ever, also beside notes that stay.
    assert write(kubelet, path, **{"volumes.kubernetes.io/controller-managed-attach-detach": "true"}) == ""
    # Agents report conditions by the status, and notes of the factory are none of them.
    agent = "NOD-001" if part else ""
    assert agent in write(walked.api, path, **{note: None})
    assert write(walked.api, f"/api/v1/nodes/{name}", **{note: None}) == ""


def test_a_machine_registers_with_no_note_and_lifts_no_cordon(walked: Walked) -> None:
    name = "noting"
    kubelet = walked.api.acting_as(f"system:node:{name}", ["system:nodes"])
    head: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
    noted = {**head, "metadata": {"name": name, "annotations": {ACCEPTANCE: "passed"}}}
    assert "NOD-001" in refused(lambda: kubelet.create(noted))
    assert refused(lambda: kubelet.create(head)) == ""
    path = f"/api/v1/nodes/{name}"

    def cordon(api: Api, state: bool | None) -> str:
        change = {"spec": {"unschedulable": state}}
        return refused(lambda: api.request("PATCH", path, change, content_type=MERGE))

    assert cordon(kubelet, state=True) == ""
    assert "NOD-001" in cordon(kubelet, state=None)
    assert cordon(walked.api, state=None) == ""
    assert refused(lambda: walked.api.delete("v1", "Node", name)) == ""


def test_before_any_policy_is_in_the_api_the_guard_holds_namespaces_and_machines(walked: Walked) -> None:
    assert set(walked.by_the_file) == set(REPEATED)
    for policy, text in walked.by_the_file.items():
        assert f"'{REPEATED[policy]}'" in text
        assert ("NSP-" if policy == "sovereign-cluster" else "NOD-001") in text


def test_no_role_adds_to_edit_the_writing_of_any_resource_outside_namespaces(walked: Walked) -> None:
    """Reviews, which can only be created, store nothing."""
    resources = {
        (what.group, what.name)
        for what in served(walked.api)
        if not what.namespaced and what.verbs & {"update", "patch"} and _is_of_kubernetes(what.group)
    }
    assert len(resources) > 40
    added = [
        f"{group}/{name}"
        for group, name in sorted(resources)
        if not _is_refused(walked.api, _added_to_edit(group, name, "patch"))
    ]
    assert added == []
    assert not _is_refused(walked.api, _added_to_edit("", "nodes", "get"))


def _is_of_kubernetes(group: str) -> bool:
    """Tell whether a group is Kubernetes' own; add-ons let people edit what their operators answer for."""
    return "." not in group or group.endswith(".k8s.io")


def _added_to_edit(group: str, resource: str, verb: str) -> dict[str, Any]:
    """Return a ClusterRole that adds a right to `edit`."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "adds", "labels": {f"{RBAC}/aggregate-to-edit": "true"}},
        "rules": [{"apiGroups": [group], "resources": [resource], "verbs": [verb]}],
    }


def _is_refused(api: Api, obj: dict[str, Any]) -> bool:
    """Tell whether our policy refuses an object, without storing it."""
    words = refused(lambda: api.create(obj, dry_run=True))
    return "RBC-011" in words
