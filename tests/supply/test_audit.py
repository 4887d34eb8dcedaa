"""What the vulnerability databases say is read right, and their absence is no failure."""

from __future__ import annotations

import json

import pytest

from tests.supply import __main__ as supply
from tests.supply.__main__ import Audit, report

CLEAN = {"dependencies": [{"name": "pyyaml", "version": "6.0.4", "vulns": []}], "fixes": []}
BAD = {
    "dependencies": [{"name": "x", "version": "1", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2"]}]}],
    "fixes": [],
}


def test_a_known_vulnerability_is_named() -> None:
    assert report("p", json.dumps(BAD), "").found == ("x 1: PYSEC-2026-1",)
    assert report("p", json.dumps(CLEAN), "") == Audit("p")


@pytest.mark.parametrize("output", ["", "null", "[]", "{}", "<html>"])
def test_a_database_that_does_not_answer_is_said_and_is_no_finding(output: str) -> None:
    audit = report("p", output, "Traceback\nConnectionError: no route to host\n")
    assert audit.found == ()
    assert audit.unasked == "not compared, no database is reachable: ConnectionError: no route to host"


@pytest.mark.parametrize(
    ("audit", "code"), [(Audit("p"), 0), (Audit("p", unasked="no route"), 0), (Audit("p", ("x 1: CVE",)), 1)]
)
def test_only_a_finding_fails(
    audit: Audit, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supply, "packages", lambda: audit)
    monkeypatch.setattr(supply, "tools", list)
    assert supply.main() == code
    assert "p: " in capsys.readouterr().out
