"""What is said twice is said alike: every time in every statement, and every name that its line repeats."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.attest import chain
from sovereign_ai.attest.access import access_problems, record, statements
from sovereign_ai.attest.entry import make_entry
from sovereign_ai.attest.evidence import (
    EvidencePart,
    description_data,
    inner_problems,
    sign_statement,
    statement,
)
from sovereign_ai.attest.key_handover import handover
from sovereign_ai.attest.layout import ACCESS, KEY, PREDICATE, first_deviation
from sovereign_ai.attest.line_agreement import line_problems, time_differences
from sovereign_ai.errors import UsageError, Where
from sovereign_ai.files.yaml_text import parse
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import read_data
from tests.attest.granted import NOW, facts
from tests.support.approvals import signed_data
from tests.test_key_material import OTHER, OWNER

AT = NOW.isoformat()
PART = EvidencePart("report", "0" * 64, {})
LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab" / "factory.yaml"
_WAIVER = {
    "id": "slow-line",
    "rule": "LNK-001",
    "resource": "Site/fra1",
    "reason": "the encryptors are delivered in December",
    "owner": "head of platform",
    "requester": "network lead",
    "approver": "security officer",
    "compensating_control": "tenants encrypt what they send over this line",
    "created": "2026-11-01",
    "expires": "2026-12-31",
}


def described() -> AIFactory:
    data, _, _ = parse(LAB.read_text(encoding="utf-8"), "factory.yaml")
    return read_data(signed_data({**data, "waivers": [_WAIVER]}), "lab").factory


def run_statement() -> dict[str, Any]:
    """Return what `evidence sign` states of a description with a waiver, and of an observation."""
    factory = described()
    parts = [EvidencePart("spec", factory.digest, {}), EvidencePart("waivers", factory.waivers_digest, {})]
    observed = {"cluster": "lab", "observed_at": AT, "ok": True}
    said = {"description": description_data(factory), "observation": observed}
    return statement(parts, factory="lab", now=NOW.date(), facts=said)


def access_statement(folder: Path, *, ended: bool = False) -> dict[str, Any]:
    """Return what `access grant` or `access revoke` states."""
    log = folder / "lab.jsonl"
    agreed = facts() | ({"revoked": "it was not needed"} if ended else {})
    event: Any = "revoked" if ended else "granted"
    record(log, agreed, event, factory="lab", cluster="lab", key=OWNER, now=NOW)
    from sovereign_ai.attest.evidence import open_envelope, read_envelope

    envelope = read_envelope(folder / f"access-{agreed['id']}-{event}.json")
    return open_envelope(envelope, OWNER.public_key(), (ACCESS,))[0]


def key_statement() -> dict[str, Any]:
    """Return what `evidence rotate` states."""
    last, head = date(2026, 11, 28), {"entries": 0, "head": ""}
    return handover(OWNER.public_key(), OTHER.public_key(), factory="lab", until=last, at=NOW, log=head)


KINDS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "a run": lambda _: run_statement(),
    "a grant": access_statement,
    "an early end": lambda folder: access_statement(folder, ended=True),
    "a hand-over": lambda _: key_statement(),
}


def _times(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every text that is a day or a moment."""
    if isinstance(data, dict | list):
        for step, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _times(value, (*path, step))
    elif isinstance(data, str) and len(data) > len("2026-11"):
        try:
            datetime.fromisoformat(data)
        except ValueError:
            return
        yield path


def _moved(said: dict[str, Any], path: tuple[str | int, ...], by: timedelta) -> dict[str, Any]:
    """Return a statement with one of its times moved, written as it was."""
    changed = copy.deepcopy(said)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    text = place[path[-1]]
    moved = datetime.fromisoformat(text) + by
    place[path[-1]] = moved.isoformat() if "T" in text else moved.date().isoformat()
    return changed


def differences(said: dict[str, Any]) -> list[str]:
    """Return everything that a reader is told of a statement whose line is of noon."""
    found = list(time_differences(said, AT))
    if said["predicateType"] == PREDICATE:
        found += [problem.message for problem in inner_problems(said)]
    if said["predicateType"] == ACCESS:
        found += [problem.message for problem in access_problems(said)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_time_of_a_statement_can_be_moved_unseen(kind: str, tmp_path: Path) -> None:
    said = KINDS[kind](tmp_path)
    assert differences(said) == []
    paths = list(_times(said["predicate"], ("predicate",)))
    unseen = []
    for path in paths:
        for days in (-10, 10):
            # A later last day of a key contradicts nothing: it is another agreement, which both keys sign.
            is_agreement = path[-1] == "until" and days > 0
            if not is_agreement and not differences(_moved(said, path, timedelta(days=days))):
                unseen.append((path, days))
    assert unseen == []
    least = {"a run": 4, "a grant": 4, "an early end": 4, "a hand-over": 2}
    assert len(paths) >= least[kind], paths


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [-400, -3, 3, 400])
def test_no_line_is_of_another_day_than_its_statement(kind: str, days: int, tmp_path: Path) -> None:
    said = KINDS[kind](tmp_path)
    at = (NOW + timedelta(days=days)).isoformat()
    told = list(time_differences(said, at))
    stated = "2026-11-24" if kind == "a run" else AT
    # Both are named, so that a reader knows which two to compare.
    assert any(stated in line and at in line for line in told), told


