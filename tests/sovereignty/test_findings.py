"""Findings that requirements of several frameworks share."""

from __future__ import annotations

import pytest

from tests.sovereignty.described import Data, changed
from tests.sovereignty.test_frameworks import outcome
from tests.sovereignty.test_mutation import put


@pytest.mark.parametrize(
    ("framework", "name", "change"),
    [
        ("C3A", "SOV-1-01-C1", put("operator", "seat", value="CH")),
        ("C3A", "SOV-3-02-C", put("keys", 0, "custodian", value="operator")),
        ("C3A", "SOV-4-04-C1", put("operator", "soc", value=["US"])),
        ("C3A", "SOV-3-01-C3", put("residency", 0, "replicas", value=["US"])),
        ("CADA", "CADA-Annex-II-4.1(g)", put("operator", "parent", "seat", value="US")),
        ("CADA", "CADA-Annex-II-2.1(h)", put("operator", "support", value=["IN"])),
        ("Gaia-X", "P5.1.4", put("operator", "seat", value="US")),
        ("SCS", "scs-0125", put("sites", 0, "uplinks", 0, "encryption", value="none")),
    ],
)
def test_what_the_description_states_is_met_and_its_opposite_is_not(
    rich: Data, framework: str, name: str, change: object
) -> None:
    assert outcome(rich, framework, name) == "met"
    assert outcome(changed(rich, change), framework, name) == "not met"  # type: ignore[arg-type]


def test_what_is_left_out_is_open_and_never_met(rich: Data) -> None:
    rich["operator"]["shareholders"] = []
    rich["operator"]["sub_processors"] = []
    rich["suppliers"] = []
    rich["services"] = []
    assert outcome(rich, "C3A", "SOV-1-03-C1") == "open"
    assert outcome(rich, "CADA", "CADA-Annex-II-2.1(a)") == "open"
    assert outcome(rich, "C3A", "SOV-5-03-C") == "open"
    assert outcome(rich, "C3A", "SOV-4-09-C") == "open"
