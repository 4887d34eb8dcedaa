"""`waiver`: an approver's way from a key file to a waiver that counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from tests.rules.test_approval import LAB, WAIVER
from tests.support.approvals import key_of


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("security officer", "a stranger"):
        path = tmp_path / f"{name}.pem"
        path.write_bytes(key_of(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)
    return tmp_path


def describe(folder: Path, more: str = "", signature: str = "") -> Path:
    """Write the lab with a waiver, as its author does by hand."""
    facts = "".join(f"\n    {name}: {value}" for name, value in WAIVER.items())
    text = (
        LAB.read_text(encoding="utf-8")
        + f"\n{more}\nwaivers:\n  -{facts.replace(chr(10) + '   ', '', 1)}\n{signature}"
    )
    path = folder / "factory.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_unsigned_waiver_is_refused_with_what_to_do_and_signed_it_counts(folder: Path) -> None:
    path, key = describe(folder), folder / "security officer.pem"
    refused = call("check", path, "--on", "2026-11-24")
    assert refused.exit_code == 1
    assert "WVR-004" in refused.stdout
    assert "waiver sign" in " ".join(refused.stdout.split())
    unlisted = call("waiver", "sign", "debug", path, "--key", key)
    assert (unlisted.exit_code, "add under `approvers`" in unlisted.stderr) == (2, True)
    public = json.loads(call("waiver", "key", "--key", key, "--json").stdout)["key"]
    listed = f"approvers:\n  - {{name: security officer, key: {public}}}\n"
    path = describe(folder, listed)
    assert call("waiver", "list", path).exit_code == 1
    signed = call("waiver", "sign", "debug", path, "--key", key)
    assert signed.exit_code == 0, signed.output
    assert "security officer agrees that PRV-001 does not hold for Pod/research/debug" in signed.stdout
    line = signed.stdout.strip().splitlines()[-1]
    path = describe(folder, listed, f"    {line}\n")
    assert call("waiver", "list", path).exit_code == 0
    assert call("check", path, "--on", "2026-11-24").exit_code == 0
    other = call("waiver", "sign", "debug", path, "--key", folder / "a stranger.pem")
    assert (other.exit_code, "other-key" in other.stderr) == (2, True)
    missing = call("waiver", "sign", "debog", path, "--key", key)
    assert (missing.exit_code, "did you mean 'debug'?" in missing.stderr) == (2, True)


def test_who_may_agree_no_more_is_not_asked_to_sign_and_a_list_tells_what_ends_with_that_right(
    folder: Path,
) -> None:
    key = folder / "security officer.pem"
    public = json.loads(call("waiver", "key", "--key", key, "--json").stdout)["key"]
    who = f"name: security officer, key: {public}"
    # WAIVER lasts from 2026-11-01 up to the day before 2026-12-20.
    over = call(
        "waiver", "sign", "debug", describe(folder, listing(f"{who}, until: 2020-01-01")), "--key", key
    )
    assert (over.exit_code, "past-approver" in over.stderr) == (2, True)
    assert "write another `approver` into the waiver" in " ".join(over.stderr.split())
    listed = listing(f"{who}, until: 2999-12-31")
    signed = call("waiver", "sign", "debug", describe(folder, listed), "--key", key)
    assert "up to the day before 2026-12-20" in signed.stdout
    line = f"    {signed.stdout.strip().splitlines()[-1]}\n"
    path = describe(folder, listing(f"{who}, until: 2026-11-30"), line)
    states = " ".join(call("waiver", "list", path).stdout.split())
    assert "signed; ends on 2026-12-01 with its approver's right" in states
    assert "ends on" not in call("waiver", "list", describe(folder, listed, line)).stdout


def listing(approver: str) -> str:
    return f"approvers:\n  - {{{approver}}}\n"
