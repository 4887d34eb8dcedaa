"""Dashboards: each rack a column where it stands, and no panel on another."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from sovereign_ai.render.monitoring.dashboards import rack_dashboards
from tests.render.lab import stack


@pytest.mark.parametrize("name", ["lab", "superpod", "plural"])
def test_every_rack_of_a_site_is_a_column_of_one_dashboard(name: str) -> None:
    factory, plan = stack(name)
    for site in factory.sites:
        titles = []
        for text in rack_dashboards(factory, plan, site.name).values():
            document = json.loads(text)
            gauges = [panel for panel in document["panels"] if panel["type"] == "gauge"]
            places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in gauges]
            assert places == sorted(places)
            titles += [panel["title"].partition(" ")[0] for panel in gauges]
        assert titles == [rack.name for rack in plan.racks if rack.site == site.name]


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_no_panel_covers_another_or_leaves_the_grid(name: str) -> None:
    factory, plan = stack(name)
    for site in factory.sites:
        for text in rack_dashboards(factory, plan, site.name).values():
            taken: set[tuple[int, int]] = set()
            for panel in json.loads(text)["panels"]:
                grid = panel["gridPos"]
                assert grid["x"] >= 0
                assert grid["x"] + grid["w"] <= 24
                for x in range(grid["x"], grid["x"] + grid["w"]):
                    for y in range(grid["y"], grid["y"] + grid["h"]):
                        assert (x, y) not in taken
                        taken.add((x, y))


def test_thresholds_rise_and_identifiers_are_unique() -> None:
    factory, plan = stack("plural")
    documents = [json.loads(text) for text in rack_dashboards(factory, plan, "vie1").values()]
    assert len({document["uid"] for document in documents}) == len(documents) > 1
    for document in documents:
        panels = document["panels"]
        assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
        for panel in panels:
            steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
            assert steps[0]["value"] is None
            for first, second in pairwise(steps[1:]):
                assert first["value"] <= second["value"]
