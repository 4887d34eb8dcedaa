"""Flows of data and control: each once, at a field of the description."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sovereign_ai.attest.report.flows import KINDS, DrawnFlow, flows
from tests.attest.report.reports import changed, report


@pytest.mark.parametrize("stack", ["lab", "superpod"])
def test_every_flow_is_of_a_known_kind_and_they_are_sorted(stack: str) -> None:
    declared = flows(report(stack).factory)
    assert declared
    assert {flow.kind for flow in declared} <= KINDS.keys()
    assert list(declared) == sorted(set(declared))


def people(flows: Iterable[DrawnFlow]) -> list[DrawnFlow]:
    return [flow for flow in flows if flow.kind == "people"]


def test_support_from_another_country_crosses_a_border() -> None:
    at_home = people(report("lab").flows)
    assert at_home
    assert not any(flow.crosses for flow in at_home)
    abroad = people(changed("support: [DE]", "support: [US]").flows)
    assert [flow.source for flow in abroad if flow.crosses] == ["support"]
