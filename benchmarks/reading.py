"""Reading and refusing: the catalogue, a large description, hostile texts, hopeless requests.

Each against what a user would do instead.

Seconds are CPU time of one process, the best of several runs. What is compared with:

* the catalogue: parsing its JSON files alone;
* a description of 170 pools: parsing its YAML alone, by PyYAML in C, without checking anything and without
  places;
* hostile texts of a mebibyte (those of tests/spec): nothing; the worst counts;
* the gigafactory judged as feasible: planning it in full; a million machines refused: nothing;
* the nearest of 100,000 names: `difflib`, on a hundredth of them;
* the sovereignty of the gigafactory: planning it in full.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import orjson  # noqa: E402 - the tests' texts are found from the root
import yaml  # noqa: E402

import sovereign_ai.catalog  # noqa: E402
from sovereign_ai.catalog import accelerator as accelerators  # noqa: E402
from sovereign_ai.catalog import jurisdictions, published, storage  # noqa: E402
from sovereign_ai.catalog import supplier as suppliers  # noqa: E402
from sovereign_ai.catalog import switch as switches  # noqa: E402
from sovereign_ai.catalog import system as systems  # noqa: E402
from sovereign_ai.errors import SpecError, nearest  # noqa: E402
from sovereign_ai.files import package_file  # noqa: E402
from sovereign_ai.plan.factory import plan  # noqa: E402
from sovereign_ai.plan.feasibility import feasible  # noqa: E402
from sovereign_ai.sovereignty.report import assess_sovereignty  # noqa: E402
from sovereign_ai.spec.fabric import Fabric  # noqa: E402
from sovereign_ai.spec.reader import load, read_text  # noqa: E402
from tests.plan.factories import factory, pool  # noqa: E402
from tests.spec.hostile import HOSTILE, SMALL  # noqa: E402

RUNS, POOLS, NAMES = 5, 170, 100_000
TODAY = date(2026, 11, 24)
TABLES: tuple[Callable[[], object], ...] = (
    accelerators.accelerators,
    systems.systems,
    switches.switches,
    suppliers.suppliers,
    storage.grades,
    jurisdictions.countries,
    jurisdictions.laws,
    published.fabric_tables,
    published.bills,
    published.rack_powers,
)


def seconds(work: Callable[[], Any], runs: int = RUNS) -> float:
    """Give the best CPU time of several runs, with the rubbish of earlier work out of the way."""
    best = float("inf")
    for _ in range(runs):
        gc.collect()
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def catalogue() -> None:
    """Read every table afresh."""
    for module in (accelerators, jurisdictions, published, storage, suppliers, switches, systems):
        for each in vars(module).values():
            if hasattr(each, "cache_clear"):
                each.cache_clear()
    for table in TABLES:
        table()


def parse_catalogue() -> None:
    """Parse the tables' files, and no more."""
    for file in sorted((Path(str(sovereign_ai.catalog.__file__)).parent / "data").rglob("*.json")):
        orjson.loads(package_file(file))


def large() -> bytes:
    """Write a description of many pools."""
    text = SMALL.replace("nodes: 4", "nodes: 12500").replace("120 kW", "200 MW").replace("200 kW", "300 MW")
    line = "  - {{name: p{0}, site: fra1, system: dgx-h100, nodes: 50, purpose: training, zone: main}}\n"
    return text.replace(
        "fabrics:\n", "".join(line.format(number) for number in range(POOLS)) + "fabrics:\n", 1
    ).encode()


def refuse(text: str) -> None:
    """Read a text that must be refused."""
    with suppress(SpecError):
        read_text(text.encode(), "f.yaml")
        sys.exit(f"{text[:20]!r} was not refused")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    described, giant = large(), load(ROOT / "stacks" / "gigafactory")
    planned = plan(giant)
    million = factory(
        pools=[pool(nodes=1_000_000, spares="auto")],
        fabrics=[Fabric(name="compute", kind="roce", radix=64, link="400 Gbps")],
    )
    names = [f"pool-{number}" for number in range(NAMES)]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    whole = seconds(lambda: plan(giant), 3)
    rows: dict[str, tuple[float, float | None, float]] = {
        # what is measured, what it is compared with, the goal in seconds
        "catalogue": (seconds(catalogue), seconds(parse_catalogue), 0.015),
        f"description of {POOLS} pools": (
            seconds(lambda: read_text(described, "f.yaml")),
            seconds(lambda: yaml.load(described, loader)),  # noqa: S506 - a safe loader, in C where there is one
            0.6,
        ),
        "worst of the hostile texts": (
            max(seconds(lambda text=text: refuse(text), 1) for text in HOSTILE),
            None,
            10.0,
        ),  # type: ignore[misc]
        "feasibility of the gigafactory": (seconds(lambda: feasible(giant)), whole, 0.5),
        "refusing a million machines": (seconds(lambda: feasible(million), 2), None, 2.0),
        "nearest of 100,000 names": (
            seconds(lambda: nearest("pool-99999x", names), 2),
            seconds(lambda: difflib.get_close_matches("pool-99999x", names[: NAMES // 100]), 1) * 100,
            2.0,
        ),
        "sovereignty of the gigafactory": (
            seconds(lambda: assess_sovereignty(giant, planned, now=TODAY).canonical(), 3),
            whole,
            2.0,
        ),
    }
    shown = {
        name: {
            "seconds": round(ours, 4),
            **({} if other is None else {"against": round(other, 4), "ratio": round(ours / other, 2)}),
            "goal": goal,
            "met": ours <= goal,
        }
        for name, (ours, other, goal) in rows.items()
    }
    print(json.dumps({"benchmark": "reading", "runs": RUNS, **shown}, indent=2))


if __name__ == "__main__":
    main()
