"""The page that the command prints."""

from __future__ import annotations

import json

import pytest

from sovereign_ai.plan.plan_summary import summary

from .factories import NAMES, planned


@pytest.mark.parametrize("name", NAMES)
def test_totals_agree_with_the_rows_and_the_plan(name: str) -> None:
    found = planned(name)
    page = json.loads(json.dumps(summary(found)))
    totals = page["totals"]
    assert totals["nodes"] == sum(row["nodes"] for row in page["pools"])
    assert (
        totals["nodes"] + totals["spares"]
        == len(found.nodes)
        == sum(row["nodes"] for row in page["clusters"])
    )
    assert (
        totals["gpus"]
        == sum(row["gpus"] for row in page["pools"])
        == sum(row["gpus"] for row in page["clusters"])
    )
    assert totals["racks"] == sum(row["racks"] for row in page["racks"]) == len(found.racks)
    assert totals["cables"] == sum(row["cables"] for row in page["fabrics"])
    assert totals["switches"] == sum(row["leaf"] + row["spine"] + row["core"] for row in page["fabrics"])
    assert totals["storage_servers"] == sum(row["servers"] for row in page["storage"])
    assert totals["it_load_watts"] == sum(sum(row["feeds_watts"].values()) for row in page["power"])


def test_a_summary_stays_small_however_large_the_factory() -> None:
    assert len(json.dumps(summary(planned("gigafactory")))) < 60_000


def test_the_reason_for_spares_is_in_the_row_of_the_pool() -> None:
    assert "99.9th percentile" in summary(planned("gigafactory"))["pools"][0]["why"]["spares"]
    assert summary(planned("superpod"))["pools"][0]["why"]["spares"].endswith("as described")
