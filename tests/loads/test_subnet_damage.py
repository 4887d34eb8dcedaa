"""Kinds of damage to a small InfiniBand subnet on ibsim under the real OpenSM, each found exactly.

What is cut and laid is in a table beside the ports that must be reported, so nothing here follows from the
code that finds it. Between two kinds the subnet is whole again, which is looked at too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from sovereign_ai.assess.observed import PortState
from sovereign_ai.fabric_twin.infiniband.checks import observed, wrong_keys
from sovereign_ai.fabric_twin.infiniband.ibsim_net import Net, net
from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet
from sovereign_ai.fabric_twin.twin import down
from tests.fabric_twin.infiniband.small import small

pytestmark = pytest.mark.loads

LEAF, SPINE = "compute-fra1-p0-leaf-r0-00", "compute-fra1-p0-spine-00"
MACHINES = [f"train-{number:03d}-compute0" for number in range(1, 13)]
SERVERS = [f"serve-{number:03d}-compute0" for number in range(1, 5)]
Place = tuple[str, int]
SWAPPED, MISSING, UNKNOWN = PortState.SWAPPED, PortState.MISSING, PortState.UNKNOWN


def at(text: str) -> Place:
    """Return node and port: `l2.5` is port 5 of the second leaf, `s1.3` of a spine, `t7` a machine."""
    node, _, port = text.partition(".")
    number = int(node[1:])
    if node[0] == "t":
        return MACHINES[number - 1], 1
    return (LEAF if node[0] == "l" else SPINE) + str(number), int(port)


@dataclass(frozen=True)
class Miswiring:
    """What is cut, what is laid, and how many ports of which words must be found.

    Attributes:
        cut: one end of each cable that is taken out.
        laid: both ends of each that is laid.
        wrong: every port that must be reported, with its word; `*` after a switch means all its ports.
    """

    cut: str
    laid: str
    wrong: dict[str, PortState]


MISWIRINGS = {
    "an uplink is cut": Miswiring("l1.5", "", {"l1.5 s1.1": MISSING}),
    "a machine's cable is cut": Miswiring("t1", "", {"t1 l1.1": MISSING}),
    "two machines of one leaf are exchanged": Miswiring(
        "t1 t2", "t1-l1.2 t2-l1.1", {"t1 t2 l1.1 l1.2": SWAPPED}
    ),
    "two machines of two leaves are exchanged": Miswiring(
        "t1 t5", "t1-l2.1 t5-l1.1", {"t1 t5 l1.1 l2.1": SWAPPED}
    ),
    "two uplinks of two leaves are exchanged": Miswiring(
        "l1.5 l2.6", "l1.5-s2.2 l2.6-s1.1", {"l1.5 l2.6 s2.2 s1.1": SWAPPED}
    ),
    "two uplinks of one leaf go to each other's spine": Miswiring(
        "l1.5 l1.6", "l1.5-s2.1 l1.6-s1.1", {"l1.5 l1.6 s2.1 s1.1": SWAPPED}
    ),
    "a row of three cables is shifted by one": Miswiring(
        "t1 t2 t3", "t1-l1.2 t2-l1.3 t3-l1.1", {"t1 t2 t3 l1.1 l1.2 l1.3": SWAPPED}
    ),
    "an uplink and a machine's cable are exchanged": Miswiring(
        "t5 l1.5", "t5-s1.1 l1.5-l2.1", {"t5 l2.1 l1.5 s1.1": SWAPPED}
    ),
    "an uplink is in a free port of its spine": Miswiring(
        "l1.5", "l1.5-s1.7", {"l1.5": UNKNOWN, "s1.1": MISSING}
    ),
    "an uplink is in a free port of another spine": Miswiring(
        "l1.5", "l1.5-s3.8", {"l1.5": UNKNOWN, "s1.1": MISSING}
    ),
    "a machine is at a free port of a spine": Miswiring("t1", "t1-s2.6", {"t1": UNKNOWN, "l1.1": MISSING}),
    "two ports of one leaf are cabled to each other": Miswiring(
        "l1.5 l1.6", "l1.5-l1.6", {"l1.5 l1.6": SWAPPED, "s1.1 s2.1": MISSING}
    ),
    "two leaves are cabled to each other": Miswiring(
        "l1.5 l2.5", "l1.5-l2.5", {"l1.5 l2.5": SWAPPED, "s1.1 s1.2": MISSING}
    ),
    "two spines are cabled to each other": Miswiring(
        "s1.1 s2.2", "s1.1-s2.2", {"s1.1 s2.2": SWAPPED, "l1.5 l2.6": MISSING}
    ),
    "a leaf has lost all its uplinks": Miswiring(
        "l1.5 l1.6 l1.7 l1.8",
        "",
        {"l1.1 l1.2 l1.3 l1.4 t1 t2 t3 t4 l1.5 l1.6 l1.7 l1.8 s1.1 s2.1 s3.1 s4.1": MISSING},
    ),
    "a spine is without power": Miswiring(
        "s1.1 s1.2 s1.3 s1.4 s1.5",
        "",
        {"s1.1 s1.2 s1.3 s1.4 s1.5 l1.5 l2.5 l3.5 l4.5 l5.5": MISSING},
    ),
    "every cable to one spine but its last is cut": Miswiring(
        "s2.1 s2.2 s2.3 s2.4", "", {"s2.1 s2.2 s2.3 s2.4 l1.6 l2.6 l3.6 l4.6": MISSING}
    ),
}


@pytest.fixture(scope="module")
def subnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSubnet]:
    factory, plan = small(tmp_path_factory.mktemp("small"))
    twin = RunningSubnet.of(net(factory, plan, plan.fabrics[0]))
    down(factory.name)
    twin.up(print)
    try:
        yield twin
    finally:
        down(factory.name)


def wrong(subnet: RunningSubnet) -> dict[Place, PortState]:
    """Return the ports that are not right."""
    ports: dict[Place, PortState] = {}
    for port in observed(subnet):
        if port.state is not PortState.RIGHT:
            ports[port.device, int(port.port)] = port.state
    return ports


def name(subnet: RunningSubnet, place: Place) -> str:
    """Return ibsim's name of a port."""
    return f'"{subnet.net.node_id(place[0])}"[{place[1]}]'