@pytest.mark.parametrize(
    ("day", "at"),
    [
        ("2026-11-24", "2026-11-24T00:00:00+00:00"),
        ("2026-11-24", "2026-11-25T23:59:59+00:00"),
        ("2026-11-24", "2026-11-23T00:00:00+00:00"),
        ("2026-11-24", "2026-11-25T13:00:00+14:00"),
        ("2026-11-24", "2026-11-23T12:00:00-12:00"),
        ("0001-01-01", "0001-01-01T00:00:00+14:00"),
        ("9999-12-31", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_a_run_around_midnight_and_in_any_time_zone_is_taken(day: str, at: str) -> None:
    said = {"predicateType": PREDICATE, "predicate": {"date": day}}
    assert list(time_differences(said, at)) == []


@pytest.mark.parametrize("seconds", [-60, -1, 0, 1, 60])
def test_clocks_that_are_a_minute_apart_are_taken(seconds: int, tmp_path: Path) -> None:
    at = (NOW + timedelta(seconds=seconds)).isoformat()
    assert list(time_differences(access_statement(tmp_path), at)) == []


@pytest.mark.parametrize("field", ["at", "begins", "ends"])
@pytest.mark.parametrize("text", ["", "soon", "2026-11-24T12:00:00", "2026-13-01T00:00:00+00:00", "\u0662"])
def test_a_text_that_is_no_moment_is_named_and_breaks_nothing(field: str, text: str, tmp_path: Path) -> None:
    said = access_statement(tmp_path)
    place = said["predicate"] if field == "at" else said["predicate"]["access"]
    place[field] = text
    assert first_deviation(said) == ""
    assert list(time_differences(said, AT))


def test_a_run_of_another_day_is_not_added_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    for day in (date(2026, 11, 21), date(2026, 12, 31)):
        said = statement(
            [EvidencePart("report", "0" * 64, {})], factory="lab", now=day, previous=chain.head(log)
        )
        with pytest.raises(UsageError) as caught:
            chain.append(log, sign_statement(said, OWNER), OWNER, at=AT)
        [problem] = caught.value.problems
        assert (problem.code, str(day) in problem.message, AT in problem.message) == (
            "contradiction",
            True,
            True,
        )
        assert problem.hint
    assert log.read_bytes() == b""
    today = statement([PART], factory="lab", now=NOW.date(), previous=chain.head(log))
    chain.append(log, sign_statement(today, OWNER), OWNER, at=AT)
    assert chain.verify(log, OWNER.public_key(), today) == []


def forced(log: Path, said: dict[str, Any], at: str, **changes: Any) -> None:
    """Add a line as whoever has the key can: with any time and subjects, whatever the statement says."""
    import orjson

    number = len(log.read_bytes().splitlines()) if log.exists() else 0
    previous = orjson.loads(log.read_bytes().splitlines()[-1])["hash"] if number else "0" * 64
    payload = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    entry = make_entry(number, previous, at, payload, {**said, **changes}, OWNER, {})
    with log.open("ab") as file:
        file.write(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS) + b"\n")


def test_a_line_that_contradicts_the_evidence_is_named_when_it_is_read(tmp_path: Path) -> None:
    said = statement([EvidencePart("report", "1" * 64, {})], factory="lab", now=NOW.date())
    other = [{"name": "report", "digest": {"sha256": "2" * 64}}]
    for name, at, changes in (
        ("good", AT, {}),
        ("late", "2026-12-24T12:00:00+00:00", {}),
        ("other", AT, {"subject": other}),
    ):
        log = tmp_path / f"{name}.jsonl"
        forced(log, said, at, **changes)
        problems = chain.verify(log, OWNER.public_key(), said)
        assert [problem.code for problem in problems] == ([] if name == "good" else ["contradiction"])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda said: said["predicate"].update(at="2026-11-20T12:00:00+00:00"), "2026-11-20"),
        (lambda said: said["predicate"].update(factory="other"), "factory 'other'"),
        (lambda said: said["predicate"].update(cluster="other"), "cluster 'other'"),
        (lambda said: said["predicate"].update(event="revoked"), "'revoked'"),
        (lambda said: said["predicate"].update(event="given"), "'given'"),
        (lambda said: said["predicate"]["log"].update(entries=7), "line 8"),
        (lambda said: said["predicate"]["access"].update(person="somebody"), "nobody agreed"),
        (lambda said: said["predicate"]["access"].update(reason="another"), "nobody agreed"),
        (lambda said: said["predicate"]["access"].update(signature=""), "nobody agreed"),
        (lambda said: said["predicate"]["access"].update(revoked="early"), "'granted'"),
        (lambda said: said["predicate"]["access"].update(ends="2026-11-24T18:00:00+00:00"), "nobody agreed"),
        (lambda said: said["predicate"]["access"].update(approver="on-call"), "nobody agreed"),
        (lambda said: said["predicate"]["access"].update(more="x"), "nobody agreed"),
        (lambda said: said["subject"][0].update(name="access/aaaaaaaa"), "another access"),
        (lambda said: said["subject"][0]["digest"].update(sha256="0" * 64), "another access"),
        (
            lambda said: said["subject"].append({"name": "x", "digest": {"sha256": "0" * 64}}),
            "another access",
        ),
    ],
)
def test_access_that_nobody_agreed_to_as_it_is_stated_is_named(
    change: Callable[[dict[str, Any]], object], word: str, tmp_path: Path
) -> None:
    (tmp_path / "first").mkdir()
    said = access_statement(tmp_path / "first")
    log = tmp_path / "lab.jsonl"
    file = tmp_path / "access-1f2e3d4c-granted.json"
    for changed in (False, True):
        if changed:
            change(said)
        log.unlink(missing_ok=True)
        file.write_bytes(_envelope(said))
        line = {**said, "subject": [{"name": "access/1f2e3d4c", "digest": said["subject"][0]["digest"]}]}
        forced(log, said, AT, subject=line["subject"])
        found, problems = statements(log, OWNER.public_key())
        assert found == [said["predicate"]]
        assert bool(problems) is changed
        if changed:
            assert word in " ".join(problem.message for problem in problems)
            assert all(problem.hint for problem in problems)


