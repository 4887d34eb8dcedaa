from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.sovereignty.answers import CriterionAnswer, answers
from sovereign_ai.sovereignty.criteria import CRITERIA, EvidenceGrade
from sovereign_ai.sovereignty.evidence import Evidence, EvidenceSet
from sovereign_ai.sovereignty.readings.reading import CriterionReading
from sovereign_ai.sovereignty.verdict import SovereigntyVerdict, verdict
from tests.sovereignty.described import NOW, Data, report

GRADES = [grade.value for grade in EvidenceGrade]


def proof(numbers: dict[str, int], grade: str = "technically-verified") -> EvidenceSet:
    """Evidence of one grade for some answers."""
    return EvidenceSet(
        {
            name: Evidence(criterion=name, answer=number, grade=grade, source="a test")
            for name, number in numbers.items()
        }
    )


BEST = {one.id: one.top for one in CRITERIA}
READINGS = st.fixed_dictionaries(
    {},
    optional={
        one.id: st.builds(
            CriterionReading,
            st.just(one.id),
            st.integers(1, one.top),
            st.booleans(),
            st.just("why"),
            st.just(()),
        )
        for one in CRITERIA
    },
)
EVIDENCE = st.fixed_dictionaries(
    {},
    optional={
        one.id: st.builds(
            lambda name, number, grade: Evidence(criterion=name, answer=number, grade=grade, source="a test"),
            st.just(one.id),
            st.integers(1, one.top),
            st.sampled_from(GRADES),
        )
        for one in CRITERIA
    },
)
BARS = st.sets(st.sampled_from([one.id for one in CRITERIA])).map(
    lambda names: dict.fromkeys(names, ("waiver w of SV-001",))
)


def judged(
    read: dict[str, CriterionReading], evidence: dict[str, Evidence], bars: dict[str, tuple[str, ...]]
) -> SovereigntyVerdict:
    """Answer and judge."""
    return verdict(answers(read, EvidenceSet(evidence), bars, NOW))


def test_the_persona_with_foreign_gpus_comes_out_through_evidence_as_well() -> None:
    numbers = {**BEST, "SOV-3.5": 4, "SOV-5.1": 4, "SOV-5.2": 3, "SOV-5.6": 3, "SOV-6.5": 2}
    found = verdict(answers({}, proof(numbers), {}, NOW))
    assert (found.level, found.complete, found.governing) == (2, True, ("SOV-5.6",))
    assert {name: str(value) for name, value in found.scores.items()} == {
        "v1.2.1": "93.7554",
        "calculator-2026-06": "95.5381",
    }


def test_a_residency_waiver_takes_that_persona_from_seal_2_to_seal_1() -> None:
    numbers = {**BEST, "SOV-3.5": 4, "SOV-5.1": 4, "SOV-5.2": 3, "SOV-5.6": 3, "SOV-6.5": 2}
    found = verdict(answers({}, proof(numbers), {"SOV-3.4": ("waiver w of RES-001",)}, NOW))
    assert (found.level, found.governing) == (1, ("SOV-3.4",))
    assert str(found.scores["calculator-2026-06"]) == "95.0381"


@settings(max_examples=80)
@given(READINGS, EVIDENCE, BARS, BARS)
def test_a_waiver_never_raises_anything(
    read: dict[str, CriterionReading],
    evidence: dict[str, Evidence],
    few: dict[str, tuple[str, ...]],
    more: dict[str, tuple[str, ...]],
) -> None:
    before, after = judged(read, evidence, few), judged(read, evidence, {**few, **more})
    assert after.level <= before.level
    assert after.ceiling <= before.ceiling
    assert all(after.scores[name] <= before.scores[name] for name in before.scores)
    assert set(after.open) == set(before.open)


