"""`evidence`: signed evidence and its line in the chain come together or not at all, and a line that was cut
off is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner, Result

from sovereign_ai.attest import chain
from sovereign_ai.cli.main import app

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key = tmp_path / "key.pem"
    key.write_bytes(_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    (tmp_path / "public.pem").write_bytes(
        _KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return tmp_path


def sign(folder: Path, out: str = "evidence.json") -> Result:
    place = out if out.startswith("/") else str(folder / out)
    words = ["--key", str(folder / "key.pem"), "--log", str(folder / "lab.jsonl"), "-o", place]
    return CliRunner().invoke(app, ["evidence", "sign", LAB, *words])


def verify(folder: Path, *more: str) -> Result:
    words = ["--key", str(folder / "public.pem"), "--log", str(folder / "lab.jsonl"), *more]
    return CliRunner().invoke(app, ["evidence", "verify", str(folder / "evidence.json"), LAB, *words])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".pem")


def test_a_chain_that_cannot_go_on_leaves_no_signed_file_that_it_does_not_know(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_log: Path, envelope: Mapping[str, Any], *_more: object, **_named: object) -> dict[str, Any]:
        raise OSError(28, "No space left on device", str(folder / "lab.jsonl"))

    monkeypatch.setattr(chain, "append", refuses)
    assert sign(folder).exit_code == 3
    assert names(folder) == []
    (folder / "evidence.json").write_text("older")
    assert sign(folder).exit_code == 3
    assert names(folder) == ["evidence.json"]
    assert (folder / "evidence.json").read_text() == "older"


def test_an_end_that_comes_right_after_the_line_takes_no_evidence_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = chain.append

    def then_ends(*words: Any, **named: Any) -> None:
        append(*words, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(chain, "append", then_ends)
    assert sign(folder).exit_code == 130
    monkeypatch.undo()
    assert names(folder) == ["evidence.json", "lab.jsonl"]
    assert verify(folder).exit_code == 0


@pytest.mark.parametrize("out", ["none/evidence.json", "lab.folder"])
def test_where_the_evidence_cannot_be_written_the_chain_does_not_grow(folder: Path, out: str) -> None:
    (folder / "lab.folder").mkdir()
    found = sign(folder, out)
    assert found.exit_code == 3
    assert out in found.stderr
    assert names(folder) == ["lab.folder"]


def test_evidence_goes_where_a_link_leads_and_keeps_the_mode_of_an_older_file(folder: Path) -> None:
    kept = folder / "kept.json"
    kept.write_text("older")
    kept.chmod(0o640)
    (folder / "evidence.json").symlink_to(kept)
    assert sign(folder).exit_code == 0
    assert (folder / "evidence.json").is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert verify(folder).exit_code == 0
    assert names(folder) == ["evidence.json", "kept.json", "lab.jsonl"]


def test_evidence_may_go_to_what_is_no_file(folder: Path) -> None:
    assert sign(folder, "/dev/null").exit_code == 0
    assert chain.head(folder / "lab.jsonl")["entries"] == 1


def test_a_line_that_was_cut_off_is_told_set_aside_by_the_next_run_and_shown_to_the_auditor(
    folder: Path,
) -> None:
    log = folder / "lab.jsonl"
    assert sign(folder).exit_code == 0
    with log.open("ab") as file:
        file.write(b'{"at":"2026')
    torn = verify(folder)
    assert torn.exit_code == 1
    # Where its lines end depends on the length of the folder's name.
    assert "log: line 2: it was cut off while it was written" in " ".join(torn.stdout.split())
    assert "torn-log" in torn.stdout
    mended = sign(folder, "next.json")
    assert mended.exit_code == 0
    [kept] = folder.glob("lab.jsonl.torn-*")
    assert kept.read_bytes() == b'{"at":"2026'
    assert kept.name in mended.stdout
    whole = verify(folder)
    assert whole.exit_code == 0, whole.output
    assert kept.name in whole.stdout
    assert json.loads(verify(folder, "--json").stdout)["set_aside"] == [
        f"log: line 2: a line before it was cut off and is kept in {kept.name}"
    ]
    kept.unlink()
    lost = verify(folder)
    assert lost.exit_code == 1
    assert "no-torn" in lost.stdout
