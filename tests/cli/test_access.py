"""`access`: what may be asked for, and that nothing is written where it may not be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.cluster.kind.machine_status import folder_of
from sovereign_ai.cluster.state import cluster_dir_of, write_json
from sovereign_ai.operate.records import write_grant
from tests.operate.given import grant as given
from tests.support.approvals import key_of, signed_text

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
WISH = {
    "person": "on-call",
    "approver": "lead",
    "reason": "a job hangs",
    "from": "DE",
    "namespace": "research",
}
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "key.pem"
    path.write_bytes(_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


@pytest.fixture
def lab(tmp_path: Path) -> str:
    """The lab, with a key of its approver in the description."""
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "factory.yaml").write_text(
        signed_text((Path(LAB) / "factory.yaml").read_text(encoding="utf-8"), "lead", "other lead")
    )
    return str(folder)


def approve(lab: str, key: Path, by: str = "lead", *more: str, **changes: str) -> Result:
    """Agree to access, with the key of somebody."""
    wish = [part for name, value in {**WISH, **changes}.items() for part in (f"--{name}", value)]
    path = key.with_name("approver.pem")
    path.write_bytes(key_of(by).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return CliRunner().invoke(
        app,
        [
            "access",
            "approve",
            lab,
            *wish,
            "--key",
            str(path),
            "-o",
            str(key.with_name("approval.json")),
            *more,
        ],
    )


def grant(lab: str, key: Path, *more: str) -> Result:
    """Give what was approved."""
    return CliRunner().invoke(
        app,
        ["access", "grant", lab, "--approval", str(key.with_name("approval.json")), "--key", str(key), *more],
    )


def test_a_dry_run_says_what_would_be_given_and_writes_nothing(lab: str, key: Path, tmp_path: Path) -> None:
    assert approve(lab, key).exit_code == 0
    found = grant(lab, key, "--dry-run", "--json")
    assert found.exit_code == 0, found.output
    assert orjson.loads(found.stdout)["grant"]["person"] == "on-call"
    assert not (tmp_path / "state").exists()


def test_without_a_plane_of_ours_nothing_is_given_and_nothing_recorded(
    lab: str, key: Path, tmp_path: Path
) -> None:
    assert approve(lab, key).exit_code == 0
    found = grant(lab, key)
    assert found.exit_code == 3
    assert "no-cluster" in found.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"approver": "on-call"}, "approver"),
        ({"approver": "on--call"}, "approver"),
        ({"from": "US"}, "from"),
        ({"namespace": "kube-system"}, "namespace"),
        ({"kind": "admin"}, "kind"),
        ({"for": "5 h"}, "for"),
        ({"for": "soon"}, "for"),
        ({"reason": ""}, "reason"),
        ({"approver": "stranger"}, "approvers"),
    ],
)
def test_what_may_not_be_is_not_agreed_to_and_refused_at_its_field(
    lab: str, key: Path, changes: dict[str, str], field: str
) -> None:
    found = approve(lab, key, "lead", "--json", **changes)
    assert found.exit_code == 2
    assert [problem["field"] for problem in orjson.loads(found.stdout)["problems"]] == [field]
    assert not key.with_name("approval.json").exists()


def test_nobody_agrees_with_the_key_of_somebody_else(lab: str, key: Path) -> None:
    found = approve(lab, key, "other lead")
    assert (found.exit_code, "other-key" in found.stderr) == (2, True)


def test_nothing_is_given_but_what_the_approver_signed(lab: str, key: Path, tmp_path: Path) -> None:
    assert approve(lab, key).exit_code == 0
    path = key.with_name("approval.json")
    path.write_bytes(path.read_bytes().replace(b"on-call", b"in-call"))
    found = grant(lab, key)
    assert (found.exit_code, "unapproved" in found.stderr) == (2, True)
    assert not (tmp_path / "state").exists()


def test_an_open_key_file_is_refused(lab: str, key: Path) -> None:
    assert approve(lab, key).exit_code == 0
    key.chmod(0o644)
    assert grant(lab, key).exit_code == 3


def test_an_approval_serves_once(lab: str, key: Path) -> None:
    assert approve(lab, key).exit_code == 0
    agreed = orjson.loads(key.with_name("approval.json").read_bytes())["access"]
    where = cluster_dir_of("lab")
    where.make()
    write_grant(where, given(id=agreed["id"], begins=datetime.now(UTC), ends=datetime.now(UTC)))
    found = grant(lab, key)
    assert (found.exit_code, "access-used" in found.stderr) == (2, True)


def test_a_stack_without_access_lists_none(key: Path) -> None:
    found = CliRunner().invoke(app, ["access", "list", LAB])
    assert (found.exit_code, found.stdout) == (0, "no access was given\n")


def test_where_only_the_kind_plane_is_there_it_is_named_and_where_both_are_its_open_access_too(
    key: Path,
) -> None:
    for where in (folder_of("lab"), cluster_dir_of("lab")):
        where.make()
        write_json(where.record, {})
        found = CliRunner().invoke(app, ["access", "list", LAB])
        if where == folder_of("lab"):
            assert found.exit_code == 2
            assert "add --cluster kind" in found.stderr
    begins = datetime.now(UTC)
    write_grant(folder_of("lab"), given(begins=begins, ends=begins + timedelta(hours=1)))
    found = CliRunner().invoke(app, ["access", "list", LAB])
    assert (
        found.stdout == "no access was given\n1 more open on the kind cluster of that name: --cluster kind\n"
    )
    assert CliRunner().invoke(app, ["access", "list", LAB, "--cluster", "kind"]).exit_code == 1


@pytest.mark.cluster
def test_access_is_given_listed_told_and_ended_by_command(
    state_home: Path, kubeconfig: Path, tmp_path: Path, deployed_lab: Any, lab: str
) -> None:
    from sovereign_ai.attest import chain

    path, log = tmp_path / "key.pem", tmp_path / "lab.jsonl"
    path.write_bytes(_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    (tmp_path / "public.pem").write_bytes(
        _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    assert approve(lab, path, kind="shell").exit_code == 0
    found = grant(lab, path, "--log", str(log), "--json")
    assert found.exit_code == 0, found.stdout + found.stderr
    given = orjson.loads(found.stdout)
    id_ = given["grant"]["id"]
    assert given["grant"]["opened"]
    assert Path(given["kubeconfig"]).stat().st_mode & 0o777 == 0o600
    listed = CliRunner().invoke(app, ["access", "list", LAB])
    assert listed.exit_code == 1
    assert "open" in listed.stdout
    for command, exits in (("verify", 1), ("audit", 1)):
        told = CliRunner().invoke(
            app, [command, LAB, "--json", *(["--no-probes"] if command == "verify" else [])]
        )
        assert told.exit_code == exits
        assert f"break-glass-{id_}" in told.stdout
    revoke = [
        "access",
        "revoke",
        id_,
        LAB,
        "--reason",
        "the test is over",
        "--key",
        str(path),
        "--log",
        str(log),
    ]
    assert CliRunner().invoke(app, [*revoke[:-1], str(path / "no-folder")]).exit_code == 3, (
        "ended, and not recorded"
    )
    assert CliRunner().invoke(app, revoke).exit_code == 0, "what was not recorded can be, later"
    assert CliRunner().invoke(app, revoke).exit_code == 2
    assert CliRunner().invoke(app, ["access", "list", LAB]).exit_code == 0
    assert CliRunner().invoke(app, ["verify", LAB, "--no-probes"]).exit_code == 0
    assert chain.head(log)["entries"] == 2
    assert chain.verify(log, _KEY.public_key()) == []
