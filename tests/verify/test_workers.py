"""Whether Kueue is connected to its workers, as `verify` names it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.verify.kinds import KUEUE
from sovereign_ai.verify.observation import Observed
from sovereign_ai.verify.workers import compare_workers
from tests.plan.multikueue import MANAGER, WORKER, two_sites

FACTORY = two_sites()
OBJECTS = render(FACTORY, plan(FACTORY), MANAGER).objects


def found(*conditions: dict[str, str]) -> list[str]:
    live: dict[str, Any] = {"metadata": {"name": WORKER}, "status": {"conditions": list(conditions)}}
    return [str(finding) for finding in compare_workers(observed(live), FACTORY, OBJECTS)]


def observed(*live: dict[str, Any]) -> Observed:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    return Observed(FACTORY.name, {(KUEUE, "MultiKueueCluster"): live}, (), {}, 1, now)


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (
            [{"type": "Active", "status": "False", "reason": "BadKubeConfig", "message": "not found"}],
            "BadKube",
        ),
        ([], "Kueue has not looked at it"),
        ([{"type": "Other", "status": "True", "reason": "x"}], "Kueue has not looked at it"),
    ],
)
def test_a_worker_that_kueue_is_not_connected_to_is_named_in_its_words(
    conditions: list[dict[str, str]], said: str
) -> None:
    [text] = found(*conditions)
    assert text.startswith(f"changed MultiKueueCluster/{WORKER}: no work is sent")
    assert said in text


def test_the_hint_says_how_the_kubeconfig_is_made_and_into_which_secret_it_goes() -> None:
    live = {"metadata": {"name": WORKER}}
    [finding] = compare_workers(observed(live), FACTORY, OBJECTS)
    assert f"platform kubeconfig STACK --stack {WORKER}" in finding.hint
    assert f"Secret kueue-system/{WORKER}" in finding.hint


def test_a_connected_worker_and_one_that_is_missing_are_no_findings_of_it() -> None:
    assert found({"type": "Active", "status": "True", "reason": "Active"}) == []
    # That the object itself is missing is named with all other objects.
    assert list(compare_workers(observed(), FACTORY, OBJECTS)) == []
