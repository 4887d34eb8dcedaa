"""LLDP neighbours in paragraphs and older tables, read as the same cables, in the shapes of real switches."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.operate import neighbour_records
from sovereign_ai.operate.cable_ends import MANAGEMENT_PORTS, expected
from sovereign_ai.operate.neighbour_forms import LldpNeighbour, is_table, read_table
from sovereign_ai.operate.neighbour_records import are_neighbour_records, read_neighbour_records
from sovereign_ai.operate.observation import Observation, observe
from sovereign_ai.sim.lldp import lldp
from tests.operate.test_neighbour_forms import Heard, in_band
from tests.render.lab import stack

RULER = "-" * 79


def lldpctl(heard: Heard) -> str:
    """Return what `lldpctl` and SONiC's `show lldp neighbors` print: a machine's port is an address."""
    lines = [RULER, "LLDP neighbors:", RULER]
    for port, device, peer in heard:
        lines += [f"Interface:    swp{port}, via: LLDP, RID: 2, Time: 0 day, 00:06:15", "  Chassis:     "]
        lines += ["    ChassisID:    mac 02:00:00:00:00:01", f"    SysName:      {device}"]
        lines += [
            "    SysDescr:     Interface: of a text",
            "    Capability:   Bridge, off",
            "  Port:        ",
        ]
        lines += ["    PortID:       mac 02:00:00:00:00:02", f"    PortDescr:    {peer}", RULER]
    return "\n".join(lines) + "\n"


def nxos(heard: Heard) -> str:
    """Return NX-OS' `show lldp neighbors detail`, which has the head of its table above."""
    lines = ["Capability codes:", "  (R) Router, (B) Bridge, (T) Telephone"]
    lines += ["Device ID            Local Intf      Hold-time  Capability  Port ID  ", ""]
    for port, device, peer in heard:
        lines += ["Chassis id: 0200.0000.0001", f"Port id: {peer}", f"Local Port id: Eth1/{port}"]
        lines += ["Port Description: null", f"System Name: {device}.example.com", "System Description: Some"]
        lines += ["TAC support: http://www.example.com/tac", "Management Address: 192.0.2.1", "", ""]
    return "\n".join(lines)


def eos(heard: Heard) -> str:
    """Return EOS' `show lldp neighbors detail`: of a port without a neighbour too, and with later numbers."""
    lines = ["Interface Management1 detected 0 LLDP neighbors:", ""]
    for port, device, peer in heard:
        lines += [f"Interface Ethernet{port}/1 detected 1 LLDP neighbors:", ""]
        lines += [
            f'  Neighbor 0200.0000.0001/"{peer}", age 12 seconds',
            "  - Port ID type: Interface name (5)",
        ]
        lines += [f'    Port ID     : "{peer}"', f'  - System Name: "{device}"']
        lines += [
            "    Link Aggregation Status: Capable, Disabled (0x01)",
            "    Port ID                : 0",
            "",
        ]
    return "\n".join([*lines, "Interface Ethernet64/1 detected 0 LLDP neighbors:", ""])


def old_eos_table(heard: Heard) -> str:
    """Return the table of older EOS, which has no ruler."""
    lines = ["Last table change time   : 0:00:02 ago", ""]
    lines.append(f"{'Port':10} {'Neighbor Device ID':35} {'Neighbor Port ID':22} TTL")
    lines += [f"{f'Et{port}/1':10} {device:35} {peer:22} 120" for port, device, peer in heard]
    return "\n".join(lines) + "\n"


def junos(heard: Heard) -> str:
    """Return Junos' `show lldp neighbors detail`, in which the own port has a number of its own too."""
    lines = []
    for port, device, peer in heard:
        lines += ["LLDP Neighbor Information:", "Local Information:", "Index: 5 Time to live: 120"]
        lines += [f"Local Interface    : et-0/0/{int(port) - 1}", "Parent Interface   : -"]
        lines += [
            "Local Port ID      : 564",
            "",
            "Neighbour Information:",
            "Port type          : Locally assigned",
        ]
        lines += [
            "Port ID            : 546",
            f"Port description   : {peer}",
            f"System name        : {device}",
            "",
        ]
    return "\n".join([*lines, "{master:0}", ""])


