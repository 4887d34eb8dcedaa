from __future__ import annotations

from decimal import Decimal

from sovereign_ai.sovereignty.criteria import CLIFFS, CRITERIA, OBJECTIVES, WEIGHTS


def test_there_are_48_criteria_and_their_values_sum_to_the_published_maxima() -> None:
    best = dict.fromkeys(OBJECTIVES, Decimal(0))
    for one in CRITERIA:
        best[one.objective] += one.answers[-1].value
    assert len(CRITERIA) == 48
    assert [str(value) for value in best.values()] == [
        "1000.03",
        "1002",
        "1000",
        "1002",
        "1001",
        "1000",
        "1001",
        "1000",
    ]


def test_six_criteria_are_cliffs_and_nine_are_inert() -> None:
    assert CLIFFS == ("SOV-1.8", "SOV-2.1", "SOV-2.2", "SOV-2.3", "SOV-3.4", "SOV-7.7")
    assert [one.id for one in CRITERIA if one.inert] == [
        "SOV-1.2", "SOV-1.4", "SOV-1.5", "SOV-1.6", "SOV-1.7", "SOV-2.5", "SOV-5.3", "SOV-7.2", "SOV-8.4",
    ]  # fmt: skip


def test_a_better_answer_never_permits_less_nor_needs_weaker_evidence() -> None:
    for one in CRITERIA:
        assert [answer.value for answer in one.answers] == sorted({answer.value for answer in one.answers}), (
            one.id
        )
        assert [answer.seal for answer in one.answers] == sorted(answer.seal for answer in one.answers), (
            one.id
        )
        ranks = [answer.needs.rank for answer in one.answers]
        assert ranks == sorted(ranks), one.id
        assert ranks[0] == 0, f"{one.id}: the worst answer is an admission"


def test_no_two_answers_of_a_criterion_say_the_same() -> None:
    for one in CRITERIA:
        assert len({answer.words for answer in one.answers}) == one.top, one.id


def test_both_sets_of_weights_sum_to_100() -> None:
    for weights in WEIGHTS:
        assert sum(weights.values.values()) == 100
        assert list(weights.values) == list(OBJECTIVES)
