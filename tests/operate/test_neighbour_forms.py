"""LLDP neighbours as each maker's switches print them, read alike; and what is none of them."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.operate import neighbour_forms
from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.operate.neighbour_forms import LldpNeighbour, is_table, read_neighbours, read_table
from sovereign_ai.operate.observation import observe
from sovereign_ai.render.switches.ports import port_maps
from sovereign_ai.sim.lldp import lldp
from tests.render.lab import stack

PEER = {"id": {"type": "ifname", "value": "Ethernet1/2"}}
Heard = list[tuple[str, str, str]]
"""Port of a switch by its number on the front, neighbour, port of the neighbour."""


def lldpctl(heard: Heard) -> str:
    """Return what `lldpctl -f json` prints: names are keys, and one interface is no list."""
    rows = []
    for port, device, peer in heard:
        chassis = {device: {"id": {"type": "mac", "value": "02:00:00:00:00:01"}, "descr": "Linux"}}
        met = {"id": {"type": "ifname", "value": peer}, "descr": "uplink", "ttl": "120"}
        rows.append({f"swp{port}": {"via": "LLDP", "chassis": chassis, "port": met}})
    return json.dumps({"lldp": {"interface": rows[0] if len(rows) == 1 else rows}})


def nxos(heard: Heard) -> str:
    """Return NX-OS' `show lldp neighbors detail | json`: one neighbour is no list."""
    rows = []
    for port, device, peer in heard:
        row = {"chassis_type": "4", "chassis_id": "0200.0000.0001", "l_port_id": f"Eth1/{port}", "ttl": "113"}
        rows.append({**row, "sys_name": f"{device}.example.com", "port_id": peer, "port_desc": "null"})
    table = {"ROW_nbor_detail": rows[0] if len(rows) == 1 else rows}
    return json.dumps({"TABLE_nbor_detail": table, "neigh_count": len(rows)})


def eos(heard: Heard) -> str:
    """Return EOS' `show lldp neighbors | json`."""
    rows = []
    for port, device, peer in heard:
        rows.append({"port": f"Ethernet{port}/1", "neighborDevice": device, "neighborPort": peer, "ttl": 120})
    return json.dumps({"tablesLastChangeTime": 1.5, "lldpNeighbors": rows})


def eos_detail(heard: Heard) -> str:
    """Return EOS' `show lldp neighbors detail | json`: an identifier is in quotation marks there."""
    ports = {}
    for port, device, peer in heard:
        met = {"interfaceId": f'"{peer}"', "interfaceIdType": "interfaceName"}
        info = {"systemName": device, "chassisIdType": "macAddress", "neighborInterfaceInfo": met}
        ports[f"Ethernet{port}/1"] = {"lldpNeighborInfo": [info]}
    return json.dumps({"lldpNeighbors": ports})


def junos(heard: Heard) -> str:
    """Return Junos' `show lldp neighbors | display json`: ports count from 0, identifiers are numbers."""
    rows = []
    for port, device, peer in heard:
        told = {"lldp-local-port-id": f"et-0/0/{int(port) - 1}", "lldp-remote-port-id": "546"}
        told |= {"lldp-remote-system-name": device, "lldp-remote-port-description": peer}
        rows.append({name: [{"data": value}] for name, value in told.items()})
    table = {"attributes": {"junos:style": "brief"}, "lldp-neighbor-information": rows}
    return json.dumps({"lldp-neighbors-information": [table]})


def nvue(heard: Heard) -> str:
    """Return NVUE's neighbours."""
    ports = {}
    for port, device, peer in heard:
        neighbour = {"chassis": {"system-name": device}, "port": {"name": peer, "type": "ifname"}}
        ports[f"swp{port}"] = {"lldp": {"neighbor": {device: neighbour}}}
    return json.dumps(ports)


