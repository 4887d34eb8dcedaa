from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sovereign_ai.attest.controls_page import controls_page
from sovereign_ai.rules.registry import REGISTRY

PAGE = Path(__file__).resolve().parents[2] / "docs" / "controls.md"


def test_the_page_in_docs_is_what_the_registry_gives(golden: Callable[[Path, str], None]) -> None:
    golden(PAGE, controls_page())


def test_every_rule_and_every_control_stands_on_the_page() -> None:
    page = controls_page()
    for rule in REGISTRY:
        assert f"\n### {rule.id}\n" in page
        assert rule.remediation in page
        assert all(control.summary.replace("|", "\\|") in page for control in rule.controls)
    assert "proposal)" in page
