"""Part lists that others published come out of the planner's order list piece by piece.

A file is a design. A row names a fabric and the pieces that are printed; `counted: host` compares only those
of links to servers, and `left_out` has the reason where a row cannot be reproduced.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.plan.cabling.assemblies import Assembler
from sovereign_ai.plan.cabling.links import plug_groups
from sovereign_ai.plan.cabling.order import every_link
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.cabling import Cabling
from tests.plan.wishes import pool, wish

FILES = sorted((Path(__file__).parent / "orders").glob("*.yaml"))


def _rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in FILES:
        design = yaml.safe_load(file.read_text(encoding="utf-8"))
        common = {name: value for name, value in design.items() if name != "rows"}
        for row in design["rows"]:
            yield f"{file.stem}: {row['row']}", {**common, **row}


ROWS = dict(_rows())
REPRODUCED = [name for name, row in ROWS.items() if "left_out" not in row]
LEFT_OUT = [name for name, row in ROWS.items() if "left_out" in row]


def ordered(row: dict[str, Any]) -> Counter[str]:
    """Count the pieces that a row orders, without spares."""
    made = wish(
        [pool(nodes=row["nodes"], system=row["system"], **row.get("pool", {}))],
        {"name": "published", **row["fabric"]},
    )
    (site,) = made.sites
    # How many feeds a machine survives on is no part of these lists.
    power = site.power.model_copy(update={"survive": "none"})
    cabling = Cabling(**row["cabling"])
    sites = (site.model_copy(update={"power": power}),)
    described = made.model_copy(update={"sites": sites, "cabling": cabling})
    pieces: Counter[str] = Counter()
    for links in every_link(described, plan(described), cabling):
        assembler = Assembler(links, cabling)
        for group in plug_groups(links):
            choice = assembler.choice(group)
            sides = {links.kinds[links.links[number].near].side for number in group}
            if choice is None or ("counted" in row and sides != {row["counted"]}):
                continue
            pieces.update(piece.part.name for piece in assembler.pieces(group, choice))
    return pieces


@pytest.mark.parametrize("name", REPRODUCED)
def test_a_published_part_list_comes_out_as_printed(name: str) -> None:
    assert ordered(ROWS[name]) == ROWS[name]["printed"]


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_part_list_that_cannot_be_reproduced_has_a_reason_and_the_printed_pieces(name: str) -> None:
    assert len(ROWS[name]["left_out"]) > 40
    assert ROWS[name]["printed"]
    assert ordered(ROWS[name]) != ROWS[name]["printed"]
