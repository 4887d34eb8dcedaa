"""The approvers whose keys the operator counts: recorded whole, replaced whole, and refused where damaged."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sovereign_ai.cluster.approvers import may_approve, record_approvers, recorded_approvers
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.spec import Approver
from tests.support.approvals import public_key_of

LAST = date(2026, 12, 31)
LEAD = Approver(name="Security Lead", key=public_key_of("lead"), until=LAST)
OTHER = Approver(name="other lead", key=public_key_of("other lead"))


@pytest.fixture
def where(tmp_path: Path) -> ClusterDir:
    made = ClusterDir("lab", tmp_path / "lab")
    made.make()
    return made


def test_before_anything_is_recorded_nobody_may_approve(where: ClusterDir) -> None:
    assert recorded_approvers(where) == {}


def test_a_later_description_replaces_all_approvers_and_says_whether_one_changed(where: ClusterDir) -> None:
    assert not record_approvers(where, [LEAD, OTHER]), "nothing was recorded before"
    assert not record_approvers(where, [OTHER, LEAD])
    assert record_approvers(where, [OTHER])
    assert {*recorded_approvers(where)} == {"other lead"}
    assert (where.folder / "approvers.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "key", "day", "may"),
    [
        ("security-lead", LEAD.key, LAST, True),
        ("SECURITY  LEAD", LEAD.key, LAST, True),
        ("security-lead", LEAD.key, date(2027, 1, 1), False),
        ("security-lead", OTHER.key, LAST, False),
        ("security-lead", "", LAST, False),
        ("other-lead", LEAD.key, LAST, False),
        ("other-lead", OTHER.key, date(2090, 1, 1), True),
        ("stranger", OTHER.key, LAST, False),
        ("", OTHER.key, LAST, False),
    ],
)
def test_an_approver_may_approve_with_its_own_key_until_its_last_day(
    where: ClusterDir, name: str, key: str, day: date, may: bool
) -> None:
    record_approvers(where, [LEAD, OTHER])
    assert may_approve(recorded_approvers(where), name, key, day) is may


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "7",
        '{"lead": 7}',
        '{"lead": {}}',
        '{"lead": {"key": "x", "until": ""}}',
        '{"lead": {"key": null, "until": null}}',
        f'{{"lead": {{"key": "{OTHER.key}", "until": "soon"}}}}',
        f'{{"lead": {{"key": "{OTHER.key}", "until": 7}}}}',
    ],
)
def test_a_damaged_file_lists_nobody_and_the_next_deployment_writes_it_anew(
    where: ClusterDir, text: str
) -> None:
    (where.folder / "approvers.json").write_text(text)
    with pytest.raises(EnvironmentLacksError):
        recorded_approvers(where)
    record_approvers(where, [OTHER])
    assert {*recorded_approvers(where)} == {"other lead"}
