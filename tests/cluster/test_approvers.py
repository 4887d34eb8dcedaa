"""The approvers whose keys the operator counts: recorded whole, replaced whole, and refused where damaged."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sovereign_ai.cluster.approvers import record_approvers, recorded_approvers
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
    assert recorded_approvers(where).find("", "lead", OTHER.key) is None
    assert recorded_approvers(where).approvers == {}


def test_a_later_description_replaces_all_approvers_and_says_whether_one_changed(where: ClusterDir) -> None:
    assert not record_approvers(where, "lab", [LEAD, OTHER]), "nothing was recorded before"
    assert not record_approvers(where, "lab", [OTHER, LEAD])
    assert record_approvers(where, "lab", [OTHER])
    assert {*recorded_approvers(where).approvers} == {"other lead"}
    assert (where.folder / "approvers.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("factory", "name", "key", "found"),
    [
        ("lab", "security-lead", LEAD.key, LAST),
        ("lab", "SECURITY  LEAD", LEAD.key, LAST),
        ("lab", "other-lead", OTHER.key, None),
        ("other", "security-lead", LEAD.key, ""),
        ("", "security-lead", LEAD.key, ""),
        ("lab", "security-lead", OTHER.key, ""),
        ("lab", "security-lead", "", ""),
        ("lab", "other-lead", LEAD.key, ""),
        ("lab", "stranger", OTHER.key, ""),
        ("lab", "", OTHER.key, ""),
    ],
)
def test_an_approver_is_found_by_name_key_and_factory_with_its_last_day(
    where: ClusterDir, factory: str, name: str, key: str, found: date | str | None
) -> None:
    record_approvers(where, "lab", [LEAD, OTHER])
    approver = recorded_approvers(where).find(factory, name, key)
    assert (approver.until if approver else "") == found


def test_a_key_under_two_names_is_nobody_s(where: ClusterDir) -> None:
    """The reader of descriptions refuses it; a description that a program built was never read."""
    record_approvers(where, "lab", [LEAD, OTHER, Approver(name="eve", key=OTHER.key)])
    assert recorded_approvers(where).find("lab", "other lead", OTHER.key) is None
    assert recorded_approvers(where).find("lab", "eve", OTHER.key) is None
    assert recorded_approvers(where).find("lab", "security lead", LEAD.key) is not None


def test_what_an_earlier_version_recorded_lists_nobody(where: ClusterDir) -> None:
    (where.folder / "approvers.json").write_text(f'{{"lead": {{"key": "{OTHER.key}", "until": ""}}}}')
    with pytest.raises(EnvironmentLacksError, match="sovereign-ai up"):
        recorded_approvers(where)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "7",
        '{"factory": "lab"}',
        '{"factory": "lab", "approvers": []}',
        '{"approvers": {}}',
        '{"factory": "lab", "approvers": {"lead": 7}}',
        '{"factory": "lab", "approvers": {"lead": {}}}',
        '{"factory": "lab", "approvers": {"lead": {"key": "x", "until": ""}}}',
        '{"factory": "lab", "approvers": {"lead": {"key": null, "until": null}}}',
        f'{{"factory": "lab", "approvers": {{"lead": {{"key": "{OTHER.key}", "until": "soon"}}}}}}',
        f'{{"factory": "lab", "approvers": {{"lead": {{"key": "{OTHER.key}", "until": 7}}}}}}',
    ],
)
def test_a_damaged_file_lists_nobody_and_the_next_deployment_writes_it_anew(
    where: ClusterDir, text: str
) -> None:
    (where.folder / "approvers.json").write_text(text)
    with pytest.raises(EnvironmentLacksError):
        recorded_approvers(where)
    record_approvers(where, "lab", [OTHER])
    assert {*recorded_approvers(where).approvers} == {"other lead"}
