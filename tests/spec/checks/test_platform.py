"""Platforms that cannot be: unknown and misplaced names, rivals, what is missing; each with what to write."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import SpecError
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
