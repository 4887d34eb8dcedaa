"""A host's ports on rails: each address on one port of one host."""

from __future__ import annotations

import pytest

from tests.render.hosts.test_hosts import STACKS, of
from tests.render.lab import stack


@pytest.mark.parametrize("name", STACKS)
def test_each_rail_address_is_on_one_port_of_one_host(name: str) -> None:
    lines = [
        line
        for host in of(name).hosts
        for file in host.variables.get("rail_files", ())
        for line in file["content"].splitlines()
        if line.startswith("Address=")
    ]
    assert len(lines) == len(set(lines))
    assert bool(lines) == any(one.use == "rail" for one in stack(name)[1].prefixes)