def junos_table(heard: Heard) -> str:
    """Return Junos' `show lldp neighbors`, which has no ruler."""
    widths = "{:19}{:20}{:20}{:19}{}"
    lines = [widths.format("Local Interface", "Parent Interface", "Chassis Id", "Port info", "System Name")]
    for port, device, peer in heard:
        lines.append(widths.format(f"et-0/0/{int(port) - 1}", "ae7", "02:00:00:00:00:01", peer, device))
    return "\n".join([*lines, "", "{master:0}", ""])


def junos_xml(heard: Heard) -> str:
    """Return Junos' `show lldp neighbors | display xml`, as a NETCONF client keeps it."""
    rows = ""
    for port, device, peer in heard:
        told = {"lldp-local-port-id": f"et-0/0/{int(port) - 1}", "lldp-remote-system-name": device}
        told |= {"lldp-remote-port-id": "546", "lldp-remote-port-description": peer}
        values = "".join(f"<{name}>{value}</{name}>\n" for name, value in told.items())
        rows += f"<lldp-neighbor-information>{values}</lldp-neighbor-information>"
    table = f'<lldp-neighbors-information xmlns="http://xml.juniper.net/junos/23.4R2/junos-l2ald">{rows}'
    return f"<rpc-reply>{table}</lldp-neighbors-information><cli><banner/></cli></rpc-reply>\n]]>]]>\n"


def lldpctl_xml(heard: Heard) -> str:
    """Return `lldpctl -f xml`."""
    rows = ""
    for port, device, peer in heard:
        chassis = (
            f'<chassis label="Chassis"><id type="mac">02:00:00:00:00:01</id><name>{device}</name></chassis>'
        )
        met = f'<port label="Port"><id type="mac">02:00:00:00:00:02</id><descr>{peer}</descr></port>'
        rows += f'<interface label="Interface" name="swp{port}" via="LLDP">{chassis}{met}</interface>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<lldp label="LLDP neighbors">{rows}</lldp>\n'


def lldpctl_keys(heard: Heard) -> str:
    """Return `lldpctl -f keyvalue`; a description has further lines."""
    lines = []
    for port, device, peer in heard:
        told = {"via": "LLDP", "rid": "1", "chassis.mac": "02:00:00:00:00:01", "chassis.name": device}
        told |= {"chassis.descr": "Some switch\nof two lines", "port.ifname": peer, "port.ttl": "120"}
        lines += [f"lldp.swp{port}.{key}={value}" for key, value in told.items()]
    return "\n".join(lines) + "\n"


def nvue_table(heard: Heard) -> str:
    """Return `nv show interface lldp`."""
    lines = [f"{'Interface':10} Speed  Type  {'Remote Host':36} {'Remote Port':18}"]
    lines.append(f"{'-' * 10} -----  ----  {'-' * 36} {'-' * 18}")
    lines += [f"{f'swp{port}':10} 100G   swp   {device:36} {peer}" for port, device, peer in heard]
    return "\n".join(lines) + "\n"


def ios(heard: Heard) -> str:
    """Return IOS' `show lldp neighbors detail`: the system's description begins below its name."""
    lines = []
    for port, device, peer in heard:
        lines += ["-" * 48, f"Local Intf: Twe1/0/{port}", "Chassis id: 0200.0000.0001", f"Port id: {peer}"]
        lines += ["Port Description: - not advertised", f"System Name: {device}.example.com", ""]
        lines += ["System Description:", "Linux 6.8", "", "Time remaining: 112 seconds", "Vlan ID: 1", ""]
    return "\n".join([*lines, f"Total entries displayed: {len(heard)}", ""])


def vrp(heard: Heard) -> str:
    """Return VRP's `display lldp neighbor`: of a port without a neighbour too."""
    lines = []
    for port, device, peer in heard:
        lines += [f"25GE1/0/{port} has 1 neighbor(s):", "", "Neighbor index                     :1"]
        lines += ["Port ID subtype                    :Interface Name"]
        lines += [f"Port ID                            :{peer}", "Port description                   :--"]
        lines += [f"System name                        :{device}", ""]
    return "\n".join([*lines, "25GE1/0/64 has 0 neighbor(s)", ""])


