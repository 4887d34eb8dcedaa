from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.sovereignty.criteria import CRITERIA, WEIGHTS
from sovereign_ai.sovereignty.score import governing, level, score, smallest_change

BEST = {one.id: one.top for one in CRITERIA}
WORST = {one.id: 1 for one in CRITERIA}
FOREIGN_GPUS = {**BEST, "SOV-3.5": 4, "SOV-5.1": 4, "SOV-5.2": 3, "SOV-5.6": 3, "SOV-6.5": 2}
ANSWERS = st.fixed_dictionaries({}, optional={one.id: st.integers(1, one.top) for one in CRITERIA})


@pytest.mark.parametrize(
    ("answers", "old", "new", "reached", "held_by"),
    [
        (BEST, "100.0804", "100.0756", 4, ()),
        (WORST, "0.0000", "0.0000", 0, None),
        (FOREIGN_GPUS, "93.7554", "95.5381", 2, ("SOV-5.6",)),
        ({**FOREIGN_GPUS, "SOV-3.4": 4}, "93.2554", "95.0381", 1, ("SOV-3.4",)),
        ({**FOREIGN_GPUS, "SOV-5.2": 2}, "93.0404", "95.1806", 1, ("SOV-5.2",)),
    ],
    ids=[
        "all at their best",
        "all at their worst",
        "documented foreign GPUs",
        "with a residency exception",
        "manufacturing half disclosed",
    ],
)
def test_the_published_personas_come_out_to_the_digit(
    answers: dict[str, int], old: str, new: str, reached: int, held_by: tuple[str, ...] | None
) -> None:
    assert [str(score(answers, weights)) for weights in WEIGHTS] == [old, new]
    assert level(answers) == reached
    if held_by is not None:
        assert governing(answers) == held_by


def test_nothing_answered_is_nothing_proven() -> None:
    assert level({}) == 0
    assert all(score({}, weights) == 0 for weights in WEIGHTS)


@settings(max_examples=150)
@given(ANSWERS, st.sampled_from(CRITERIA))
def test_opening_a_criterion_never_raises_level_or_score(answers: dict[str, int], one: object) -> None:
    without = {name: number for name, number in answers.items() if name != getattr(one, "id", "")}
    assert level(without) <= level(answers)
    assert all(score(without, weights) <= score(answers, weights) for weights in WEIGHTS)


@settings(max_examples=150)
@given(ANSWERS, st.data())
def test_a_better_answer_never_lowers_level_or_score(answers: dict[str, int], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(CRITERIA))
    better = {**answers, one.id: data.draw(st.integers(answers.get(one.id, 1), one.top))}
    assert level(better) >= level(answers)
    assert all(score(better, weights) >= score(answers, weights) for weights in WEIGHTS)


@settings(max_examples=150)
@given(ANSWERS, st.integers(1, 4))
def test_the_smallest_change_reaches_the_level_and_no_part_of_it_can_be_left_out(
    answers: dict[str, int], target: int
) -> None:
    step = smallest_change(answers, target)
    reached = {**answers, **{one.criterion: one.target for one in step.changes}}
    assert level(reached) >= target
    for left_out in step.changes:
        without = {**BEST, **reached}
        without.pop(left_out.criterion)
        if left_out.current:
            without[left_out.criterion] = left_out.current
        assert level(without) < target, "whatever all the others are"
    for one in step.changes:
        lower = {**BEST, one.criterion: one.target - 1}
        assert one.target == 1 or level(lower) < target
