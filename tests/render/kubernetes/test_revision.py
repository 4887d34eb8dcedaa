from __future__ import annotations

import pytest

from sovereign_ai.render.kubernetes.admission import policy_name
from sovereign_ai.render.kubernetes.revision import (
    PROBE_NAME,
    enforced_revision,
    probe,
    revision_of,
    with_revision,
)
from sovereign_ai.rules.kinds import GROUPS, find_kind
from tests.render.lab import one

SPEC = {"failurePolicy": "Fail", "validations": [{"expression": "object.a == 1", "message": "IMG-001: no"}]}


def test_the_revision_comes_first_changes_with_the_spec_and_is_read_from_a_refusal() -> None:
    first = with_revision(SPEC)
    other = with_revision({**SPEC, "failurePolicy": "Ignore"})
    assert first["validations"][1:] == SPEC["validations"]
    assert revision_of(first) != revision_of(other)
    refusal = f"denied by ValidatingAdmissionPolicy 'p': {first['validations'][0]['message']}"
    assert enforced_revision(refusal) == revision_of(first)


def test_a_refusal_by_a_rule_names_no_revision_and_a_policy_of_an_older_version_states_none() -> None:
    assert enforced_revision("ValidatingAdmissionPolicy 'sovereign-pods' denied request: IMG-001: no") is None
    assert revision_of(SPEC) is None


@pytest.mark.parametrize("group", GROUPS)
def test_every_policy_has_a_probe_of_a_kind_that_it_judges(group: str) -> None:
    obj = probe(group)  # type: ignore[arg-type]
    assert find_kind(obj["apiVersion"], obj["kind"]).group == group
    assert obj["metadata"]["name"] == PROBE_NAME
    assert revision_of(one("ValidatingAdmissionPolicy", policy_name(group))["spec"])  # type: ignore[arg-type]
