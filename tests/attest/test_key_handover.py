"""Keys of a log that follow each other, and what somebody with an old key, a foreign key or no key can make
of it.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest import chain
from sovereign_ai.attest.access import record, statements
from sovereign_ai.attest.entry import make_entry
from sovereign_ai.attest.evidence import EvidencePart, sign_statement, statement
from sovereign_ai.attest.key_handover import handover, handover_file
from sovereign_ai.attest.signing import key_id
from sovereign_ai.errors import UsageError
from tests.attest.granted import NOW, facts, facts_at

_OLD, _NEW, _THIRD, _FOREIGN = (
    Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 5)
)
_AT = "2026-11-24T12:00:00+00:00"
_LATER = datetime(2026, 11, 24, 13, tzinfo=UTC)


def run(log: Path, key: Ed25519PrivateKey, word: str = "a", at: str = _AT) -> None:
    parts = [EvidencePart("report", hashlib.sha256(word.encode()).hexdigest(), {})]
    day = datetime.fromisoformat(at).date()
    envelope = sign_statement(statement(parts, factory="lab", now=day, previous=chain.head(log)), key)
    chain.append(log, envelope, key, at=at)


def rotate(
    log: Path,
    old: Ed25519PrivateKey,
    new: Ed25519PrivateKey,
    until: date | None = None,
    signers: tuple[Ed25519PrivateKey, ...] | None = None,
) -> Path:
    head = chain.head(log)
    said = handover(old.public_key(), new.public_key(), factory="lab", until=until, at=NOW, log=head)
    path = handover_file(log, int(head["entries"]), key_id(new.public_key()))
    chain.append_with_statement(path, log, sign_statement(said, *(signers or (old, new))), old, at=_AT)
    return path


def codes(log: Path, key: Ed25519PrivateKey) -> list[str]:
    return [problem.code for problem in chain.verify(log, key.public_key())]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log by three keys, one after the other."""
    path = tmp_path / "lab.jsonl"
    run(path, _OLD, "a")
    rotate(path, _OLD, _NEW)
    run(path, _NEW, "b")
    rotate(path, _NEW, _THIRD)
    run(path, _THIRD, "c")
    return path


@pytest.mark.parametrize("key", [_OLD, _NEW, _THIRD])
def test_a_reader_who_trusts_any_key_of_the_log_can_check_every_line(
    log: Path, key: Ed25519PrivateKey
) -> None:
    assert codes(log, key) == []
    assert len(chain.read_log(log, key.public_key()).keys.steps) == 2


def test_a_foreign_key_checks_nothing(log: Path) -> None:
    assert codes(log, _FOREIGN) == ["broken-log"]


@pytest.mark.parametrize("key", [_OLD, _NEW])
def test_a_key_that_was_handed_over_signs_no_more(log: Path, key: Ed25519PrivateKey) -> None:
    before = log.read_bytes()
    with pytest.raises(UsageError, match="key-superseded"):
        run(log, key, "d")
    assert log.read_bytes() == before


def test_a_hand_over_needs_the_signatures_of_both_keys(tmp_path: Path) -> None:
    for number, signers in enumerate([(_OLD,), (_NEW,), (_OLD, _FOREIGN), (_FOREIGN, _NEW)]):
        path = tmp_path / str(number) / "lab.jsonl"
        path.parent.mkdir()
        run(path, _OLD)
        rotate(path, _OLD, _NEW, signers=signers)
        assert codes(path, _OLD) == ["bad-handover"]


def test_a_hand_over_that_is_changed_or_gone_or_of_another_line_is_named(log: Path) -> None:
    path = handover_file(log, 1, key_id(_NEW.public_key()))
    kept = path.read_bytes()
    payload = base64.b64decode(orjson.loads(kept)["payload"])
    said = orjson.loads(payload)
    said["predicate"]["until"] = "2099-01-01"
    for content in (
        b"",
        b"{}",
        orjson.dumps(sign_statement(said, _OLD, _NEW)),
        orjson.dumps(sign_statement(said, _FOREIGN)),
    ):
        path.write_bytes(content)
        assert codes(log, _NEW) == ["bad-handover"]
    path.unlink()
    assert codes(log, _NEW) == ["bad-handover"]
    path.write_bytes(kept)
    assert codes(log, _NEW) == []


