from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.guard import GUARDED
from sovereign_ai.deploy.enforcement import apply_policies, differing_policies, enforce
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, Problem
from sovereign_ai.render.kubernetes.revision import PROBE_NAME, revision_of
from sovereign_ai.rules.kinds import GROUPS
from sovereign_ai.verify.defaults import completed
from tests.render.lab import bundle

POLICY = "ValidatingAdmissionPolicy"


class Cluster:
    """An API server in memory that enforces all policies some rounds of dry runs after they were applied."""

    def __init__(self, *, late: int = 0, unserved: str = "", never: bool = False) -> None:
        self.applied: list[str] = []
        self.live: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.late, self.unserved, self.never = late, unserved, never
        self.messages = {
            obj["metadata"]["name"]: obj["spec"]["validations"][0]["message"]
            for obj in bundle().objects
            if obj["kind"] == POLICY
        }

    def get(self, _version: str, _kind: str, _name: str) -> None:
        return None

    def list(self, _version: str, kind: str) -> list[dict[str, Any]]:
        if kind == self.unserved:
            raise ApiError(Problem("kind-unknown", "not served"), status=404, reason="KindUnknown")
        return [obj for obj in self.live if obj["kind"] == kind]

    def apply(self, obj: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.applied.append(f"{obj['kind']}/{obj['metadata']['name']}")
        return obj

    def create(self, obj: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        assert dry_run
        assert obj["metadata"]["name"] == PROBE_NAME
        self.asked.append(obj["kind"])
        if obj["kind"] == self.unserved:
            raise ApiError(Problem("kind-unknown", "not served"), status=404, reason="KindUnknown")
        # The first kind is asked about in every round.
        if self.asked.count(self.asked[0]) <= self.late or self.never:
            old = "denied request: policy revision 0000000000000000"
            raise ApiError(Problem("api-forbidden", old), status=403, reason="Forbidden")
        told = [message for name, message in self.messages.items() if revision_kind(name) == obj["kind"]]
        raise ApiError(Problem("api-forbidden", f"denied request: {told[0]}"), status=403, reason="Forbidden")

    def many(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]


def revision_kind(policy: str) -> str:
    from sovereign_ai.render.kubernetes.revision import probe

    kind: str = probe(policy.removeprefix("sovereign-"))["kind"]  # type: ignore[arg-type]
    return kind


def silent(_line: str) -> None:
    """Take a line of progress."""


def test_policies_are_applied_before_their_bindings_and_each_is_seen_in_force_three_times() -> None:
    cluster: Any = Cluster(late=2)
    enforce(cluster, bundle().objects, silent)
    kinds = [name.split("/")[0] for name in cluster.applied if not name.startswith("Namespace")]
    assert [kind.endswith("Binding") for kind in kinds] == sorted(kind.endswith("Binding") for kind in kinds)
    assert {name.split("/")[0] for name in cluster.applied} >= {
        POLICY,
        "MutatingAdmissionPolicy",
        f"{POLICY}Binding",
    }
    first, *others = GROUPS
    assert cluster.asked.count(revision_kind(f"sovereign-{first}")) == 2 + 3
    assert {cluster.asked.count(revision_kind(f"sovereign-{group}")) for group in others} == {1 + 3}


def test_while_policies_are_late_one_of_them_is_asked_about_for_all() -> None:
    late = 40
    cluster: Any = Cluster(late=late)
    enforce(cluster, bundle().objects, silent)
    assert len(cluster.asked) == len(GROUPS) + (late - 1) + 3 * len(GROUPS)


def test_a_policy_that_falls_behind_again_is_counted_anew_though_the_first_is_in_force() -> None:
    first, second, *_ = (revision_kind(f"sovereign-{group}") for group in GROUPS)
    cluster: Any = Cluster(late=1)
    forget_at = {3, 5}
    create = cluster.create

    def forgetful(obj: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
        if obj["kind"] == second and cluster.asked.count(second) + 1 in forget_at:
            cluster.asked.append(second)
            old = "denied request: policy revision 0000000000000000"
            raise ApiError(Problem("api-forbidden", old), status=403, reason="Forbidden")
        made: dict[str, Any] = create(obj, dry_run=dry_run)
        return made

    cluster.create = forgetful
    enforce(cluster, bundle().objects, silent)
    assert cluster.asked.count(second) == max(forget_at) + 3
    assert cluster.asked.count(first) == 1 + 3


def test_the_factorys_own_namespace_comes_before_the_policies_that_are_probed_in_it() -> None:
    cluster: Any = Cluster()
    enforce(cluster, bundle().objects, silent)
    assert cluster.applied[0] == "Namespace/sovereign-system"


def test_an_old_revision_is_not_enough_and_every_late_policy_is_named() -> None:
    cluster: Any = Cluster(never=True)
    with pytest.raises(DeploymentError) as error:
        enforce(cluster, bundle().objects, silent, wait_seconds=0.05)
    assert len(error.value.problems) == len(GROUPS)
    assert {problem.code for problem in error.value.problems} == {"policy-not-enforced"}


def test_a_kind_that_an_older_server_does_not_serve_is_not_waited_for() -> None:
    cluster: Any = Cluster(unserved="ResourceClaim")
    enforce(cluster, bundle().objects, silent)
    assert cluster.asked.count("ResourceClaim") == 1


def test_a_policy_that_exists_as_it_should_is_not_written_again_but_its_effect_is_proved() -> None:
    cluster = Cluster()
    policies = [obj for obj in bundle().objects if obj["kind"] in GUARDED]
    cluster.live = [deepcopy(completed(obj)) for obj in policies]
    cluster.live[0]["spec"]["failurePolicy"] = "Ignore"
    missing = cluster.live.pop()
    enforce(cluster, bundle().objects, silent)  # type: ignore[arg-type]
    written = [name for name in cluster.applied if not name.startswith("Namespace/")]
    changed = cluster.live[0]
    expected = [f"{obj['kind']}/{obj['metadata']['name']}" for obj in (changed, missing)]
    assert sorted(written) == sorted(expected)
    assert cluster.asked


def test_a_kind_that_an_older_server_does_not_list_counts_as_missing() -> None:
    cluster = Cluster(unserved="MutatingAdmissionPolicy")
    policies = [obj for obj in bundle().objects if obj["kind"] in GUARDED]
    cluster.live = [completed(obj) for obj in policies]
    differing = differing_policies(cluster, bundle().objects)  # type: ignore[arg-type]
    assert {obj["kind"] for obj in differing} == {"MutatingAdmissionPolicy"}


def test_a_bundle_without_policies_asks_nothing() -> None:
    cluster: Any = Cluster()
    enforce(cluster, [obj for obj in bundle().objects if "Admission" not in obj["kind"]], silent)
    assert cluster.applied == cluster.asked == []


def test_every_rendered_policy_states_a_revision_of_its_own() -> None:
    revisions = [revision_of(obj["spec"]) for obj in bundle().objects if obj["kind"] == POLICY]
    assert None not in revisions
    assert len(set(revisions)) == len(revisions) == len(GROUPS)


def test_a_stack_that_is_held_no_more_gets_no_bindings() -> None:
    cluster: Any = Cluster()
    held = iter([True, True, False])

    def require() -> None:
        if not next(held):
            raise EnvironmentLacksError(Problem("taken-over", "another command holds the stack"))

    with pytest.raises(EnvironmentLacksError, match="another command"):
        apply_policies(cluster, bundle().objects, before_batch=require)
    kinds = {name.partition("/")[0] for name in cluster.applied}
    assert kinds == {"Namespace", POLICY, "MutatingAdmissionPolicy"}
