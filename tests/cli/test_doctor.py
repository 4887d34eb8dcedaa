"""`doctor`: the table of tools, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.toolchain import doctor
from sovereign_ai.toolchain.doctor import DoctorCheck

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_tool_that_may_be_left_out_is_named_and_the_table_keeps_to_80_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = "Docker 20.10.24+dfsg1; this computer withholds CAP_SYS_RESOURCE"
    checks = [
        DoctorCheck("container engine", "Docker", engine, "", ok=True, hint=""),
        DoctorCheck(
            "pulumi-kubernetes SDK for Python",
            "4.25",
            "4.25.0",
            "/x",
            ok=True,
            hint="",
            way="cache",
            digest="0" * 64,
        ),
        DoctorCheck("kube-score", "1.20", "", "", ok=True, hint="`sovereign-ai tools install kube-score`"),
    ]
    monkeypatch.setattr(doctor, "doctor", lambda **_options: checks)
    result = call("doctor")
    assert result.exit_code == 0
    assert "kube-score: left out; `sovereign-ai tools install kube-score`" in result.stdout
    assert "container engine: this computer withholds CAP_SYS_RESOURCE" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize(("is_missing", "code"), [(False, 0), (True, 3)])
def test_a_missing_tool_is_named_with_a_hint_and_exits_with_3(
    is_missing: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [DoctorCheck("kind", "v0.1", "v0.1", "/bin/kind", ok=True, hint="")]
    if is_missing:
        checks.append(DoctorCheck("kwok", "v0.2", "", "", ok=False, hint="install it"))
    monkeypatch.setattr(doctor, "doctor", lambda **_options: checks)
    result = call("doctor")
    assert result.exit_code == code
    assert ("kwok: wanted v0.2; install it" in result.stdout) is is_missing
