"""Warnings about what is allowed but should be reviewed."""

from __future__ import annotations

from sovereign_ai.plan.feasibility import draft
from sovereign_ai.plan.warnings import warnings
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, management, power, site


def texts(wish: AIFactory) -> list[str]:
    drafted, problems = draft(wish)
    assert not problems
    return list(warnings(wish, drafted))


def test_switches_without_a_model_rest_on_an_estimate() -> None:
    notes = [text for text in texts(factory(fabrics=management())) if text.startswith("switches of ")]
    assert [note.partition(":")[0] for note in notes] == ["switches of inband", "switches of oob"]
    assert not any(text.startswith("switches of ") for text in texts(factory()))


def test_servers_that_an_accepted_loss_stops_are_counted_for_each_feed() -> None:
    two = power(feeds={"A": "6 MW", "B": "6 MW"}, rack_pdus=2, survive="none")
    stops = [text for text in texts(factory(sites=[site(power=two)])) if "the loss of feed" in text]
    assert [text.split("feed ")[1][0] for text in stops] == ["A", "B"]
    assert all("8 dgx-h100" in text for text in stops)
