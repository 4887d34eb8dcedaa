"""The net file: every cable from both its ends, under names that ibsim takes."""

from __future__ import annotations

import re

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.fabric_twin.infiniband import ibsim_net as net_module
from sovereign_ai.fabric_twin.infiniband.ibsim_net import Net, net, net_file
from tests.fabric_twin.planar import shaped
from tests.render.lab import stack


def superpod() -> Net:
    factory, plan = stack("superpod")
    return net(factory, plan, plan.fabrics[0])


def test_every_cable_is_in_the_net_file_from_both_ends() -> None:
    one = superpod()
    ends: list[tuple[str, str, str, str]] = []
    current = ""
    for line in net_file(one).splitlines():
        node = re.match(r'(?:Switch|Ca)\t\d+ "([^"]+)"', line)
        port = re.match(r'\[(\d+)[^\]]*\]\t"([^"]+)"\[(\d+)\]', line)
        current = node[1] if node else current
        if port:
            ends.append((current, port[1], port[2], port[3]))
    assert len(ends) == len(set(ends)) == 2 * len(one.links)
    assert {(far, far_port, near, near_port) for near, near_port, far, far_port in ends} == set(ends)
    assert max(len(name) for name, *_ in ends) <= 31


def test_no_two_guids_are_the_same_nor_the_one_that_ibsim_gives_a_port() -> None:
    one = superpod()
    guids = [*one.switches.values(), *one.adapters.values(), *(guid - 1 for guid in one.adapters.values())]
    assert len(guids) == len(set(guids))


def test_every_switch_has_at_least_the_ports_that_its_cables_use() -> None:
    """Ibsim ends with an error at a port beyond those that a switch states."""
    wide = {"radix": 8, "spine_radix": 32, "rails": 1}
    factory, plan = shaped("wide", kind="infiniband", leaf_hosts=1, uplinks=4, **wide)
    one = net(factory, plan, plan.fabrics[0])
    sizes = {}
    highest: dict[str, int] = {}
    for line in net_file(one).splitlines():
        node = re.match(r'Switch\t(\d+) "[^"]+"\t# "([^"]+)"', line)
        if node:
            sizes[node[2]] = int(node[1])
    for lower, upper in one.links:
        for name, number in (lower, upper):
            highest[name] = max(number, highest.get(name, 0))
    assert max(highest.values()) > plan.fabrics[0].radix
    assert all(sizes[name] >= highest[name] for name in sizes)


def test_a_plane_that_ibsim_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_module, "MOST_ADAPTERS", 1_000)
    with pytest.raises(EnvironmentLacksError) as error:
        superpod()
    assert [problem.code for problem in error.value.problems] == ["twin-too-large"]