def comware(heard: Heard) -> str:
    """Return Comware's `display lldp neighbor-information verbose`."""
    lines = []
    for port, device, peer in heard:
        lines += [f"LLDP neighbor-information of port {port}[HundredGigE1/0/{port}]:"]
        lines += [
            "LLDP agent nearest-bridge:",
            " LLDP neighbor index : 1",
            " Chassis type        : MAC address",
        ]
        lines += [f" Port ID             : {peer}", f" System name         : {device}", ""]
    return "\n".join(lines) + "\n"


def aos_cx(heard: Heard) -> str:
    """Return AOS-CX' `show lldp neighbor-info detail`."""
    lines = ["LLDP Neighbor Information", "=" * 25, "Total Neighbor Entries          : 2"]
    for port, device, peer in heard:
        lines += [
            "-" * 80,
            f"Port                           : 1/1/{port}",
            "Neighbor Entries               : 1",
        ]
        lines += [f"Neighbor Chassis-Name          : {device}", f"Neighbor Port-ID               : {peer}"]
    return "\n".join(lines) + "\n"


TEXTS: dict[str, Callable[[Heard], str]] = {
    "ios": ios,
    "vrp": vrp,
    "comware": comware,
    "aos-cx": aos_cx,
    "lldpctl": lldpctl,
    "nxos": nxos,
    "eos": eos,
    "old-eos-table": old_eos_table,
    "nvue-table": nvue_table,
    "junos": junos,
    "junos-table": junos_table,
    "junos-xml": junos_xml,
    "lldpctl-xml": lldpctl_xml,
    "lldpctl-keys": lldpctl_keys,
}


def of(text: str) -> list[LldpNeighbour]:
    return (
        read_neighbour_records(text, "leaf.txt")
        if are_neighbour_records(text)
        else read_table(text, "leaf.txt")
    )


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write what the machines hear."""
    folder = tmp_path_factory.mktemp("seen")
    for name, data in lldp(stack("lab")[1]).items():
        (folder / f"{name}.json").write_text(json.dumps(data))
    return folder


def seen(folder: Path, texts: dict[str, str]) -> Observation:
    """Judge the in-band plane by texts of its switches, and by no other test's."""
    for file in folder.glob("*.txt"):
        file.unlink()
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    plane = next(entry.name for entry in stack("lab")[1].fabrics if entry.role == "in-band")
    return observe(*stack("lab"), folder, plane)


@pytest.mark.parametrize("form", TEXTS)
def test_each_form_tells_the_same_cables(form: str, machines: Path) -> None:
    observation = seen(machines, {name: TEXTS[form](heard) for name, heard in in_band()})
    assert (observation.unread, observation.wrong, dict(observation.conflicts)) == ((), (), {})


@pytest.mark.parametrize("form", TEXTS)
def test_swapped_cables_are_seen_in_each_form(form: str, machines: Path) -> None:
    texts = {}
    for name, (first, second, *rest) in in_band():
        texts[name] = TEXTS[form]([(first[0], *second[1:]), (second[0], *first[1:]), *rest])
    swapped = {port.port for port in seen(machines, texts).wrong}
    assert {"swp1", "swp2"} <= swapped


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (lldpctl([("1", "a", "swp2")]).replace("SysName", "Other").replace("PortDescr", "Other"), [4]),
        (nxos([("1", "a", "swp2"), ("2", "b", "swp2")]).replace("Local Port id: Eth1/2", ""), [15]),
    ],
)
def test_a_neighbour_without_its_names_is_a_cut_text(text: str, lines: list[int]) -> None:
    with pytest.raises(UsageError) as caught:
        of(text)
    assert [problem.where.line for problem in caught.value.problems if problem.where] == lines


def test_a_table_whose_ruler_was_cut_is_a_problem_of_its_rows() -> None:
    ruler = f"{'-' * 10} -----  ----"
    text = nvue_table([("1", "a", "swp2")]).replace(f"{ruler}  {'-' * 36} {'-' * 18}", ruler)
    with pytest.raises(UsageError) as caught:
        of(text)
    assert [problem.code for problem in caught.value.problems] == ["bad-row"]


