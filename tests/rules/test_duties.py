from __future__ import annotations

from sovereign_ai.rules import controls, duties
from sovereign_ai.rules.controls import Control


def _defined_in(module: object) -> set[tuple[str, str]]:
    values = [value for value in vars(module).values() if isinstance(value, Control)]
    return {(value.framework, value.id) for value in values}


def test_a_duty_is_no_control_under_another_name() -> None:
    assert _defined_in(duties).isdisjoint(_defined_in(controls))


def test_both_modules_state_the_same_edition_of_a_framework() -> None:
    editions: dict[str, set[tuple[str, str, str]]] = {}
    for module in (controls, duties):
        for value in vars(module).values():
            if isinstance(value, Control):
                edition = (value.version, value.date, value.status)
                editions.setdefault(value.framework, set()).add(edition)
    assert {framework: len(found) for framework, found in editions.items() if len(found) != 1} == {}
