"""Break-glass access in the chain of all runs."""

from __future__ import annotations

import base64
import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest import chain
from sovereign_ai.attest.access import ACCESS, access_lines, is_recorded, record, statements
from sovereign_ai.attest.evidence import PAYLOAD, read_envelope
from sovereign_ai.attest.signing import is_signed, pae
from sovereign_ai.errors import UsageError
from tests.attest.granted import FACTS, NOW, facts

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def added(log: Path, event: str = "granted", key: Ed25519PrivateKey = _KEY, **changes: str) -> Path:
    return record(
        log,
        facts(**changes) | ({"revoked": "it was not needed"} if event == "revoked" else {}),
        "revoked" if event == "revoked" else "granted",
        factory="lab",
        cluster="lab",
        key=key,
        now=NOW,
    )[1]


def test_a_grant_and_its_end_are_two_lines_of_one_whole_chain(tmp_path: Path) -> None:
    log = tmp_path / "log" / "lab.jsonl"
    added(log)
    added(log, "revoked")
    assert chain.head(log)["entries"] == 2
    assert chain.verify(log, _KEY.public_key()) == []
    assert all("access/1f2e3d4c" in orjson.loads(line)["subjects"] for line in log.read_bytes().splitlines())


def test_the_statement_is_kept_beside_the_chain_and_stands_in_it(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    path = added(log)
    assert path.name == "access-1f2e3d4c-granted.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    envelope = read_envelope(path)
    payload = base64.b64decode(envelope["payload"])
    assert is_signed(
        _KEY.public_key(), base64.b64decode(envelope["signatures"][0]["sig"]), pae(PAYLOAD, payload)
    )
    said = orjson.loads(payload)
    assert said["predicateType"] == ACCESS
    assert said["predicate"]["access"] == FACTS
    assert chain.verify(log, _KEY.public_key(), said) == []


def test_a_record_that_is_changed_or_taken_out_breaks_the_chain(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    for number in range(3):
        added(log, id=f"1f2e3d4{number}")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([lines[0], lines[2]]))
    assert [problem.where.line for problem in chain.verify(log, _KEY.public_key())] == [2]
    log.write_bytes(b"".join(lines).replace(b"1f2e3d40", b"aaaaaaaa", 1))
    assert [problem.where.line for problem in chain.verify(log, _KEY.public_key())] == [1]


def test_another_key_adds_no_line_to_it(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    added(log)
    before = log.read_bytes()
    with pytest.raises(UsageError, match="broken-log"):
        added(log, key=Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))), id="aaaaaaaa")
    assert log.read_bytes() == before
    assert not (tmp_path / "access-aaaaaaaa-granted.json").exists()


def test_a_reviewer_reads_from_the_chain_who_had_what_and_why(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    added(log)
    added(log, "revoked")
    found, problems = statements(log, _KEY.public_key())
    assert problems == []
    assert [one["event"] for one in found] == ["granted", "revoked"]
    told = " ".join(access_lines(found[0]))
    for word in (
        "on-call had look in research",
        "from DE",
        "2026-11-24T13:00:00",
        "security-lead agreed",
        "a job hangs",
    ):
        assert word in told
    assert access_lines(found[1])[0].startswith("access 1f2e3d4c: ended early at 2026-11-24T12:00:00")


def test_a_statement_that_is_changed_or_not_there_is_named_by_its_line(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    path = added(log)
    envelope = read_envelope(path)
    other = record(
        tmp_path / "other" / "lab.jsonl",
        facts(reason="none"),
        "granted",
        factory="lab",
        cluster="lab",
        key=_KEY,
        now=NOW,
    )
    path.write_bytes(other[1].read_bytes())
    _, problems = statements(log, _KEY.public_key())
    assert [(one.code, one.where.line) for one in problems] == [("wrong-statement", 1)]
    path.write_bytes(b"{}")
    assert [one.code for one in statements(log, _KEY.public_key())[1]] == ["wrong-statement"]
    path.unlink()
    assert [one.code for one in statements(log, _KEY.public_key())[1]] == ["no-statement"]
    envelope["signatures"][0]["sig"] = base64.b64encode(bytes(64)).decode()
    path.write_bytes(orjson.dumps(envelope))
    assert [one.code for one in statements(log, _KEY.public_key())[1]] == ["bad-signature"]


def test_a_chain_larger_than_any_other_file_of_ours_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "lab.jsonl"
    monkeypatch.setattr(chain, "_MOST_LINE", 4000)
    for number in range(9):
        record(
            log,
            facts(id=f"1f2e3d4{number}"),
            "granted",
            factory="lab",
            cluster="lab",
            key=_KEY,
            now=NOW,
        )
    assert log.stat().st_size > 4000
    found, problems = statements(log, _KEY.public_key())
    assert (len(found), problems) == (9, [])


def test_no_line_stands_in_the_chain_without_its_statement_nor_a_statement_without_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log" / "lab.jsonl"

    def refuses(*_words: object, **_named: object) -> None:
        assert [path.name for path in log.parent.iterdir()] == ["access-1f2e3d4c-granted.json"]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chain, "append", refuses)
    with pytest.raises(OSError, match="No space"):
        added(log)
    assert list(log.parent.iterdir()) == []


def test_what_is_recorded_already_is_refused_and_its_statement_stays(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    path = added(log, "revoked")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="access-recorded"):
        added(log, "revoked", reason="once more")
    assert path.read_bytes() == before
    assert chain.head(log)["entries"] == 1
    assert statements(log, _KEY.public_key())[1] == []


def test_a_statement_whose_line_was_never_written_counts_as_none_and_is_written_over(tmp_path: Path) -> None:
    log = tmp_path / "lab.jsonl"
    other = added(tmp_path / "other" / "lab.jsonl", "revoked", reason="another chain")
    path = tmp_path / other.name
    for left in (other.read_bytes(), b"", b"{}", b"[]"):
        log.unlink(missing_ok=True)
        path.write_bytes(left)
        assert not is_recorded(log, "1f2e3d4c", "revoked")
        added(log, "revoked")
        assert is_recorded(log, "1f2e3d4c", "revoked")
        assert statements(log, _KEY.public_key())[1] == []


def test_an_end_that_comes_right_after_the_line_takes_no_statement_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = chain.append

    def then_ends(*words: Any, **named: Any) -> None:
        append(*words, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(chain, "append", then_ends)
    with pytest.raises(KeyboardInterrupt):
        added(tmp_path / "lab.jsonl")
    assert is_recorded(tmp_path / "lab.jsonl", "1f2e3d4c", "granted")
