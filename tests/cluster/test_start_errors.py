from __future__ import annotations

import os
from pathlib import Path

import pytest

from sovereign_ai.cluster.start_errors import is_port_taken, last_lines, redact, start_failure


def test_a_key_of_several_lines_is_redacted_as_a_whole() -> None:
    pem = "before\n-----BEGIN PRIVATE KEY-----\nabc\ndef\n-----END PRIVATE KEY-----\nafter"
    assert redact(pem) == "before\n[redacted]\nafter"


def test_a_failed_start_quotes_the_end_of_the_log_without_secrets(tmp_path: Path) -> None:
    log = tmp_path / "etcd.log"
    log.write_text("".join(f"line {number}\n" for number in range(40)) + "token=abcdef\n")
    message = str(start_failure("lab", {"name": "etcd", "why": "ended", "log": str(log)}))
    assert "line 39" in message
    assert "line 20" not in message
    assert "abcdef" not in message


@pytest.mark.parametrize(
    ("load", "why", "is_told"),
    [
        (40.0, "was not well in time", True),
        (40.0, "ended 3 times, last with status 1", False),
        (2.0, "was not well in time", False),
    ],
)
def test_a_start_that_took_too_long_on_a_busy_machine_says_so_and_sends_nobody_into_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: float, why: str, *, is_told: bool
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    failure = {"name": "kube-apiserver", "why": why, "log": str(tmp_path / "none.log")}
    (problem,) = start_failure("lab", failure).problems
    assert ("load 40 on 2 processors" in problem.hint) is is_told
    assert ("fix what the lines report" in problem.hint) is not is_told


def test_a_missing_log_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log") == []


def test_a_port_that_another_process_opened_is_recognised(tmp_path: Path) -> None:
    log = tmp_path / "etcd.log"
    log.write_text("listen tcp 127.0.0.1:20001: bind: address already in use\n")
    assert is_port_taken({"log": str(log)})
    log.write_text("killed\n")
    assert not is_port_taken({"log": str(log)})