# XML and keys of lldpctl have a reader of their own, and columns of older EOS a width.
_OTHERS = ("-xml", "-keys", "old-eos-table")


@pytest.mark.parametrize("form", [form for form in TEXTS if not form.endswith(_OTHERS)])
def test_a_name_that_is_far_too_long_is_a_problem_of_its_row(form: str) -> None:
    text = TEXTS[form]([("1", "leaf-1" + "e" * 600, "swp1")])
    with pytest.raises(UsageError) as refused:
        of(text)
    assert "512" in refused.value.problems[0].message


def test_other_texts_are_no_records() -> None:
    assert not are_neighbour_records('Switch\t2 "S-1"\t# "leaf" lid 1\n')
    assert not are_neighbour_records(old_eos_table([("1", "a", "swp2")]))
    assert is_table(nvue_table([("1", "a", "swp2")]))


def test_a_machines_address_alone_says_which_machine_and_no_more(machines: Path) -> None:
    plane = [(name, heard) for name, heard in in_band() if "leaf" in name]
    addressed = {}
    for name, heard in plane:
        rows = [
            (port, device, "0200.0000.0001" if "spine" not in device else peer)
            for port, device, peer in heard
        ]
        addressed[name] = old_eos_table(rows)
    # Storage servers report nothing here, and which of their ports it is nobody tells.
    assert {str(entry.state) for entry in seen(machines, addressed).wrong} == {"not reported"}
    name, ((port, _, _), *rest) = plane[0][0], plane[0][1]
    addressed[name] = old_eos_table([(port, "stranger", "0200.0000.0001"), *rest])
    wrong = seen(machines, addressed).wrong
    assert [(entry.device, entry.port, str(entry.state)) for entry in wrong if entry.device == name] == [
        (name, f"swp{port}", "unknown")
    ]


@pytest.mark.parametrize("port", MANAGEMENT_PORTS)
def test_a_switchs_own_management_port_is_the_planned_one(port: str, tmp_path: Path) -> None:
    wanted = expected(*stack("lab"))
    [(near, far)] = [
        ends for ends in wanted.planned.items() if ends[0] == ("compute-fra1-p0-spine-001", "out-of-band0")
    ]
    rows = [("x", "stranger", "eth0"), ("x", *far)]
    text = lldpctl(rows).replace("swpx,", f"{port},")
    (tmp_path / f"{near[0]}.txt").write_text(text)
    observation = observe(*stack("lab"), tmp_path)
    [judged] = [entry for entry in observation.ports if (entry.device, entry.port) == near]
    assert (str(judged.state), observation.extra, dict(observation.conflicts)) == ("right", (), {})
    (tmp_path / f"{near[0]}.txt").write_text(lldpctl([("x", far[0], "swp1")]).replace("swpx,", f"{port},"))
    observation = observe(*stack("lab"), tmp_path)
    [judged] = [entry for entry in observation.ports if (entry.device, entry.port) == near]
    assert str(judged.state) == "swapped"


def test_the_management_port_of_a_switch_without_a_planned_one_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "oob-fra1-p0-spine-001.txt").write_text(
        lldpctl([("x", "office", "p1")]).replace("swpx", "eth0")
    )
    assert observe(*stack("lab"), tmp_path).extra == ()


def test_firmware_without_a_name_does_not_contradict_its_host(tmp_path: Path) -> None:
    name, (first, *_) = next(iter(in_band()))
    firmware = (first[0], "", "")
    (tmp_path / f"{name}.txt").write_text(old_eos_table([first, firmware]))
    assert dict(observe(*stack("lab"), tmp_path).conflicts) == {}
    (tmp_path / f"{name}.txt").write_text(old_eos_table([first, (first[0], "stranger", "p1")]))
    assert len(observe(*stack("lab"), tmp_path).conflicts) == 1


def test_its_examples_hold() -> None:
    assert doctest.testmod(neighbour_records).failed == 0
