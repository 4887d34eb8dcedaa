"""Whole planes under the real OpenSM: the superpod's, and one of seven thousand ports.

Each to SUBNET UP, every cable by ibnetdiscover, and the P_Keys of every port by smpquery, within the time
that an idle machine of two cores needs with room to spare. `SOVEREIGN_AI_LOADS_SECONDS` is the factor by
which a slower machine, or a busy one, may take longer.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from sovereign_ai.fabric_twin.infiniband.checks import cabling, partitions
from sovereign_ai.fabric_twin.infiniband.ibsim_net import net
from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet
from sovereign_ai.fabric_twin.twin import down
from sovereign_ai.plan import Plan, plan
from sovereign_ai.spec import AIFactory, load
from tests.render.lab import STACKS, stack

pytestmark = pytest.mark.loads
FACTOR = float(os.environ.get("SOVEREIGN_AI_LOADS_SECONDS", "1"))
LARGER = {
    "name: superpod": "name: large",
    "nodes: 127": "nodes: 896",
    "it_budget: 1500 kW": "it_budget: 15 MW",
    "A: 800 kW, B: 800 kW, C: 800 kW": "A: 8 MW, B: 8 MW, C: 8 MW",
    "power: 2 MW": "power: 20 MW",
    "airflow: 300000 m3/h": "airflow: 3000000 m3/h",
    "racks: 48": "racks: 480",
}


def large(folder: Path) -> tuple[AIFactory, Plan]:
    """Write the superpod with seven times its machines, and plan it."""
    text = (STACKS / "superpod" / "factory.yaml").read_text()
    for old, new in LARGER.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file = folder / "factory.yaml"
    file.write_text(text)
    factory = load(file)
    return factory, plan(factory)


def said(line: str) -> None:
    """Write a figure that `pytest -s` shows."""
    sys.stderr.write(f"{line}\n")


def judged(factory: AIFactory, planned: Plan, ports: int) -> float:
    """Judge a factory's compute plane; return the seconds from nothing to the last verdict."""
    plane = next(plane for plane in planned.fabrics if plane.role == "compute")
    twin = RunningSubnet.of(net(factory, planned, plane))
    down(factory.name)
    start = time.monotonic()
    twin.up(said)
    try:
        is_right, text, figures = cabling(twin)
        assert is_right, text
        assert figures["wrong"] == 0
        is_right, text, figures = partitions(twin)
        assert is_right, text
        assert figures["ports"] == ports
        seconds = time.monotonic() - start
        said(f"{ports:,} ports judged after {seconds:.1f} s")
        return seconds
    finally:
        down(factory.name)


def test_the_superpod_s_compute_plane_is_judged_within_a_minute() -> None:
    factory, planned = stack("superpod")
    # 127 machines of eight ports, and four managers.
    seconds = judged(factory, planned, 1_020)
    assert seconds < 60 * FACTOR


def test_a_plane_of_seven_thousand_ports_is_judged_within_four_minutes(tmp_path: Path) -> None:
    seconds = judged(*large(tmp_path), 7_172)
    assert seconds < 240 * FACTOR
