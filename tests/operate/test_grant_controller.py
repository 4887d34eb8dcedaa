"""Bindings are there while their grants stand, and gone at their end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.errors import UnreachableError, unreachable
from sovereign_ai.cluster.approvers import record_approvers
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.files.writing import write_private
from sovereign_ai.operate.grant_controller import Keeper
from sovereign_ai.operate.grants import LABELS
from sovereign_ai.operate.records import folder_of, grant_record, kubeconfig_of, write_grant, write_revoked
from sovereign_ai.spec import Approver
from tests.operate.given import GRANT, NOW, grant, plane
from tests.support.approvals import public_key_of
from tests.verify.in_memory import InMemoryApi, refused

_RBAC = "rbac.authorization.k8s.io/v1"


class Trial:
    """A keeper on a cluster in memory, and what it said."""

    def __init__(self, tmp_path: Path) -> None:
        self.where: ClusterDir = plane(tmp_path)
        self.refuses = ""
        self.silent = False
        self.api = InMemoryApi(admit=self._admit)
        self.said: list[str] = []
        self.keeper = Keeper(self.where, lambda: self.api, self.said.append)
        write_grant(self.where, GRANT)
        write_private(kubeconfig_of(self.where, GRANT.id), b"secret")

    def _admit(self, obj: Mapping[str, Any]) -> None:
        if self.silent:
            raise unreachable("https://memory.invalid", "gone")
        if obj["kind"] == self.refuses:
            raise refused(403, "RBC-009: no")

    def round(self, minutes: float = 0) -> None:
        self.keeper.round(NOW + timedelta(minutes=minutes))

    @property
    def bound(self) -> list[str]:
        return [one["metadata"]["name"] for one in self.api.list(_RBAC, "RoleBinding")]

    @property
    def events(self) -> list[str]:
        return [one["reason"] for one in self.api.list("v1", "Event")]


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


def test_access_is_opened_told_and_closed_at_its_end(trial: Trial) -> None:
    trial.round()
    assert trial.bound == [GRANT.name]
    assert trial.events == ["BreakGlassOpened"]
    assert grant_record(trial.where, GRANT.id).opened
    trial.round(59.9)
    assert trial.bound == [GRANT.name]
    trial.round(60)
    assert trial.bound == []
    assert sorted(trial.events) == ["BreakGlassClosed", "BreakGlassOpened"]
    assert grant_record(trial.where, GRANT.id).why == "ended"
    assert not kubeconfig_of(trial.where, GRANT.id).exists()
    assert len(trial.said) == 2


def test_an_event_is_a_warning_about_the_binding_that_says_who_and_why(trial: Trial) -> None:
    trial.round()
    [event] = trial.api.list("v1", "Event")
    assert event["type"] == "Warning"
    assert event["metadata"]["namespace"] == event["involvedObject"]["namespace"] == "research"
    assert event["involvedObject"]["name"] == GRANT.name
    assert "a job hangs" in event["message"]
    assert GRANT.user in event["message"]


def test_access_that_is_revoked_is_closed_at_once(trial: Trial) -> None:
    trial.round()
    write_revoked(trial.where, GRANT.id, "no need", NOW)
    trial.round(1)
    assert trial.bound == []
    assert grant_record(trial.where, GRANT.id).why == "revoked"


def test_access_whose_approver_a_deployment_withdraws_is_closed_at_once(trial: Trial) -> None:
    trial.round()
    record_approvers(trial.where, "lab", [])
    trial.round(1)
    assert trial.bound == []
    assert grant_record(trial.where, GRANT.id).why == "unlisted"
    assert not kubeconfig_of(trial.where, GRANT.id).exists()


def test_a_grant_that_a_key_of_nobody_signed_is_never_opened(trial: Trial) -> None:
    record_approvers(trial.where, "lab", [Approver(name="lead", key=public_key_of("another lead"))])
    trial.round()
    assert trial.bound == []
    assert trial.events == ["BreakGlassClosed"]


def test_access_that_ended_or_was_revoked_before_it_was_opened_is_never_opened(trial: Trial) -> None:
    trial.round(61)
    assert trial.bound == []
    assert grant_record(trial.where, GRANT.id).why == "ended"
    assert trial.events == ["BreakGlassClosed"]


def test_a_binding_that_somebody_took_away_is_not_made_again(trial: Trial) -> None:
    trial.round()
    trial.api.delete(_RBAC, "RoleBinding", GRANT.name, "research")
    trial.round(1)
    trial.round(2)
    assert trial.bound == []
    assert grant_record(trial.where, GRANT.id).why == "removed"


def test_what_the_api_server_refuses_is_closed_with_its_words(trial: Trial) -> None:
    trial.refuses = "RoleBinding"
    trial.round()
    assert "RBC-009" in grant_record(trial.where, GRANT.id).why
    assert not kubeconfig_of(trial.where, GRANT.id).exists()


def test_an_event_that_is_refused_keeps_nothing_open(trial: Trial) -> None:
    trial.refuses = "Event"
    trial.round()
    trial.round(60)
    assert trial.bound == []


def test_while_the_server_is_silent_nothing_changes_and_then_it_goes_on(trial: Trial) -> None:
    trial.silent = True
    with pytest.raises(UnreachableError):
        trial.round()
    assert not grant_record(trial.where, GRANT.id).opened
    trial.silent = False
    trial.round(1)
    assert trial.bound == [GRANT.name]


def test_after_a_crash_between_binding_and_record_it_goes_on(trial: Trial) -> None:
    trial.api.create(GRANT.binding())
    trial.round()
    assert grant_record(trial.where, GRANT.id).opened
    assert trial.bound == [GRANT.name]


def test_a_binding_with_our_label_and_no_standing_grant_is_removed_and_others_are_left(trial: Trial) -> None:
    stray = grant(id="aaaaaaaa").binding()
    other = {**stray, "metadata": {"name": "break-glass-bbbbbbbb", "namespace": "research", "labels": {}}}
    trial.api.create(stray)
    trial.api.create(other)
    assert stray["metadata"]["labels"] == LABELS
    trial.round()
    trial.round(1)
    assert trial.bound == [GRANT.name, "break-glass-bbbbbbbb"]
    assert any("aaaaaaaa" in line for line in trial.said)


def test_a_restarted_keeper_closes_what_ended_meanwhile(trial: Trial) -> None:
    trial.round()
    Keeper(trial.where, lambda: trial.api, trial.said.append).round(NOW + timedelta(hours=2))
    assert trial.bound == []


def test_a_broken_record_is_told_once_and_opens_nothing(trial: Trial) -> None:
    (folder_of(trial.where) / "cccccccc.json").write_text("{")
    trial.round()
    trial.round()
    assert len([line for line in trial.said if "cccccccc" in line]) == 1


def test_with_nothing_open_the_server_is_asked_once_a_minute(trial: Trial) -> None:
    trial.round()
    trial.round(60)
    asked = len(trial.api.asked)
    for second in range(1, 60):
        trial.round(60 + second / 60)
    assert len(trial.api.asked) == asked
    trial.round(61)
    assert len(trial.api.asked) == asked + 1


def _role(name: str) -> dict[str, Any]:
    return {"roleRef": {**GRANT.binding()["roleRef"], "name": name}}


def _subject(**changes: str) -> dict[str, Any]:
    return {"subjects": [{**GRANT.binding()["subjects"][0], **changes}]}


_ANOTHER: dict[str, dict[str, Any]] = {
    "a role of more": _role("sovereign-ai:break-glass:repair"),
    "the role of administrators": _role("cluster-admin"),
    "a role of the namespace": {"roleRef": {**GRANT.binding()["roleRef"], "kind": "Role"}},
    "another person": _subject(name="break-glass:eve:1f2e3d4c"),
    "another grant's user": _subject(name="break-glass:on-call:aaaaaaaa"),
    "a group": _subject(kind="Group", name="system:authenticated"),
    "a service account": _subject(kind="ServiceAccount", name="default"),
    "letters that look alike": _subject(name="break-glass:on-c\u0430ll:1f2e3d4c"),
    "one person more": {"subjects": [*_subject()["subjects"], *_subject(name="eve")["subjects"]]},
    "the same person twice": {"subjects": _subject()["subjects"] * 2},
    "nobody": {"subjects": []},
    "no subjects": {"subjects": None},
}
"""Bindings of a grant's name that give something else, or to somebody else, than was agreed."""


@pytest.mark.parametrize("changes", _ANOTHER.values(), ids=_ANOTHER)
def test_a_binding_of_a_grants_name_that_gives_something_else_is_removed(
    changes: dict[str, Any], trial: Trial
) -> None:
    trial.api.create({**GRANT.binding(), **changes})
    trial.round()
    assert trial.bound == []
    assert grant_record(trial.where, GRANT.id).why == "changed"
    assert not kubeconfig_of(trial.where, GRANT.id).exists()


@pytest.mark.parametrize("changes", _ANOTHER.values(), ids=_ANOTHER)
def test_an_open_binding_that_is_exchanged_for_another_ends_the_grant(
    changes: dict[str, Any], trial: Trial
) -> None:
    trial.round()
    trial.round(1)
    assert trial.bound == [GRANT.name], "as it was made it stays"
    trial.api.delete(_RBAC, "RoleBinding", GRANT.name, "research")
    trial.api.create({**GRANT.binding(), **changes})
    trial.round(2)
    trial.round(3)
    assert trial.bound == []
    assert grant_record(trial.where, GRANT.id).why == "changed"
