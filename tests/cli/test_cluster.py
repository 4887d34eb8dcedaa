"""Local control planes by the command line: which kind is meant."""

from __future__ import annotations

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app


def status(*options: str) -> Result:
    return CliRunner().invoke(app, ["cluster", "status", "nowhere", "--json", *options])


@pytest.mark.parametrize("option", ["--cluster", "--backend"])
@pytest.mark.parametrize("kind", ["embedded", "kind"])
def test_the_old_name_of_the_option_means_the_same(option: str, kind: str) -> None:
    old, new = status(option, kind), status("--cluster", kind)
    assert (old.exit_code, old.stdout) == (new.exit_code, new.stdout)
    assert ("now called --cluster" in old.stderr) is (option == "--backend")


def test_two_names_that_contradict_each_other_are_refused() -> None:
    result = status("--cluster", "kind", "--backend", "embedded")
    assert result.exit_code == 2
    [problem] = orjson.loads(result.stdout)["problems"]
    assert problem["code"] == "options-conflict"


def test_help_names_the_new_option_alone() -> None:
    text = CliRunner().invoke(app, ["cluster", "status", "--help"]).stdout
    assert "--cluster" in text
    assert "--backend" not in text
