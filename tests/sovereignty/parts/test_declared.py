"""Roles of suppliers, and the effect of a cut on the part that they supply."""

from __future__ import annotations

import pytest

from sovereign_ai.sovereignty.parts.declared import by_role, days, declared_part, effect_of
from tests.sovereignty.described import Data, made


@pytest.mark.parametrize(
    ("kind", "channel", "effect"),
    [
        ("optics", "licence", "stops"),
        ("optics", "updates", "shrinks"),
        ("driver", "updates", "ages"),
        ("driver", "none", "runs"),
    ],
)
def test_a_hold_stops_hardware_shrinks_and_software_ages(
    rich: Data, kind: str, channel: str, effect: str
) -> None:
    rich["suppliers"][0]["control_channel"] = channel
    assert effect_of(made(rich).suppliers[0], kind) == effect


def test_suppliers_keep_their_index_in_the_description(rich: Data) -> None:
    suppliers = by_role(made(rich))
    assert [(role, number) for role, rows in suppliers.items() for number, _ in rows] == [
        ("optics", 0),
        ("storage", 1),
        ("switches", 2),
        ("machines", 3),
        ("driver", 4),
    ]


def test_support_is_a_part_that_nothing_needs(rich: Data) -> None:
    supplier = made(rich).suppliers[0]
    assert not declared_part(supplier, "people", "support").critical
    assert declared_part(supplier, "network", "optics").critical


def test_days_are_whole_and_rounded_down() -> None:
    assert [days(None), days(0), days(86_399), days(86_400)] == [None, 0, 0, 1]
