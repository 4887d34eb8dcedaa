"""LLDP neighbours as XML and as lines of keys: what is none of them, and what would be dangerous to read.

That each form tells the same cables as the others is in test_neighbour_records.py.
"""

from __future__ import annotations

import doctest

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.operate import neighbour_markup
from sovereign_ai.operate.neighbour_markup import is_markup, read_markup

BOMB = '<!DOCTYPE lldp [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><lldp><interface name="&b;"/></lldp>'


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "<lldp><interface",
        "<lldp><interface via='LLDP'/></lldp>",
        "<html><body/></html>",
        "<lldp-neighbors-information><lldp-neighbor-information/></lldp-neighbors-information>",
        f"<lldp><interface name='swp1'><chassis><name>{'a' * 600}</name></chassis></interface></lldp>",
        "lldp.swp1.via=LLDP\nlldp.swp1.chassis.name=leaf\u202e\n",
    ],
)
def test_another_text_is_a_problem(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_markup(text, "leaf.xml")
    assert [problem.code for problem in caught.value.problems] == ["not-lldp"]


def test_two_neighbours_of_one_port_are_two() -> None:
    text = ""
    for name in ("leaf-1", "leaf-2"):
        text += f"lldp.eth0.100.via=LLDP\nlldp.eth0.100.chassis.name={name}\n"
    assert [(row.ports, row.device) for row in read_markup(text, "a")] == [
        (("eth0.100",), "leaf-1"),
        (("eth0.100",), "leaf-2"),
    ]


def test_no_neighbours_are_none() -> None:
    assert read_markup('<lldp label="LLDP neighbors"/>', "a") == []
    assert not is_markup('Switch\t2 "S-1"\t# "leaf" lid 1\n')


def test_its_examples_hold() -> None:
    assert doctest.testmod(neighbour_markup).failed == 0
