"""`evidence verify` as the reader of a stranger's folder: runs nothing of it, forgets nothing, and names what
it left out.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from typer.testing import CliRunner, Result

from sovereign_ai.attest import chain, evidence, observation, package
from sovereign_ai.attest.access import record
from sovereign_ai.cli.main import app
from sovereign_ai.cli.stack import open_stack
from tests.attest.granted import facts_at
from tests.support.weak_keys import FORGED, WEAK_POINTS, pem_of, text_of

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
_PROGRAM = """
from pathlib import Path
from sovereign_ai.spec.reader import load
Path({marker!r}).write_text("it ran")
factory = load({lab!r})
"""


def key(folder: Path, name: str, number: int) -> Ed25519PrivateKey:
    """Make a key pair in PEM files of a folder."""
    private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    path = folder / f"{name}.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    (folder / f"{name}.pub").write_bytes(
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    key(tmp_path, "old", 1)
    key(tmp_path, "new", 2)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def sign(folder: Path, *more: object, stack: Path = LAB, by: str = "old") -> Result:
    return call(
        "evidence", "sign", stack, "--key", folder / f"{by}.pem", "-o", folder / "evidence.json", *more
    )


def verify(folder: Path, *more: object, stack: Path = LAB, by: str = "old") -> Result:
    return call("evidence", "verify", folder / "evidence.json", stack, "--key", folder / f"{by}.pub", *more)


def document(result: Result) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def codes(result: Result) -> list[str]:
    return [problem["code"] for problem in document(result)["problems"]]


def program(folder: Path) -> Path:
    """Write a stack whose description is a program that leaves a mark when it is run."""
    stack = folder / "stack"
    stack.mkdir()
    (stack / "factory.py").write_text(
        _PROGRAM.format(marker=str(folder / "marker"), lab=str(LAB / "factory.yaml"))
    )
    return stack


def test_a_program_of_the_other_side_is_not_run_and_its_signed_description_is_checked(folder: Path) -> None:
    stack = program(folder)
    assert sign(folder, stack=stack).exit_code == 0
    (folder / "marker").unlink()
    checked = verify(folder, "--json", stack=stack)
    assert checked.exit_code == 0, checked.output
    assert not (folder / "marker").exists()
    assert {"spec", "plan", "objects/lab", "verdict"} <= set(document(checked)["checked"])
    assert any("was not run (--run-program)" in line for line in document(checked)["not_checked"])


def test_a_program_is_run_when_the_reader_asks_for_it(folder: Path) -> None:
    stack = program(folder)
    assert sign(folder, stack=stack).exit_code == 0
    (folder / "marker").unlink()
    checked = verify(folder, "--run-program", stack=stack)
    assert checked.exit_code == 0, checked.output
    assert (folder / "marker").exists()
    assert "was not run" not in checked.stdout


def test_a_program_whose_evidence_holds_no_description_is_neither_run_nor_passed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = program(folder)
    with monkeypatch.context() as patched:
        patched.setattr(evidence, "description_data", lambda _factory: {})
        assert sign(folder, stack=stack).exit_code == 0
    (folder / "marker").unlink()
    refused = verify(folder, stack=stack)
    assert (refused.exit_code, "--run-program" in refused.stderr) == (2, True)
    assert not (folder / "marker").exists()


def test_without_a_log_nothing_passes_unless_the_reader_goes_without(folder: Path) -> None:
    assert sign(folder).exit_code == 0
    log = folder / "state" / "sovereign-ai" / "evidence" / "lab.jsonl"
    log.unlink()
    missing = verify(folder, "--json")
    assert (missing.exit_code, codes(missing)) == (1, ["no-log"])
    without = verify(folder, "--no-log", "--json")
    assert without.exit_code == 0
    assert any("--no-log" in line for line in document(without)["not_checked"])


def test_a_log_that_was_cut_is_found_by_the_heads_second_place_alone(folder: Path) -> None:
    share = folder / "share"
    share.mkdir()
    log = folder / "state" / "sovereign-ai" / "evidence" / "lab.jsonl"
    for _ in range(2):
        assert sign(folder, "--witness", share).exit_code == 0
    first = log.read_bytes().splitlines(keepends=True)[0]
    assert sign(folder, "--witness", share).exit_code == 0
    assert verify(folder, "--witness", share).exit_code == 0
    log.write_bytes(log.read_bytes() + b"")
    log.write_bytes(first)
    assert "witness-ahead" in codes(verify(folder, "--witness", share, "--json"))
    refused = sign(folder, "--witness", share)
    assert (refused.exit_code, "lines were cut off" in refused.stderr) == (2, True)
    assert log.read_bytes() == first


def test_the_environment_names_the_second_place_so_that_no_run_forgets_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = folder / "share"
    share.mkdir()
    monkeypatch.setenv("SOVEREIGN_AI_WITNESS", str(share))
    assert sign(folder).exit_code == 0
    assert (share / "lab.jsonl.head").stat().st_mode & 0o777 == 0o600
    monkeypatch.delenv("SOVEREIGN_AI_WITNESS")
    assert sign(folder).exit_code == 2
    told = verify(folder)
    assert told.exit_code == 0
    assert "not checked: the head of the log in its second place" in told.stdout


def test_a_hand_over_lets_the_next_key_sign_and_old_evidence_stays_good(folder: Path) -> None:
    assert sign(folder).exit_code == 0
    kept = (folder / "evidence.json").read_bytes()
    rotated = call(
        "evidence",
        "rotate",
        LAB,
        "--key",
        folder / "old.pem",
        "--next",
        folder / "new.pem",
        "--until",
        "2099-12-31",
    )
    assert rotated.exit_code == 0, rotated.output
    assert sign(folder).exit_code == 2, "the old key signs no more"
    assert sign(folder, by="new").exit_code == 0
    for by in ("old", "new"):
        checked = verify(folder, by=by)
        assert checked.exit_code == 0, checked.output
        assert "until 2099-12-31" in checked.stdout
    (folder / "evidence.json").write_bytes(kept)
    assert verify(folder, by="new").exit_code == 0
    past = call(
        "evidence",
        "rotate",
        LAB,
        "--key",
        folder / "new.pem",
        "--next",
        folder / "new.pem",
        "--until",
        "2020-01-01",
    )
    assert past.exit_code == 2


def observed(**changes: Any) -> bytes:
    """Make what `verify --json` prints of the lab as it is planned now."""
    stack = open_stack(LAB)
    whole = {
        "factory": "lab",
        "cluster": "lab",
        "ok": True,
        "complete": True,
        "findings": [],
        "probes": [],
        "counts": {},
        "unknown": [],
        "observed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "plan_digest": stack.plan.digest,
        "objects_digest": stack.bundle("lab").digest,
        "cluster_uid": "6f1c",
    }
    return json.dumps(
        {name: value for name, value in {**whole, **changes}.items() if value is not None}
    ).encode()


def test_an_observation_of_this_plan_cluster_and_time_is_signed_and_said(folder: Path) -> None:
    path = folder / "verdict.json"
    path.write_bytes(observed(cluster_uid="abc41f1d-ea87-4d5c-ab26-87b92142ecd1"))
    signed = sign(folder, "--observation", path)
    assert signed.exit_code == 0
    # The folder of a test has a long name, which stays whole.
    assert all(len(line) <= 80 for line in signed.stdout.splitlines() if str(folder.parent) not in line)
    checked = verify(folder, "--observation", path)
    assert checked.exit_code == 0, checked.output
    assert "observed: cluster lab (uid abc41f1d" in checked.stdout
    assert "not checked: that cluster lab showed this: the observation is the signer's own" in checked.stdout


def test_an_observation_of_another_plan_is_not_signed(folder: Path) -> None:
    path = folder / "verdict.json"
    path.write_bytes(observed(plan_digest="0" * 64))
    refused = sign(folder, "--observation", path)
    assert refused.exit_code == 2
    assert "other-plan" in refused.stderr
    assert not (folder / "evidence.json").exists()


def test_evidence_whose_observation_is_not_bound_is_a_finding(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "verdict.json"
    path.write_bytes(observed())
    with monkeypatch.context() as patched:
        patched.setattr(observation.Binding, "to_data", lambda _self: {})
        assert sign(folder, "--observation", path).exit_code == 0
    assert codes(verify(folder, "--observation", path, "--json")) == ["unbound-observation"]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("ok", False),
        ("observed_at", "2020-01-01T00:00:00+00:00"),
        ("cluster_uid", "another"),
        ("complete", False),
    ],
)
def test_evidence_that_says_something_else_of_its_observation_is_contradicted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, word: str, value: object
) -> None:
    path = folder / "verdict.json"
    path.write_bytes(observed())
    stated = observation.Binding.to_data
    with monkeypatch.context() as patched:
        patched.setattr(observation.Binding, "to_data", lambda self: {**stated(self), word: value})
        # The log refuses a time that contradicts the run's; who has the key could write the line by hand.
        patched.setattr(chain, "refused_differences", lambda *_: [])
        assert sign(folder, "--observation", path).exit_code == 0
    assert set(codes(verify(folder, "--observation", path, "--json"))) == {"contradiction"}


@pytest.mark.parametrize(
    "counts", [{"ok": False, "violations": 7}, {"more": 1}, {"ok": 1}, {"violations": 0.0}, {"waived": False}]
)
def test_a_verdict_in_numbers_that_is_not_that_of_its_digest_is_contradicted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, counts: dict[str, Any]
) -> None:
    counted = evidence.verdict_counts
    with monkeypatch.context() as patched:
        patched.setattr(evidence, "verdict_counts", lambda verdict: {**counted(verdict), **counts})
        assert sign(folder).exit_code == 0
    assert codes(verify(folder, "--json")) == ["contradiction"]


def test_a_description_as_data_that_is_not_the_signed_one_is_contradicted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = evidence.description_data
    with monkeypatch.context() as patched:
        patched.setattr(evidence, "description_data", lambda factory: {**data(factory), "sites": []})
        assert sign(folder).exit_code == 0
    assert codes(verify(folder, "--json")) == ["contradiction"]


def test_evidence_is_signed_for_today_alone(folder: Path) -> None:
    for day in ("2020-01-01", "2030-12-31"):
        refused = sign(folder, "--on", day)
        assert refused.exit_code == 2
        assert day in refused.stderr
        assert "contradiction" in refused.stderr
        assert "leave out --on" in refused.stderr
        assert not (folder / "evidence.json").exists()
    assert sign(folder, "--on", datetime.now(UTC).date().isoformat()).exit_code == 0
    assert verify(folder).exit_code == 0


@pytest.mark.parametrize("point", ["small order 0100…00", "no point of the curve"])
def test_forged_evidence_is_not_taken_by_a_key_for_which_everybody_can_sign(folder: Path, point: str) -> None:
    assert sign(folder).exit_code == 0
    envelope = json.loads((folder / "evidence.json").read_text())
    envelope["signatures"] = [{"keyid": "", "sig": base64.b64encode(FORGED).decode()}]
    (folder / "evidence.json").write_text(json.dumps(envelope))
    (folder / "old.pub").write_bytes(pem_of(text_of(WEAK_POINTS[point])))
    refused = verify(folder, "--no-log")
    assert (refused.exit_code, "bad-key" in refused.stderr) == (2, True)
    assert "openssl pkey -pubout" in refused.stderr


def test_other_code_of_the_package_and_another_verdict_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign(folder).exit_code == 0
    with monkeypatch.context() as patched:
        digests = {**package.package_digests(), "rules": "0" * 64}
        patched.setattr(evidence, "package_digests", lambda: digests)
        patched.setattr(evidence, "package_digest", lambda: "0" * 64)
        assert "first: package: changed since it was signed: rules" in verify(folder).stdout
    with monkeypatch.context() as patched:
        patched.setattr(evidence, "check", lambda *_words, **_named: evidence.RuleVerdict(()))
        assert "first: verdict: changed since it was signed" in verify(folder).stdout


def test_the_verdict_of_check_is_signed_and_said(folder: Path) -> None:
    signed = sign(folder, "--json")
    assert document(signed)["verdict"]["ok"] is True
    assert "`check` passed on" in verify(folder).stdout


@pytest.mark.parametrize("stack", [LAB, LAB / "factory.yaml"])
def test_everything_that_was_not_checked_is_printed(folder: Path, stack: Path) -> None:
    assert sign(folder, stack=stack).exit_code == 0
    # A line goes on, indented, below itself.
    text = verify(folder, stack=stack).stdout.replace("\n    ", " ")
    lines = [line for line in text.splitlines() if line.startswith("not checked: ")]
    for words in (
        "any running cluster",
        "a report file",
        "a hosts file",
        "in no second place",
        "is true",
        "own clock",
    ):
        assert any(words in line for line in lines), words


# Programs of a folder that some interpreter, test runner or engine starts by their names alone.
_STARTED_BY_NAME = (
    "__init__.py",
    "__main__.py",
    "conftest.py",
    "json.py",
    "orjson.py",
    "setup.py",
    "sitecustomize.py",
    "sovereign_ai.py",
    "typer.py",
    "usercustomize.py",
    "yaml.py",
)


@pytest.fixture(scope="module")
def names_that_ran(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Verify within a stranger's folder that is full of programs; return the names of those that ran."""
    folder = tmp_path_factory.mktemp("stranger")
    key(folder, "old", 1)
    stack = program(folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_STATE_HOME", str(folder / "state"))
        assert sign(folder, stack=stack).exit_code == 0
    (folder / "marker").unlink()
    for name in _STARTED_BY_NAME:
        (stack / name).write_text(f"open({str(folder / name)!r}, 'w').close()\n", encoding="utf-8")
    command = [Path(sys.executable).with_name("sovereign-ai"), "evidence", "verify"]
    command += [folder / "evidence.json", stack, "--key", folder / "old.pub"]
    environment = os.environ | {"PYTHONPATH": str(LAB.parents[1]), "XDG_STATE_HOME": str(folder / "state")}
    done = subprocess.run(command, cwd=stack, env=environment, capture_output=True, text=True, check=False)
    assert "was not run" in done.stdout, done.stdout + done.stderr
    return {name for name in (*_STARTED_BY_NAME, "marker") if (folder / name).exists()}


@pytest.mark.parametrize("name", [*_STARTED_BY_NAME, "marker"])
def test_no_program_of_a_strangers_folder_is_started_by_its_name(name: str, names_that_ran: set[str]) -> None:
    assert name not in names_that_ran


def forge(folder: Path, change: Callable[[dict[str, Any]], object], by: str = "old") -> None:
    """Change the signed statement, and sign it again by a key of the log."""
    path = folder / "evidence.json"
    said = json.loads(base64.b64decode(json.loads(path.read_text())["payload"]))
    change(said)
    private = load_pem_private_key((folder / f"{by}.pem").read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    path.write_text(json.dumps(evidence.sign_statement(said, private)))


@pytest.mark.parametrize("day", ["2999-01-01", "9999-12-31", "2500-01-04"])
def test_evidence_of_a_day_that_is_still_to_come_is_a_finding(folder: Path, day: str) -> None:
    assert sign(folder).exit_code == 0
    forge(folder, lambda said: said["predicate"].update(date=day))
    assert codes(verify(folder, "--no-log", "--json")) == ["future"]


def test_a_log_whose_last_line_is_still_to_come_is_a_finding(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign(folder).exit_code == 0
    assert codes(verify(folder, "--json")) == []
    read = chain.read_log

    def ahead(log: Path, public: Any) -> Any:
        state = read(log, public)
        state.at = "2999-01-01T00:00:00+00:00"
        return state

    monkeypatch.setattr(chain, "read_log", ahead)
    assert codes(verify(folder, "--json")) == ["future"]


@pytest.mark.parametrize("when", ["2019-01-01T00:00:00+00:00", "2999-01-01T00:00:00Z", "x"])
def test_without_a_log_the_time_of_an_observation_is_held_to_the_day_of_the_run(
    folder: Path, when: str
) -> None:
    path = folder / "verdict.json"
    path.write_bytes(observed(observed_at=when))
    changed_file = path.read_bytes()
    path.write_bytes(observed())
    assert sign(folder, "--observation", path).exit_code == 0
    assert codes(verify(folder, "--no-log", "--observation", path, "--json")) == []
    path.write_bytes(changed_file)
    forge(folder, lambda said: restate(said, changed_file, observed_at=when))
    assert codes(verify(folder, "--no-log", "--observation", path, "--json")) == ["contradiction"]


@pytest.mark.parametrize("uid", ["", "\u00a0"])
def test_a_clean_verdict_of_a_cluster_that_did_not_say_which_it_is_shows_nothing(
    folder: Path, uid: str
) -> None:
    path = folder / "verdict.json"
    path.write_bytes(observed())
    assert sign(folder, "--observation", path).exit_code == 0
    path.write_bytes(observed(cluster_uid=uid))
    forge(folder, lambda said: restate(said, path.read_bytes(), cluster_uid=uid))
    checked = codes(verify(folder, "--no-log", "--observation", path, "--json"))
    assert checked == ["no-cluster-identity"]


def restate(said: dict[str, Any], file: bytes, **changes: Any) -> None:
    """Make a statement of another observation."""
    stated = json.loads(file)
    bound = said["predicate"]["observation"]
    bound.update({name: stated[name] for name in bound} | changes)
    for subject in said["subject"]:
        if subject["name"] == "observation":
            subject["digest"]["sha256"] = sha256(file).hexdigest()


def test_evidence_that_a_key_signed_after_it_handed_over_is_a_finding(folder: Path) -> None:
    rotate = ("evidence", "rotate", LAB, "--key", folder / "old.pem", "--next", folder / "new.pem")
    assert call(*rotate).exit_code == 0
    assert sign(folder, by="new").exit_code == 0
    assert codes(verify(folder, "--json")) == []
    # The same statement, whose line the new key signed, under a signature of the old one.
    forge(folder, lambda _said: None)
    assert codes(verify(folder, "--json")) == ["key-superseded"]
    forge(folder, lambda _said: None, by="new")
    assert codes(verify(folder, "--json")) == []


@pytest.mark.parametrize("factory", ["other", "l\u0430b"])
@pytest.mark.parametrize("names", [True, False], ids=["of now", "of an earlier version"])
def test_access_of_another_factory_in_the_log_is_a_finding(
    folder: Path, factory: str, names: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = folder / "state" / "sovereign-ai" / "evidence" / "lab.jsonl"
    now = datetime.now(UTC).replace(microsecond=0)
    private = load_pem_private_key((folder / "old.pem").read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    with monkeypatch.context() as patched:
        patched.setattr(chain, "other_factories", lambda *_: [])
        if not names:
            patched.setattr(chain, "make_entry", _without_factory(chain.make_entry))
        for number, owner in enumerate(("lab", factory)):
            agreed = facts_at(now, factory=owner, id=f"0000000{number}")
            record(log, agreed, "granted", factory=owner, cluster=agreed["cluster"], key=private, now=now)
        assert sign(folder).exit_code == 0
    checked = document(verify(folder, "--json"))
    assert [problem["code"] for problem in checked["problems"]] == ["other-factory"]
    assert ("line 2" if names else "access 00000001") in checked["problems"][0]["message"]
    told = any("of which factory 3 lines" in line for line in checked["not_checked"])
    assert told is not names


def _without_factory(make: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Make lines as earlier versions did, which named no factory."""

    def make_entry(*parts: Any) -> dict[str, Any]:
        *first, notes = parts
        return make(*first, {name: note for name, note in notes.items() if not name.startswith("factory/")})

    return make_entry


def test_the_log_of_another_factory_of_the_same_key_is_a_finding_and_not_gone_on_with(folder: Path) -> None:
    """Runs alone stand in it, each whole and signed rightly."""
    assert sign(folder).exit_code == 0
    log = folder / "state" / "sovereign-ai" / "evidence" / "lab.jsonl"
    text = (LAB / "factory.yaml").read_text()
    other = folder / "factory.yaml"
    other.write_text(text.replace("name: lab\n", "name: other\n", 1))
    assert sign(folder, "--log", log.with_name("moved.jsonl"), stack=other).exit_code == 0
    assert codes(verify(folder, "--log", log.with_name("moved.jsonl"), "--json", stack=other)) == []
    log.with_name("moved.jsonl").replace(log)
    refused = sign(folder)
    assert (refused.exit_code, "other-factory" in refused.stderr) == (2, True), refused.output
    restated = verify(folder, "--log", log, "--json", stack=other)
    assert codes(restated) == []
    with_log = chain.read_log(log, key(folder, "old", 1).public_key())
    assert [problem.code for problem in chain.other_factories(log, with_log, "lab")] == ["other-factory"]
