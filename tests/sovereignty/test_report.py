from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.sovereignty.described import STACKS, Data, report
from tests.sovereignty.test_drill import stack

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("lab", "plural", "superpod", "gigafactory")


def test_the_same_description_gives_the_same_bytes_under_any_hash_seed() -> None:
    code = (
        "import hashlib;from datetime import date;from sovereign_ai.spec.reader import load;from sovereign_ai.plan.factory import plan;"  # noqa: E501 - one literal text
        "from sovereign_ai.sovereignty.report import assess_sovereignty;f=load('stacks/plural');"
        "r=assess_sovereignty(f,plan(f),now=date(2026,11,24));print(hashlib.sha256(r.canonical()+'\\n'.join(r.lines()).encode()).hexdigest())"
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
    assert [(one.number, one.best, one.why) for one in after.answers] == [
        (one.number, one.best, one.why) for one in before.answers
    ]
    assert [(one.served, one.capacity) for one in after.drills if one.trigger.kind != "holder"] == [
        (one.served, one.capacity) for one in before.drills if one.trigger.kind != "holder"
    ]
    assert {name: len(sets.parts) for name, sets in after.sets.items()} == {
        name: len(sets.parts) for name, sets in before.sets.items()
    }
    assert [[(item.id, item.outcome) for item in one.items] for one in after.frameworks] == [
        [(item.id, item.outcome) for item in one.items] for one in before.frameworks
    ]
