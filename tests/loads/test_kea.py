"""A real Kea serves relayed requests by the rendered configuration: by switch port and VLAN, and by MAC
address.

Two network namespaces, joined by a pair of virtual links, hold the server and the relay: nothing leaves them.
Without root and Kea this fails.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.fabric_twin.namespace import batch, run, within
from sovereign_ai.render.interop.hosts import kea
from tests.render.lab import stack

pytestmark = pytest.mark.loads
SERVER, RELAY = "loads-kea", "loads-relay"
RELAY_ADDRESS = "10.99.0.2"
MAGIC = b"\x63\x82\x53\x63"


def option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def discover(mac: bytes, circuit: str, link: str) -> bytes:
    """Write a DHCPDISCOVER as SONiC's relay passes it on: circuit, link selection and its own address."""
    agent = (
        option(1, circuit.encode()) + option(5, socket.inet_aton(link)) + option(11, socket.inet_aton(link))
    )
    head = struct.pack("!BBBBIHH", 1, 1, 6, 1, 0x1234, 0, 0) + bytes(12) + socket.inet_aton(RELAY_ADDRESS)
    body = head + mac + bytes(10) + bytes(192) + MAGIC + option(53, b"\x01") + option(55, bytes([1, 3, 12]))
    return body + option(82, agent) + b"\xff"


def ask(mac: bytes, circuit: str, link: str) -> str:
    """Return the address that the server offers; empty where it offers none."""

    def exchange() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
            relay.bind((RELAY_ADDRESS, 67))
            relay.settimeout(3)
            relay.sendto(discover(mac, circuit, link), ("10.99.0.1", 67))
            try:
                answer = relay.recv(2048)
            except TimeoutError:
                return ""
            return socket.inet_ntoa(answer[16:20])

    return within(RELAY, exchange)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder: Path = tmp_path_factory.mktemp("kea")
    factory, plan = stack("lab")
    plane = next(one for one in plan.fabrics if one.role == "in-band")
    config = json.loads(kea(factory, plan, plane, {"train-003": "02:00:00:00:00:03"}))
    config["Dhcp4"]["lease-database"] = {"type": "memfile", "persist": False}
    (folder / "kea.json").write_text(json.dumps(config))
    for name in (SERVER, RELAY):
        run(["ip", "netns", "del", name], check=False)
        run(["ip", "netns", "add", name])
    try:
        batch([f"link add eth0 netns {SERVER} type veth peer name eth0 netns {RELAY}"])
        for name, address in ((SERVER, "10.99.0.1"), (RELAY, RELAY_ADDRESS)):
            batch([f"addr add {address}/24 dev eth0", "link set eth0 up", "link set lo up"], name)
        env = {**os.environ, "KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)}
        words = ["ip", "netns", "exec", SERVER, "/usr/sbin/kea-dhcp4", "-c", str(folder / "kea.json")]
        with (folder / "out").open("wb") as out:
            daemon = subprocess.Popen(words, stdout=out, stderr=out, env=env)
        try:
            deadline = time.monotonic() + 30
            while "DHCP4_STARTED" not in (folder / "out").read_text() and time.monotonic() < deadline:
                time.sleep(0.2)
            yield
        finally:
            daemon.terminate()
            daemon.wait(20)
    finally:
        for name in (SERVER, RELAY):
            run(["ip", "netns", "del", name], check=False)


def test_a_machine_gets_its_planned_address_by_the_port_it_hangs_on(served: None) -> None:
    addresses = {node.name: node.address for node in stack("lab")[1].nodes}
    leaf = "inband-fra1-p0-leaf-r0-001"
    assert ask(bytes([2, 0, 0, 0, 9, 1]), f"{leaf}:swp1:Vlan104", "10.64.0.1") == addresses["train-001"]
    assert ask(bytes([2, 0, 0, 0, 9, 2]), f"{leaf}:swp2:Vlan104", "10.64.0.1") == addresses["train-002"]
    assert ask(bytes([2, 0, 0, 0, 9, 3]), f"{leaf}:swp13:Vlan105", "10.64.0.17") == addresses["serve-001"]


def test_a_known_mac_address_counts_wherever_the_machine_hangs(served: None) -> None:
    addresses = {node.name: node.address for node in stack("lab")[1].nodes}
    assert ask(bytes([2, 0, 0, 0, 0, 3]), "elsewhere:swp9:Vlan104", "10.64.0.1") == addresses["train-003"]


def test_a_stranger_and_a_port_of_another_zone_get_nothing(served: None) -> None:
    assert ask(bytes([2, 0, 0, 0, 9, 9]), "inband-fra1-p0-leaf-r0-001:swp60:Vlan104", "10.64.0.1") == ""
    assert ask(bytes([2, 0, 0, 0, 9, 8]), "inband-fra1-p0-leaf-r0-001:swp1:Vlan105", "10.64.0.17") == ""
