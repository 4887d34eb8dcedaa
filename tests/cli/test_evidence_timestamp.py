"""`evidence sign --timestamp-url` by an OpenSSL authority on loopback; `verify --tsa-cert` without it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.attest import evidence_timestamp, timestamp
from sovereign_ai.attest.timestamp import read_response, request_of
from sovereign_ai.cli.main import app
from tests.attest.tsa_server import OpensslAuthority, has_openssl, service
from tests.cli.test_evidence import LAB, folder

__all__ = ["folder"]
pytestmark = pytest.mark.skipif(not has_openssl(), reason="openssl makes the time stamps")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> OpensslAuthority:
    return OpensslAuthority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def url(authority: OpensslAuthority) -> Iterator[str]:
    with service(authority.answer) as address:
        yield address


def sign(folder: Path, *more: str, out: str = "evidence.json") -> Result:
    words = ["--key", str(folder / "key.pem"), "--log", str(folder / "lab.jsonl"), "-o", str(folder / out)]
    return CliRunner().invoke(app, ["evidence", "sign", LAB, *words, *more, "--json"])


def verify(folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    words = ["--key", str(folder / "public.pem"), "--log", str(folder / "lab.jsonl"), *more, "--json"]
    said = CliRunner().invoke(app, ["evidence", "verify", str(folder / "evidence.json"), LAB, *words])
    return said.exit_code, json.loads(said.stdout)


def codes(answer: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in answer["problems"]]


def changed(folder: Path, **members: Any) -> None:
    """Change members of the envelope; None takes one out."""
    file = folder / "evidence.json"
    envelope = json.loads(file.read_text()) | members
    file.write_text(json.dumps({name: value for name, value in envelope.items() if value is not None}))


def test_a_stamp_is_verified_offline_and_says_when_evidence_was_signed(
    folder: Path, authority: OpensslAuthority, url: str
) -> None:
    trusted = ("--tsa-cert", str(authority.root))
    assert sign(folder, "--timestamp-url", url, *trusted).exit_code == 0
    code, answer = verify(folder, *trusted)
    assert (code, codes(answer), "time stamp" in answer["checked"]) == (0, [], True)
    assert any("by CN=Example Time" in note for note in answer["notes"])
    assert not any("signer's own clock" in line for line in answer["not_checked"])
    assert any("revoked" in line for line in answer["not_checked"])


def test_without_an_authority_of_the_readers_the_stamp_is_not_counted_as_checked(
    folder: Path, url: str
) -> None:
    sign(folder, "--timestamp-url", url)
    code, answer = verify(folder)
    assert (code, "time stamp" in answer["checked"]) == (0, False)
    assert any("--tsa-cert" in line for line in answer["not_checked"])


def test_an_asked_policy_is_held_when_signing_and_when_verifying(folder: Path, url: str) -> None:
    assert sign(folder, "--timestamp-url", url, "--tsa-policy", "1.3.6.1.4.1.99999.2").exit_code == 0
    assert verify(folder, "--tsa-policy", "1.3.6.1.4.1.99999.2")[0] == 0
    code, answer = verify(folder, "--tsa-policy", "1.3.6.1.4.1.99999.1")
    assert (code, codes(answer)) == (1, ["bad-timestamp"])
    refused = sign(folder, "--timestamp-url", url, "--tsa-policy", "1.2.3.4", out="second.json")
    assert (refused.exit_code, (folder / "second.json").exists()) == (3, False)


def test_a_stamp_that_is_taken_out_or_exchanged_is_noticed(
    folder: Path, authority: OpensslAuthority, url: str
) -> None:
    trusted = ("--tsa-cert", str(authority.root))
    sign(folder, "--timestamp-url", url)
    held = json.loads((folder / "evidence.json").read_text())
    changed(folder, timestamp=None)
    assert codes(verify(folder)[1]) == ["no-timestamp"]
    for value in ("?", 7, base64.b64encode(b"0").decode(), [held["timestamp"]]):
        changed(folder, timestamp=value)
        assert codes(verify(folder, *trusted)[1]) == ["bad-timestamp"], value
    changed(folder, timestamp=held["timestamp"], signatures=held["signatures"] * 2)
    assert codes(verify(folder, *trusted)[1]) == ["bad-timestamp"]
    again = _token(authority, base64.b64decode(held["signatures"][0]["sig"]))
    changed(folder, timestamp=base64.b64encode(again).decode(), signatures=held["signatures"])
    assert codes(verify(folder, *trusted)[1]) == ["wrong-timestamp"]
    changed(folder, timestamp=held["timestamp"])
    assert codes(verify(folder, *trusted)[1]) == []


def _token(authority: OpensslAuthority, about: bytes) -> bytes:
    """Have the same authority stamp the same bytes once more."""
    request = request_of(about)
    return read_response(authority.answer(request.to_der())[2], request)


def test_the_stamp_of_another_run_does_not_fit(folder: Path, authority: OpensslAuthority, url: str) -> None:
    sign(folder, "--timestamp-url", url, out="first.json")
    sign(folder, "--timestamp-url", url)
    changed(folder, timestamp=json.loads((folder / "first.json").read_text())["timestamp"])
    code, answer = verify(folder, "--tsa-cert", str(authority.root))
    assert (code, codes(answer)) == (1, ["bad-timestamp"])


def test_evidence_without_a_stamp_is_a_finding_where_an_authority_is_named(
    folder: Path, authority: OpensslAuthority
) -> None:
    sign(folder)
    assert verify(folder)[0] == 0
    code, answer = verify(folder, "--tsa-cert", str(authority.root))
    assert (code, codes(answer)) == (1, ["no-timestamp"])


def test_another_authority_than_the_readers_is_refused_before_the_log_grows(
    folder: Path, authority: OpensslAuthority, url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = OpensslAuthority(tmp_path_factory.mktemp("other"))
    said = sign(folder, "--timestamp-url", url, "--tsa-cert", str(other.root))
    assert (said.exit_code, (folder / "lab.jsonl").exists()) == (3, False)
    assert "leads to none" in said.stdout
    sign(folder, "--timestamp-url", url)
    assert codes(verify(folder, "--tsa-cert", str(other.root))[1]) == ["bad-timestamp"]


def test_where_the_clock_and_the_authority_disagree_nothing_is_added(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_timestamp, "CLOCK_TOLERANCE", timedelta(seconds=-3))
    said = sign(folder, "--timestamp-url", url)
    assert (said.exit_code, (folder / "lab.jsonl").exists()) == (2, False)
    assert "timestamp-time" in said.stdout


def test_a_stamp_must_be_of_a_time_between_its_line_and_the_one_before(
    folder: Path, authority: OpensslAuthority, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(folder, out="first.json")
    sign(folder, "--timestamp-url", url)
    assert verify(folder, "--tsa-cert", str(authority.root))[0] == 0
    monkeypatch.setattr(evidence_timestamp, "CLOCK_TOLERANCE", timedelta(hours=-2))
    code, answer = verify(folder, "--tsa-cert", str(authority.root))
    assert (code, codes(answer)) == (1, ["timestamp-time", "timestamp-time"])


@pytest.mark.parametrize("days", [-365, -2, 2])
def test_without_a_log_a_stamp_is_held_to_the_day_of_its_run(
    folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    sign(folder, "--timestamp-url", url)
    words = ["evidence", "verify", str(folder / "evidence.json"), LAB, "--key", str(folder / "public.pem")]
    assert CliRunner().invoke(app, [*words, "--no-log"]).exit_code == 0
    read = timestamp.verify_token

    def elsewhen(*given: Any) -> Any:
        stamp = read(*given)
        return replace(stamp, at=stamp.at + timedelta(days=days))

    monkeypatch.setattr(timestamp, "verify_token", elsewhen)
    said = CliRunner().invoke(app, [*words, "--no-log", "--json"])
    assert codes(json.loads(said.stdout)) == ["timestamp-time"]
