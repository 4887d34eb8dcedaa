"""Commands killed on a real control plane with the real engine: one plain run of the same command converges.

A failure names its seed. One life of the stack once more:

    pytest -m faults_long tests/faults/test_kills.py --seed 3
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.faults.kills import PHASES, VICTIMS, Mini, Run, kill_of, require_gone, require_whole
from tests.life import ROOT

REGISTRY = (
    "registries: [registry.example.com/ai]",
    "registries: [registry.example.com/ai, registry.example.com/second]",
)
KEY = ("vault", "safe")
RECORD = ROOT / ".sovereign" / "kills.jsonl"
"""What each kill met, one document a line; `make faults` leaves it for a person to count."""
SEEDS = 17
"""Lives of six kills each: 102 kills, each victim in each phase three times at least."""
SHORT_SEED, SHORT = 4, ("create", "update", "replace", "destroy")


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mini]:
    made = Mini(tmp_path_factory.mktemp("kills"))
    try:
        made.begin()
        yield made
    finally:
        made.end()


def test_each_phase_loses_each_victim_as_often_as_another_and_a_seed_draws_the_same_moments() -> None:
    drawn = Counter(
        (kill_of(seed, phase).phase, kill_of(seed, phase).who) for seed in range(5) for phase in PHASES
    )
    assert drawn == {(phase, who): 1 for phase in PHASES for who in VICTIMS}
    assert [kill_of(7, phase) for phase in PHASES] == [kill_of(7, phase) for phase in PHASES]
    assert len({(kill_of(seed, "create").steps, kill_of(seed, "create").seconds) for seed in range(50)}) == 50


@pytest.mark.cluster
def test_a_stack_that_is_killed_in_each_phase_converges_by_one_run(mini: Mini) -> None:
    live(mini, SHORT_SEED, SHORT)


@pytest.mark.faults_long
def test_a_hundred_kills_converge_by_one_run_each(mini: Mini, life: int) -> None:
    live(mini, life, PHASES)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "life" in metafunc.fixturenames:
        seed = metafunc.config.getoption("--seed")
        metafunc.parametrize(
            "life", range(1, SEEDS + 1) if seed is None else [seed], ids=lambda number: f"seed-{number}"
        )


def live(mini: Mini, seed: int, phases: tuple[str, ...]) -> None:
    """Lead one life; a failure says with which line it is repeated."""
    for phase in phases:
        run, began = Run(mini, kill_of(seed, phase)), time.monotonic()
        try:
            _phase(mini, run)
        except AssertionError as error:
            _note(seed, run, began, str(error))
            mini.start_again()
            again = f"pytest -m faults_long tests/faults/test_kills.py --seed {seed}"
            error.add_note(f"{run.kill}\n--- what it printed\n{run.output}\n--- again: {again}")
            raise
        _note(seed, run, began, "")


def _phase(mini: Mini, run: Run) -> None:
    """Do what a phase is about, and see that all is as it should be after its kill."""
    phase = run.kill.phase
    if phase == "refresh":
        _drift(mini)
    edits = {
        "update": [REGISTRY],
        "replace": [REGISTRY, KEY],
        "refresh": [REGISTRY, KEY],
        "preview": [KEY],
    }.get(phase, [])
    if phase != "destroy":
        mini.describe(*edits)
    before = mini.checkpoint()
    done = run.go()
    if phase == "preview":
        assert mini.checkpoint() == before, "a preview changes no state"
        assert done["changes"], "it still says what would change"
        mini.describe(REGISTRY, KEY)
    if phase == "destroy":
        require_gone(mini)
    else:
        require_whole(mini)


def _drift(mini: Mini) -> None:
    """Delete some objects and change another, as somebody else would."""
    mini.api.delete("networking.k8s.io/v1", "NetworkPolicy", "default-deny", "team")
    mini.api.delete("v1", "ResourceQuota", "tenant", "team")
    live = mini.api.get("v1", "ConfigMap", "factory", "sovereign-system")
    assert live is not None
    mini.api.patch(
        "v1", "ConfigMap", "factory", {"data": dict.fromkeys(live["data"], "changed")}, "sovereign-system"
    )


def _note(seed: int, run: Run, began: float, problem: str) -> None:
    """Keep what a kill met."""
    kill = run.kill
    data = {
        "seed": seed,
        "phase": kill.phase,
        "victim": kill.who,
        "steps": kill.steps,
        "hit": run.has_hit,
        "seconds": round(time.monotonic() - began, 1),
        "problem": problem.partition("\n")[0],
    }
    Path(RECORD).parent.mkdir(exist_ok=True)
    with RECORD.open("ab") as file:
        file.write(orjson.dumps(data) + b"\n")