def sonic_table(heard: Heard) -> str:
    """Return SONiC's `show lldp table`: a machine has its MAC address as identifier."""
    lines = ["Capability codes: (R) Router, (B) Bridge, (O) Other"]
    lines.append(
        f"{'LocalPort':12} {'RemoteDevice':36} {'RemotePortID':18} {'Capability':12} RemotePortDescr"
    )
    lines.append(f"{'-' * 12} {'-' * 36} {'-' * 18} {'-' * 12} {'-' * 30}")
    for port, device, peer in heard:
        local = f"Ethernet{(int(port) - 1) * 4}"
        lines.append(f"{local:12} {device:36} {'02:00:00:00:00:01':18} {'BR':12} {peer}")
    return "\n".join([*lines, "-" * 50, f"Total entries displayed:  {len(heard)}"]) + "\n"


def nxos_table(heard: Heard) -> str:
    """Return NX-OS' `show lldp neighbors`: a long name has a line of its own."""
    lines = ["Capability codes:", "  (R) Router, (B) Bridge, (T) Telephone", ""]
    lines.append(f"{'Device ID':20} {'Local Intf':15} {'Hold-time':10} {'Capability':11} Port ID")
    for port, device, peer in heard:
        row = f"{f'Eth1/{port}':15} {'120':10} {'BR':11} {peer}"
        lines += [f"{device:20} {row}"] if len(device) < 20 else [device, f"{'':20} {row}"]
    return "\n".join([*lines, f"Total entries displayed: {len(heard)}"]) + "\n"


def eos_table(heard: Heard) -> str:
    """Return EOS' `show lldp neighbors`."""
    lines = ["Last table change time   : 0:12:33 ago", "Number of table inserts  : 4", ""]
    lines.append(f"{'Port':10} {'Neighbor Device ID':36} {'Neighbor Port ID':22} TTL")
    lines.append(f"{'-' * 10} {'-' * 36} {'-' * 22} ---")
    for port, device, peer in heard:
        lines.append(f"{f'Et{port}/1':10} {device:36} {peer:22} 120")
    return "\n".join(lines) + "\n"


FORMS: dict[str, Callable[[Heard], str]] = {
    "lldpctl": lldpctl,
    "nxos": nxos,
    "eos": eos,
    "eos-detail": eos_detail,
    "junos": junos,
    "nvue": nvue,
    "sonic-table": sonic_table,
    "nxos-table": nxos_table,
    "eos-table": eos_table,
}


def of(text: str) -> list[LldpNeighbour]:
    return read_table(text, "leaf.txt") if is_table(text) else read_neighbours(text.encode(), "leaf.json")


def in_band() -> Iterator[tuple[str, Heard]]:
    """Yield what each in-band switch of the lab hears; its model, SN4600C, has whole ports of four lanes."""
    factory, plan = stack("lab")
    wanted = expected(factory, plan)
    (plane,) = [entry for entry in plan.fabrics if entry.role == "in-band"]
    for device in port_maps(factory, plan, plane):
        heard: Heard = []
        for port in device.ports:
            heard.append((port.name, *wanted.planned[device.switch.name, port.interface]))
        yield device.switch.name, heard


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """Write what the machines hear."""
    for name, data in lldp(stack("lab")[1]).items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_each_makers_form_tells_the_same_cables(form: str, seen: Path) -> None:
    for name, heard in in_band():
        text = FORMS[form](heard)
        (seen / f"{name}{'.txt' if is_table(text) else '.json'}").write_text(text)
    plane = next(entry.name for entry in stack("lab")[1].fabrics if entry.role == "in-band")
    observation = observe(*stack("lab"), seen, plane)
    assert (observation.unread, observation.wrong, dict(observation.conflicts)) == ((), (), {})


@pytest.mark.parametrize("form", FORMS)
def test_two_swapped_cables_are_seen_in_each_makers_form(form: str, seen: Path) -> None:
    switches = list(in_band())
    for number, (name, heard) in enumerate(switches):
        if not number:
            (first, *met), (second, *other), *rest = heard
            heard = [(first, *other), (second, *met), *rest]  # noqa: PLW2901 - the first switch alone
        text = FORMS[form](heard)
        (seen / f"{name}{'.txt' if is_table(text) else '.json'}").write_text(text)
    plane = next(entry.name for entry in stack("lab")[1].fabrics if entry.role == "in-band")
    wrong = observe(*stack("lab"), seen, plane).wrong
    assert {"swp1", "swp2"} <= {port.port for port in wrong if port.device == switches[0][0]}