def test_who_has_only_the_old_key_cannot_write_another_past_for_who_trusts_the_new_one(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    other = log.parent / "other" / "lab.jsonl"
    other.parent.mkdir()
    run(other, _OLD, "forged")
    forged = other.read_bytes() + b"".join(lines[1:])
    log.write_bytes(forged)
    assert codes(log, _NEW) == ["broken-log"]


def test_a_key_signs_up_to_its_last_day_and_no_further(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    run(log, _OLD)
    rotate(log, _OLD, _NEW, until=date(2026, 12, 31))
    run(log, _NEW, "b", at="2026-12-31T23:59:59+00:00")
    with pytest.raises(UsageError, match="key-expired"):
        run(log, _NEW, "c", at="2027-01-01T00:00:00+00:00")
    assert codes(log, _NEW) == []


def test_a_line_that_an_ended_key_signed_all_the_same_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "lab.jsonl"
    run(log, _OLD)
    rotate(log, _OLD, _NEW, until=date(2026, 12, 31))
    monkeypatch.setattr(chain, "_check_whole", lambda _log, _state, _key, at: at)
    run(log, _NEW, "c", at="2027-01-01T00:00:00+00:00")
    assert codes(log, _OLD) == ["key-expired"]


@pytest.mark.parametrize("at", ["2026-12-31T13:00:00-12:00", "2026-12-31T23:59:59-00:01"])
def test_no_offset_gives_a_key_a_longer_last_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    log = tmp_path / "lab.jsonl"
    run(log, _OLD)
    rotate(log, _OLD, _NEW, until=date(2026, 12, 31))
    monkeypatch.setattr(chain, "_check_whole", lambda _log, _state, _key, at: at)
    run(log, _NEW, "c", at=at)
    assert codes(log, _OLD) == ["key-expired"]


def test_a_key_gets_a_later_last_day_by_a_hand_over_to_itself(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    run(log, _OLD)
    rotate(log, _OLD, _OLD, until=date(2026, 12, 31))
    rotate(log, _OLD, _OLD, until=date(2027, 12, 31))
    run(log, _OLD, "c", at="2027-06-01T00:00:00+00:00")
    assert codes(log, _OLD) == []
    name = key_id(_OLD.public_key())[:12]
    words = f"log: signed from line 1 by key {name}, from line 3 by key {name}, until 2026-12-31, from line 4 by key {name}, until 2027-12-31"  # noqa: E501 - one literal text
    assert chain.read_log(log, _OLD.public_key()).keys.lines() == [words]


def test_break_glass_statements_of_every_key_are_opened(log: Path) -> None:
    record(
        log,
        facts_at(_LATER),
        "granted",
        factory="lab",
        cluster="lab",
        key=_THIRD,
        now=_LATER,
    )
    keys = chain.read_log(log, _OLD.public_key()).keys
    found, problems = statements(log, _OLD.public_key(), keys)
    assert ([one["access"] for one in found], problems) == ([facts_at(_LATER)], [])


def test_statements_without_a_line_are_orphans_of_their_own_factory(log: Path) -> None:
    record(
        log,
        facts_at(_LATER),
        "granted",
        factory="lab",
        cluster="lab",
        key=_THIRD,
        now=_LATER,
    )
    other = log.with_name("other.jsonl")
    theirs = facts(id="aaaaaaaa", factory="other")
    record(other, theirs, "granted", factory="other", cluster="lab", key=_OLD, now=NOW)
    walk = chain.read_log(log, _OLD.public_key())
    assert chain.orphans(log, walk, "lab") == []
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    walk = chain.read_log(log, _OLD.public_key())
    assert walk.problems == [], "a log that was cut at its end is whole"
    assert [(one.code, Path(one.where.file or "").name) for one in chain.orphans(log, walk, "lab")] == [
        ("orphan", "access-1f2e3d4c-granted.json")
    ]
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:3]))
    found = chain.orphans(log, chain.read_log(log, _OLD.public_key()), "lab")
    assert {one.code for one in found} == {"orphan"}
    assert len(found) == 2, "the hand-over whose line is gone is one, too"


@pytest.mark.parametrize("names", [True, False], ids=["of now", "of an earlier version"])
def test_the_log_of_another_factory_is_not_gone_on_with_under_this_one_s_name(
    tmp_path: Path, names: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "lab.jsonl"
    head = chain.head(log)
    said = handover(_OLD.public_key(), _NEW.public_key(), factory="other", until=None, at=NOW, log=head)
    path = handover_file(log, 0, key_id(_NEW.public_key()))
    with monkeypatch.context() as patched:
        if not names:
            patched.setattr(chain, "make_entry", lambda *parts: make_entry(*parts[:-1], notes={}))
        chain.append_with_statement(path, log, sign_statement(said, _OLD, _NEW), _OLD, at=_AT)
    state = chain.read_log(log, _OLD.public_key())
    assert state.unnamed == (not names)
    assert [problem.code for problem in chain.other_factories(log, state, "lab")] == ["other-factory"]
    assert chain.other_factories(log, state, "other") == []
    with pytest.raises(UsageError, match="is of factory 'other'"):
        run(log, _NEW)


def test_a_log_of_runs_alone_is_of_the_factory_that_its_lines_name(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    for word in "ab":
        run(log, _OLD, word)
    state = chain.read_log(log, _OLD.public_key())
    assert (state.factories, state.unnamed) == ({"lab": 1}, 0)
    assert chain.other_factories(log, state, "lab") == []
    [problem] = chain.other_factories(log, state, "other")
    assert (problem.code, problem.where.line) == ("other-factory", 1)
    parts = [EvidencePart("report", "0" * 64, {})]
    said = statement(parts, factory="other", now=NOW.date(), previous=chain.head(log))
    with pytest.raises(UsageError, match="other-factory"):
        chain.append(log, sign_statement(said, _OLD), _OLD, at=_AT)


@pytest.mark.parametrize("around", [(b"\xef\xbb\xbf", b""), (b"", b"\r\n"), (b"\n\n", b"")])
def test_a_statement_is_found_in_its_log_however_its_file_was_copied(
    log: Path, around: tuple[bytes, bytes]
) -> None:
    """Readers of a statement take a mark of byte order, and so does the search for those without a line."""
    [first, _] = sorted(log.parent.glob("key-*.json"))
    first.write_bytes(around[0] + first.read_bytes() + around[1])
    state = chain.read_log(log, _THIRD.public_key())
    assert [*state.problems, *chain.orphans(log, state, "lab")] == []
