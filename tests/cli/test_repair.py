"""`repair` on a real control plane: a machine with a fault returns, whatever is killed in between."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
import pytest

from tests.life import Lab

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("repair"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def started(lab: Lab) -> subprocess.Popen[str]:
    """Start the controller, with a site whose resets, restarts and acceptances succeed."""
    command = [
        sys.executable,
        "-m",
        "sovereign_ai.cli",
        "repair",
        "run",
        str(lab.stack),
        "--simulate",
        "--json",
    ]
    return subprocess.Popen(
        command, env=lab.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def decisions(text: IO[str] | None, last: str) -> list[str]:
    """Read what is decided until a decision comes."""
    assert text is not None
    acts: list[str] = []
    while last not in acts:
        acts.append(orjson.loads(text.readline())["act"])
    return acts


def repair(lab: Lab, *words: str, code: int = 0) -> dict[str, Any]:
    verb, *more = words
    return lab.call("repair", verb, str(lab.stack), *more, code=code)


def test_a_machine_returns_though_the_controller_is_killed(lab: Lab) -> None:
    # Before a second one can lead, the lease of the killed one has to end.
    repair(lab, "inject", "train-003", "--gpu", "3", "--xid", "48")
    with started(lab) as first:
        try:
            assert decisions(first.stdout, "Cordoned") == ["Cordoned"]
        finally:
            first.kill()
    (machine,) = repair(lab, "status", code=1)["machines"]
    assert (machine["machine"], machine["cordon"]) == ("train-003", "ours")
    states = {each["name"]: each["state"] for each in lab.call("top", str(lab.stack))["machines"]}
    assert states.pop("train-003") == "faulty"
    assert set(states.values()) == {"free"}
    states = {each["name"]: each["state"] for each in lab.call("top", str(lab.stack))["machines"]}
    assert [name for name, state in states.items() if state != "free"] == ["train-003"]
    assert states["train-003"] == "faulty"
    with started(lab) as second:
        try:
            assert decisions(second.stdout, "Returned")[-1] == "Returned"
            second.send_signal(signal.SIGINT)
            assert second.wait(60) == 0
        finally:
            second.kill()
    assert repair(lab, "status")["machines"] == []
    # An orderly end gives the lease back: the next one decides at once.
    assert repair(lab, "run", "--once")["decisions"] == []
    assert lab.verify("--no-probes") == []


def test_faults_of_a_file_are_replayed_as_agents_report_them_and_repaired(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "faults.csv"
    # The port's repair takes no time, the GPU's a second: `--speed` makes a second of its hour.
    rows = ["seconds,domain,unit,gpu,code,repair", "0,nic,train-005,2,0,0", "60,gpu,train-006,1,48,3600"]
    file.write_text("\n".join(rows) + "\n")
    with started(lab) as controller:
        try:
            replayed = repair(lab, "inject", "--from", str(file), "--speed", "3600")
            assert (replayed["reported"], replayed["domains"]) == (2, {"gpu": 1, "nic": 1})
            returned = set()
            for line in controller.stdout or ():
                decision = orjson.loads(line)
                if decision["act"] == "Returned":
                    returned.add(decision["machine"])
                if returned == {"train-005", "train-006"}:
                    break
            assert returned == {"train-005", "train-006"}
            controller.send_signal(signal.SIGINT)
            assert controller.wait(60) == 0
        finally:
            controller.kill()
    assert repair(lab, "status")["machines"] == []
    assert lab.verify("--no-probes") == []


def test_the_same_seed_writes_the_same_faults(lab: Lab, tmp_path: Path) -> None:
    for name in ("first", "second"):
        repair(lab, "inject", "--seed", "7", "--days", "365", "--output", str(tmp_path / name))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_an_applications_fault_and_a_machine_that_is_well_are_left_alone(lab: Lab) -> None:
    assert not repair(lab, "inject", "train-004", "--gpu", "1", "--xid", "31")["out"]
    assert repair(lab, "run", "--once", "--dry-run")["decisions"] == []


def test_what_cannot_be_is_said_with_the_nearest_name_or_the_next_step(lab: Lab) -> None:
    (problem,) = repair(lab, "accept", "train-04", code=2)["problems"]
    assert (problem["code"], "train-004" in problem["hint"]) == ("machine-unknown", True)
    (problem,) = repair(lab, "accept", "train-004", code=2)["problems"]
    assert problem["code"] == "not-awaited"
