"""The proposals: planned, judged, assessed, and written."""

from __future__ import annotations

from datetime import date

import pytest

from sovereign_ai.catalog.system import system
from sovereign_ai.design import candidates, proposal
from sovereign_ai.design.proposal import Design, design
from sovereign_ai.design.request import DesignRequest
from sovereign_ai.design.search import OBJECTIVES
from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import read_text

NOW = date(2026, 11, 27)


@pytest.fixture(scope="module")
def proposed() -> Design:
    request = DesignRequest("x", 128, system("dgx-h100"), "DE", kinds=("infiniband",), storage="500 TB")
    return design(request, {}, NOW, lambda _: None)


def test_every_objective_has_one_proposal_and_no_proposal_dominates_another(proposed: Design) -> None:
    named = [name for part in proposed.proposals for name in part.objectives]
    assert sorted(named) == sorted(OBJECTIVES)
    for part in proposed.proposals:
        assert not any(other.score.dominates(part.score) for other in proposed.proposals)


def test_what_a_proposal_states_is_what_its_plan_has(proposed: Design) -> None:
    for part in proposed.proposals:
        derived = plan(part.factory)
        assert part.score.power == derived.power[0].it_load
        assert part.switches[0] == sum(len(plane.switches) for plane in derived.fabrics)
        assert part.score.power <= derived.power[0].it_budget


def test_the_text_of_a_proposal_is_its_description(proposed: Design) -> None:
    for part in proposed.proposals:
        assert read_text(part.to_yaml().encode(), "factory.yaml").factory.digest == part.factory.digest


def test_a_design_that_a_rule_refuses_is_no_proposal(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise SpecError(Problem("NET-000", "refused for the test"))

    monkeypatch.setattr(candidates, "PLANES", (1,))
    monkeypatch.setattr(proposal._Finisher, "_judge", refuse)
    request = DesignRequest("x", 8, system("dgx-h100"), "DE", kinds=("infiniband",))
    with pytest.raises(SpecError) as caught:
        design(request, {}, NOW, lambda _: None)
    assert sorted(problem.code for problem in caught.value.problems) == ["NET-000", "no-design"]
