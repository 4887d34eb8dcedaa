"""Kueue's manifests that share idle quota as described, and those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.queue_sharing import fair_sharing_notes
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import stack
from tests.plan.test_queue_gates import OFF, configuration, deployment
from tests.rules.subject import factory_of

BOTH = ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]
SECOND = "fairSharing: {preemptionStrategies: [LessThanOrEqualToFinalShare, LessThanInitialShare]}"
MANAGER = deployment("--config=/controller_manager_config.yaml", f"--feature-gates={OFF}")


def first_version(text: str) -> dict[str, Any]:
    """Return the ConfigMap with a configuration of Kueue's first version."""
    made = configuration(text)
    name = "controller_manager_config.yaml"
    made["data"][name] = made["data"][name].replace("v1beta2", "v1beta1")
    return made


def described(*manifests: dict[str, Any], shares: list[str], lends: bool = True) -> AIFactory:
    controller = {"name": "kueue", "version": "v0.17.0", "manifests": list(manifests)}
    data = factory_of().to_data()
    data["platform"] = {"queueing": "kueue", "controllers": [controller], "fair_sharing": shares}
    for zone in data["zones"]:
        zone["idle_quota"] = "lent" if lends else "kept"
    return AIFactory(**data)


def notes(*manifests: dict[str, Any], shares: list[str], lends: bool = True) -> list[tuple[str, str]]:
    factory = described(*manifests, shares=shares, lends=lends)
    return [(note.field, note.text) for note in fair_sharing_notes(factory)]


@pytest.mark.parametrize(
    ("manifests", "shares"),
    [
        ([MANAGER, configuration(SECOND)], BOTH),
        ([MANAGER, configuration("leaderElection: {}")], []),
        ([MANAGER], []),
        ([MANAGER, configuration("fairSharing: {preemptionStrategies: [LessThanInitialShare]}")], BOTH[1:]),
        ([MANAGER, first_version("fairSharing: {enable: true}")], BOTH),
        ([MANAGER, first_version("fairSharing: {enable: false}")], []),
        ([configuration("leaderElection: {}")], BOTH),
        ([], BOTH),
    ],
)
def test_a_configuration_that_shares_as_described_and_no_controller_are_not_noted(
    manifests: list[dict[str, Any]], shares: list[str]
) -> None:
    assert notes(*manifests, shares=shares) == []


@pytest.mark.parametrize(
    ("made", "shares", "lends", "said"),
    [
        (
            configuration("leaderElection: {}"),
            BOTH,
            True,
            (
                f"ConfigMap/kueue-system/kueue-config does not share idle quota fairly, and "
                f"`platform.fair_sharing` says {BOTH[0]}, {BOTH[1]}: write `{SECOND}` into "
                "controller_manager_config.yaml"
            ),
        ),
        (
            configuration(SECOND),
            BOTH[:1],
            True,
            (
                f"ConfigMap/kueue-system/kueue-config shares idle quota by {BOTH[0]}, {BOTH[1]}, and "
                f"`platform.fair_sharing` says {BOTH[0]}: "
                "write `fairSharing: {preemptionStrategies: [LessThanOrEqualToFinalShare]}` into "
                "controller_manager_config.yaml"
            ),
        ),
        (
            first_version("fairSharing: {enable: false}"),
            BOTH,
            True,
            (
                "write `fairSharing: {enable: true, preemptionStrategies: [LessThanOrEqualToFinalShare, "
                "LessThanInitialShare]}` into controller_manager_config.yaml"
            ),
        ),
        (
            configuration(SECOND),
            [],
            True,
            (
                "`platform.fair_sharing` does not say so: describe it, or take `fairSharing` out of "
                "controller_manager_config.yaml"
            ),
        ),
        (
            configuration(SECOND),
            [],
            False,
            (
                "take `fairSharing` out of controller_manager_config.yaml; without `idle_quota: lent` "
                "nothing is shared, and Kueue 0.17 ends where work in a queue without a cohort finds too "
                "little to preempt"
            ),
        ),
    ],
    ids=["not-shared", "other-strategies", "first-version", "not-described", "nothing-lent"],
)
def test_a_configuration_that_shares_otherwise_is_noted_with_what_to_write(
    made: dict[str, Any], shares: list[str], lends: bool, said: str
) -> None:
    [(field, text)] = notes(MANAGER, made, shares=shares, lends=lends)
    assert said in text
    assert field == "platform.controllers[0].manifests[1]"


def test_a_controller_without_a_configuration_does_not_share() -> None:
    [(field, text)] = notes(MANAGER, shares=BOTH)
    assert field == "platform.controllers[0].manifests[0]"
    assert f"write `{SECOND}` into its configuration" in text


def test_the_plan_warns_of_it() -> None:
    small = described(MANAGER, configuration("leaderElection: {}"), shares=BOTH).to_data()
    lab = stack("lab").to_data()
    zones = [{**zone, "idle_quota": "lent"} for zone in lab["zones"]]
    factory = AIFactory(**{**lab, "platform": small["platform"], "zones": zones})
    assert "does not share idle quota fairly" in plan(factory).warnings[-1]