@pytest.mark.parametrize("form", FORMS)
def test_a_single_neighbour_is_read_as_one_of_several(form: str) -> None:
    [row] = of(FORMS[form]([("2", "spine1", "Ethernet4")]))
    assert row.device.partition(".")[0] == "spine1"
    assert "Ethernet4" in row.peer_ports
    assert {"swp2", "Ethernet4"} & set(row.ports)


@pytest.mark.parametrize(
    ("about", "port"),
    [
        ("Arista Networks EOS version 4.32.1F running on an Arista Networks DCS-7060X6", None),
        ("Cisco Nexus Operating System (NX-OS) Software 10.5(2)\nTAC support: http://example.com", "swp2"),
        ("", "swp2"),
    ],
)
def test_a_lane_of_eos_is_no_port_of_nxos_where_the_neighbour_tells_its_system(
    about: str, port: str | None
) -> None:
    text = json.dumps(
        {"lldp": {"interface": {"swp1": {"chassis": {"spine1": {"descr": about}}, "port": PEER}}}}
    )
    [row] = read_neighbours(text.encode(), "leaf.json")
    assert row.peer_ports == (("Ethernet1/2", port) if port else ("Ethernet1/2",))


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        ({"TABLE_nbor_detail": {"ROW_nbor_detail": [{"sys_name": 3}, {"port_id": "x"}]}}, 4),
        ({"lldpNeighbors": [{"port": "Et1"}, 7]}, 2),
        ({"lldpNeighbors": {"Et1": {"lldpNeighborInfo": [[]]}}}, 1),
        ({"lldp-neighbors-information": [{"lldp-neighbor-information": [{}, 4]}]}, 2),
        ({"lldp": {"interface": [{"swp1": {"port": {"id": 4}}}]}}, 1),
        ({"swp1": {"lldp": {"neighbor": 5}}}, 1),
        ({"swp1": {}}, 1),
        ([], 1),
        (3, 1),
    ],
)
def test_every_wrong_value_of_a_form_is_a_problem(data: Any, problems: int) -> None:
    with pytest.raises(UsageError) as caught:
        read_neighbours(json.dumps(data).encode(), "leaf.json")
    assert [problem.code for problem in caught.value.problems] == ["not-lldp"] * problems


def test_rows_that_do_not_fit_the_table_are_named_by_their_lines() -> None:
    text = eos_table([("1", "spine1", "Ethernet1")]).replace("Et1/1 ", "      ", 1)
    with pytest.raises(UsageError) as caught:
        of(text)
    assert [problem.where.line for problem in caught.value.problems] == [6]
    with pytest.raises(UsageError) as caught:
        of(nxos_table([("1", "spine1", "Ethernet1")]).replace("Eth1/1", "", 1))
    assert [problem.code for problem in caught.value.problems] == ["bad-row"]


def test_another_text_is_no_table() -> None:
    assert not is_table('Switch\t2 "S-1"\t# "leaf" lid 1\n')


def test_its_examples_hold() -> None:
    assert doctest.testmod(neighbour_forms).failed == 0


IOS_HEAD = "Device ID           Local Intf     Hold-time  Capability      Port ID\n"


def test_a_name_with_blanks_in_ios_table_ends_where_the_next_column_begins() -> None:
    text = IOS_HEAD + "Voice gateway 500   Gi1/0/2        120        T               0004.f2d1.2222\n"
    [row] = read_table(text, "leaf.txt")
    assert (row.ports, row.device) == (("Gi1/0/2", "swp2"), "Voice gateway 500")


def test_a_name_that_ios_cuts_is_refused_with_the_command_that_prints_it_whole() -> None:
    text = IOS_HEAD + "compute-fra1-p0-leafGi1/0/2        120        R               Gi0/0\n"
    with pytest.raises(UsageError) as error:
        read_table(text, "leaf.txt")
    [problem] = error.value.problems
    assert (problem.code, problem.where and problem.where.line) == ("cut-name", 2)
    assert "detail" in (problem.hint or "")
