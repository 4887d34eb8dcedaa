from __future__ import annotations

import pytest

from sovereign_ai.rules.kinds import (
    GROUPS,
    KINDS,
    OTHER,
    PODS,
    TEMPLATES,
    find_kind,
    kind_named,
    kinds_of_group,
)


def test_a_kind_is_known_in_every_version_and_only_in_its_own_group() -> None:
    assert find_kind("apps/v1beta1", "Deployment") is KINDS["Deployment"]
    assert find_kind("v1", "Service") is KINDS["Service"]
    assert find_kind("serving.knative.dev/v1", "Service") is OTHER


def test_every_kind_of_an_admission_policy_is_in_one_policy() -> None:
    judged = [kind for group in GROUPS for kind in kinds_of_group(group)]
    exempt = {kind for kind in KINDS.values() if kind.group == ""}
    assert len(set(judged)) == len(judged)
    assert set(judged) | exempt == {*KINDS.values(), OTHER}


def test_every_kind_with_a_pod_states_its_path() -> None:
    assert {kind.name for kind in KINDS.values() if kind.pod} == set(PODS)
    assert "Pod" not in TEMPLATES
    assert KINDS["CronJob"].pod_metadata == "object.spec.jobTemplate.spec.template.metadata"
    assert KINDS["CronJob"].pod_field == "spec.jobTemplate.spec.template.spec"


def test_an_unknown_name_is_an_error() -> None:
    assert kind_named("*") is OTHER
    with pytest.raises(KeyError):
        kind_named("Nothing")
