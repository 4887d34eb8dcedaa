from __future__ import annotations

from datetime import date

from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.description.exceptions import PAST, aimed
from tests.rules.test_described import factory_of, waiver


def _states(day: date) -> list[str]:
    factory = factory_of(**waiver())
    assert PAST.decide_on is not None
    return [finding.message for finding in PAST.decide_on(PAST, factory, plan(factory), day)]


def test_a_waiver_is_reported_before_it_begins_shortly_before_its_end_and_after_it() -> None:
    assert _states(date(2026, 10, 31))[0].endswith("it begins on 2026-11-01 and covers nothing before")
    assert _states(date(2026, 12, 1)) == []
    assert _states(date(2027, 1, 1))[0].endswith("it ends on 2027-01-15, in 14 days")
    assert _states(date(2027, 1, 15))[0].endswith("it ended on 2027-01-15 and covers nothing")


def test_a_waiver_must_name_a_rule_that_exists_and_can_be_waived() -> None:
    factory = factory_of(**waiver())
    for known, count in ((["STF-001"], 0), (["STF-002"], 1)):
        rule = aimed(known)
        assert rule.decide is not None
        assert len(list(rule.decide(rule, factory, plan(factory)))) == count
    unwaivable = factory_of(**waiver(rule="WVR-001"))
    rule = aimed(["WVR-001"])
    assert rule.decide is not None
    [finding] = rule.decide(rule, unwaivable, plan(unwaivable))
    assert finding.message == "WVR-001: what waivers must be cannot be waived"
