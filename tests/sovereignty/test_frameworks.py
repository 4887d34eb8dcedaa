from __future__ import annotations

from sovereign_ai.sovereignty.findings import FINDINGS
from sovereign_ai.sovereignty.tables import table
from tests.sovereignty.described import Data, report

FRAMEWORKS = {one["id"]: one for one in table("frameworks.json")["frameworks"]}


def test_every_framework_has_all_its_requirements_once() -> None:
    assert {name: len(one["rows"]) for name, one in FRAMEWORKS.items()} == {
        "CADA": 40,
        "C3A": 59,
        "Gaia-X": 12,
        "SCS": 8,
    }
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
