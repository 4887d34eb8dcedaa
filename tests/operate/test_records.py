"""Where grants stand: each file with one writer, and a broken one is no grant."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import orjson
import pytest

from sovereign_ai.cluster.approvers import record_approvers
from sovereign_ai.errors import UsageError
from sovereign_ai.operate.records import (
    folder_of,
    grant_record,
    kept_since,
    note_since,
    read_records,
    write_grant,
    write_revoked,
    write_state,
)
from sovereign_ai.spec import Approver
from tests.operate.given import GRANT, NOW, grant, plane
from tests.support.approvals import public_key_of


def test_a_grant_is_read_back_with_what_became_of_it(tmp_path: Path) -> None:
    where = plane(tmp_path)
    assert read_records(where) == ([], [])
    write_grant(where, GRANT)
    [one], broken = read_records(where)
    assert not broken
    assert one.grant == GRANT
    assert one.is_active(NOW)
    assert not one.is_active(GRANT.ends)
    write_state(where, GRANT.id, {"opened": "then"})
    assert grant_record(where, GRANT.id).opened == "then"
    write_revoked(where, GRANT.id, "no need", NOW)
    assert not grant_record(where, GRANT.id).is_active(NOW)
    write_state(where, GRANT.id, {"opened": "then", "closed": "later", "why": "revoked"})
    assert (
        grant_record(where, GRANT.id).to_data() | {"why": "revoked", "closed": "later", "revoked": "no need"}
        == grant_record(where, GRANT.id).to_data()
    )


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    write_revoked(where, GRANT.id, "no need", NOW)
    assert stat.S_IMODE(folder_of(where).stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder_of(where).iterdir()} == {0o600}


def test_a_grant_for_another_cluster_gives_nothing_on_this_one(tmp_path: Path) -> None:
    where = plane(tmp_path)
    write_grant(where, replace(GRANT, cluster="elsewhere"))
    standing, broken = read_records(where)
    assert standing == []
    assert broken == [f"{GRANT.id}.json: it holds a grant for the cluster 'elsewhere'"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id": "1f2e3d4c"}'])
def test_a_file_that_cannot_be_read_is_named_and_the_others_stand(tmp_path: Path, text: str) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    (folder_of(where) / "aaaaaaaa.json").write_text(text)
    found, broken = read_records(where)
    assert [one.grant for one in found] == [GRANT]
    assert len(broken) == 1
    assert broken[0].startswith("aaaaaaaa.json")


@pytest.mark.parametrize(
    ("approvers", "counts"),
    [
        ([("lead", "lead", None)], True),
        ([("LEAD", "lead", None), ("other", "other", None)], True),
        ([("lead", "lead", NOW.date())], True),
        ([("lead", "lead", NOW.date() - timedelta(days=1))], False),
        ([("lead", "another lead", None)], False),
        ([("other", "lead", None)], False),
        ([], False),
    ],
)
def test_a_grant_counts_while_the_description_lists_the_key_that_signed_it(
    tmp_path: Path, approvers: list[tuple[str, str, date | None]], counts: bool
) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    listed = [Approver(name=name, key=public_key_of(owner), until=until) for name, owner, until in approvers]
    record_approvers(where, "lab", listed)
    [one] = read_records(where)[0]
    assert one.is_active(NOW) is counts
    assert one.end_at(NOW) == ("ended" if counts else "unlisted")


@pytest.mark.parametrize(("last", "counts"), [(NOW.date(), True), (NOW.date() - timedelta(days=1), False)])
@pytest.mark.parametrize("hours", [-12, -1, 0, 13, 14])
def test_no_offset_gives_an_approver_another_last_day(
    tmp_path: Path, last: date, counts: bool, hours: int
) -> None:
    """Whoever writes the record chooses the offset of its times."""
    where = plane(tmp_path)
    data = GRANT.to_data()
    for name in ("begins", "ends"):
        moment = datetime.fromisoformat(data[name])
        data[name] = moment.astimezone(timezone(timedelta(hours=hours))).isoformat()
    write_grant(where, GRANT)
    (folder_of(where) / f"{GRANT.id}.json").write_bytes(orjson.dumps(data))
    record_approvers(where, "lab", [Approver(name="lead", key=public_key_of("lead"), until=last)])
    [one] = read_records(where)[0]
    assert one.is_active(NOW) is counts


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ("0001-01-01T00:00:00+14:00", "0001-01-01T01:00:00+14:00"),
        ("9999-12-31T23:00:00-14:00", "9999-12-31T23:30:00-14:00"),
        ("2026-11-24T12:00:00", "2026-11-24T13:00:00+00:00"),
    ],
)
def test_a_grant_of_a_time_that_utc_does_not_have_is_named_and_is_none(
    tmp_path: Path, begins: str, ends: str
) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    file = folder_of(where) / f"{GRANT.id}.json"
    file.write_bytes(orjson.dumps({**GRANT.to_data(), "begins": begins, "ends": ends}))
    found, [line] = read_records(where)
    assert found == []
    assert "no grant" in line


@pytest.mark.parametrize("text", ["", "{", "[]", '{"lead": {}}'])
def test_where_the_list_of_approvers_is_damaged_no_grant_counts_and_the_file_is_named(
    tmp_path: Path, text: str
) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    (where.folder / "approvers.json").write_text(text)
    [one], broken = read_records(where)
    assert not one.is_active(NOW)
    assert len(broken) == 1
    assert "approvers.json" in broken[0]


def test_a_grant_under_anothers_name_is_none(tmp_path: Path) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    (folder_of(where) / f"{GRANT.id}.json").rename(folder_of(where) / "aaaaaaaa.json")
    assert read_records(where)[0] == []


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"why": ""}', '{"why": " "}', '{"why": 5}', "\0\0"])
def test_where_the_word_of_its_end_is_damaged_the_grant_is_revoked_all_the_same(
    tmp_path: Path, text: str
) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    (folder_of(where) / f"{GRANT.id}.revoked").write_text(text)
    [one], broken = read_records(where)
    assert not broken
    assert one.revoked == "its reason cannot be read"
    assert not one.is_active(NOW)


def test_a_word_of_the_end_that_may_not_be_read_is_one(tmp_path: Path) -> None:
    where = plane(tmp_path)
    write_grant(where, GRANT)
    (folder_of(where) / f"{GRANT.id}.revoked").mkdir()
    assert not read_records(where)[0][0].is_active(NOW)


def test_since_when_all_grants_are_here_is_noted_once(tmp_path: Path) -> None:
    where = plane(tmp_path)
    assert kept_since(where) is None
    note_since(where, NOW)
    note_since(where, NOW + timedelta(days=1))
    assert kept_since(where) == NOW
    assert read_records(where) == ([], [])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"at": ""}', '{"at": 5}', '{"at": "2026-11-24"}', '{"at": "now"}']
)
def test_a_damaged_note_says_nothing_and_is_not_replaced(tmp_path: Path, text: str) -> None:
    where = plane(tmp_path)
    note_since(where, NOW)
    (folder_of(where) / "since").write_text(text)
    note_since(where, NOW)
    assert kept_since(where) is None


def test_the_newest_stands_last_and_an_unknown_id_is_told_with_the_nearest(tmp_path: Path) -> None:
    where = plane(tmp_path)
    write_grant(where, grant(id="00000000", begins=NOW + timedelta(minutes=1)))
    write_grant(where, GRANT)
    assert [one.grant.id for one in read_records(where)[0]] == ["1f2e3d4c", "00000000"]
    with pytest.raises(UsageError, match="did you mean '1f2e3d4c'"):
        grant_record(where, "1f2e3d4d")
