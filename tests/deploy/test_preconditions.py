"""What must hold before the first write of a deployment, and what is written down once it does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sovereign_ai.cli.up import _Deployment
from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.deploy.allowed_deletions import Allowed
from sovereign_ai.deploy.live.cluster_identity import DeployTarget
from sovereign_ai.deploy.live.conflicts import Conflict
from sovereign_ai.deploy.moves.noted_renames import Renames
from sovereign_ai.deploy.objects import stated
from sovereign_ai.deploy.preconditions import check_preconditions, claim_cluster, require_approval
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.deploy.state.stack_record import StackRecord
from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes import PARTS
from sovereign_ai.spec.reader import load
from tests.deploy.live.test_cluster_identity import kubeconfig
from tests.deploy.state.test_objects import below, resource
from tests.support.memory_cluster import MemoryCluster, obj

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"


class Cluster(MemoryCluster):
    """Takes everything in a dry run."""

    def apply(self, obj: Mapping[str, Any], **_more: Any) -> dict[str, Any]:
        self._ask(f"TRY {obj['metadata']['name']}")
        return dict(obj)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackRecord:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return StackRecord(tmp_path / "identities" / "lab" / "lab.json")


def deployment(
    tmp_path: Path, record: StackRecord, *resources: dict[str, Any], **more: Any
) -> StackDeployment:
    target = DeployTarget("lab", "lab", kubeconfig(tmp_path / "kubeconfig"), folder=tmp_path)
    return StackDeployment(StackContext(record, below("lab", *resources), "lab"), target, "lab", **more)


def mine(record: StackRecord, stack: str = "") -> dict[str, str]:
    return {KEYS.owner: OWNER, KEYS.factory: "lab", KEYS.stack: stack or record.identity()}


def planned(record: StackRecord, *names: str) -> list[dict[str, Any]]:
    return [obj("Namespace", name, labels=mine(record)) for name in names]


def test_a_first_deployment_records_the_cluster_and_writes_to_no_object(
    tmp_path: Path, record: StackRecord
) -> None:
    api, whole = Cluster(), deployment(tmp_path, record)
    checked = check_preconditions(api, planned(record, "research"), whole)
    assert (checked.lines_but_of(()), checked.leaving, checked.takes_over) == ([], (), ())
    assert record.cluster("lab") is None
    claim_cluster(api, checked, whole)
    known = record.cluster("lab")
    assert known is not None
    assert known.uid == "cluster-1"
    assert api.written == []


def test_everything_foreign_is_told_at_once_and_nothing_is_recorded(
    tmp_path: Path, record: StackRecord
) -> None:
    api = Cluster(*(obj("Namespace", name) for name in ("a", "b")))
    with pytest.raises(EnvironmentLacksError) as refused:
        check_preconditions(api, planned(record, "a", "b", "c"), deployment(tmp_path, record))
    assert [problem.where.field for problem in refused.value.problems] == ["Namespace/a", "Namespace/b"]
    assert (api.written, record.cluster("lab")) == ([], None)


def test_another_cluster_comes_before_everything_else(tmp_path: Path, record: StackRecord) -> None:
    whole = deployment(tmp_path, record, resource("Namespace", "a", uid="u1"))
    api = Cluster(obj("Namespace", "a", uid="u1"))
    claim_cluster(api, check_preconditions(api, planned(record, "a"), whole), whole)
    with pytest.raises(EnvironmentLacksError, match="leads to another cluster"):
        check_preconditions(Cluster(obj("Namespace", "a"), uid="cluster-2"), planned(record, "a"), whole)


def test_objects_of_a_lost_stack_are_marked_as_they_were_judged_and_no_others(
    tmp_path: Path, record: StackRecord
) -> None:
    lost = obj("Namespace", "lost", labels=mine(record, "lost"))
    api = Cluster(lost, obj("Namespace", "own", labels=mine(record)))
    whole = deployment(tmp_path, record, adopts=True)
    checked = check_preconditions(api, planned(record, "lost", "own", "new"), whole)
    assert [str(key) for key in checked.takes_over] == ["Namespace/lost"]
    assert checked.to_data()["adopted"] == ["Namespace/lost"]
    claim_cluster(api, checked, whole)
    assert api.written == ["PATCH Namespace/lost"]
    assert api.objects["v1", "Namespace", "", "lost"]["metadata"]["labels"] == mine(record)
    api.put(obj("Namespace", "lost", labels=mine(record, "lost")))
    with pytest.raises(ApiError, match="409"):
        claim_cluster(api, checked, whole)


def test_a_lost_stack_that_the_configuration_names_is_taken_over_alone(
    tmp_path: Path, record: StackRecord
) -> None:
    api = Cluster(*(obj("Namespace", name, labels=mine(record, name)) for name in ("one", "two")))
    with pytest.raises(EnvironmentLacksError) as refused:
        check_preconditions(api, planned(record, "one", "two"), deployment(tmp_path, record, adopted="one"))
    assert [problem.where.field for problem in refused.value.problems] == ["Namespace/two"]


@pytest.mark.parametrize("way", [{"adopts": True}, {"adopted": "lost"}])
def test_what_the_description_no_longer_has_of_a_lost_stack_is_taken_over_too_and_leaves(
    tmp_path: Path, record: StackRecord, way: dict[str, Any]
) -> None:
    """A description may have changed since the state was lost: nobody else would remove the rest."""
    lost = mine(record, "lost")
    api = Cluster(
        *(obj("Namespace", f"kept-{number}", labels=lost) for number in range(12)),
        obj("Namespace", "old", labels=lost),
        *(obj("ConfigMap", f"own-{number}", "old", labels=lost) for number in range(10)),
        obj("Namespace", "theirs", labels={KEYS.owner: OWNER, KEYS.factory: "two", KEYS.stack: "lost"}),
    )
    whole = deployment(tmp_path, record, **way)
    checked = check_preconditions(api, planned(record, *(f"kept-{number}" for number in range(12))), whole)
    assert (len(checked.takes_over), checked.unapproved) == (23, ())
    assert len(checked.orphans) == 11
    claim_cluster(api, checked, whole)
    assert len(api.written) == 23
    again = check_preconditions(api, planned(record, "kept-0"), deployment(tmp_path, record))
    assert {*map(str, checked.orphans)} < {*map(str, again.orphans)}, "a run that is cut short goes on"
    api.put(obj("ConfigMap", "work", "old"))
    [asked] = check_preconditions(api, planned(record, "kept-0"), whole).unapproved[:1]
    assert (asked.code, asked.where.field) == ("deletes-data", "Namespace/old")


def test_what_a_deployment_waits_for_and_removes_beside_its_state_is_told_before_it(
    tmp_path: Path, record: StackRecord
) -> None:
    """Preview said nothing of an object that a killed run had left, nor of what keeps one from going."""
    manager = {
        "manager": "somebody",
        "fieldsV1": {"f:metadata": {"f:finalizers": {'v:"example.com/hold"': {}}}},
    }
    held: dict[str, Any] = {
        "finalizers": ["example.com/hold", "kubernetes.io/pvc-protection", "kueue.x-k8s.io/resource-in-use"]
    }
    api = Cluster(
        obj("Namespace", "going", labels=mine(record), deletionTimestamp="2026-12-01T00:00:00Z"),
        obj("ConfigMap", "stray", "default", labels=mine(record), managedFields=[manager], **held),
    )
    checked = check_preconditions(api, planned(record, "going"), deployment(tmp_path, record))
    held_by = "ConfigMap/default/stray has the finalizer example.com/hold, set by 'somebody'"
    assert checked.lines_but_of(()) == [
        "Namespace/going is being deleted: `up` waits until it has gone, and makes it again",
        f"{held_by}: `up` waits until that is removed",
        "1 object of the stack that its state does not hold: removed by `up` too",
    ]
    told = checked.to_data()
    assert (told["orphans"], told["terminating"]) == (["ConfigMap/default/stray"], ["Namespace/going"])


def test_of_two_lost_stacks_only_the_one_that_is_named_leaves(tmp_path: Path, record: StackRecord) -> None:
    api = Cluster(*(obj("Namespace", name, labels=mine(record, name)) for name in ("one", "two")))
    checked = check_preconditions(api, planned(record), deployment(tmp_path, record, adopted="one"))
    assert [str(key) for key in checked.takes_over] == ["Namespace/one"]
    assert (list(map(str, checked.leaving)), checked.left) == (["Namespace/one"], {})


def test_what_the_stack_has_and_is_not_planned_any_more_is_told_apart_by_owner_and_by_state(
    tmp_path: Path, record: StackRecord
) -> None:
    api = Cluster(
        obj("Namespace", "old", labels=mine(record)),
        obj("Namespace", "handed-over", labels={KEYS.owner: "team-x"}),
        obj("Namespace", "stray", labels=mine(record)),
        obj("Namespace", "kept", labels=mine(record)),
        obj("Pod", "p", "old"),
        obj("ResourceQuota", "tenant", "old", labels=mine(record)),
        obj("PriorityClass", "stray", version="scheduling.k8s.io/v1", labels=mine(record)),
    )
    held = [resource("Namespace", name) for name in ("old", "handed-over", "kept", "gone")]
    whole = deployment(tmp_path, record, *held)
    record.put_cluster("lab", check_preconditions(api, [], deployment(tmp_path, record)).cluster.identity)
    checked = check_preconditions(api, planned(record, "kept"), whole)
    assert sorted(map(str, checked.leaving)) == [
        "Namespace/old",
        "Namespace/stray",
        "PriorityClass/stray",
        "ResourceQuota/old/tenant",
    ]
    assert sorted(map(str, checked.orphans)) == [
        "Namespace/stray",
        "PriorityClass/stray",
        "ResourceQuota/old/tenant",
    ]
    assert list(map(str, checked.left)) == ["Namespace/handed-over"]
    assert [problem.where.field for problem in checked.unapproved] == ["Namespace/old"]
    with pytest.raises(UsageError):
        require_approval(checked)
    require_approval(
        check_preconditions(api, planned(record, "kept"), replace(whole, allowed=Allowed(frozenset({"old"}))))
    )


def test_a_namespace_that_leaves_and_that_somebody_deleted_already_is_not_asked_for(
    tmp_path: Path, record: StackRecord
) -> None:
    api = Cluster(
        obj("Namespace", "old", labels=mine(record), deletionTimestamp="2026-12-07T00:00:00Z"),
        obj("Pod", "p", "old"),
    )
    checked = check_preconditions(api, [], deployment(tmp_path, record))
    assert list(map(str, checked.leaving)) == ["Namespace/old"]
    assert checked.unapproved == ()


def test_a_run_that_was_cut_short_goes_on_without_a_question_that_was_not_asked_before_it(
    tmp_path: Path, record: StackRecord
) -> None:
    """Many tenants are renamed: as long as none of the new ones is there, they are told by their content."""
    before, after = large(record, "old"), large(record, "new")
    api, whole = Cluster(*before), deployment(tmp_path, record, *map(in_state, before))
    record.put_cluster("lab", check_preconditions(api, before, deployment(tmp_path, record)).cluster.identity)
    checked = check_preconditions(api, after, whole)
    assert checked.unapproved == (), "renamed parts are no mass deletion"
    claim_cluster(api, checked, whole)
    made = [obj for obj in after if obj["kind"] == "Namespace"]
    api.put(*made)
    half = deployment(tmp_path, record, *map(in_state, (*before, *made)))
    assert check_preconditions(api, after, half).unapproved == ()
    # Another description was never begun, and is asked for.
    [asked] = check_preconditions(api, made[:1], half).unapproved
    assert asked.code == "mass-deletion"


def test_what_a_run_took_for_renamed_is_known_to_the_next_one_and_whether_that_goes_on(
    tmp_path: Path, record: StackRecord
) -> None:
    api, whole = Cluster(), deployment(tmp_path, record)
    renames = Renames({"tenant.red": "tenant.blue"}, {("site", "here"): "there"})
    blue, green = planned(record, "blue"), planned(record, "green")
    claim_cluster(api, check_preconditions(api, blue, whole), whole, renames)
    assert check_preconditions(api, blue, whole).renames == replace(renames, is_resumed=True)
    assert check_preconditions(api, green, whole).renames == renames
    # The run that goes on notes nothing anew: what it sees was changed by the first one.
    claim_cluster(api, check_preconditions(api, blue, whole), whole, Renames())
    assert check_preconditions(api, blue, whole).renames.places == renames.places
    claim_cluster(api, check_preconditions(api, green, whole), whole, Renames())
    assert check_preconditions(api, green, whole).renames == Renames(is_resumed=True)


def test_a_run_that_an_older_version_began_has_noted_nothing(tmp_path: Path, record: StackRecord) -> None:
    api, whole = Cluster(), deployment(tmp_path, record)
    checked = check_preconditions(api, planned(record, "blue"), whole)
    claim_cluster(api, checked, whole, Renames())
    data = json.loads(record.path.read_bytes())
    del data["renames"]
    record.path.write_text(json.dumps(data), encoding="utf-8")
    assert record.begun("lab") == checked.digest
    assert check_preconditions(api, planned(record, "blue"), whole).renames == Renames()


class WithKueue(Cluster):
    """Keeps a flavour that is being deleted for as long as there is a queue."""

    def list(self, api_version: str, kind: str, *arguments: Any, **more: Any) -> Any:
        has_queue = any(key[1] == "ClusterQueue" for key in self.objects)
        for key, stored in [*self.objects.items()]:
            if stored["metadata"].get("deletionTimestamp") and not has_queue:
                del self.objects[key]
        return super().list(api_version, kind, *arguments, **more)


def test_a_flavour_that_goes_is_not_waited_for_while_a_cut_runs_queue_holds_it(
    tmp_path: Path, record: StackRecord
) -> None:
    """A killed run made the queue `serve`; the next one deleted its flavour, and the one after wants it."""
    kueue = "kueue.x-k8s.io/v1beta2"
    flavour = obj("ResourceFlavor", "serve.open", version=kueue, labels=mine(record))
    going = {**flavour, "metadata": {**flavour["metadata"], "deletionTimestamp": "2026-11-30T06:37:29Z"}}
    api = WithKueue(going, obj("ClusterQueue", "serve", version=kueue, labels=mine(record)))
    whole = deployment(tmp_path, record)
    checked = check_preconditions(api, [flavour], whole)
    assert [str(key) for key in checked.terminating] == ["ResourceFlavor/serve.open"]
    assert [str(key) for key in checked.orphans] == ["ClusterQueue/serve"]
    options = SimpleNamespace(wait_seconds=0.2)
    up = SimpleNamespace(
        target=SimpleNamespace(api=api), output=SimpleNamespace(progress=print), options=options
    )
    reading = SimpleNamespace(forget=lambda: None)
    _Deployment._claim(up, reading, whole, checked)  # type: ignore[arg-type]
    assert api.written == ["DELETE ClusterQueue/serve"]
    assert record.cluster("lab") is not None


def large(record: StackRecord, word: str) -> list[dict[str, Any]]:
    """Eight tenants of seven objects each."""
    objects: list[dict[str, Any]] = []
    for number in range(8):
        name = f"{word}{number}"
        labels = {**mine(record), KEYS.component: f"tenant.{name}", KEYS.tenant: name}
        objects.append(obj("Namespace", name, labels=labels))
        for kind in ("ResourceQuota", "LimitRange", "ServiceAccount", "ConfigMap", "Secret", "Service"):
            objects.append(obj(kind, "own", name, labels=labels))
    return objects


def in_state(one: dict[str, Any]) -> dict[str, Any]:
    meta = one["metadata"]
    return resource(one["kind"], meta["name"], namespace=meta.get("namespace", "")) | {"inputs": stated(one)}


RARE = (
    ("storage.k8s.io/v1", "CSIDriver"),
    ("networking.k8s.io/v1", "IngressClass"),
    ("labeller.example.com/v1", "Set"),
)
"""Kinds that no part of a description has but the manifests of a controller."""


@pytest.mark.parametrize(("version", "kind"), RARE)
def test_what_a_cut_run_left_of_a_controller_is_found_when_the_description_no_longer_has_the_controller(
    tmp_path: Path, record: StackRecord, version: str, kind: str
) -> None:
    driver = obj(kind, "driver", version=version, labels=mine(record))
    api, whole = Cluster(obj(kind, "theirs", version=version)), deployment(tmp_path, record)
    claim_cluster(api, check_preconditions(api, [driver], whole), whole)
    # The run was killed once the object was made and before the state had it; its namespace is gone already.
    api.put(driver)
    checked = check_preconditions(api, planned(record, "research"), whole)
    assert list(map(str, checked.orphans)) == [f"{kind}/driver"]
    claim_cluster(api, checked, whole)
    assert record.has_rare_kinds("lab"), "it is still there"
    api.delete(version, kind, "driver")
    checked = check_preconditions(api, planned(record, "research"), whole)
    claim_cluster(api, checked, whole)
    assert (checked.orphans, record.has_rare_kinds("lab")) == ([], False)
    api.asked.clear()
    check_preconditions(api, planned(record, "research"), whole)
    assert not any(kind in line for line in api.asked), "who has no controller pays for no list"


def test_a_plane_that_was_made_anew_has_no_object_of_the_state(tmp_path: Path, record: StackRecord) -> None:
    whole = deployment(tmp_path, record, resource("Namespace", "a", uid="u1"))
    local = replace(whole, target=replace(whole.target, is_local=True))
    metadata = {"name": "a", "uid": "u1", "creationTimestamp": "2025-01-01T00:00:00Z"}
    older = below("lab", resource("Namespace", "a") | {"outputs": {"metadata": metadata}})
    checked = check_preconditions(
        Cluster(), planned(record, "a"), replace(local, stack=StackContext(record, older, "lab"))
    )
    assert checked.cluster.remade
    assert checked.claim.held == {}
    assert any("made anew" in line for line in checked.lines_but_of(()))


def test_what_is_there_as_the_state_knows_it_costs_no_dry_run(tmp_path: Path, record: StackRecord) -> None:
    (namespace,) = planned(record, "a")
    api = Cluster({**namespace, "metadata": {**namespace["metadata"], "uid": "u1"}})
    item = resource("Namespace", "a", uid="u1") | {"inputs": stated(namespace)}
    checked = check_preconditions(api, [namespace], deployment(tmp_path, record, item))
    assert checked.replaces == ()
    assert not [line for line in api.asked if line.startswith("TRY")]


@pytest.mark.parametrize(("new", "codes"), [("renamed", []), ("", ["mass-deletion"])])
def test_parts_that_have_other_names_are_no_mass_deletion_and_those_that_go_are(
    tmp_path: Path, record: StackRecord, new: str, codes: list[str]
) -> None:
    def namespace(name: str) -> dict[str, Any]:
        return obj("Namespace", name, labels=mine(record) | {KEYS.component: f"tenant.{name}"})

    old = [namespace(f"tenant-{number}") for number in range(12)]
    held = [resource("Namespace", each["metadata"]["name"], inputs=stated(each)) for each in old]
    wanted = [namespace(f"{new}-{number}") for number in range(12)] if new else []
    api = Cluster(*old)
    record.put_cluster("lab", check_preconditions(api, [], deployment(tmp_path, record)).cluster.identity)
    checked = check_preconditions(api, wanted, deployment(tmp_path, record, *held))
    assert len(checked.leaving) == 12
    assert [problem.code for problem in checked.unapproved] == codes


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        (["old"], ["new"], []),
        (["old", "new"], ["new"], ["mass-deletion"]),
        (["old"], ["old", "new"], ["mass-deletion"]),
    ],
)
def test_a_tenant_that_was_described_before_or_is_still_described_is_no_renamed_one(
    tmp_path: Path, record: StackRecord, before: list[str], after: list[str], codes: list[str]
) -> None:
    """Such as of a plan with several clusters: it has objects on another one."""

    def recorded(words: list[str]) -> dict[str, Any]:
        names = {f"{word}{number}": {"digest": "d"} for word in words for number in range(8)}
        data = {"factory": "lab", "cluster": "lab", PARTS: json.dumps({"tenant": names})}
        return {**obj("ConfigMap", "factory", "sovereign-system", labels=mine(record)), "data": data}

    old = [recorded(before), *large(record, "old")]
    api, whole = Cluster(*old), deployment(tmp_path, record, *map(in_state, old))
    record.put_cluster("lab", check_preconditions(api, [], deployment(tmp_path, record)).cluster.identity)
    checked = check_preconditions(api, [recorded(after), *large(record, "new")], whole)
    assert [problem.code for problem in checked.unapproved] == codes


@pytest.mark.parametrize(
    ("zone", "way"),
    [
        ("restricted", "keep it: write `home: restricted` at the tenant research; or ask for its deletion"),
        ("vault", "put it back into the description; or ask for its deletion"),
    ],
)
def test_a_namespace_that_its_tenant_could_keep_is_told_with_the_way_to_keep_it(
    tmp_path: Path, record: StackRecord, zone: str, way: str
) -> None:
    def namespace(name: str, zone: str) -> dict[str, Any]:
        labels = {KEYS.component: "tenant.research", KEYS.tenant: "research", KEYS.namespace_zone: zone}
        return obj("Namespace", name, labels=mine(record) | labels)

    old = namespace("research", "restricted")
    api = Cluster(old, obj("Pod", "work", "research"))
    record.put_cluster("lab", check_preconditions(api, [], deployment(tmp_path, record)).cluster.identity)
    whole = deployment(tmp_path, record, resource("Namespace", "research", inputs=stated(old)))
    wanted = [namespace("research-open", "open"), namespace(f"research-{zone}", zone)]
    [problem] = check_preconditions(api, wanted, whole).unapproved
    assert problem.hint.startswith(way)


def queue_definition(labels: dict[str, str]) -> dict[str, Any]:
    """Return Kueue's definition of cluster queues, as its manifests bring it."""
    name, version = "clusterqueues.kueue.x-k8s.io", "apiextensions.k8s.io/v1"
    made = obj("CustomResourceDefinition", name, version=version, labels=labels)
    names = {"kind": "ClusterQueue", "plural": "clusterqueues"}
    versions = [{"name": "v1beta2", "served": True, "storage": True}]
    return {
        **made,
        "spec": {"group": "kueue.x-k8s.io", "names": names, "scope": "Cluster", "versions": versions},
    }