@settings(max_examples=80)
@given(READINGS, EVIDENCE, st.data())
def test_a_higher_grade_never_lowers_anything(
    read: dict[str, CriterionReading], evidence: dict[str, Evidence], data: st.DataObject
) -> None:
    usable = {name: one for name, one in evidence.items() if not _admits(read, one)}
    raised = {
        name: one.model_copy(
            update={"grade": data.draw(st.sampled_from(GRADES[EvidenceGrade(one.grade).rank :]))}
        )
        for name, one in usable.items()
    }
    before, after = judged(read, usable, {}), judged(read, raised, {})
    assert after.level >= before.level
    assert all(after.scores[name] >= before.scores[name] for name in before.scores)


def _admits(read: dict[str, CriterionReading], one: Evidence) -> bool:
    """Whether evidence says less than the description answers by itself: then a better grade of it may
    lower.
    """
    return one.criterion in read and one.answer < read[one.criterion].answer


@settings(max_examples=80)
@given(READINGS, EVIDENCE)
def test_evidence_at_least_as_good_as_the_description_never_lowers_anything(
    read: dict[str, CriterionReading], evidence: dict[str, Evidence]
) -> None:
    good = {name: one for name, one in evidence.items() if not _admits(read, one)}
    before, after = judged(read, {}, {}), judged(read, good, {})
    assert after.level >= before.level
    assert set(after.open) <= set(before.open)
    assert all(after.scores[name] >= before.scores[name] for name in before.scores)


@pytest.mark.parametrize("grade", GRADES)
def test_an_answer_counts_only_on_the_grade_that_it_needs(grade: str) -> None:
    for found, one in zip(answers({}, proof(BEST, grade), {}, NOW), CRITERIA, strict=True):
        assert found.open == (EvidenceGrade(grade).rank < one.answers[-1].needs.rank)


def test_evidence_past_its_last_day_leaves_the_criterion_open() -> None:
    old = Evidence(
        criterion="SOV-7.7", answer=5, grade="certified", source="a test", expires=date(2026, 11, 23)
    )
    found = answers({}, EvidenceSet({"SOV-7.7": old}), {}, NOW)
    assert next(one for one in found if one.criterion == "SOV-7.7").open


def _answer(data: Data, name: str, evidence: EvidenceSet) -> CriterionAnswer:
    """One answer of a report."""
    return next(one for one in report(data, evidence).answers if one.criterion == name)


def test_evidence_cannot_say_more_than_the_description_leaves_possible(rich: Data) -> None:
    everything = proof(BEST)
    assert _answer(rich, "SOV-3.5", everything).number == 4, "foreign accelerators"
    assert _answer(rich, "SOV-3.4", everything).number == 5
    rich["residency"][0]["backups"] = ["ADEQUACY"]
    assert _answer(rich, "SOV-3.4", everything).number == 4


def test_a_waiver_in_force_lowers_and_an_old_one_does_not(rich: Data) -> None:
    waiver = {
        "id": "exception", "rule": "RES-002", "resource": "Storage/scratch", "reason": "move", "owner": "head", "requester": "team",  # noqa: E501 - one literal text
        "approver": "board", "compensating_control": "encryption", "created": "2026-11-01", "expires": "2026-12-01",  # noqa: E501 - one literal text
    }  # fmt: skip
    rich["waivers"] = [waiver]
    lowered = _answer(rich, "SOV-3.4", proof(BEST))
    assert lowered.number == 4
    assert lowered.barred == ("waiver exception of RES-002",)
    rich["waivers"] = [{**waiver, "created": "2026-09-01", "expires": "2026-11-24"}]
    assert _answer(rich, "SOV-3.4", proof(BEST)).number == 5


def test_a_waiver_of_a_rule_that_serves_no_criterion_still_shows_as_less_than_full_compliance(
    rich: Data,
) -> None:
    rich["waivers"] = [
        {
            "id": "host", "rule": "PRV-001", "resource": "Pod/a/b", "reason": "probe", "owner": "head", "requester": "team",  # noqa: E501 - one literal text
            "approver": "board", "compensating_control": "watch", "created": "2026-11-01", "expires": "2026-12-01",  # noqa: E501 - one literal text
        }
    ]  # fmt: skip
    assert _answer(rich, "SOV-7.2", proof(BEST)).number == 4
