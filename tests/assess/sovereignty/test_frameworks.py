from __future__ import annotations

import pytest

from sovereign_ai.assess.sovereignty.findings import FINDINGS
from sovereign_ai.assess.sovereignty.tables import table
from tests.assess.sovereignty.described import Data, changed, report
from tests.assess.sovereignty.test_mutation import put

FRAMEWORKS = {one["id"]: one for one in table("frameworks.json")["frameworks"]}


def test_every_framework_has_all_its_requirements_once() -> None:
    assert {name: len(one["rows"]) for name, one in FRAMEWORKS.items()} == {"CADA": 40, "C3A": 59, "Gaia-X": 12, "SCS": 8}
    for one in FRAMEWORKS.values():
        assert len({row["id"] for row in one["rows"]}) == len(one["rows"])


def test_every_requirement_is_read_or_asked_and_every_finding_is_used() -> None:
    used = {row["by"] for one in FRAMEWORKS.values() for row in one["rows"]}
    assert used - {"ask"} == set(FINDINGS)


def test_a_proposal_is_called_a_proposal() -> None:
    assert FRAMEWORKS["CADA"]["status"] == "proposal"
    assert "proposal" in FRAMEWORKS["CADA"]["title"]
    assert all(one["dated"] and one["source"] and one["read"] for one in FRAMEWORKS.values())


def outcome(data: Data, framework: str, name: str) -> str:
    """One requirement's outcome."""
    found = next(one for one in report(data).frameworks if one.id == framework)
    return next(item.outcome for item in found.items if item.id == name)


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
def test_what_the_description_states_is_met_and_its_opposite_is_not(rich: Data, framework: str, name: str, change: object) -> None:
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
