"""The power chain as described: what must be stated, and what may be left out."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.power_chain import Circuit, PowerChain, Transformers
from sovereign_ai.spec.site import Power
from tests.plan.factories import factory


def test_the_continuous_share_of_a_circuit_must_be_stated() -> None:
    with pytest.raises(SpecError) as caught:
        Circuit(current="63 A", voltage="400 V")  # type: ignore[call-arg]
    assert [problem.code for problem in caught.value.problems] == ["missing-field"]


def test_a_description_without_a_chain_and_a_cap_has_the_digest_it_had() -> None:
    power = Power(it_budget="1 MW", feeds={"A": "1 MW"}, survive="none")
    assert {"chain", "cap"}.isdisjoint(power.model_dump())
    assert "power_factor" not in str(factory().model_dump(mode="json"))


def test_a_wrong_unit_is_answered_with_the_right_one() -> None:
    with pytest.raises(SpecError) as caught:
        Transformers(rating="2.5 MW", redundancy="N+1", no_load_loss="1 kW", load_loss="9 kW")
    assert "volt-amperes" in caught.value.problems[0].message


def test_every_part_of_a_chain_but_its_loads_may_be_left_out() -> None:
    chain = PowerChain(power_factor="95 %", mechanical={"power": "1 MW", "on_ups": "0 W"})
    assert chain.ups is chain.busbar is chain.grid is None
