"""One event of each kind before each write of what a command does to a cluster that others use too.

Controllers, kubelets, other users and other tools read and write all the time. Whatever one of them does
between a decision and its write, the stranger's object stays as it is, a list that several write loses no
entry, and the same work, done again as a command does it, comes to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.cluster import CORDON_OWNER, WITHOUT_CONTROLLER, is_busy
from sovereign_ai.deploy.definitions import remove_custom
from sovereign_ai.deploy.live.ownership import Claim, stack_objects
from sovereign_ai.deploy.live_objects import key_of, read_live
from sovereign_ai.deploy.moves.departures import Departure
from sovereign_ai.deploy.moves.drain import drain, uncordon
from sovereign_ai.deploy.moves.zone_moves import move_between_zones
from sovereign_ai.deploy.preconditions import Checked, claim_cluster
from sovereign_ai.deploy.removal.decision import remove_holders, remove_orphans
from sovereign_ai.deploy.removal.direct_removal import _Deletion
from sovereign_ai.deploy.removal.kept_definitions import hand_back, release_after_kueue
from sovereign_ai.deploy.removal.withdrawal import withdraw, withdrawn
from sovereign_ai.deploy.restoration import restore
from sovereign_ai.errors import SovereignError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.operate.jobs.kinds import ServedWork
from sovereign_ai.operate.jobs.observed import find_work, list_work
from sovereign_ai.operate.jobs.submission import _give_templates_to_their_work, cancel
from sovereign_ai.operate.labels import LabelledNode, write_labels
from sovereign_ai.sim.factory import remove as remove_machines
from sovereign_ai.sim.factory import restore as restore_machine
from sovereign_ai.sim.fault_reports import note_silence, report_condition
from sovereign_ai.sim.fault_reports import withdraw as withdraw_reports
from sovereign_ai.sim.faults import _mark
from sovereign_ai.sim.kubelet.adopt import _write
from sovereign_ai.sim.nodes import FAKE
from tests.support.living_cluster import (
    EVENTS,
    THEIRS,
    LivingCluster,
    failed,
    gone,
    made_again,
    marked,
    strangers_are_untouched,
)
from tests.support.memory_cluster import Key, obj

STACK = "0b5e7a52-6d0c-4d2e-9d0e-0b5e7a526d0c"
OURS = {KEYS.owner: OWNER, KEYS.factory: "lab", KEYS.stack: STACK}
APPLIED = {"managedFields": [{"manager": "sovereign-ai", "operation": "Apply", "fieldsV1": {}}]}
CRD, RBAC, KUEUE = "apiextensions.k8s.io/v1", "rbac.authorization.k8s.io/v1", "kueue.x-k8s.io/v1beta2"
QUEUES = "queues.kueue.x-k8s.io"
QUEUE, IN_USE = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/resource-in-use"
CLAIM = Claim("lab", STACK, has_rare_kinds=True)
LOCAL: Any = SimpleNamespace(
    target=SimpleNamespace(is_local=False, name="lab", kubeconfig=Path("none"), deployment="lab"),
    stack=SimpleNamespace(identity=STACK),
)
Call = Callable[[LivingCluster], object]


def silent(_line: str) -> None:
    """Take a line of progress."""


@frozen_dataclass
class Part:
    """A part of a command.

    Attributes:
        objects: what there is before it.
        call: what it does, decided anew at each call.
        is_done: whether a cluster is as it is to be.
        refuses: the events after which another attempt does not help, as a person has to.
    """

    objects: tuple[Mapping[str, Any], ...]
    call: Call
    is_done: Callable[[LivingCluster], bool]
    refuses: frozenset[Any] = frozenset()


def definition(name: str, kind: str, **meta: Any) -> dict[str, Any]:
    made = obj("CustomResourceDefinition", name, version=CRD, **meta)
    spec = {"group": name.partition(".")[2], "names": {"kind": kind}, "scope": "Namespaced"}
    return {**made, "spec": {**spec, "versions": [{"name": "v1", "served": True}]}}


def left(api: LivingCluster, *labels: str) -> list[Key]:
    """Return the objects that carry the stack's UUID, or other labels, and are not being deleted."""
    found = []
    for key, stored in api.objects.items():
        namespace = api.objects.get(("v1", "Namespace", "", key[2])) or {"metadata": {}}
        if namespace["metadata"].get("deletionTimestamp"):
            continue
        meta = stored["metadata"]
        has = {KEYS.stack, *labels} & set(meta.get("labels") or {})
        if has and not meta.get("deletionTimestamp"):
            found.append(key)
    return found


