from __future__ import annotations

import doctest

from sovereign_ai.attest import controls, oscal
from sovereign_ai.attest.controls import control_states, rules_by_control
from sovereign_ai.attest.text import verdict_lines
from sovereign_ai.rules.registry import REGISTRY
from tests.attest.judged import clean, verdict


def state(name: str) -> str:
    return next(
        one.state for one in control_states(verdict()) if f"{one.control.framework} {one.control.id}" == name
    )


def test_the_worst_finding_of_any_rule_decides() -> None:
    assert state("ECSF SOV-2.2") == "VIOLATED"
    assert state("C3A SOV-4-01") == "waived"
    assert state("C3A SOV-4-05") == "undecided"
    assert state("ECSF SOV-4.3") == "noted"
    assert {one.state for one in control_states(clean())} == {"held"}


def test_every_control_of_every_rule_has_one_line_of_at_most_80_columns() -> None:
    lines = [str(one) for one in control_states(verdict())]
    assert (
        len(lines)
        == len({control for rule in REGISTRY for control in rule.controls})
        == len(rules_by_control())
    )
    assert max(map(len, lines)) <= 80
    assert {line[41] for line in lines} == {" "}
    assert {line[42:].split()[0] for line in lines} <= {"VIOLATED", "waived", "undecided", "noted", "held"}
    told = verdict_lines(verdict())
    assert told[: len(lines)] == lines


def test_one_control_of_one_framework_has_one_edition() -> None:
    named: dict[tuple[str, str], set[tuple[str, str, str, str]]] = {}
    for one in rules_by_control():
        named.setdefault((one.framework, one.id), set()).add((one.source, one.version, one.date, one.status))
    assert {name: editions for name, editions in named.items() if len(editions) > 1} == {}


def test_the_examples_in_the_prose_are_true() -> None:
    for module in (controls, oscal):
        assert doctest.testmod(module).failed == 0
