"""Requests to end: as an exception once, and as an event."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from sovereign_ai.cli import main
from sovereign_ai.cli.interrupt import stopping_at_interrupt

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ASK = (
    "import os, signal, sys, time, weakref\nask = lambda number=signal.SIGINT: os.kill(os.getpid(), number)\n"
)
AT_IMPORT = """
wanted = sys.argv[1]

class AtImport:
    def find_spec(name, path, target=None):
        if name == wanted:
            ask()

sys.meta_path.insert(0, AtImport)
from sovereign_ai.cli.__main__ import start
sys.argv = ["sovereign-ai", "validate", "none.yaml", "--json"]
start()
"""


class Thing:
    """Something that can be forgotten."""


def test_an_interrupt_sets_the_event_and_raises_nothing() -> None:
    stop = threading.Event()
    with stopping_at_interrupt(stop):
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(30)


def test_an_interrupt_in_a_callback_of_the_interpreter_is_not_lost() -> None:
    stop = threading.Event()
    thing = Thing()
    # An exception that is raised in here is printed and forgotten.
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
    with stopping_at_interrupt(stop):
        del thing
        assert stop.wait(30)
    assert reference() is None


def test_afterwards_an_interrupt_is_one_again() -> None:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with stopping_at_interrupt(threading.Event()):
            pass
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)


def test_a_request_that_only_the_library_of_the_command_line_hears_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted:
        params = ()
        commands: ClassVar[dict[str, Any]] = {}

        def main(self, *_words: object, **_named: object) -> int:
            return 130

    monkeypatch.setattr(main, "_program", lambda _command="": Interrupted())
    assert main.call(["validate"]) == 130
    assert "was interrupted" in capsys.readouterr().err


def test_without_an_interrupt_the_event_stays_unset() -> None:
    stop = threading.Event()
    with stopping_at_interrupt(stop):
        pass
    assert not stop.is_set()


def test_another_thread_is_left_as_it_is() -> None:
    former = signal.getsignal(signal.SIGINT)
    seen = []

    def run() -> None:
        with stopping_at_interrupt(threading.Event()):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [former]


def validate(folder: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Read a description that is a program, which asks the process to end as it is read."""
    (folder / "factory.py").write_text(ASK + program)
    return run("-m", "sovereign_ai.cli", "validate", str(folder), "--json")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, timeout=120, check=False
    )


def interrupted(done: subprocess.CompletedProcess[str]) -> bool:
    """Return whether a command said in its one document that it was interrupted, and printed no traceback."""
    codes = [problem["code"] for problem in orjson.loads(done.stdout)["problems"]]
    return codes == ["interrupted"] and "Traceback" not in done.stderr and "ignored" not in done.stderr


@pytest.mark.parametrize("number", REQUESTS)
def test_each_request_ends_a_command_with_its_document_and_the_code_that_shells_expect(
    number: signal.Signals, tmp_path: Path
) -> None:
    done = validate(tmp_path, f"ask({int(number)})\ntime.sleep(60)\n")
    assert (done.returncode, interrupted(done)) == (128 + number, True), done


def test_a_second_request_does_not_break_what_the_first_one_makes_a_command_clean_up(tmp_path: Path) -> None:
    clean_up = "ask(signal.SIGTERM); ask(); time.sleep(0.2); open(__file__ + '.cleaned', 'w').close()"
    done = validate(tmp_path, f"try:\n    ask()\n    time.sleep(60)\nfinally:\n    {clean_up}\n")
    assert (done.returncode, interrupted(done)) == (130, True), done
    assert (tmp_path / "factory.py.cleaned").exists()


def test_a_command_that_hangs_as_it_ends_hears_a_request_again_after_a_while(tmp_path: Path) -> None:
    hang = (
        "from sovereign_ai.cli import interrupt\ninterrupt._requests.deaf_until = 1.0\nask()\ntime.sleep(60)"
    )
    done = validate(
        tmp_path, f"try:\n    ask()\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass\n{hang}\n"
    )
    assert (done.returncode, interrupted(done)) == (130, True), done


def test_a_request_that_comes_in_a_callback_of_the_interpreter_is_repeated(tmp_path: Path) -> None:
    callback = (
        "class Thing: pass\nthing = Thing()\nreference = weakref.ref(thing, lambda _: ask())\ndel thing\n"
    )
    done = validate(tmp_path, f"{callback}time.sleep(60)\n")
    assert (done.returncode, interrupted(done)) == (130, True), done


def test_an_interrupt_that_a_library_makes_another_error_of_is_no_defect() -> None:
    program = """
import contextlib
import orjson
import typer
from sovereign_ai.cli.command import run_command
from sovereign_ai.cli import main
from sovereign_ai.cli.interrupt import heed_requests

heed_requests()
with contextlib.suppress(typer.Exit):
    run_command("plan", True, lambda _: orjson.dumps(object(), default=lambda _: ask() or time.sleep(60)))
"""
    done = run("-c", ASK + program)
    assert interrupted(done), done


def test_an_interrupt_in_text_that_is_executed_leaves_the_exit_code_as_it_is(tmp_path: Path) -> None:
    done = validate(tmp_path, "exec('ask(signal.SIGTERM); time.sleep(60)')\n")
    assert (done.returncode, interrupted(done)) == (143, True), done


def test_a_request_that_is_ignored_by_the_caller_is_ignored(tmp_path: Path) -> None:
    program = "ask(signal.SIGHUP)\nraise ValueError\n"
    (tmp_path / "factory.py").write_text(ASK + program)
    command = f'trap "" HUP; exec {sys.executable} -m sovereign_ai.cli validate {tmp_path}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, "ValueError" in done.stderr) == (2, True), done


def test_ctrl_c_before_a_command_begins_shows_no_traceback() -> None:
    done = run("-c", ASK + AT_IMPORT, "sovereign_ai.cli.main")
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    for module in ("sovereign_ai.cli.validate", "sovereign_ai.cli.description"):
        done = run("-c", ASK + AT_IMPORT, module)
        assert (done.returncode, interrupted(done)) == (130, True), done