@pytest.mark.parametrize(
    "changes",
    [
        {"seconds": "32400", "ends": NOW + timedelta(hours=9)},
        {"use_before": "2036-01-01T00:00:00+00:00"},
        {"use_before": (NOW + timedelta(hours=24, seconds=1)).isoformat()},
        {"use_before": (NOW - timedelta(seconds=1)).isoformat()},
    ],
    ids=["longer than any", "for years", "agreed after it began", "too late"],
)
def test_access_to_which_nobody_may_agree_is_named_however_it_is_signed(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    log = tmp_path / "lab.jsonl"
    record(log, facts(**changes), "granted", factory="lab", cluster="lab", key=OWNER, now=NOW)
    [problem] = statements(log, OWNER.public_key())[1]
    assert problem.code == "unapproved"


def _envelope(said: dict[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(sign_statement(said, OWNER))


def test_a_statement_and_its_line_agree_about_each_subject() -> None:
    said = statement(
        [EvidencePart("a", "1" * 64, {}), EvidencePart("b", "2" * 64, {})], factory="lab", now=NOW.date()
    )
    entry = {
        "n": 0,
        "previous": "0" * 64,
        "at": AT,
        "subjects": {"a": "1" * 64, "b": "2" * 64, "witness/x": "3"},
    }
    assert line_problems(said, entry, Where("log", 1)) == []
    for other in ({"a": "1" * 64}, {"a": "1" * 64, "b": "3" * 64}, {}):
        assert line_problems(said, {**entry, "subjects": other}, Where("log", 1))
    said["predicate"]["log"] = {"entries": 1, "head": "4" * 64}
    assert line_problems(said, {**entry, "n": 1, "previous": "4" * 64}, Where("log", 1)) == []
    assert line_problems(said, {**entry, "n": 1}, Where("log", 1))
    assert line_problems(said, entry, Where("log", 1))


@pytest.mark.parametrize("change", ["name", "waivers", "sites", "all"])
def test_the_description_that_is_signed_as_data_is_the_one_whose_digests_are_signed(change: str) -> None:
    said = run_statement()
    assert inner_problems(said) == []
    description = said["predicate"]["description"]
    if change == "name":
        description["name"] = "other"
    elif change == "all":
        said["predicate"]["description"] = {"name": "lab"}
    else:
        description[change] = []
    assert {problem.code for problem in inner_problems(said)} == {"contradiction"}


def test_keys_that_are_handed_over_have_a_last_day_that_is_still_to_come() -> None:
    for until in (date(2026, 11, 23), date(2020, 1, 1)):
        said = handover(
            OWNER.public_key(),
            OTHER.public_key(),
            factory="lab",
            until=until,
            at=NOW,
            log={"entries": 0, "head": ""},
        )
        assert said["predicateType"] == KEY
        [told] = time_differences(said, AT)
        assert str(until) in told
        assert AT in told