def has_none_left(api: LivingCluster) -> bool:
    return not left(api)


OPEN = {**OURS, KEYS.namespace_zone: "open", KEYS.tenant: "research"}
NAMESPACE = obj("Namespace", "research", labels=OPEN, **APPLIED)
OTHERS = obj("Namespace", "others")
STRAYS = (
    NAMESPACE,
    OTHERS,
    obj("ConfigMap", "inside", "research", labels=OURS),
    obj("ConfigMap", "beside", "others", labels=OURS),
    obj("ClusterRole", "role", version=RBAC, labels=OURS),
    obj("Widget", "one", "others", version="example.com/v1", labels=OURS),
    definition("widgets.example.com", "Widget", labels=OURS),
)


def _removes_strays(api: LivingCluster) -> None:
    remove_orphans(api, stack_objects(api, CLAIM), LOCAL, silent)


def _removes_holders(api: LivingCluster) -> None:
    remove_holders(api, stack_objects(api, CLAIM), silent)


def _removes_directly(api: LivingCluster) -> None:
    state: Any = SimpleNamespace(require_hold=lambda: None)
    removal: Any = SimpleNamespace(ours=tuple(sorted(stack_objects(api, CLAIM))))
    _Deletion(api, state, silent, 0.0).run(removal, LOCAL)


def _removes_custom(api: LivingCluster) -> None:
    remove_custom(api, list(stack_objects(api, CLAIM)), silent, wait_seconds=0.0)


def _withdraws(api: LivingCluster) -> None:
    planned = [obj("Role", "x", "x", version=RBAC, labels=OURS)]
    withdraw(api, withdrawn(api, planned, "lab"), silent, wait_seconds=0.0)


def _hands_back(api: LivingCluster) -> None:
    keys = [key for key in stack_objects(api, CLAIM) if key.kind == "CustomResourceDefinition"]
    hand_back(api, keys, silent)


def _is_handed_back(api: LivingCluster) -> bool:
    return not [key for key in left(api) if key[1] == "CustomResourceDefinition"]


def _releases(api: LivingCluster) -> None:
    release_after_kueue(api, [], silent, is_named=False)


def _is_released(api: LivingCluster) -> bool:
    for stored in api.objects.values():
        meta, spec = stored["metadata"], stored.get("spec") or {}
        if _is_theirs(stored):
            continue
        if IN_USE in (meta.get("finalizers") or []) or WITHOUT_CONTROLLER in (meta.get("labels") or {}):
            return False
        if spec.get("suspend") or spec.get("schedulingGates"):
            return False
    return True


def _claims(api: LivingCluster) -> None:
    record: Any = SimpleNamespace(
        cluster=lambda _name: None, has_rare_kinds=lambda _name: False, begun=lambda _name: ""
    )
    deployment: Any = SimpleNamespace(
        target=SimpleNamespace(deployment="lab"), stack=SimpleNamespace(record=record)
    )
    keys = [key_of(each) for each in (NAMESPACE, STRAYS[2])]
    cluster: Any = SimpleNamespace(identity=None)
    live = read_live(api, keys)
    checked = Checked(cluster=cluster, claim=CLAIM, live=live, takes_over=tuple(live))
    claim_cluster(api, checked, deployment)


