"""What commands say keeps to 80 columns and loses no word."""

from __future__ import annotations

import doctest

import orjson
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.cli import output
from sovereign_ai.cli.command import speak
from sovereign_ai.cli.output import wrapped
from sovereign_ai.deploy.host_events import Change, HostResult
from sovereign_ai.deploy.hosts import Outcome


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(output).failed == 0


@pytest.mark.parametrize("as_json", [True, False])
def test_an_interrupted_command_says_so_in_the_form_that_was_asked_for(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    def work(_output: output.Output) -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as left:
        speak("up", as_json, work)
    said = capsys.readouterr()
    assert left.value.exit_code == 130
    if as_json:
        document = orjson.loads(said.out)
        assert (document["ok"], [one["code"] for one in document["problems"]], said.err) == (False, ["interrupted"], "")
    else:
        assert said.out == ""
        assert "up was interrupted" in said.err


@given(some.lists(some.text("abcdef-/.", min_size=1, max_size=40), min_size=1, max_size=40), some.sampled_from(["", "  ", "    "]))
def test_a_sentence_keeps_to_80_columns_and_loses_no_word(words: list[str], indent: str) -> None:
    lines = wrapped(" ".join(words), indent)
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(lines).split() == words


def test_what_came_of_hosts_keeps_to_80_columns_but_for_what_differs() -> None:
    from sovereign_ai.cli.hosts_text import told

    long = "could not be reached over its management address " * 4
    diff = "+ " + "x" * 100 + "\n"
    result = HostResult("train-001", "unreachable", (Change("baseline", "Packages", "", diff),), long, (long,))
    lines = told(Outcome(check=True, results=(result,), stopped="", seconds=1.0))
    assert [line for line in lines if len(line) > 80] == [f"      {diff.rstrip()}"]
    assert lines[0].startswith("unreachable train-001: could not")