@pytest.mark.parametrize(
    ("is_local", "owner", "kept", "left", "codes"),
    [
        (True, OWNER, 1, 0, []),
        (False, OWNER, 0, 0, ["definition-leaves"]),
        # What the hint of the refusal says: somebody else has it now.
        (False, "team-x", 0, 1, []),
    ],
)
def test_a_definition_of_kueue_stays_where_it_leaves_a_local_control_plane_or_is_somebody_elses(
    tmp_path: Path,
    record: StackRecord,
    is_local: bool,
    owner: str,
    kept: int,
    left: int,
    codes: list[str],
) -> None:
    queue = obj("ClusterQueue", "train", version="kueue.x-k8s.io/v1beta2", labels=mine(record))
    api = Cluster(queue_definition({**mine(record), KEYS.owner: owner}), queue)
    held = resource("CustomResourceDefinition", "clusterqueues.kueue.x-k8s.io")
    held["type"] = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    whole = deployment(tmp_path, record, *([held] if owner != OWNER else []))
    whole = replace(whole, target=replace(whole.target, is_local=is_local))
    record.put_cluster("lab", check_preconditions(api, [], deployment(tmp_path, record)).cluster.identity)
    checked = check_preconditions(api, [queue], whole)
    assert (len(checked.kept), len(checked.left)) == (kept, left)
    assert [problem.code for problem in checked.unapproved] == codes
    assert len(checked.leaving) == len(codes)
    assert checked.to_data()["kept"] == [str(key) for key in checked.kept]


@pytest.mark.parametrize(
    ("policy", "restores", "told"), [("restore", False, 2), ("report", False, 0), ("report", True, 2)]
)
def test_that_a_field_is_put_back_is_said_of_none_that_stays_as_somebody_changed_it(
    policy: str, restores: bool, told: int, tmp_path: Path, record: StackRecord
) -> None:
    whole = deployment(tmp_path, record)
    contested = (
        Conflict("ResourceQuota/a/tenant", ".spec", "x"),
        Conflict("ResourceQuota/b/tenant", ".spec", "x"),
    )
    checked = replace(check_preconditions(Cluster(), [], whole), conflicts=contested)
    factory = load(LAB).model_copy(update={"drift": policy})
    assert len(checked.lines_for(factory, restores=restores)) == told
    [line] = checked.lines_but_of({"ResourceQuota/a/tenant"})
    assert line == "ResourceQuota/b/tenant .spec: 'x' changed it; it is put back"
