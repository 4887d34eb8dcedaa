"""`inventory push`: exit codes, what a person and a program see, and what is asked before a write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.plan import plan
from sovereign_ai.sim.lldp import lldp
from sovereign_ai.spec import load
from tests.operate.netbox.fake_netbox import TOKEN, FakeNetBox, fake_netbox, reply_json

SMALL = Path(__file__).parents[1] / "hostile" / "small.yaml"


@pytest.fixture
def netbox() -> Iterator[FakeNetBox]:
    with fake_netbox() as running:
        yield running


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    return file


def push(netbox: FakeNetBox, token: Path, *options: str) -> Result:
    words = ["inventory", "push", str(SMALL), "--url", netbox.url, "--token-file", str(token)]
    result = CliRunner().invoke(app, [*words, *options])
    assert TOKEN not in result.output
    return result


def data(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def verbs(netbox: FakeNetBox) -> set[str]:
    return {method for method, _ in netbox.requests}


def test_a_dry_run_reads_and_says_what_would_be_written(netbox: FakeNetBox, token: Path) -> None:
    result = push(netbox, token, "--dry-run")
    assert result.exit_code == 0
    assert verbs(netbox) == {"GET"}
    assert "create devices fra1 train-001" in result.stdout
    assert "more; --all lists them" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("; nothing was")
    assert all(len(line) <= 80 for line in result.stdout.splitlines()[:-1])


def test_it_writes_with_yes_and_then_has_nothing_to_do(netbox: FakeNetBox, token: Path) -> None:
    result = push(netbox, token, "--yes", "--json")
    assert result.exit_code == 0
    told = data(result)
    assert told["written"] is True
    assert told["kinds"]["devices"]["create"] == told["done"]["devices"]["create"] > 4
    again = data(push(netbox, token, "--json"))
    assert again["written"] is False
    assert again["changes"] == []
    assert "as planned; nothing to do" in push(netbox, token).stdout


def status(netbox: FakeNetBox) -> set[str]:
    return {held["status"] for held in netbox.of("cables").values()}


def test_observed_cables_become_the_status_of_netbox_s_after_a_dry_run(
    netbox: FakeNetBox, token: Path, tmp_path: Path
) -> None:
    assert push(netbox, token, "--yes").exit_code == 0
    factory = load(SMALL)
    derived = plan(factory)
    seen = tmp_path / "seen"
    seen.mkdir()
    for name, report in lldp(derived).items():
        (seen / f"{name}.json").write_text(json.dumps(report))
    dry = push(netbox, token, "--observed", str(seen), "--dry-run")
    assert dry.exit_code == 0
    assert "status planned -> connected" in " ".join(dry.stdout.split())
    assert "cables as observed:" in dry.stdout
    assert status(netbox) == {"planned"}
    told = data(push(netbox, token, "--observed", str(seen), "--yes", "--json"))
    assert told["done"] == {"cables": {"change": told["observed"]["connected"]}}
    assert told["observed"]["connected"] > 4
    assert status(netbox) == {"connected", "planned"}
    (seen / "train-001.json").write_text("{")
    again = data(push(netbox, token, "--observed", str(seen), "--yes", "--json"))
    assert [problem["file"] for problem in again["observed"]["unread"]] == [str(seen / "train-001.json")]


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--observed", "{none}"], "no-reports"), (["--macs", "{none}"], "no-reports")],
)
def test_reports_that_are_not_there_are_said_before_netbox_is_asked(
    netbox: FakeNetBox, token: Path, tmp_path: Path, words: list[str], code: str
) -> None:
    options = [word.format(none=tmp_path) for word in words]
    result = push(netbox, token, *options, "--json")
    assert result.exit_code == 2
    assert data(result)["problems"][0]["code"] == code
    assert not netbox.requests


def test_without_a_terminal_it_asks_for_yes(netbox: FakeNetBox, token: Path) -> None:
    result = push(netbox, token)
    assert result.exit_code == 2
    assert "add --yes" in result.stderr
    assert verbs(netbox) == {"GET"}


def test_others_in_the_way_are_named_and_nothing_is_written(netbox: FakeNetBox, token: Path) -> None:
    site = netbox.add("sites", name="fra1", slug="fra1")
    for options in (("--yes",), ("--dry-run",)):
        result = push(netbox, token, *options)
        assert result.exit_code == 3
        assert f"number {site} carries no mark" in " ".join(result.stderr.split())
    assert verbs(netbox) == {"GET"}


def test_deleting_most_of_a_factory_is_asked_for_by_name(
    netbox: FakeNetBox, token: Path, tmp_path: Path
) -> None:
    assert push(netbox, token, "--yes").exit_code == 0
    other = tmp_path / "other.yaml"
    other.write_text(
        SMALL.read_text().replace("name: fra1,", "name: ber1,").replace("name: fra1\n", "name: ber1\n")
    )
    other.write_text(other.read_text().replace("site: fra1", "site: ber1"))
    words = ["inventory", "push", str(other), "--url", netbox.url, "--token-file", str(token), "--yes"]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 2, refused.output
    assert "mass-deletion" in refused.stderr
    assert "ber1" not in {held["name"] for held in netbox.of("sites").values()}
    done = CliRunner().invoke(app, [*words, "--allow-mass-deletion"])
    assert done.exit_code == 0, done.output
    assert {held["name"] for held in netbox.of("sites").values()} == {"ber1"}
    assert "as planned" in CliRunner().invoke(app, words).stdout


def test_a_refusal_ends_with_four_and_says_how_to_go_on(netbox: FakeNetBox, token: Path) -> None:
    netbox.script = lambda method, path: (
        reply_json(400, {"detail": f"\x1b[2K no {TOKEN}"}) if method == "POST" and "/racks/" in path else None
    )
    result = push(netbox, token, "--yes")
    assert result.exit_code == 4
    assert "NetBox refuses to create racks fra1" in result.stdout
    assert "run it again" in result.stdout
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--url", "http://netbox.example", "--token-file", "{token}"], "bad-url"),
        (["--url", "https://a:b@netbox.example", "--token-file", "{token}"], "bad-url"),
        (["--url", "{url}"], "no-token"),
        (["--url", "{url}", "--token-file", "{token}.none"], "no-token"),
        (["--url", "https://netbox.example", "--token-file", "{token}", "--ca", "{token}"], "bad-ca"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_asked(
    netbox: FakeNetBox, token: Path, words: list[str], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOVEREIGN_AI_NETBOX_TOKEN", raising=False)
    options = [word.format(token=token, url=netbox.url) for word in words]
    result = CliRunner().invoke(app, ["inventory", "push", str(SMALL), *options, "--json"])
    assert result.exit_code == 2
    assert data(result)["problems"][0]["code"] == code
    assert TOKEN not in result.output
    assert not netbox.requests


def test_a_wrong_token_is_said_without_it(netbox: FakeNetBox, token: Path) -> None:
    token.write_text("nbt_another.0123456789abcdefghij")
    result = push(netbox, token)
    assert result.exit_code == 3
    assert "does not accept the token" in " ".join(result.stderr.split())
    assert "0123456789abcdefghij" not in result.output
