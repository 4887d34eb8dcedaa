"""What the modules decide before they touch anything."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sovereign_ai.render.switches.links import switch_links
from sovereign_ai.render.switches.ports import port_maps
from tests.playbooks.modules import LIBRARY, module
from tests.render.lab import stack

TOLD = """
Lines To Delete
===============
no hostname vm
router bgp 65000
 no neighbor FABRIC timers 1 3

Lines To Add
============
router bgp 65000
 neighbor FABRIC timers 3 9
router bgp 65000
 no bgp ebgp-requires-policy
bfd
 profile fabric
  detect-multiplier 3
hostname leaf
"""


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("*.py")), ids=lambda file: file.stem)
def test_every_module_says_what_it_does_and_looks_only_where_asked(file: Any) -> None:
    document = yaml.safe_load(module(file.stem).DOCUMENTATION)
    assert document["module"] == file.stem
    assert document["options"]
    assert "supports_check_mode=True" in file.read_text()


def test_what_frr_never_shows_is_no_difference_and_what_it_does_show_is() -> None:
    assert module("frr_config").delta(TOLD) == [
        "- router bgp 65000",
        "-  no neighbor FABRIC timers 1 3",
        "+ router bgp 65000",
        "+  neighbor FABRIC timers 3 9",
    ]


def test_a_default_that_somebody_changed_is_seen() -> None:
    text = "Lines To Delete\n====\nbfd\n profile fabric\n  no detect-multiplier 9\n\nLines To Add\n====\nbfd\n profile fabric\n  detect-multiplier 3\n"  # noqa: E501 - one literal text
    assert module("frr_config").delta(text) == ["- bfd", "-  profile fabric", "-   no detect-multiplier 9"]


def kernel(row: dict[str, Any]) -> dict[str, Any]:
    """Give a link as the kernel shows it once it is as wanted."""
    return {**row, "up": True, "learning": False}


def test_links_that_are_right_need_nothing_and_the_batch_of_a_boot_makes_all_of_them() -> None:
    factory, plan = stack("lab")
    made = module("switch_links")
    rows = list(switch_links(port_maps(factory, plan, plan.fabrics[0])[0]))
    assert [line for row in rows for line in made.commands(row, kernel(row))] == []
    batch = made.from_nothing(rows)
    assert batch.startswith("link add br10000 type bridge")
    assert all(f"link set {row['name']} " in batch for row in rows)


@pytest.mark.parametrize(
    ("have", "said"),
    [
        ({"master": "br2"}, ["link set vni1 master br1 addrgenmode none"]),
        ({"mtu": 1500}, ["link set vni1 mtu 9000"]),
        ({"up": False}, ["link set vni1 up"]),
        ({"local": "10.0.0.9"}, ["link del vni1"]),
        ({"learning": True}, ["link del vni1"]),
    ],
)
def test_a_link_that_differs_is_changed_in_that_alone_or_made_anew(
    have: dict[str, Any], said: list[str]
) -> None:
    want = {"name": "vni1", "kind": "vxlan", "mtu": 9000, "master": "br1", "id": 1, "local": "10.0.0.1"}
    found = module("switch_links").commands(want, {**kernel(want), **have})
    assert found[: len(said)] == said
    assert (len(found) > 1) is said[0].startswith("link del")


STATE = {
    "LoadState": "loaded",
    "UnitFileState": "enabled",
    "ActiveState": "active",
    "ConditionResult": "yes",
    "ConditionTimestampMonotonic": "1",
    "ActiveEnterTimestampMonotonic": "1",
}


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({}, []),
        ({"UnitFileState": "disabled"}, ["enable"]),
        ({"ActiveState": "inactive"}, ["restart"]),
        ({"ActiveState": "failed"}, ["restart"]),
        ({"ActiveState": "inactive", "ConditionResult": "no"}, []),
        (
            {"ActiveState": "inactive", "ConditionResult": "no", "ConditionTimestampMonotonic": "0"},
            ["restart"],
        ),
        ({"LoadState": "masked", "UnitFileState": "masked"}, ["unmask", "enable"]),
    ],
)
def test_a_unit_needs_what_it_lacks(differs: dict[str, str], said: list[str]) -> None:
    assert [command[0] for command in module("units").due("x.service", [], {**STATE, **differs})] == said


def test_a_unit_whose_file_is_newer_is_restarted(tmp_path: Any) -> None:
    file = tmp_path / "conf"
    file.write_text("", encoding="ascii")
    assert module("units").due("x.service", [str(file)], STATE) == [["restart", "x.service"]]
    later = {**STATE, "ActiveEnterTimestampMonotonic": str(10**15)}
    assert module("units").due("x.service", [str(file)], later) == []


def test_of_a_controllers_properties_only_what_differs_is_written_and_what_it_lacks_is_told() -> None:
    have = {"IPMI": {"ProtocolEnabled": True, "Port": 623}, "SSDP": {"ProtocolEnabled": False}}
    off = {"ProtocolEnabled": False}
    patch, lines, absent = module("redfish_settings").differing(
        have, {"IPMI": off, "SSDP": off, "Telnet": off}
    )
    assert patch == {"IPMI": {"ProtocolEnabled": False}}
    assert lines == ["- IPMI.ProtocolEnabled: true", "+ IPMI.ProtocolEnabled: false"]
    assert absent == ["Telnet"]
