"""One reading of the cluster says the same to every check as the cluster itself, in fewer questions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.deploy.dry_run import dry_run_problems
from sovereign_ai.deploy.preconditions import check_preconditions
from sovereign_ai.deploy.reading import reading_of
from sovereign_ai.deploy.stack_deployment import StackDeployment
from sovereign_ai.deploy.state.stack_record import ClusterIdentity, StackRecord
from sovereign_ai.errors import EnvironmentLacksError, Where
from sovereign_ai.names import KEYS
from sovereign_ai.verify.observation import observe
from tests.deploy.state.test_objects import resource
from tests.deploy.test_preconditions import Cluster, deployment, mine
from tests.render.lab import stack
from tests.support.memory_cluster import obj

__all__ = ["record"]
RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackRecord:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = StackRecord(tmp_path / "identities" / "lab" / "lab.json")
    made.put_cluster("lab", ClusterIdentity("cluster-1", "", "https://memory.invalid"))
    return made


class Trying(Cluster):
    """Takes every dry run."""

    def create(
        self,
        obj: Mapping[str, Any],
        dry_run: bool = False,
        *,
        upsert: bool = False,  # noqa: ARG002
    ) -> dict[str, Any]:
        assert dry_run, "something would be stored"
        return self.apply(obj)


def cluster(record: StackRecord) -> Cluster:
    """Return a cluster with objects of the stack, of others and of nobody, of kinds that are read whole and
    by label.
    """
    spaces = [obj("Namespace", f"n{number}", labels=mine(record)) for number in range(25)]
    going = [
        obj("Namespace", "old", labels=mine(record)),
        obj("ResourceQuota", "q", "old", labels=mine(record)),
    ]
    others = [obj("Namespace", "theirs", labels={KEYS.owner: "team-x"}), obj("ConfigMap", "work", "old")]
    roles = [obj("Role", f"r{number}", "n1", version=RBAC, labels=mine(record)) for number in range(3)]
    maps = [
        obj("ConfigMap", name, "n1", labels=labels)
        for name, labels in (("facts", mine(record)), ("bare", {}))
    ]
    return Trying(*spaces, *going, *others, *roles, *maps)


def planned(record: StackRecord) -> list[dict[str, Any]]:
    """Return what is to be there: some of it, and objects that are new."""
    labels = mine(record)
    spaces = [obj("Namespace", f"n{number}", labels=labels) for number in range(26)]
    roles = [obj("Role", f"r{number}", f"n{number}", version=RBAC, labels=labels) for number in range(26)]
    return [
        *spaces,
        *roles,
        obj("ConfigMap", "facts", "n1", labels=labels),
        obj("ConfigMap", "bare", "n1", labels=labels),
    ]


def whole(tmp_path: Path, record: StackRecord) -> StackDeployment:
    """Return a deployment whose state holds what is to go and what others have."""
    held = [resource("Namespace", name) for name in ("old", "theirs", "gone", "n1")]
    return deployment(tmp_path, record, *held, resource("ConfigMap", "bare", namespace="n1"))


def everything(api: Api, tmp_path: Path, record: StackRecord) -> list[object]:
    """Ask all checks."""
    objects = planned(record)
    checked = check_preconditions(api, objects, whole(tmp_path, record))
    problems = dry_run_problems(api, objects, lambda _obj: Where())
    seen = observe(api, stack("lab")[0], objects)
    return [checked, list(map(str, problems)), seen.objects, seen.unserved, seen.schemas]


def test_all_checks_find_the_same_in_a_reading_and_each_kind_is_listed_once(
    tmp_path: Path, record: StackRecord
) -> None:
    direct, api = cluster(record), cluster(record)
    expected = everything(direct, tmp_path, record)
    reading = reading_of(api, planned(record))
    assert everything(reading, tmp_path, record) == expected
    checked: Any = expected[0]
    assert (checked.leaving, checked.left, checked.unapproved) != ((), {}, ()), "there is something to find"
    repeated = {line for line in direct.asked if direct.asked.count(line) > 1}
    assert {"LIST Namespace", "LIST Role"} <= repeated
    # ConfigMaps are listed by label and by namespace: those are other questions under one name here.
    asked_again = [line for line in repeated if line.startswith("LIST") and api.asked.count(line) > 1]
    assert asked_again in ([], ["LIST ConfigMap"])


def test_what_belongs_to_others_is_refused_in_a_reading_too(tmp_path: Path, record: StackRecord) -> None:
    api = cluster(record)
    objects = [*planned(record), obj("Namespace", "theirs", labels=mine(record))]
    with pytest.raises(EnvironmentLacksError) as refused:
        check_preconditions(reading_of(api, objects), objects, whole(tmp_path, record))
    assert [problem.where.field for problem in refused.value.problems] == ["Namespace/theirs"]
    assert api.written == []
