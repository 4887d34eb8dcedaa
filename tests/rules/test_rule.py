from __future__ import annotations

from sovereign_ai.rules.kinds import KINDS, OTHER
from sovereign_ai.rules.registry import find_rule
from sovereign_ai.rules.rule import RuleCheck


def test_checks_on_templates_are_made_on_every_template_of_other_kinds() -> None:
    host = find_rule("PRV-001")
    [check] = host.checks_on(OTHER)
    assert check.kinds == ("*",)
    assert check.expression.startswith("variables.templates.all(pt, ")
    assert host.checks_on(KINDS["Pod"]) == host.checks
    assert host.checks_on(KINDS["Service"]) == ()


def test_the_namespace_of_an_object_is_no_question_about_its_templates() -> None:
    expressions = [check.expression for check in find_rule("PLC-001").checks_on(OTHER)]
    assert expressions
    assert not any("known" in expression for expression in expressions)


def test_a_check_with_rows_has_a_part_for_each_of_its_kinds() -> None:
    rows = (("a/A", "x == 1"),)
    check = RuleCheck(("*",), "spec", "whole", "message", rows=rows)
    assert (check.on_key("a/A"), check.on_key("b/B")) == ("x == 1", "true")
    assert RuleCheck(("*",), "spec", "whole", "message").on_key("b/B") == "whole"


def test_plain_data_is_sorted() -> None:
    data = find_rule("PLC-001").to_data()
    assert data["kinds"] == sorted(data["kinds"])
    assert data["places"] == sorted(data["places"])
    assert set(data["checks"][0]) == {"kinds", "field", "expression", "message"}
