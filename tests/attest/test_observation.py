"""An observation that is to be signed: of this plan, of one cluster, of now, or of none of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.attest.observation import Binding, bind, read_binding
from sovereign_ai.errors import UsageError
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.reader import load

_NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_OBJECTS = {"lab": "1" * 64}


@cache
def lab() -> Plan:
    return plan(load(Path(__file__).parents[2] / "stacks" / "lab"))


def observed(**changes: Any) -> bytes:
    whole = {
        "factory": "lab",
        "cluster": "lab",
        "ok": True,
        "complete": True,
        "observed_at": _NOW.isoformat(),
        "plan_digest": lab().digest,
        "objects_digest": "1" * 64,
        "cluster_uid": "6f1c",
    }
    return json.dumps(
        {name: value for name, value in {**whole, **changes}.items() if value is not None}
    ).encode()


def bound(raw: bytes) -> Binding:
    return bind(raw, "verdict.json", "lab", lab(), _OBJECTS, _NOW.date(), _NOW)


def test_what_is_of_this_plan_cluster_and_day_is_bound_to_them() -> None:
    binding = bound(observed())
    assert binding.line == "observed: cluster lab (uid 6f1c) at 2026-11-24T12:00:00+00:00: as planned"
    assert read_binding(binding.to_data()) == binding


def test_a_dead_cluster_that_cannot_say_which_it_is_can_be_signed_as_a_finding_only() -> None:
    assert (
        "NOT as planned, not every probe made"
        in bound(observed(ok=False, complete=False, cluster_uid="")).line
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"factory": "other"}, "other-factory"),
        ({"cluster": "other"}, "other-cluster"),
        ({"plan_digest": "0" * 64}, "other-plan"),
        ({"objects_digest": "0" * 64}, "other-objects"),
        ({"cluster_uid": ""}, "no-cluster-identity"),
        ({"cluster_uid": " \u00a0"}, "no-cluster-identity"),
        ({"cluster_uid": None}, "unbound-observation"),
        ({"plan_digest": None}, "unbound-observation"),
        ({"observed_at": "yesterday"}, "bad-time"),
        ({"observed_at": "2019-01-01T00:00:00+00:00"}, "old-observation"),
        ({"observed_at": (_NOW + timedelta(hours=3)).isoformat()}, "future-observation"),
        ({"ok": "true"}, "unbound-observation"),
    ],
)
def test_an_observation_of_something_else_is_never_signed(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as refused:
        bound(observed(**changes))
    assert [problem.code for problem in refused.value.problems] == [code]


def test_everything_that_is_wrong_with_an_observation_is_named_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        bound(observed(factory="x", cluster="y", plan_digest="z", observed_at="2019-01-01T00:00:00Z"))
    assert {one.code for one in refused.value.problems} == {
        "other-factory",
        "other-cluster",
        "other-plan",
        "old-observation",
    }
