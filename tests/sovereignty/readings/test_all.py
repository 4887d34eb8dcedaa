"""The readings of all objectives."""

from __future__ import annotations

from sovereign_ai.plan.factory import plan
from sovereign_ai.sovereignty.criteria import known
from sovereign_ai.sovereignty.drill import drills
from sovereign_ai.sovereignty.graph import graph
from sovereign_ai.sovereignty.readings.all import readings
from tests.sovereignty.described import NOW, Data, made


def test_each_reading_is_of_a_criterion_that_exists_and_within_its_answers(rich: Data) -> None:
    factory = made(rich)
    planned = plan(factory)
    needs = graph(factory, planned)
    read = readings(factory, planned, needs, drills(needs), NOW)
    assert set(read) <= set(known())
    assert {"SOV-1.1", "SOV-3.4", "SOV-4.2", "SOV-5.6"} <= set(read)
    assert all(name == reading.criterion and 1 <= reading.answer <= 5 for name, reading in read.items())
