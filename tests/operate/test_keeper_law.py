"""A law of the keeper: whatever happens in between, after a round that went through no binding stands without
its grant.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some

from sovereign_ai.cluster.api.errors import UnreachableError
from sovereign_ai.operate.grant_controller import Keeper
from sovereign_ai.operate.records import grant_record, write_revoked
from tests.operate.given import GRANT, NOW
from tests.operate.test_grant_controller import Trial

_STEPS = some.one_of(
    some.tuples(some.just("later"), some.integers(0, 45)),
    some.tuples(
        some.sampled_from(["round", "revoke", "remove", "silence", "speak", "restart", "refuse"]),
        some.just(0),
    ),
)


@settings(max_examples=60)
@given(some.lists(_STEPS, max_size=14))
def test_no_binding_stands_without_its_grant(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trial, minutes = Trial(Path(folder)), 0
        ended = False
        for step, length in steps:
            minutes += length
            if step == "revoke":
                write_revoked(trial.where, GRANT.id, "no need", NOW)
            elif step == "remove":
                trial.api.delete("rbac.authorization.k8s.io/v1", "RoleBinding", GRANT.name, "research")
            elif step in {"silence", "speak"}:
                trial.silent = step == "silence"
            elif step == "refuse":
                trial.refuses = "" if trial.refuses else "RoleBinding"
            elif step == "restart":
                trial.keeper = Keeper(trial.where, lambda: trial.api, trial.said.append)
            elif step == "round":
                with suppress(UnreachableError):
                    trial.round(minutes)
            ended = ended or bool(grant_record(trial.where, GRANT.id).closed)
            if ended:
                assert trial.bound == [], "what was closed never opens again"
        trial.silent = False
        trial.round(minutes)
        stands = grant_record(trial.where, GRANT.id).is_active(NOW + timedelta(minutes=minutes))
        assert trial.bound == ([GRANT.name] if stands else [])
