from __future__ import annotations

import doctest

from sovereign_ai.attest import controls, oscal
from sovereign_ai.attest.controls import served, states
from sovereign_ai.attest.text import text
from sovereign_ai.rules.registry import REGISTRY
from tests.attest.judged import clean, verdict


def state(name: str) -> str:
    return next(one.state for one in states(verdict()) if f"{one.control.framework} {one.control.id}" == name)


def test_the_worst_finding_of_any_rule_decides() -> None:
    assert state("ECSF SOV-2.2") == "VIOLATED"
    assert state("C3A SOV-4-01") == "waived"
    assert state("C3A SOV-4-05") == "undecided"
    assert state("ECSF SOV-4.3") == "noted"
    assert {one.state for one in states(clean())} == {"held"}


def test_every_control_of_every_rule_has_one_line_of_at_most_80_columns() -> None:
    lines = [str(one) for one in states(verdict())]
    assert len(lines) == len({control for rule in REGISTRY for control in rule.controls}) == len(served())
    assert max(map(len, lines)) <= 80
    assert {line[41] for line in lines} == {" "}
    assert {line[42:].split()[0] for line in lines} <= {"VIOLATED", "waived", "undecided", "noted", "held"}
    told = text(verdict())
    assert told[: len(lines)] == lines


def test_the_text_is_narrow_and_ends_with_the_count() -> None:
    lines = text(verdict())
    assert lines[-1].startswith("1 violation, 1 waived, 1 undecidable here, ")
    # Names of objects and fields are never cut; prose is.
    assert max(len(line) for line in lines if line.startswith("    ")) <= 80
    assert lines.index("LAW-001 [violation, high] Factory/small") > lines.index("STF-003 [notice, info] Factory/small")


def test_one_control_of_one_framework_has_one_edition() -> None:
    named: dict[tuple[str, str], set[tuple[str, str, str, str]]] = {}
    for one in served():
        named.setdefault((one.framework, one.id), set()).add((one.source, one.version, one.date, one.status))
    assert {name: editions for name, editions in named.items() if len(editions) > 1} == {}


def test_the_examples_in_the_prose_are_true() -> None:
    for module in (controls, oscal):
        assert doctest.testmod(module).failed == 0
