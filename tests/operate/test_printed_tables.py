"""MAC, neighbour and port tables as switches print them for a person, read as the same rows."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.operate import printed_tables
from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.operate.observation import observe
from sovereign_ai.operate.printed_tables import (
    are_printed_addresses,
    are_printed_states,
    printed_states,
)
from tests.render.lab import stack

MAC, DOTTED, DASHED = "b8:3f:d2:00:00:01", "b83f.d200.0001", "b83f-d200-0001"
ADDRESSES = {
    "ios": (
        "          Mac Address Table\n\nVlan    Mac Address       Type        Ports\n----    -----------\n"
        " All    0100.0ccc.cccc    STATIC      CPU\n"
        f"  10    {DOTTED}    DYNAMIC     Twe1/0/{{port}}\n  11    b83f.d200.0009    DYNAMIC     Po1\n"
    ),
    "ios-old": (
        "Destination Address  Address Type  VLAN  Destination Port\n"
        f"{DOTTED}       Dynamic          1  TenGigabitEthernet1/0/{{port}}\n"
    ),
    "nxos": (
        "     VLAN       MAC Address       Type     age    Secure  NTFY     Ports\n"
        f"G    100      5087.89a1.de75     static     -        F      F    sup-eth1(R)\n"
        f"*    145      {DOTTED}     dynamic  0        F      F    Eth1/{{port}}\n"
    ),
    "eos": (
        "Vlan    mac Address       Type        Ports      Moves   Last Move\n"
        f" 55     {DOTTED}    DYNAMIC     Et{{port}}        1    0:08:16 ago\n"
    ),
    "eos-arp": (
        "Address         Age (min)  Hardware Addr   Interface\n"
        f"192.0.2.7       0:00:04    {DOTTED}  Vlan10, Ethernet{{port}}\n"
    ),
    "vrp": (
        "MAC Address    VLAN/VSI/BD                       Learned-From        Type\n"
        f"{DASHED} 10/-/-                            25GE1/0/{{port}}            dynamic\n"
    ),
    "comware": (
        "MAC ADDR       VLAN ID  STATE          PORT INDEX               AGING TIME(s)\n"
        f"{DASHED} 10       Learned        HundredGigE1/0/{{port}}    AGING\n"
    ),
    "sonic": (
        "  No.    Vlan  MacAddress         Port         Type\n-----  ------  -----------------\n"
        f"    1    1000  {MAC.upper()}  swp{{port}}      Dynamic\nTotal number of entries 1\n"
    ),
    "bridge": f"{MAC} dev swp{{port}} vlan 10 master bridge \n{MAC} dev swp63 self permanent\n",
    "neigh": f"192.0.2.7 dev swp{{port}} lladdr {MAC} REACHABLE\n192.0.2.8 dev swp9  FAILED\n",
}
STATES = {
    "ios": (
        "Port      Name               Status       Vlan       Duplex  Speed Type\n"
        "Twe1/0/1  connected to a     notconnect   1            auto   auto 10/100/1000BaseTX\n"
        "Twe1/0/2                     connected    trunk      a-full a-1000 10/100/1000BaseTX\n"
        "Twe1/0/3  with a reason      notconnect: TDR 1       a-full a-1000 10/100/1000BaseTX\n"
    ),
    "nxos": (
        f"{'-' * 80}\nPort          Name               Status    Vlan      Duplex  Speed   Type\n{'-' * 80}\n"
        "mgmt0         --                 connected routed    full    1000    --\n"
        "Eth1/1        --                 xcvrAbsen 1         auto    auto    --\n"
        "Eth1/2        uplink\t connected trunk     full    10G     10Gbase-SR-S\n"
        "Eth1/3        --                 disabled  1         auto    auto    --\n"
    ),
    "sonic": (
        "  Interface            Lanes    Speed    MTU    FEC    Alias    Vlan    Oper    Admin    Type\n"
        "-----------  ---------------  -------  -----  -----  -------  ------  ------  -------  ------\n"
        "       swp1  0,1,2,3             100G   9100     rs     etp1  routed    down       up  QSFP28\n"
        "       swp2  4,5,6,7             100G   9100     rs     etp2  routed      up       up  QSFP28\n"
        "       swp3  8,9,10,11           100G   9100     rs     etp3  routed    down     down     N/A\n"
    ),
    "brief": (
        "lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP>\n"
        "swp1             DOWN           b8:3f:d2:00:00:01 <NO-CARRIER,BROADCAST,MULTICAST,UP>\n"
        "swp2             UP             b8:3f:d2:00:00:02 <BROADCAST,MULTICAST,UP,LOWER_UP>\n"
        "swp3@eth9        LOWERLAYERDOWN b8:3f:d2:00:00:03 <BROADCAST>\n"
    ),
}


@pytest.mark.parametrize("form", ADDRESSES)
def test_an_address_behind_a_port_is_a_cable_in_each_form(form: str, tmp_path: Path) -> None:
    factory, plan = stack("lab")
    leaf, port = expected(factory, plan).planned["train-001", "in-band0"]
    text = ADDRESSES[form].format(port=port.removeprefix("swp"))
    assert are_printed_addresses(text)
    (tmp_path / f"{leaf}.fdb.txt").write_text(text)
    seen = observe(factory, plan, tmp_path, "inband-fra1-p0", {"train-001": MAC})
    states = {(one.device, one.port): str(one.state) for one in seen.ports}
    assert (seen.unread, seen.files) == ((), 1)
    assert states[leaf, port] == states["train-001", "in-band0"] == "right"


@pytest.mark.parametrize("form", STATES)
def test_the_state_of_each_port_is_read_in_each_form(form: str) -> None:
    assert are_printed_states(STATES[form])
    rows = printed_states(STATES[form], "leaf.txt")
    ports = [row["operstate"] for row in rows if row["ifname"] not in ("mgmt0", "lo")]
    assert ports == ["DOWN", "UP", "DOWN"]


@pytest.mark.parametrize("form", STATES)
def test_a_port_that_is_down_is_a_missing_cable(form: str, tmp_path: Path) -> None:
    factory, plan = stack("lab")
    leaf, _ = expected(factory, plan).planned["train-001", "in-band0"]
    (tmp_path / f"{leaf}.txt").write_text(STATES[form])
    seen = observe(factory, plan, tmp_path, "inband-fra1-p0")
    assert seen.unread == ()
    states = {one.port: str(one.state) for one in seen.ports if one.device == leaf}
    assert (states["swp1"], states["swp3"]) == ("missing", "missing")


def test_a_state_that_nobody_knows_is_refused_with_its_line() -> None:
    text = STATES["ios"].replace("notconnect   1", "sparkling    1")
    with pytest.raises(UsageError) as error:
        printed_states(text, "leaf.txt")
    assert [problem.where and problem.where.line for problem in error.value.problems] == [2]


def test_other_texts_are_no_tables() -> None:
    for text in ("", "no route to host\n", "Vlan 10 is up\n", *ADDRESSES.values()):
        assert not are_printed_states(text)
    for text in ("", "show mac address-table\n", *STATES.values()):
        assert not are_printed_addresses(text)


def test_its_examples_hold() -> None:
    assert doctest.testmod(printed_tables).failed == 0
