"""What a deployment does about drift under each policy, without a cluster."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sovereign_ai.cluster.guard import GUARDED
from sovereign_ai.deploy.changes import OWN_PROGRAM, Changes
from sovereign_ai.deploy.drift_policy import needs_refresh, reported, reports_only, without_drift
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.state.checkpoint import Checkpoint
from sovereign_ai.spec.reader import load
from tests.deploy.test_changes import changes, find, live, seen, state
from tests.render.lab import STACKS, bundle

NAMES = [resource_name(obj) for obj in bundle().objects]
CHECKPOINT = Checkpoint(b"", "", datetime.now(UTC), "", tuple(state()), (), "")


@pytest.mark.parametrize("name", NAMES)
def test_what_somebody_changed_or_deleted_is_left_but_for_admission_policies(name: str) -> None:
    kept = (name,) if name.partition("/")[0] in GUARDED else ()
    drifted = live()
    find(drifted, name)["metadata"]["labels"]["sovereign-ai.internal/component"] = "other"
    found = without_drift(changes(state(), drifted), CHECKPOINT)
    assert (found.restore, found.needs_engine) == (kept, False)
    deleted = [obj for obj in live() if resource_name(obj) != name]
    found = without_drift(changes(state(), deleted), CHECKPOINT)
    assert (found.create, found.restore, found.needs_engine, needs_refresh(found)) == ((), kept, False, False)


def test_what_the_description_adds_or_changes_is_deployed_under_both_policies() -> None:
    added = [item for item in state() if not item["urn"].endswith(f"::lab/{NAMES[0]}")]
    without = [obj for obj in live() if resource_name(obj) != NAMES[0]]
    checkpoint = Checkpoint(b"", "", datetime.now(UTC), "", tuple(added), (), "")
    assert without_drift(changes(added, without), checkpoint).create == (NAMES[0],)
    other = state()
    find(other, NAMES[0])["inputs"]["metadata"]["labels"]["sovereign-ai.internal/component"] = "other"
    assert without_drift(changes(other, live()), CHECKPOINT).update == (NAMES[0],)


def test_a_program_of_ones_own_needs_no_look_at_every_object_and_a_run_cut_short_does() -> None:
    assert not needs_refresh(Changes(full_run_reason=OWN_PROGRAM))
    assert needs_refresh(Changes(full_run_reason="the last run did not come to its end"))


def test_the_description_decides_and_a_person_may_ask_for_more() -> None:
    factory = load(STACKS / "lab")
    asked = type(factory).model_validate({**factory.model_dump(by_alias=True), "drift": "report"})
    assert [reports_only(factory), reports_only(asked), reports_only(asked, restores=True)] == [
        False,
        True,
        False,
    ]
    assert factory.digest != asked.digest


def test_what_is_reported_is_changed_or_missing_and_not_what_others_have_beside_it() -> None:
    stranger = {**live()[0], "metadata": {**live()[0]["metadata"], "name": "stranger"}}
    drifted = [*live()[1:], stranger]
    drifted[1]["metadata"]["labels"]["sovereign-ai.internal/component"] = "other"
    found = {(drift.kind, drift.resource) for drift in reported(seen(drifted), bundle().objects)}
    assert found == {("missing", NAMES[0]), ("changed", resource_name(drifted[1]))}
