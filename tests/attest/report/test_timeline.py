"""The disconnect drill's timeline: a box for each service, trigger and span of time."""

from __future__ import annotations

from sovereign_ai.attest.report.timeline import picture
from sovereign_ai.sovereignty.drill import DAYS
from tests.attest.report.reports import report


def test_every_service_of_every_trigger_has_a_box_for_each_span() -> None:
    drills = report("lab").sovereignty.drills
    boxes = sum(len(drill.served) * len(DAYS) for drill in drills)
    assert boxes
    assert picture(drills).count("<rect") == boxes


def test_only_what_is_not_certain_has_a_star() -> None:
    certain = [drill for drill in report("lab").sovereignty.drills if drill.certain]
    assert "*" not in picture(certain)
