"""What a deployment or a removal destroys, and when it has to be asked for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sovereign_ai.deploy.allowed_deletions import Allowed, allowed_by
from sovereign_ai.deploy.live_objects import ObjectKey, key_of
from sovereign_ai.deploy.removal.deletions import DataLoss, deletion_problems, losses, volume_problems
from sovereign_ai.names import KEYS, OWNER
from tests.support.memory_cluster import MemoryCluster, obj, refusal

SPACE = obj("Namespace", "research")
CONTROLLED = [{"kind": "ReplicaSet", "name": "r", "controller": True}]


def quotas(number: int) -> list[ObjectKey]:
    return [key_of(obj("ResourceQuota", f"q{index}", "other")) for index in range(number)]


def test_what_others_keep_in_a_namespace_is_listed_whatever_its_kind() -> None:
    api = MemoryCluster(
        obj("PersistentVolumeClaim", "data", "research"),
        obj("Pod", "p", "research"),
        obj("Widget", "w", "research", version="example.com/v1"),
        obj("Secret", "s", "research"),
        obj("Pod", "elsewhere", "startups"),
    )
    (loss,) = losses(api, ["research"])
    assert loss.volumes == ("data",)
    assert dict(loss.objects) == {"Pod": 1, "Widget": 1, "Secret": 1}
    assert str(loss) == "1 volume claim (data), 1 Pod, 1 Secret, 1 Widget"


def test_a_long_list_of_what_is_lost_says_how_much_of_it_is_not_shown() -> None:
    kinds = dict.fromkeys(("ConfigMap", "Pod", "Secret", "Service", "Widget"), 1)
    loss = DataLoss("research", ("a", "b", "c", "d", "e"), kinds)
    assert str(loss) == (
        "5 volume claims (a, b, c, d and 1 more), 1 ConfigMap, 1 Pod, 1 Secret, 1 Service, 1 other object"
    )


def test_what_this_tool_kubernetes_or_another_object_made_is_nobodys_loss() -> None:
    api = MemoryCluster(
        obj("ResourceQuota", "tenant", "research", labels={KEYS.owner: OWNER}),
        obj("ServiceAccount", "default", "research"),
        obj("ConfigMap", "kube-root-ca.crt", "research"),
        obj("Event", "e", "research"),
        obj("Pod", "p", "research", ownerReferences=CONTROLLED),
    )
    (loss,) = losses(api, ["research"])
    assert loss.is_empty
    assert losses(api, []) == []


def test_an_object_that_is_served_under_two_versions_is_lost_once() -> None:
    api = MemoryCluster(
        *(obj("Widget", "w", "research", version=f"example.com/{version}") for version in ("v1", "v2"))
    )
    assert dict(losses(api, ["research"])[0].objects) == {"Widget": 1}


def test_a_namespace_with_others_work_is_deleted_by_name_alone() -> None:
    api = MemoryCluster(SPACE, obj("Pod", "p", "research"))
    leaving = [key_of(SPACE)]
    (problem,) = deletion_problems(api, leaving, 62, Allowed(mass=True))
    assert (problem.code, problem.where.field) == ("deletes-data", "Namespace/research")
    assert "destroys 1 Pod" in problem.message
    assert "--allow-delete research" in problem.hint
    for name in ("research", "Namespace/research"):
        assert deletion_problems(api, leaving, 62, Allowed(frozenset({name}))) == []
    assert len(deletion_problems(api, leaving, 62, Allowed(frozenset({"startups"})))) == 1


def test_what_is_in_a_namespace_that_somebody_deleted_already_is_not_asked_for() -> None:
    going = obj("Namespace", "research", deletionTimestamp="2026-12-07T00:00:00Z")
    api = MemoryCluster(going, obj("PersistentVolumeClaim", "p", "research"))
    assert losses(api, ["research"]) == []
    assert deletion_problems(api, [key_of(going)], 62, Allowed()) == []


def test_an_empty_namespace_goes_without_a_question() -> None:
    assert deletion_problems(MemoryCluster(SPACE), [key_of(SPACE)], 62, Allowed()) == []


def test_more_than_half_of_the_stack_is_deleted_only_where_it_is_asked_for() -> None:
    api = MemoryCluster()
    assert deletion_problems(api, quotas(10), 20, Allowed()) == []
    assert deletion_problems(api, quotas(9), 9, Allowed()) == []
    (problem,) = deletion_problems(api, quotas(11), 20, Allowed(frozenset({"other"})))
    assert problem.code == "mass-deletion"
    assert "11 of the 20 objects" in problem.message
    assert deletion_problems(api, quotas(11), 20, Allowed(mass=True)) == []


def test_objects_of_a_renamed_part_are_no_mass_deletion_and_what_others_keep_in_them_is() -> None:
    renamed = quotas(9)
    assert deletion_problems(MemoryCluster(), quotas(11), 20, Allowed(), renamed) == []
    api = MemoryCluster(SPACE, obj("Pod", "p", "research"))
    leaving = [key_of(SPACE), *quotas(11)]
    (problem,) = deletion_problems(api, leaving, 20, Allowed(), [key_of(SPACE), *renamed])
    assert problem.code == "deletes-data"


def test_what_was_asked_for_reaches_the_program_by_environment_or_configuration() -> None:
    asked = Allowed(frozenset({"a", "b"}), mass=True)
    assert allowed_by(asked.to_environment()) == asked
    assert allowed_by({}, "a, b,", mass=True) == replace(asked, by_settings=True)
    assert allowed_by({}) == Allowed(by_settings=True)
    assert allowed_by(Allowed(frozenset({"a"})).to_environment(), "b", mass=False) == Allowed(
        frozenset({"a", "b"})
    )


def test_each_way_to_allow_a_deletion_is_one_that_the_running_program_understands() -> None:
    """A plain `pulumi up` has no `--allow-delete`; what its problems advise is read back as permission."""
    api = MemoryCluster(SPACE, obj("Pod", "p", "research"))
    leaving = [key_of(SPACE), *quotas(11)]
    plain = allowed_by({}, "other")
    hints = [problem.hint for problem in deletion_problems(api, leaving, 20, plain)]
    assert not any("--allow" in hint for hint in hints)
    settings = dict(re.findall(r"pulumi config set sovereign:(\w+) ([\w,]+)", " ".join(hints)))
    allowed = allowed_by({}, settings["allowDelete"], mass=settings["allowMassDeletion"] == "true")
    assert allowed.names == {"other", "research"}
    assert deletion_problems(api, leaving, 20, allowed) == []
    hints = [problem.hint for problem in deletion_problems(api, leaving, 20, Allowed())]
    assert "`--allow-delete research`" in hints[0]
    assert "`--allow-mass-deletion`" in hints[1]


def test_a_removal_asks_for_volumes_alone() -> None:
    api = MemoryCluster(SPACE, obj("Pod", "p", "research"))
    assert volume_problems(losses(api, ["research"]), Allowed()) == []
    api.put(obj("PersistentVolumeClaim", "data", "research"))
    (problem,) = volume_problems(losses(api, ["research"]), Allowed())
    assert problem.code == "deletes-data"
    assert "1 volume claim (data), 1 Pod" in problem.message
    assert volume_problems(losses(api, ["research"]), Allowed(frozenset({"research"}))) == []


def test_what_cannot_be_listed_is_not_taken_for_nothing() -> None:
    api = MemoryCluster(SPACE, obj("Pod", "p", "research"))
    api.failure = refusal(403)
    with pytest.raises(Exception, match="403"):
        losses(api, ["research"])