def _is_claimed(api: LivingCluster) -> bool:
    owned = [key for key in api.objects if key[3] in {"research", "inside"}]
    return all(api.objects[key]["metadata"]["labels"].get(KEYS.stack) == STACK for key in owned)


def node(name: str, **meta: Any) -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    return {**obj("Node", name, **meta), "spec": {"taints": []}, "status": status}


def pod(name: str, *owners: Mapping[str, Any]) -> dict[str, Any]:
    made = obj("Pod", name, "research", ownerReferences=list(owners))
    return {**made, "spec": {"nodeName": "train-1"}, "status": {"phase": "Running"}}


WEB = {"kind": "ReplicaSet", "name": "web", "controller": True}


def _drains(api: LivingCluster) -> None:
    nodes = api.list("v1", "Node")
    drain(api, [Departure(each["metadata"]["name"], "it leaves") for each in nodes], silent, wait_seconds=9.0)


def _is_drained(api: LivingCluster) -> bool:
    nodes = [stored for key, stored in api.objects.items() if key[1] == "Node"]
    pods = [stored for key, stored in api.objects.items() if key[1] == "Pod"]
    if any(map(_is_theirs, nodes)):
        return True  # what runs on a machine of others is theirs
    is_cordoned = all(each["spec"].get("unschedulable") for each in nodes)
    return is_cordoned and all(map(_is_theirs, pods))


def _is_theirs(stored: Mapping[str, Any]) -> bool:
    return bool(stored["metadata"]["uid"] == THEIRS)


def _uncordons(api: LivingCluster) -> None:
    uncordon(api, ["train-1"], silent)


def _is_uncordoned(api: LivingCluster) -> bool:
    return not any((stored.get("spec") or {}).get("unschedulable") for stored in api.objects.values())


def role(*verbs: str, **meta: Any) -> dict[str, Any]:
    return {**obj("Role", "web", "research", version=RBAC, **meta), "rules": [{"verbs": list(verbs)}]}


FOREIGN = {"managedFields": [{"manager": "x", "operation": "Apply", "fieldsV1": {"f:rules": {}}}]}
PLAIN = obj("Namespace", "research")


def _restores(api: LivingCluster) -> None:
    if api.get("v1", "Namespace", "research") is None:
        api.put(PLAIN)  # as the run does that comes before it
    live = api.get(RBAC, "Role", "web", "research")
    # That an object of others has the name is refused before.
    if live is None or not _is_theirs(live):
        restore(api, [role("get")], silent)


def _is_restored(api: LivingCluster) -> bool:
    stored = api.objects[RBAC, "Role", "research", "web"]
    return _is_theirs(stored) or bool(stored.get("rules") == [{"verbs": ["get"]}])


def _moves(api: LivingCluster) -> None:
    wanted = [obj("Namespace", "research", labels={**OPEN, KEYS.namespace_zone: "vault"})]
    move_between_zones(api, wanted, silent)


def _labels(api: LivingCluster) -> None:
    write_labels(api, [LabelledNode("train-1", "train-1", {"rack": "r1"})], progress=silent)


def _has_no_ghost(api: LivingCluster) -> bool:
    """Return whether every node was made by a kubelet, or plays one: it has a status, or is somebody's."""
    nodes = [stored for key, stored in api.objects.items() if key[1] == "Node"]
    return all("status" in each or _is_theirs(each) for each in nodes)


def _mends(api: LivingCluster) -> None:
    live = api.get("v1", "Node", "train-1")
    # That a node of others has the name is refused before.
    if live is not None and (live["metadata"].get("labels") or {}).get(KEYS.factory):
        uid = live["metadata"]["uid"]
        restore_machine(api, obj("Node", "train-1", labels={"pool": "train"}, uid=uid))


def _reports(api: LivingCluster) -> None:
    if api.get("v1", "Node", "train-1") is not None:
        report_condition(api, "train-1", "GpuThermalWatch", "hot")
        note_silence(api, "train-1")
        live = api.get("v1", "Node", "train-1")
        assert live is not None
        withdraw_reports(api, live)


