"""Whose an object is, for every combination of what it carries and what the stack can prove."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sovereign_ai.deploy.live.ownership import OWNED, Claim, ObjectOwner, owner_of, require_owned
from sovereign_ai.deploy.live_objects import ObjectKey, key_of
from sovereign_ai.deploy.state.objects import HeldObject
from sovereign_ai.errors import EnvironmentLacksError, ExitCode
from sovereign_ai.names import KEYS, OWNER
from tests.support.memory_cluster import obj

ME, OTHER = "me", "other"
NAMESPACE, QUOTA = (
    ObjectKey("", "Namespace", "", "research"),
    ObjectKey("", "ResourceQuota", "research", "tenant"),
)


def live(
    owner: str | None = OWNER, factory: str | None = "lab", stack: str | None = ME, uid: str = "u1"
) -> dict[str, Any]:
    labels = {KEYS.owner: owner, KEYS.factory: factory, KEYS.stack: stack}
    return {"uid": uid, "labels": {key: value for key, value in labels.items() if value is not None}}


def claim(*keys: ObjectKey, uid: str = "u1", **more: Any) -> Claim:
    held = {key: HeldObject("urn", uid, "", "", {}) for key in keys}
    return Claim("lab", ME, **({"held": held} | more))


def test_the_uuid_decides_and_the_factorys_name_does_not_where_the_uuid_is_ours() -> None:
    assert owner_of(NAMESPACE, live(), claim()) is ObjectOwner.SELF
    assert owner_of(NAMESPACE, live(factory="renamed"), claim()) is ObjectOwner.SELF
    assert owner_of(NAMESPACE, live(stack=OTHER), claim()) is ObjectOwner.OTHER_STACK
    assert owner_of(NAMESPACE, live(stack=OTHER, factory="two"), claim()) is ObjectOwner.OTHER_FACTORY
    assert owner_of(NAMESPACE, live(stack=OTHER), claim(NAMESPACE)) is ObjectOwner.OTHER_STACK, (
        "it was taken over from us"
    )


def test_an_owner_label_of_somebody_else_outweighs_everything() -> None:
    for factory, stack, uid in itertools.product((None, "lab"), (None, ME, OTHER), ("u1", "u2")):
        everything = claim(NAMESPACE, is_local=True, adopts=True)
        assert owner_of(NAMESPACE, live("team-x", factory, stack, uid), everything) is ObjectOwner.OTHER


def test_definitions_that_a_local_control_plane_had_before_are_ours_and_those_of_others_are_not() -> None:
    definition = ObjectKey("apiextensions.k8s.io", "CustomResourceDefinition", "", "workloads.kueue.x-k8s.io")
    applied = {"managedFields": [{"manager": "sovereign-ai", "operation": "Apply"}]}
    theirs = {"managedFields": [{"manager": "helm", "operation": "Apply"}]}
    assert owner_of(definition, applied, claim(is_local=True)) is ObjectOwner.UNMARKED
    assert owner_of(definition, applied, claim()) is ObjectOwner.UNOWNED
    assert owner_of(definition, theirs, claim(is_local=True)) is ObjectOwner.UNOWNED
    assert owner_of(NAMESPACE, applied, claim(is_local=True)) is ObjectOwner.UNOWNED


def test_objects_of_an_older_version_are_ours_if_state_or_local_control_plane_prove_it() -> None:
    old = live(stack=None)
    assert owner_of(NAMESPACE, old, claim()) is ObjectOwner.OTHER_STACK
    assert owner_of(NAMESPACE, old, claim(NAMESPACE, uid="made-again")) is ObjectOwner.UNMARKED
    assert owner_of(NAMESPACE, old, claim(is_local=True)) is ObjectOwner.UNMARKED
    assert owner_of(NAMESPACE, old, claim(held=None)) is ObjectOwner.UNMARKED
    assert (
        owner_of(NAMESPACE, live(stack=None, factory="two"), claim(is_local=True))
        is ObjectOwner.OTHER_FACTORY
    )


def test_the_very_object_of_the_state_is_ours_though_somebody_took_its_labels() -> None:
    bare = live(None, None, None)
    assert owner_of(NAMESPACE, bare, claim(NAMESPACE)) is ObjectOwner.UNMARKED
    assert owner_of(NAMESPACE, bare, claim(NAMESPACE, strict=True)) is ObjectOwner.UNMARKED
    assert owner_of(NAMESPACE, {"uid": "u1"}, claim(NAMESPACE)) is ObjectOwner.UNMARKED, "no labels at all"


def test_a_recreated_object_under_a_held_name_is_drift_unless_it_holds_others_work() -> None:
    bare = live(None, None, None, uid="made-again")
    assert owner_of(QUOTA, bare, claim(QUOTA)) is ObjectOwner.UNMARKED
    assert owner_of(QUOTA, bare, claim(QUOTA, strict=True)) is ObjectOwner.UNOWNED
    assert owner_of(NAMESPACE, bare, claim(NAMESPACE)) is ObjectOwner.UNOWNED
    assert owner_of(QUOTA, bare, claim()) is ObjectOwner.UNOWNED


def test_an_empty_uid_of_the_state_proves_nothing() -> None:
    assert owner_of(NAMESPACE, {"labels": {}}, claim(NAMESPACE, uid="")) is ObjectOwner.UNOWNED


def test_what_kubernetes_makes_in_each_namespace_is_no_false_alarm_unless_somebody_claims_it() -> None:
    account = ObjectKey("", "ServiceAccount", "research", "default")
    assert owner_of(account, {"uid": "x"}, claim()) in OWNED
    assert owner_of(account, live("team-x"), claim()) is ObjectOwner.OTHER
    assert (
        owner_of(ObjectKey("", "ServiceAccount", "research", "workload"), {"uid": "x"}, claim())
        is ObjectOwner.UNOWNED
    )


def test_lost_stacks_of_this_factory_can_be_taken_over_and_nothing_else() -> None:
    assert owner_of(NAMESPACE, live(stack=OTHER), claim(adopts=True)) is ObjectOwner.UNMARKED
    assert owner_of(NAMESPACE, live(stack=OTHER), claim(adopted=OTHER)) is ObjectOwner.UNMARKED
    assert owner_of(NAMESPACE, live(stack="third"), claim(adopted=OTHER)) is ObjectOwner.OTHER_STACK
    assert owner_of(NAMESPACE, live(stack=None), claim(adopts=True)) is ObjectOwner.UNMARKED
    for foreign in (live("team-x"), live(stack=OTHER, factory="two"), live(None, None, None)):
        assert owner_of(NAMESPACE, foreign, claim(adopts=True)) not in OWNED


def test_every_foreign_object_is_a_problem_of_its_own_that_says_whose_it_is_and_what_to_do() -> None:
    objects = {
        "team": (obj("Namespace", "team"), live("team-x", None, None)),
        "two": (obj("Namespace", "two"), live(stack=OTHER, factory="two")),
        "lost": (obj("Namespace", "lost"), live(stack=OTHER)),
        "bare": (obj("Namespace", "bare"), {"managedFields": [{"manager": "kubectl-create"}]}),
        "helm": (obj("Namespace", "helm"), {"labels": {"app.kubernetes.io/managed-by": "Helm"}}),
        "ours": (obj("Namespace", "ours"), live()),
    }
    with pytest.raises(EnvironmentLacksError) as refused:
        require_owned({key_of(one): metadata for one, metadata in objects.values()}, claim())
    assert refused.value.exit_code is ExitCode.ENVIRONMENT
    said = {problem.where.field: problem for problem in refused.value.problems}
    assert sorted(said) == sorted(f"Namespace/{name}" for name in objects if name != "ours")
    expected = {
        "team": "'team-x'",
        "two": "the factory 'two'",
        "lost": OTHER,
        "bare": "kubectl-create",
        "helm": "'Helm'",
    }
    for name, words in expected.items():
        assert words in said[f"Namespace/{name}"].message
    assert "--adopt" in said["Namespace/lost"].hint
    assert f"pulumi config set sovereign:adopt {OTHER}" in said["Namespace/lost"].hint
    assert (
        f"kubectl label namespace bare --overwrite {KEYS.owner}={OWNER} {KEYS.factory}=lab"
        in said["Namespace/bare"].hint
    )


@pytest.mark.parametrize("labels", [(None, None, None), (OWNER, "lab", OTHER), (OWNER, "two", OTHER)])
def test_what_is_being_deleted_is_not_to_be_handed_over_but_waited_for(
    labels: tuple[str | None, str | None, str | None],
) -> None:
    going = live(*labels, uid="u2") | {"deletionTimestamp": "2026-12-01T00:00:00Z"}
    for finalizers, held in (([], ""), (["example.com/hold"], " (it has the finalizer example.com/hold)")):
        with pytest.raises(EnvironmentLacksError) as refused:
            require_owned({NAMESPACE: going | {"finalizers": finalizers}}, claim())
        (problem,) = refused.value.problems
        assert "and is being deleted; nothing was written" in problem.message
        assert problem.hint.startswith(f"run the command again when it has gone{held}, or choose")
