"""The packet filter is not loaded where it would lock out the very connection by which it comes.

Shown over SSH on a booted machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.host.conftest import Program, Said
from tests.host.machines import STRANGER, Machine

pytestmark = pytest.mark.host
NAME = "train-001"
FILE = "/etc/sovereign/firewall.nft"


@pytest.fixture
def opened(program: Program, again: Said) -> Iterator[Machine]:
    """A configured machine that somebody's hand has opened to a stranger; it is closed again at the end."""
    machine, kept = program.machine(NAME), program.machine(NAME).read(FILE)
    machine.ask("nft", "insert", "rule", "inet", "sovereign", "input", "ip", "saddr", STRANGER, "accept")
    yield machine
    machine.write(FILE, kept)
    machine.ask("nft", "-f", FILE)


def table(machine: Machine) -> str:
    return machine.ask("nft", "--stateless", "list", "table", "inet", "sovereign")


def test_a_filter_that_would_lock_out_its_own_run_is_refused_and_nothing_of_it_is_loaded(
    program: Program, opened: Machine
) -> None:
    remote = program.over_ssh(NAME)
    stranger = replace(remote, ssh=f"{remote.ssh} -o BindAddress={STRANGER}")
    loaded, kept = table(opened), opened.read(FILE)
    said = stranger("configure", "--limit", NAME)
    assert (said.code, said.states) == (4, {NAME: "failed"})
    assert "baseline: Way in" in said.hosts[NAME].failure
    assert f"it comes from {STRANGER} to port 22, by eth0" in said.hosts[NAME].failure
    assert f"add {STRANGER}/32 to admin_from in hosts.yaml" in said.hosts[NAME].failure
    assert (table(opened), opened.read(FILE)) == (loaded, kept)
