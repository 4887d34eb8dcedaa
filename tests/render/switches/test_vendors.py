"""Cumulus' file: every cabled port, and a session on every cable between switches."""

from __future__ import annotations

import pytest
import yaml

from sovereign_ai.render.switches.vendors import cumulus
from tests.render.switches.test_switches import SMALL, maps


@pytest.mark.parametrize("name", SMALL)
def test_every_port_is_an_interface_and_every_cable_between_switches_a_neighbour(name: str) -> None:
    for _, devices in maps(name):
        for device in (devices[0], devices[-1]):
            settings = yaml.safe_load(cumulus(device))[0]["set"]
            assert {port.interface for port in device.ports} <= settings["interface"].keys()
            neighbours = settings["vrf"]["default"]["router"]["bgp"]["neighbor"]
            assert set(neighbours) == {port.interface for port in device.fabric}


def test_only_the_loopback_is_announced_of_what_is_connected() -> None:
    for _, devices in maps("lab"):
        settings = yaml.safe_load(cumulus(devices[0]))[0]["set"]
        family = settings["vrf"]["default"]["router"]["bgp"]["address-family"]["ipv4-unicast"]
        assert family["redistribute"]["connected"]["route-map"] == "LOOPBACK"
