from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner, Result

from sovereign_ai.attest.access import record
from sovereign_ai.attest.signing import private_key
from sovereign_ai.cli import diff, evidence, report
from tests.attest.granted import FACTS, NOW

LAB = Path(__file__).parents[3] / "stacks" / "lab"


def _run(*words: object) -> Result:
    app = typer.Typer()
    for command in (report, evidence, diff):
        command.add(app)
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "key.pem", tmp_path / "public.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    private.chmod(0o600)
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


def test_a_report_is_written_signed_and_checked_and_a_change_is_named(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    private, public = keys
    spec = tmp_path / "factory.yaml"
    spec.write_text((LAB / "factory.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    page, signed, log = tmp_path / "report.html", tmp_path / "evidence.json", tmp_path / "log.jsonl"
    assert _run("report", spec, "-o", page, "--on", "2026-11-24").exit_code == 0
    told = _run(
        "evidence",
        "sign",
        spec,
        "--key",
        private,
        "--report",
        page,
        "-o",
        signed,
        "--log",
        log,
    )
    assert told.exit_code == 0, told.output
    check = ("evidence", "verify", signed, spec, "--key", public, "--report", page, "--log", log)
    assert _run(*check).exit_code == 0
    page.write_text(page.read_text(encoding="utf-8").replace("SEAL-0", "SEAL-4"), encoding="utf-8")
    found = _run(*check)
    assert found.exit_code == 1
    assert found.stdout.startswith("first: report: changed since it was signed")
    spec.write_text(spec.read_text(encoding="utf-8").replace("nodes: 4,", "nodes: 5,"), encoding="utf-8")
    assert _run(*check).stdout.startswith("first: spec: changed since it was signed: pools[serve]")


def test_verify_opens_break_glass_access_from_the_chain_and_by_itself(
    tmp_path: Path, keys: tuple[Path, Path]
) -> None:
    private, public = keys
    log, signed = tmp_path / "lab.jsonl", tmp_path / "evidence.json"
    _, statement = record(
        log, FACTS, "granted", factory="lab", cluster="lab", key=private_key(private), now=NOW
    )
    assert _run("evidence", "sign", LAB, "--key", private, "-o", signed, "--log", log).exit_code == 0
    for words in ((signed, LAB, "--log", log), (statement,)):
        told = _run("evidence", "verify", *words, "--key", public)
        assert told.exit_code == 0, told.output
        assert "access 1f2e3d4c: on-call had look in research of lab, from DE" in told.stdout
        document = json.loads(_run("evidence", "verify", *words, "--key", public, "--json").stdout)
        assert document["access"][0]["access"] == FACTS
        assert f"log {log}" in document["checked"]
    statement.unlink()
    lost = _run("evidence", "verify", signed, LAB, "--log", log, "--key", public)
    assert (lost.exit_code, "no-statement" in lost.stdout) == (1, True)


def test_the_log_lies_in_the_state_folder(
    tmp_path: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    signed = tmp_path / "evidence.json"
    assert _run("evidence", "sign", LAB, "--key", keys[0], "-o", signed).exit_code == 0
    assert (tmp_path / "state" / "sovereign-ai" / "evidence" / "lab.jsonl").stat().st_mode & 0o777 == 0o600
    document = json.loads(_run("evidence", "verify", signed, LAB, "--key", keys[1], "--json").stdout)
    assert document["ok"]
    assert any(one.startswith("log ") for one in document["checked"])


_SEEN = {
    "factory": "lab",
    "cluster": "lab",
    "ok": False,
    "complete": True,
    "counts": {"nodes": 16},
    "findings": [{"kind": "missing", "resource": "Pod/a", "field": "", "message": "it is not there"}],
    "probes": [],
    "observed_at": "2026-11-24T10:00:00",
}


def test_a_report_shows_what_was_seen_live(tmp_path: Path) -> None:
    verdict, page = tmp_path / "verdict.json", tmp_path / "report.html"
    verdict.write_text(json.dumps(_SEEN), encoding="utf-8")
    assert _run("report", LAB, "-o", page, "--observation", verdict).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "observed at 2026-11-24T10:00:00" in text
    assert "it is not there" in text
    assert "not observed" not in text


@pytest.mark.parametrize(
    "change", [{"factory": "other"}, {"findings": 1}, {"probes": ["x"]}, {"counts": None}]
)
def test_an_observation_of_another_factory_or_none_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    verdict = tmp_path / "verdict.json"
    verdict.write_text(json.dumps({**_SEEN, **change}), encoding="utf-8")
    assert _run("report", LAB, "-o", tmp_path / "report.html", "--observation", verdict).exit_code == 2


@pytest.mark.parametrize("words", [(), ("-o", "report.pdf"), ("-o", "report.html", "--on", "yesterday")])
def test_a_wrong_wish_is_refused_before_anything_is_assessed(words: tuple[str, ...]) -> None:
    assert _run("report", LAB, *words).exit_code == 2


def test_two_descriptions_that_differ_give_exit_code_one(tmp_path: Path) -> None:
    other = tmp_path / "factory.yaml"
    other.write_text(
        (LAB / "factory.yaml").read_text(encoding="utf-8").replace("nodes: 4,", "nodes: 5,"), encoding="utf-8"
    )
    assert _run("diff", LAB, LAB).exit_code == 0
    found = _run("diff", LAB, other, "--json")
    assert found.exit_code == 1
    assert {"section": "spec", "name": "pools[serve].nodes", "left": "4", "right": "5"} in json.loads(
        found.stdout
    )["changes"]


def test_the_controls_of_a_report_are_written_as_oscal_and_agree_with_the_page(tmp_path: Path) -> None:
    results, data = tmp_path / "lab.oscal.json", tmp_path / "lab.json"
    assert _run("report", LAB, "-o", results, "-o", data, "--on", "2026-11-24").exit_code == 0
    found = json.loads(results.read_text(encoding="utf-8"))["assessment-results"]
    assert found["metadata"]["last-modified"].startswith("2026-11-24")
    said = {one["message"] for one in json.loads(data.read_text(encoding="utf-8"))["findings"]}
    observed = json.dumps(found["results"][0]["observations"])
    assert said
    assert all(message in observed for message in said)
    assert _run("report", LAB, "-o", tmp_path / "lab.xml").exit_code != 0