def pairs(text: str) -> list[tuple[Place, Place]]:
    cables = []
    for word in text.split():
        near, _, far = word.partition("-")
        cables.append((at(near), at(far)))
    return cables


@pytest.mark.parametrize("kind", MISWIRINGS)
def test_a_miswiring_is_found_by_exactly_its_ports_and_is_gone_when_undone(
    subnet: RunningSubnet, kind: str
) -> None:
    case = MISWIRINGS[kind]
    cut = {at(word) for word in case.cut.split()}
    before = [link for link in subnet.net.links if cut & set(link)]
    assert len(before) == len(cut)
    laid = pairs(case.laid)
    expected: dict[Place, PortState] = {}
    for words, state in case.wrong.items():
        expected.update(dict.fromkeys(map(at, words.split()), state))
    subnet.console(*(f"Unlink {name(subnet, lower)}" for lower, _ in before))
    subnet.console(*(f"Link {name(subnet, near)} {name(subnet, far)}" for near, far in laid))
    try:
        assert wrong(subnet) == expected
    finally:
        subnet.console(*(f"Unlink {name(subnet, near)}" for near, _ in laid))
        subnet.console(*(f"Link {name(subnet, lower)} {name(subnet, upper)}" for lower, upper in before))
        subnet.sweep()
    assert not wrong(subnet)


# Partitions: the file that OpenSM reads, and the adapters whose P_Keys must be reported.


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def _guid(of: Net, adapter: str) -> str:
    return f"{of.adapters[adapter]:#018x}"


def _left_out(of: Net) -> str:
    return _replaced(of.partitions, f"{_guid(of, MACHINES[2])}, ", "")


def _further(of: Net) -> str:
    return f"{of.partitions}other=0x7abc, defmember=full : {_guid(of, SERVERS[1])};\n"


def _in_another_zone(of: Net) -> str:
    return _replaced(
        _left_out(of),
        "open=0x0002, defmember=full : ",
        f"open=0x0002, defmember=full : {_guid(of, MACHINES[2])}, ",
    )


def _mistyped(of: Net) -> str:
    return _replaced(of.partitions, _guid(of, MACHINES[2]), "0x0002c903ffff0031")


def _without_a_zone(of: Net) -> str:
    return re.sub(r"^open=.*\n", "", of.partitions, flags=re.MULTILINE)


def _other_number(of: Net) -> str:
    return _replaced(of.partitions, "open=0x0002", "open=0x0003")


def _one_number(of: Net) -> str:
    return _replaced(of.partitions, "open=0x0002", "open=0x0001")


def _limited(of: Net) -> str:
    return _replaced(of.partitions, "open=0x0002, defmember=full", "open=0x0002, defmember=limited")


def _full_default(of: Net) -> str:
    return _replaced(of.partitions, "ALL=limited", "ALL=full")


def _open(_: Net) -> str:
    return "Default=0x7fff, ipoib, defmember=full : ALL=full;\n"


def _long_line(of: Net) -> str:
    return f"{of.partitions}long=0x7abd, defmember=full : {', '.join([_guid(of, MACHINES[0])] * 1_000)};\n"


def _broken(of: Net) -> str:
    return _replaced(of.partitions, "open=0x0002,", "open=0x0002 0x0003 =,")


ALL = [*MACHINES, *SERVERS]
WRONG_KEYS: dict[str, tuple[Callable[[Net], str], list[str]]] = {
    "a port is left out of its zone": (_left_out, [MACHINES[2]]),
    "a port has a further key": (_further, [SERVERS[1]]),
    "a port is in another zone": (_in_another_zone, [MACHINES[2]]),
    "a GUID has a typing error": (_mistyped, [MACHINES[2]]),
    "a zone is missing": (_without_a_zone, SERVERS),
    "a zone has another number": (_other_number, SERVERS),
    "two zones have one number": (_one_number, SERVERS),
    "a zone's ports are limited members": (_limited, SERVERS),
    "hosts are full members of the default partition": (_full_default, ALL),
    "there are no zones": (_open, ALL),
    "a line is longer than OpenSM reads": (_long_line, ALL),
    "a line is broken": (_broken, ALL),
}


@pytest.mark.parametrize("kind", WRONG_KEYS)
def test_wrong_partitions_are_found_by_exactly_the_ports_they_concern(
    subnet: RunningSubnet, kind: str
) -> None:
    change, expected = WRONG_KEYS[kind]
    subnet.partitions(change(subnet.net))
    try:
        subnet.sweep()
        assert sorted(wrong_keys(subnet)) == sorted(expected)
    finally:
        subnet.partitions(subnet.net.partitions)
        subnet.sweep()
    assert not wrong_keys(subnet)


def test_there_are_at_least_twenty_kinds_of_damage() -> None:
    assert len(MISWIRINGS) + len(WRONG_KEYS) >= 20
