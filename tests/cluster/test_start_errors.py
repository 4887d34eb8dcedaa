from __future__ import annotations

from pathlib import Path

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


def test_a_missing_log_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log") == []


def test_a_port_that_another_process_opened_is_recognised(tmp_path: Path) -> None:
    log = tmp_path / "etcd.log"
    log.write_text("listen tcp 127.0.0.1:20001: bind: address already in use\n")
    assert is_port_taken({"log": str(log)})
    log.write_text("killed\n")
    assert not is_port_taken({"log": str(log)})
