"""Losses of a chain over IT at a part of the load."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.power.chain_losses import transformer_loss_share, ups_loss_share
from tests.plan.factories import factory
from tests.plan.power.chains import transformers, ups, with_chain


@pytest.mark.parametrize("topology", ["N+1", "block-redundant", "distributed-redundant"])
def test_at_full_load_the_losses_are_those_of_the_plan(topology: str) -> None:
    described = with_chain({"ups": ups(topology=topology), "transformers": transformers()})
    (power,) = plan(described).power
    by_name = {element.element: element for element in power.chain}
    planned = (by_name.get("UPS system") or by_name["UPS module"]).losses
    share = ups_loss_share(described.sites[0], power, Fraction(1))
    assert share is not None
    assert abs(share * power.it_load - planned) < 2
    copper = transformer_loss_share(described.sites[0], power, Fraction(1))
    assert copper is not None
    assert abs(copper * power.it_load - by_name["transformer"].losses) < 2


def test_at_half_load_a_ups_loses_a_larger_share_than_at_full_load() -> None:
    described = with_chain({"ups": ups()})
    (power,) = plan(described).power
    half = ups_loss_share(described.sites[0], power, Fraction(1, 2))
    full = ups_loss_share(described.sites[0], power, Fraction(1))
    assert half is not None
    assert full is not None
    assert half > full


def test_without_a_description_of_them_there_are_no_losses_to_tell() -> None:
    described = factory()
    (power,) = plan(described).power
    assert ups_loss_share(described.sites[0], power, Fraction(1)) is None
    assert transformer_loss_share(described.sites[0], power, Fraction(1)) is None
