"""A sample of the hostile inputs; `python -m tests.hostile` tries all of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.files.kinds import KINDS
from tests.hostile.case import Case, Prepared
from tests.hostile.cases import all_cases
from tests.hostile.judge import Done, faults
from tests.hostile.readers import READERS
from tests.hostile.runner import run_all, scratch
from tests.hostile.texts import ESCAPES, FORGED, SECRETS

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 100
"""Cases of a run in CI; which they are follows from their names, so that a failure comes back."""
REFUSED = Case("reader/class/variant", lambda folder: Prepared(folder, ()), frozenset({2}))


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A folder for the cases of a run."""
    folder = scratch()
    yield folder
    shutil.rmtree(folder)


def test_every_kind_of_input_has_hostile_cases() -> None:
    tried = {name for reader in READERS for name in reader.kinds}
    assert {kind.name for kind in KINDS} == tried


def test_every_reader_can_be_prepared_also_those_that_no_sample_draws(root: Path) -> None:
    for number, reader in enumerate(READERS):
        folder = root / str(number)
        folder.mkdir(mode=0o700)
        assert reader.prepare(folder).run is not None


def test_there_are_at_least_1500_hostile_inputs_and_60_controls() -> None:
    cases = list(all_cases())
    assert len({case.name for case in cases}) == len(cases)
    controls = sum(case.is_control for case in cases)
    assert (controls >= 60, len(cases) - controls >= 1_500) == (True, True), (controls, len(cases))


def test_a_sample_of_hostile_inputs_is_refused_in_words() -> None:
    assert f"0 of {SAMPLE} wrong" in run_apart("--sample", str(SAMPLE))


def test_every_control_is_taken_since_a_reader_that_refuses_all_would_pass_all_hostile_inputs() -> None:
    controls = sum(case.is_control for case in all_cases())
    assert f"0 of {controls} wrong" in run_apart("--controls")


def run_apart(*options: str) -> str:
    """Run cases in a process of their own, since this one has threads and must not be forked."""
    command = [sys.executable, "-m", "tests.hostile", *options, "--processes", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    return done.stdout


def done(output: str, code: int = 2, **more: object) -> Done:
    values = {"cpu": 0.1, "memory": 1 << 20, "timed_out": False, "written": {}} | more
    return Done(code, output.encode("utf-8", "surrogatepass"), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [*ESCAPES.values(), *SECRETS.values()])
def test_the_judge_sees_what_must_not_be_printed(text: str) -> None:
    assert list(faults(REFUSED, done(f"x: {text}\n"))) != []


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (done("Traceback (most recent call last):\n"), "a traceback"),
        (done("that is a defect\n"), "it calls itself a defect"),
        (done("x\n", 4), "exit code 4, expected 2"),
        (done("x\n", cpu=3.5), "3.5 s of processor time"),
        (done("x\n", memory=500 << 20), "500 MiB of memory"),
        (done("x\n", timed_out=True), "it did not end"),
        (done("x\n", written={"home/x": "made"}), "made home/x"),
        (done(" \n"), "it ends in silence"),
        (done(f"{FORGED}\n"), "a forged line"),
    ],
)
def test_the_judge_names_each_fault(what: Done, expected: str) -> None:
    assert expected in list(faults(REFUSED, what))


def test_the_judge_finds_nothing_in_a_plain_refusal() -> None:
    assert list(faults(REFUSED, done("x.yaml:1:1: no zone is called 'opne' [unknown-name]\n"))) == []


def _harm(folder: Path) -> Prepared:
    def act() -> None:
        Path("beside").write_text("x")
        raise SystemExit(2)

    return Prepared(folder, act)


def test_the_runner_sees_a_file_that_is_written_and_a_reader_that_waits(root: Path) -> None:
    case = Case("runner/written/file", _harm, frozenset({2}))
    (result,) = run_all([case], 1, root)
    # The reader is a fork of this process, which a long test run has made larger than any reader may be.
    faults_of_reader = [fault for fault in result.faults if not fault.endswith("MiB of memory")]
    assert faults_of_reader == ["made work/beside", "it ends in silence"]
