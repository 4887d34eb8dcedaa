"""Marketing names, order numbers and other makers' products, against the catalogue's own names."""

from __future__ import annotations

import re

import pytest

from sovereign_ai.catalog.model_names import meant_names
from sovereign_ai.catalog.switch import switch_hint, switches
from sovereign_ai.catalog.system import system_hint, systems

SYSTEMS = {
    "H100 SXM5": "dgx-h100",
    "HGX-H100-80GB": "dgx-h100",
    "8x H100": "dgx-h100",
    "GB200-NVL72": "gb200-nvl72-tray",
    "gb200": "gb200-nvl72-tray",
    "GB300": "gb300-nvl72-tray",
    "gb200nvl72": "gb200-nvl72-tray",
    "B200": "dgx-b200",
    "PowerEdge XE9680": "xe9680-h200",
    "Gaudi 3": "gaudi3-oam8",
    "L40S": "l40s-server-8",
}
SWITCHES = {
    "MQM9700-NS2F": "qm9700",
    "MSN2201": "sn2201",
    "Nexus 9364E": "n9364e",
    "Juniper QFX5240": "qfx5240-64od",
}
NO_SYSTEMS = [
    "dgx-a100",
    "A100",
    "GH200",
    "gh200",
    "dgx-b100",
    "hgx-h20",
    "MI325X",
    "gaudi2",
    "GB200 NVL36",
    "dl360-gen10",
]
NO_SWITCHES = ["QM8700", "SN3700", "SN4600", "SN2700", "7060X5", "ConnectX7", "BlueField-3"]


@pytest.mark.parametrize(("text", "meant"), SYSTEMS.items())
def test_a_marketing_name_of_a_machine_leads_to_that_machine(text: str, meant: str):
    assert system_hint(text) == f"did you mean {meant!r}?"


@pytest.mark.parametrize(("text", "meant"), SWITCHES.items())
def test_an_order_number_of_a_switch_leads_to_that_switch(text: str, meant: str):
    assert switch_hint(text) == f"did you mean {meant!r}?"


@pytest.mark.parametrize("text", NO_SYSTEMS)
def test_a_machine_that_the_catalogue_lacks_gets_no_other_in_its_place(text: str):
    assert system_hint(text).startswith("known: ")
    assert "a row of kind system" in system_hint(text)


@pytest.mark.parametrize("text", NO_SWITCHES)
def test_a_switch_that_the_catalogue_lacks_gets_no_other_in_its_place(text: str):
    assert switch_hint(text).startswith("known: ")


def test_every_machine_of_the_accelerator_is_named():
    hint = system_hint("H200 SXM")
    assert hint == "did you mean 'c885a-h200', 'dgx-h200' or 'xe9680-h200'?"


def test_every_row_is_meant_by_its_own_name_in_other_letters_and_without_hyphens():
    names = [*(row.name for row in systems()), *(row.name for row in switches())]
    for name in names:
        for text in (name.upper(), name.replace("-", " "), name.replace("-", ""), name.replace("-", "_")):
            assert meant_names(text, names) == [name]


def test_no_row_is_meant_by_a_name_with_another_number():
    names = [*(row.name for row in systems()), *(row.name for row in switches())]
    for name in names:
        # 9 more in each number of at least three digits, which are what models are called by.
        other = re.sub(r"[0-9]{3,}", lambda match: str(int(match[0]) + 9), name)
        if other != name and other not in names:
            assert name not in meant_names(other, names)
