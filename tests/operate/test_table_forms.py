"""MAC tables and port states in the JSON of switches, read as the rows of iproute2."""

from __future__ import annotations

import doctest
import json
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.operate import table_forms
from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.operate.observation import observe
from sovereign_ai.operate.table_forms import table_of
from tests.render.lab import stack

MAC = "b8:3f:d2:00:00:01"


def addresses(number: str) -> dict[str, Any]:
    """Return a MAC table with a machine behind a port, in each form."""
    nxos = {"disp_mac_addr": "b83f.d200.0001", "disp_port": f"Ethernet1/{number}", "disp_vlan": "10"}
    eos = {"vlanId": 10, "interface": f"Ethernet{number}", "macAddress": MAC, "entryType": "dynamic"}
    return {
        "nxos": {"TABLE_mac_address": {"ROW_mac_address": [nxos]}},
        "nxos-one": {"TABLE_mac_address": {"ROW_mac_address": nxos}},
        "eos": {"unicastTable": {"tableEntries": [eos]}, "multicastTable": {"tableEntries": []}},
    }


STATES: dict[str, Any] = {
    "nxos": {
        "TABLE_interface": {
            "ROW_interface": [
                {"interface": "Ethernet1/1", "state": "xcvrAbsent"},
                {"interface": "Ethernet1/2", "state": "connected"},
            ]
        }
    },
    "eos": {
        "interfaceStatuses": {
            "Ethernet1": {"linkStatus": "notconnect", "lineProtocolStatus": "down"},
            "Ethernet2": {"linkStatus": "connected", "lineProtocolStatus": "up"},
        }
    },
    "nvue": {
        "lo": {"link": {"mtu": 65536}, "type": "loopback"},
        "swp1": {"link": {"oper-status": "down", "admin-status": "up"}, "type": "swp"},
        "swp2": {"link": {"oper-status": "up", "admin-status": "up"}, "type": "swp"},
    },
    "nvue-old": {"swp1": {"link": {"state": {"down": {}}}}, "swp2": {"link": {"state": {"up": {}}}}},
    "frr": {"swp1": {"operationalStatus": "down"}, "swp2": {"operationalStatus": "up"}},
    "frr-brief": {"swp1": {"status": "down", "vrfName": "default"}, "swp2": {"status": "up", "vrfName": "a"}},
}


@pytest.mark.parametrize("form", addresses("1"))
@pytest.mark.parametrize("suffix", ["", ".fdb"])
def test_an_address_behind_a_port_is_a_cable_in_each_form(form: str, suffix: str, tmp_path: Path) -> None:
    factory, plan = stack("lab")
    leaf, port = expected(factory, plan).planned["train-001", "in-band0"]
    table = addresses(port.removeprefix("swp"))[form]
    (tmp_path / f"{leaf}{suffix}.json").write_text(json.dumps(table))
    seen = observe(factory, plan, tmp_path, "inband-fra1-p0", {"train-001": MAC})
    states = {(one.device, one.port): str(one.state) for one in seen.ports}
    assert (seen.unread, states[leaf, port]) == ((), "right")


@pytest.mark.parametrize("form", STATES)
def test_a_port_that_is_down_is_a_missing_cable_in_each_form(form: str, tmp_path: Path) -> None:
    factory, plan = stack("lab")
    leaf, _ = expected(factory, plan).planned["train-001", "in-band0"]
    (tmp_path / f"{leaf}.json").write_text(json.dumps(STATES[form]))
    seen = observe(factory, plan, tmp_path, "inband-fra1-p0")
    assert seen.unread == ()
    states = {one.port: str(one.state) for one in seen.ports if one.device == leaf}
    assert states["swp1"] == "missing"
    found = table_of(STATES[form])
    assert found is not None
    assert [row["operstate"] for row in found[1] if row.get("ifname") in ("swp2", "Ethernet2")] in (
        [],
        ["UP"],
    )


@pytest.mark.parametrize(
    "data", [[], {}, {"a": 1}, {"swp1": {"lldp": {}}}, {"lldp": [{"interface": []}]}, None]
)
def test_other_data_is_no_table(data: object) -> None:
    assert table_of(data) is None


@pytest.mark.parametrize("value", [None, 1, "x", [None, 7], {"a": [1]}, {"ROW_interface": {"interface": 5}}])
def test_values_of_another_kind_are_left_out(value: object) -> None:
    for key in ("TABLE_mac_address", "TABLE_interface", "unicastTable", "interfaceStatuses"):
        found = table_of({key: value})
        assert found is not None
        assert all(not row.get("ifname") or isinstance(row["ifname"], str) for row in found[1])


def test_its_examples_hold() -> None:
    assert doctest.testmod(table_forms).failed == 0
