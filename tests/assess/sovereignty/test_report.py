from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from sovereign_ai.assess.sovereignty.found import NOTICE
from tests.assess.sovereignty.described import STACKS, Data, report
from tests.assess.sovereignty.test_drill import stack

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("lab", "plural", "superpod", "gigafactory")


@pytest.mark.parametrize("name", NAMES)
def test_each_stacks_report_in_the_terminal_is_the_golden_one(name: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / f"{name}.txt", "\n".join(stack(name).lines()) + "\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_report_fits_80_columns_and_says_in_every_form_that_it_is_a_self_assessment(name: str) -> None:
    found = stack(name)
    assert max(map(len, found.lines())) <= 80
    assert "Self-assessment" in found.lines()[1]
    assert orjson.loads(found.canonical())["notice"] == NOTICE


def test_the_same_description_gives_the_same_bytes_under_any_hash_seed() -> None:
    code = (
        "import hashlib;from datetime import date;from sovereign_ai.spec.load import load;from sovereign_ai.plan.factory import plan;"
        "from sovereign_ai.assess.sovereignty.report import assess;f=load('stacks/plural');"
        "r=assess(f,plan(f),now=date(2026,11,24));print(hashlib.sha256(r.canonical()+'\\n'.join(r.lines()).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=STACKS.parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    here = stack("plural")
    assert found == {hashlib.sha256(here.canonical() + "\n".join(here.lines()).encode()).hexdigest()}


RENAMED = {
    "train": "alpha",
    "serve": "beta",
    "fra1": "place",
    "hsm-fra": "vault",
    "restricted": "inner",
    "open": "outer",
    "east": "line",
    "wind": "mill",
}
NAMED_BY = ("name", "site", "zone", "key", "to", "pool", "sites", "zones", "pools")


def renamed(value: object, by: str = "") -> object:
    """Rename sites, pools, keys, zones, lines and contracts wherever a field names them."""
    if isinstance(value, dict):
        return {key: renamed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, by) for inner in value]
    return RENAMED.get(value, value) if isinstance(value, str) and by in NAMED_BY else value


def test_renaming_the_parts_of_a_factory_changes_no_verdict(rich: Data) -> None:
    other = renamed(rich)
    assert isinstance(other, dict)
    assert other["pools"][0]["name"] == "alpha"
    before, after = report(rich), report(other)
    assert after.verdict == before.verdict
    assert [(one.number, one.best, one.why) for one in after.answers] == [(one.number, one.best, one.why) for one in before.answers]
    assert [(one.served, one.capacity) for one in after.drills if one.trigger.kind != "holder"] == [
        (one.served, one.capacity) for one in before.drills if one.trigger.kind != "holder"
    ]
    assert {name: len(sets.parts) for name, sets in after.sets.items()} == {name: len(sets.parts) for name, sets in before.sets.items()}
    assert [[(item.id, item.outcome) for item in one.items] for one in after.frameworks] == [
        [(item.id, item.outcome) for item in one.items] for one in before.frameworks
    ]


def test_every_open_criterion_requirement_and_undescribed_part_is_asked_of_a_person() -> None:
    found = stack("lab")
    asked = {(one["of"], one["id"]) for one in found.questions()}
    assert {("ECSF", name) for name in found.verdict.open} <= asked
    assert {(part.layer, part.id) for part in found.graph.parts if not part.described} <= asked
    assert all(one["ask"] for one in found.questions())


def test_shares_by_layer_sum_to_the_whole_and_an_index_over_few_says_so() -> None:
    for name in NAMES:
        for one in stack(name).concentration:
            assert sum(share for _, share in one.shares) == pytest.approx(100, abs=0.3)
            assert "little" in one.note or "by definition" in one.note
    assert {one.layer: one.index for one in stack("gigafactory").concentration}["lines"] == 5_000