def _marks(api: LivingCluster) -> None:
    machine: Any = SimpleNamespace(node=SimpleNamespace(name="train-1"), devices=8, instances=1)
    machine.part, machine.gpu_vendor = SimpleNamespace(resource="nvidia.com/gpu"), None
    if api.get("v1", "Node", "train-1") is not None:
        _mark(api, machine, {})


def _adopts(api: LivingCluster) -> None:
    if api.get("v1", "Node", "train-1") is not None:
        _write(api, obj("Node", "train-1", labels={"pool": "train"}) | {"spec": {}}, {})


def _is_anything(_api: LivingCluster) -> bool:
    return True


MACHINE = {KEYS.owner: OWNER, KEYS.factory: "lab"}
OFFERING = node("train-1")
OFFERING["status"]["allocatable"] = {"nvidia.com/gpu": "7"}
SIMULATED = node("train-1", labels=MACHINE, annotations={FAKE: "fake"})


def _removes_machines(api: LivingCluster) -> None:
    factory: Any = SimpleNamespace(name="lab")
    remove_machines(api, factory)


def _has_no_machine(api: LivingCluster) -> bool:
    return not left(api, KEYS.factory)


JOB = {**obj("Job", "a", "research", version="batch/v1", labels={QUEUE: "q"}, uid="a"), "spec": {}}
SET = {
    **obj("JobSet", "s", "research", version="jobset.x-k8s.io/v1alpha2", labels={QUEUE: "q"}),
    "spec": {"suspend": True},
}


def _cancels(api: LivingCluster) -> None:
    kinds = {kind.kind: kind for kind in api.kinds()}
    served = ServedWork(kinds, is_queued=True, has_controller=True)
    for work in list_work(api, served, {"research"}):
        cancel(api, find_work([work], work.name))


def _is_cancelled(api: LivingCluster) -> bool:
    works = [stored for key, stored in api.objects.items() if key[1] in {"Job", "JobSet"}]
    return all(_is_theirs(each) or "deletionTimestamp" in each["metadata"] for each in works)


TEMPLATE = obj("ResourceClaimTemplate", "gpus", "research", version="resource.k8s.io/v1")


def _gives(api: LivingCluster) -> None:
    claims = {"resourceClaims": [{"resourceClaimTemplateName": "gpus"}]}
    _give_templates_to_their_work(api, [{**JOB, "spec": {"template": {"spec": claims}}}])


