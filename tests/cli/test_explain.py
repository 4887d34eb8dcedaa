"""`explain`: a rule with its reasons, in 80 columns."""

from __future__ import annotations

import orjson
import typer
from typer.testing import CliRunner, Result

from sovereign_ai.cli import audit, check, explain, rules
from sovereign_ai.rules.registry import REGISTRY


def call(*arguments: str) -> Result:
    app = typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, context_settings={"max_content_width": 80}
    )
    for command in (check, rules, explain, audit):
        command.add(app)
    return CliRunner().invoke(app, list(arguments))


def test_explain_says_why_what_to_do_and_what_it_serves() -> None:
    result = call("explain", "key-002")
    assert result.exit_code == 0
    assert "KEY-002" in result.stdout
    assert "ECSF SOV-3.1 (guideline, " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    data = orjson.loads(call("explain", "PLC-001", "--json").stdout)
    assert data["rule"]["id"] == "PLC-001"
    assert set(data["places"]) == {"plan", "bundle", "pulumi", "admission", "live"}


def test_every_rule_can_be_explained_in_eighty_columns() -> None:
    for one in REGISTRY:
        assert max(map(len, call("explain", one.id).stdout.splitlines())) <= 80, one.id


def test_an_unknown_rule_is_bad_input_with_the_nearest_name() -> None:
    result = call("explain", "LWA-001")
    assert result.exit_code == 2
    assert "did you mean 'LAW-001'?" in result.stderr


def test_the_code_of_a_message_is_told_from_a_rule() -> None:
    for code in ("bad-quantity", "[unknown-field]"):
        result = call("explain", code)
        assert result.exit_code == 2
        assert f"'{code.strip('[]')}' is the code of a message" in result.stderr
