"""Platforms that cannot be: unknown and misplaced names, rivals, what is missing; each with what to write."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.factory import AIFactory
from tests.rules.subject import factory_of

USAGE = {"name": "usage", "kind": "telemetry", "host": "usage.example.com"}


def problems(platform: dict[str, Any]) -> list[tuple[str, str, str]]:
    try:
        factory_of(platform=platform)
    except SpecError as error:
        return [(problem.code, problem.where.field, problem.hint) for problem in error.problems]
    return []


def test_a_whole_platform_has_no_problem() -> None:
    platform = {"queueing": "kueue", "jobs": ["jobset", "trainer"], "controllers": [{"name": "kueue"}]}
    assert problems(platform) == []


@pytest.mark.parametrize(
    ("platform", "code", "field", "hint"),
    [
        ({"queueing": "kueu"}, "unknown-name", "platform.queueing[0]", "did you mean 'kueue'?"),
        ({"jobs": ["kueue"]}, "wrong-function", "platform.jobs[0]", "write it under 'platform.queueing'"),
        ({"jobs": ["jobset", "jobset"]}, "duplicate-entry", "platform.jobs[1]", "keep one of the two"),
        (
            {"queueing": ["volcano", "kueue"]},
            "contradiction",
            "platform.queueing[1]",
            "keep 'kueue' or 'volcano'",
        ),
        (
            {"jobs": "trainer"},
            "missing-controller",
            "platform.jobs[0]",
            "write 'jobs: [jobset, trainer]' under 'platform'",
        ),
        (
            {"serving": "kserve"},
            "missing-controller",
            "platform.serving[0]",
            "write 'certificates: cert-manager' under 'platform'",
        ),
        (
            {"queueing": "kueue", "controllers": [{"name": "jobset"}]},
            "not-run",
            "platform.controllers[0].name",
            "write 'jobs: jobset' under 'platform'",
        ),
        (
            {"queueing": "kueue", "controllers": [{"name": "kueeu"}]},
            "unknown-name",
            "platform.controllers[0].name",
            "did you mean 'kueue'?",
        ),
        (
            {"queueing": "kueue", "controllers": [{"name": "kueue"}, {"name": "kueue"}]},
            "duplicate-name",
            "platform.controllers[1].name",
            "keep one of the two",
        ),
        (
            {"network_accounts": ["cni-system/agent", "cni-system/agent"]},
            "duplicate-entry",
            "platform.network_accounts[1]",
            "keep one of the two",
        ),
        (
            {"network_accounts": ["research/agent"]},
            "bad-account",
            "platform.network_accounts[0]",
            "install the plugin into a namespace of its own",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_platform_that_cannot_be_is_refused_with_what_to_write(
    platform: dict[str, Any], code: str, field: str, hint: str
) -> None:
    (problem,) = problems(platform)
    assert problem[:2] == (code, field)
    assert problem[2].startswith(hint)


BOTH = ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]


def shared(*, fair_sharing: Any = (), idle: str = "lent", weight: float | None = None) -> list[Any]:
    """Return the problems of a platform with Kueue whose tenant may have a weight."""
    data = factory_of().to_data()
    data["platform"] = {"queueing": "kueue", "fair_sharing": fair_sharing}
    for zone in data["zones"]:
        zone["idle_quota"] = idle
    if weight is not None:
        data["tenants"][0]["weight"] = weight
    try:
        AIFactory(**data)
    except SpecError as error:
        return [(problem.code, problem.where.field, problem.hint) for problem in error.problems]
    return []


@pytest.mark.parametrize("strategies", [BOTH, BOTH[:1], BOTH[1:], BOTH[0]])
@pytest.mark.parametrize("weight", [None, 0, 0.5, 1, 2.5, 1_000_000_000])
def test_lent_quota_is_shared_by_each_order_of_strategies_that_kueue_takes(
    strategies: Any, weight: float | None
) -> None:
    assert shared(fair_sharing=strategies, weight=weight) == []


def test_strategies_in_an_order_that_kueue_refuses_are_refused() -> None:
    expected = ("bad-value", "platform.fair_sharing", f"write [{BOTH[0]}, {BOTH[1]}]")
    assert shared(fair_sharing=BOTH[::-1]) == [expected]
    twice = ("duplicate-entry", "platform.fair_sharing[1]", "keep one of the two")
    assert shared(fair_sharing=[BOTH[0], BOTH[0]]) == [twice]


def test_fair_sharing_without_lent_quota_is_refused() -> None:
    hint = "write 'idle_quota: lent' in a zone, or remove 'fair_sharing'"
    assert shared(fair_sharing=BOTH, idle="kept") == [("contradiction", "platform.fair_sharing", hint)]


def test_fair_sharing_without_kueue_is_refused() -> None:
    found = problems({"fair_sharing": BOTH})
    assert found == [
        ("missing-controller", "platform.fair_sharing", "write 'queueing: kueue' under 'platform'")
    ]


def test_a_weight_that_nothing_uses_is_refused() -> None:
    (problem,) = shared(weight=2)
    assert problem[:2] == ("contradiction", "tenants[0].weight")
    assert problem[2] == f"write 'platform.fair_sharing: [{', '.join(BOTH)}]', or remove 'weight'"
    found = shared(fair_sharing=BOTH, idle="kept", weight=2)
    assert ("contradiction", "tenants[0].weight", "write 'idle_quota: lent', or remove 'weight'") in found


@pytest.mark.parametrize("weight", [-1, 1e-9, 5e-10, 1_000_000_001])
def test_a_weight_that_kueue_refuses_is_refused(weight: float) -> None:
    ((code, field, _),) = shared(fair_sharing=BOTH, weight=weight)
    assert (code in {"out-of-range", "bad-value"}, field) == (True, "tenants[0].weight")


def contacts(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"queueing": "kueue", "controllers": [{"name": "kueue", "contacts": list(listed)}]}


def test_a_contact_that_is_used_has_a_host_and_one_that_is_not_has_none() -> None:
    at = "platform.controllers[0].contacts[0]"
    without = {"name": "usage", "kind": "telemetry"}
    assert problems(contacts(without)) == [
        ("missing-field", at, "write 'host', or 'used: false' where it is switched off")
    ]
    assert problems(contacts({**USAGE, "used": False}))[0][:2] == ("contradiction", f"{at}.host")
    assert problems(contacts({**without, "used": False})) == []


def test_two_contacts_of_one_name_are_refused() -> None:
    assert problems(contacts(USAGE, USAGE)) == [
        ("duplicate-name", "platform.controllers[0].contacts[1].name", "give it another name")
    ]


def test_every_problem_of_a_platform_is_reported_at_once() -> None:
    found = problems({"queueing": ["kueue", "volcano", "kueu"], "jobs": "trainer", "gangs": "kueue"})
    codes = {code for code, _, _ in found}
    assert codes == {"unknown-name", "contradiction", "missing-controller", "wrong-function"}