WAITING = {**JOB, "spec": {"suspend": True}}
WORKLOAD = {
    **obj("Workload", "w", "research", version=KUEUE, finalizers=[IN_USE], ownerReferences=[{"uid": "a"}]),
    "spec": {},
}
GATED = obj("Pod", "p", "research", labels={QUEUE: "q"})
PARTS: dict[str, Part] = {
    "strays": Part(STRAYS, _removes_strays, has_none_left),
    "holders": Part(
        (
            obj("ResourceFlavor", "f", version=KUEUE, labels=OURS),
            obj("ClusterQueue", "q", version=KUEUE, labels=OURS),
        ),
        _removes_holders,
        has_none_left,
    ),
    "removal": Part(STRAYS, _removes_directly, has_none_left, frozenset({marked})),
    "custom": Part(STRAYS, _removes_custom, _is_anything, frozenset({marked})),
    "withdrawal": Part(
        (NAMESPACE, OTHERS, obj("RoleBinding", "b", "others", version=RBAC, labels=OURS, **APPLIED)),
        _withdraws,
        has_none_left,
        frozenset({marked}),
    ),
    "hand back": Part((definition(QUEUES, "Queue", labels=OURS),), _hands_back, _is_handed_back),
    "release": Part(
        (
            PLAIN,
            definition(QUEUES, "Queue", labels={WITHOUT_CONTROLLER: "kueue"}),
            WAITING,
            WORKLOAD,
            {**GATED, "spec": {"schedulingGates": [{"name": "kueue.x-k8s.io/topology"}]}},
            {
                **obj("LocalQueue", "q", "research", version=KUEUE),
                "status": {"conditions": [{}]},
            },
        ),
        _releases,
        _is_released,
    ),
    "claim": Part(
        (
            obj("Namespace", "research", labels={**OURS, KEYS.stack: "lost"}),
            obj("ConfigMap", "inside", "research", labels={**OURS, KEYS.stack: "lost"}),
        ),
        _claims,
        _is_claimed,
        frozenset({made_again}),
    ),
    "drain": Part((PLAIN, node("train-1"), pod("web", WEB), pod("more", WEB)), _drains, _is_drained),
    "uncordon": Part(
        ({**node("train-1", annotations={CORDON_OWNER: OWNER}), "spec": {"unschedulable": True}},),
        _uncordons,
        _is_uncordoned,
    ),
    "restore": Part((PLAIN, role("get", "list", labels=OURS, **FOREIGN)), _restores, _is_restored),
    "zone move": Part((NAMESPACE,), _moves, _is_anything),
    "labels": Part((node("train-1"),), _labels, _has_no_ghost),
    "mend": Part((SIMULATED,), _mends, _has_no_ghost),
    "reports": Part((SIMULATED,), _reports, _has_no_ghost, frozenset({gone})),
    "marks": Part((OFFERING,), _marks, _has_no_ghost, frozenset({gone})),
    "adoption": Part((OFFERING,), _adopts, _has_no_ghost),
    "machines": Part(
        (SIMULATED, obj("ResourceSlice", "s", version="resource.k8s.io/v1", labels=MACHINE)),
        _removes_machines,
        _has_no_machine,
    ),
    "cancel": Part((PLAIN, JOB, SET), _cancels, _is_cancelled),
    "templates": Part((PLAIN, TEMPLATE), _gives, _is_anything),
}
BY_NAME = {"reports", "marks", "adoption"}
"""Parts that play a simulated machine by its name, whoever registered it."""


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovereign_ai.toolchain.waiting.time.sleep", lambda _seconds: None)


def _attempt(part: Part, api: LivingCluster) -> SovereignError | None:
    try:
        part.call(api)
    except SovereignError as error:
        return error
    return None


@pytest.mark.parametrize("name", PARTS)
def test_without_an_event_each_part_comes_to_its_end(name: str) -> None:
    part = PARTS[name]
    api = LivingCluster(*part.objects)
    assert _attempt(part, api) is None
    assert part.is_done(api)
    assert api.writes


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("event", EVENTS)
def test_one_event_before_any_write_ends_no_command_and_touches_no_stranger(
    name: str, event: Callable[[LivingCluster, Key], None]
) -> None:
    part = PARTS[name]
    quiet = LivingCluster(*part.objects)
    part.call(quiet)
    for before in range(1, quiet.writes + 1):
        api = LivingCluster(*part.objects, event=event, before=before)
        error = _attempt(part, api)
        where = f"{event.__name__} before write {before}, {api.struck}"
        is_excused = name in BY_NAME and event is made_again
        assert is_excused or strangers_are_untouched(api), where
        if event in part.refuses:
            continue
        # A command repeats what may pass; after a failure of the server its user does.
        assert error is None or event is failed or is_busy(error), f"{where}: {error}"
        if error is not None:
            assert (again := _attempt(part, api)) is None, f"{where}: {error}; then {again}"
        assert part.is_done(api), where
        assert is_excused or strangers_are_untouched(api), where


@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_pod_that_nobody_makes_again_and_that_came_before_the_cordon_is_not_evicted(before: int) -> None:
    def comes(api: LivingCluster, _key: Key) -> None:
        api.put(pod("alone"))

    part = PARTS["drain"]
    api = LivingCluster(*part.objects, event=comes, before=before)
    for _ in range(2):
        error = _attempt(part, api)
        assert error is not None
        assert "no controller recreates pod research/alone" in str(error)
    assert ("v1", "Pod", "research", "alone") in api.objects
