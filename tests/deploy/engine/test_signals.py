"""A child that is asked to end comes to its own end, is asked once, and is heard until then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sovereign_ai.deploy.engine.signals import forwarding_signals, signals_as_interrupt
from tests.support.small_engine import checkpoint

ENGINE = """#!/bin/sh
case "$1 $2" in
"up --stack")
  asked=0
  trap 'asked=$((asked + 1))' INT
  echo '{"resOutputsEvent": {"metadata": {"op": "create", "type": "kubernetes:core/v1:Pod", "urn": "urn:pulumi:s::p::t::one"}}}'
  echo ready
  while [ $asked = 0 ]; do sleep 0.05; done
  while [ ! -e "$0.twice" ]; do sleep 0.05; done
  echo '{"resOutputsEvent": {"metadata": {"op": "create", "type": "kubernetes:core/v1:Pod", "urn": "urn:pulumi:s::p::t::two"}}}'
  echo "asked $asked"
  exit $(cat "$0.code");;
esac
"""  # noqa: E501 - one literal text
PROGRAM = """
import sys
from pathlib import Path
import typer
from sovereign_ai.cli.command import run_command
from sovereign_ai.deploy.engine import runs as engine

here = Path(sys.argv[1])
engine.find = lambda _name: here / "pulumi"
engine.engine_variables = lambda *_: {}
tell = lambda line: print(line, file=sys.stderr, flush=True)
try:
    run_command("up", False, lambda _output: engine.Engine(here / "lab", "lab", None, tell).up())
except typer.Exit as left:
    sys.exit(left.exit_code)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 255), (signal.SIGTERM, 255), (signal.SIGHUP, 255), (signal.SIGINT, 0)],
    ids=["ctrl-c", "terminate", "hang-up", "too-late-to-stop-anything"],
)
def test_a_request_to_end_is_handed_on_once_and_the_engine_is_heard_to_its_own_end(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    program = tmp_path / "pulumi"
    program.write_text(ENGINE)
    program.chmod(0o700)
    (tmp_path / "pulumi.code").write_text(str(code))
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "Pulumi.yaml").write_text("name: lab\n")
    state = tmp_path / "state" / "sovereign-ai" / "pulumi" / ".pulumi" / "stacks" / "lab" / "lab.json"
    state.parent.mkdir(parents=True)
    state.write_bytes(checkpoint(0))
    argv = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    with subprocess.Popen(
        argv, stderr=subprocess.PIPE, text=True, env=environ, cwd=Path(__file__).parents[3]
    ) as running:
        assert running.stderr is not None
        late = threading.Timer(60, running.kill)
        late.start()
        told = []
        for line in running.stderr:
            told.append(line)
            if "create one" in line or "the engine ends what it has begun" in line:
                running.send_signal(number)
            if "the engine ends what it has begun" in line:
                (tmp_path / "pulumi.twice").touch()
            if "interrupted" in line:
                break
        told += running.stderr.readlines()
        late.cancel()
    said = "".join(told)
    assert running.returncode == 130, said
    assert "was interrupted; the 2 changes that were done stay" in said
    log = (tmp_path / "state" / "sovereign-ai" / "lab.up.log").read_text()
    assert "asked 1\n" in log


def test_a_request_that_comes_before_the_child_is_handed_on_when_it_has_started() -> None:
    told: list[str] = []
    with forwarding_signals(lambda: told.append("asked")) as started:
        os.kill(os.getpid(), signal.SIGTERM)
        with subprocess.Popen(["sleep", "60"], text=True, start_new_session=True) as child:
            started(child)
            assert child.wait(30) == -signal.SIGINT
    assert told == ["asked"]


def test_a_request_that_the_system_hands_to_another_thread_reaches_the_child_all_the_same() -> None:
    told: list[str] = []
    echo = "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(5))\nprint('ready', flush=True)\nsignal.pause()"  # noqa: E501 - one literal text

    def request() -> None:
        # Once the main thread waits for output.
        threading.Event().wait(0.5)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    with (
        forwarding_signals(lambda: told.append("asked")) as started,
        subprocess.Popen([sys.executable, "-c", echo], stdout=subprocess.PIPE, text=True) as child,
    ):
        assert child.stdout is not None
        late = threading.Timer(20, child.kill)
        late.start()
        started(child)
        assert child.stdout.readline() == "ready\n"
        threading.Thread(target=request).start()
        # As an engine without a word to say: this thread waits for its output.
        assert child.stdout.readline() == ""
        late.cancel()
    assert (child.returncode, told) == (5, ["asked"])


def test_the_number_of_a_request_is_known_to_who_listened_for_it_before() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    former = signal.set_wakeup_fd(writer)
    try:
        with forwarding_signals(lambda: None):
            os.kill(os.getpid(), signal.SIGTERM)
        assert os.read(reader, 8) == bytes([signal.SIGTERM])
    finally:
        assert signal.set_wakeup_fd(former) == writer
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_from_a_pipeline_or_a_cut_connection_ends_a_block_as_ctrl_c_does(
    number: signal.Signals,
) -> None:
    former = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), signals_as_interrupt():
        signal.raise_signal(number)
    assert signal.getsignal(number) is former
    ignored = signal.signal(number, signal.SIG_IGN)
    try:
        with signals_as_interrupt():
            signal.raise_signal(number)
    finally:
        signal.signal(number, ignored)
