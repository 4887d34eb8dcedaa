"""A fleet of simulated machines that works, is fought over, breaks, and repairs itself (`make fleet`).

    make fleet                     # 1,000 machines
    make fleet NODES=100           # as a first look
    make fleet NODES=5000
    make fleet NODES=100 KILLS=100 SEED=7    # and processes are killed meanwhile (`kills`)

Everything that decides is real: API server, scheduler, Kueue, Pulumi and the repair controller. Machines and
pods are simulated. Held to is how everything ends and where pods lie, and never how long it took: times are
in the result's file. So is the memory that all processes took at most, for which there is a limit (`memory`).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from sovereign_ai.cluster.api import open_cluster
from sovereign_ai.cluster.embedded import down
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.deploy import scaffold
from sovereign_ai.plan import plan
from sovereign_ai.spec import load
from tests.fleet.kills import Killer
from tests.fleet.memory import MOST, MemoryWatch
from tests.fleet.picture import fleet_picture
from tests.fleet.scenario import Scenario, say
from tests.fleet.stack import fleet_size, write_stack
from tests.fleet.watch import FleetWatch

pytestmark = pytest.mark.fleet
NODES = int(os.environ.get("NODES") or 1000)
KILLS, SEED = int(os.environ.get("KILLS") or 0), int(os.environ.get("SEED") or 18)
OUT = Path(__file__).resolve().parents[2] / ".sovereign" / "fleet"


def command(*words: str) -> None:
    """Run a command of the program as a user would."""
    subprocess.run([sys.executable, "-m", "sovereign_ai.cli", *words], check=True)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Write the stack, and remove its cluster at the end."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "fleet"
    scaffold(folder, "fleet")
    write_stack(folder, fleet_size(NODES))
    yield folder
    down("fleet")


def test_the_fleet_works_is_shared_breaks_and_repairs_itself(stack: Path, tmp_path: Path):
    OUT.mkdir(parents=True, exist_ok=True)
    memory = MemoryWatch(tmp_path / "state")
    began = time.monotonic()
    factory = load(stack)
    derived = plan(factory)
    say(f"{factory.name}: {NODES} machines; it is deployed")
    command("up", str(stack))
    stands = {
        "step": "the described factory is deployed",
        "from": 0.0,
        "to": round(time.monotonic() - began, 1),
    }
    with closing(open_cluster(cluster_dir_of("fleet").kubeconfig)) as api:
        watch = FleetWatch(api, {node.name: node.rack for node in derived.nodes}, began)
        scenario = Scenario(stack, fleet_size(NODES), factory, derived, api, watch, [stands])
        killer = Killer("fleet", KILLS, SEED)
        scenario.killer = killer if KILLS else None
        with watch.watching(), memory.watching(), killer.killing():
            try:
                scenario.run()
            finally:
                # A fleet that did not recover is the one to look at.
                write_result(scenario, memory)
                say(f"kills: {dict(killer.kills)}; again: make fleet NODES={NODES} KILLS={KILLS} SEED={SEED}")
        assert not killer.problems, killer.problems
        assert killer.kills.total() >= KILLS
    assert 0 < memory.peak.total() <= MOST, memory.peak
    say(f"picture {OUT / 'fleet.svg'}, result {OUT / 'fleet.json'}")


def write_result(scenario: Scenario, memory: MemoryWatch) -> None:
    """Write the picture, and what was done and observed."""
    watch = scenario.watch
    (OUT / "fleet.svg").write_text(fleet_picture(watch.samples, scenario.steps), encoding="utf-8")
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    result = {
        "nodes": scenario.size.nodes,
        "seconds": round(time.monotonic() - watch.began, 1),
        "steps": scenario.steps,
        "observed": scenario.facts,
        "cpu_seconds_of_this_process": round(own.ru_utime + own.ru_stime, 1),
        "cpu_seconds_of_its_commands": round(children.ru_utime + children.ru_stime, 1),
        "memory_bytes": dict(memory.peak.most_common()),
        "killed": scenario.killer.result() if scenario.killer is not None else {},
        "load": round(os.getloadavg()[0], 1),
    }
    (OUT / "fleet.json").write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2))
