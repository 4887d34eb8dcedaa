"""The packet filter: what is declared into a zone, and nothing else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from sovereign_ai.render.hosts.firewall import node_ranges
from tests.render.hosts.test_hosts import of
from tests.render.lab import stack


def test_the_packet_filter_opens_declared_flows_and_none_from_a_zone_that_may_never() -> None:
    found = of("lab").shared
    research = ", ".join(node_ranges(stack("lab")[1], "restricted"))
    assert f"ip saddr {{ {research} }} tcp dport {{ 8443 }} accept" in found["pool_serve"]["firewall"]
    startups = node_ranges(stack("lab")[1], "open")
    zone = found["pool_train"]["firewall"].split("set zone")[1].split("}")[0]
    assert not any(source in zone for source in startups)
    assert "8443" not in found["pool_train"]["firewall"]


def test_a_server_takes_storage_traffic_from_its_own_zone_alone() -> None:
    text = of("lab").shared["tier_scratch"]["firewall"]
    listed = [
        IPv4Network(one) for one in text.split("set rails")[1].split("{ ")[1].split(" }")[0].split(", ")
    ]
    hosts = {host.name: host for host in of("lab").hosts}

    def addresses(name: str) -> list[IPv4Address]:
        lines = [
            line for file in hosts[name].variables["rail_files"] for line in file["content"].splitlines()
        ]
        return [IPv4Address(line[8:].partition("/")[0]) for line in lines if line.startswith("Address=")]

    assert all(any(address in one for one in listed) for address in addresses("train-001"))
    assert not any(address in one for one in listed for address in addresses("serve-001"))
