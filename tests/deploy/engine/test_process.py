"""An engine that ends with its command, whatever ends that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.deploy.engine.process import supervised
from sovereign_ai.deploy.engine.supervisor import session_members
from sovereign_ai.deploy.state.process_table import kill_all, marked
from sovereign_ai.toolchain.waiting import wait_until

# An engine as Pulumi's is: children in process groups of their own, and a last word at the end.
ENGINE = """
import os, signal, subprocess, sys, time
kind, mark = sys.argv[1:]
child = subprocess.Popen(["sleep", "600"], process_group=0, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
asked = []
signal.signal(signal.SIGINT, signal.SIG_IGN if kind == "deaf" else lambda *_: asked.append(1))
print("begun", flush=True)
while not asked and kind != "short":
    time.sleep(0.01)
for number in range(2000):
    print("a line as long as an event of the engine, to fill the pipe whose reader is gone", number, flush=True)
open(mark, "w").write("saved")
sys.exit(7)
"""  # noqa: E501 - one literal text
# A command of ours around it, which is killed by the test.
COMMAND = """
import os, sys
from pathlib import Path
from sovereign_ai.deploy.engine.process import supervised
argv = [sys.executable, "-c", sys.argv[1], *sys.argv[2:4]]
grace = float(sys.argv[4])
with supervised(argv, Path("/"), dict(os.environ), on_termination=lambda: None, grace=grace) as engine:
    for line in engine.output_lines:
        print(line, end="", flush=True)
"""


@pytest.fixture
def variable(tmp_path: Path) -> Iterator[bytes]:
    """An entry of the environment by which all that a test starts is found, and ended with it."""
    entry = f"ENGINE_OF_TEST={tmp_path}"
    yield entry.encode()
    kill_all(lambda: marked(entry.encode()))


def environ(variable: bytes) -> dict[str, str]:
    name, _, value = variable.decode().partition("=")
    return {**os.environ, name: value}


@pytest.mark.parametrize(("kind", "saves"), [("asked", True), ("deaf", False)])
def test_with_a_killed_command_the_engine_saves_what_it_did_and_nothing_stays_at_work(
    tmp_path: Path, variable: bytes, kind: str, saves: bool
) -> None:
    mark = tmp_path / "saved"
    argv = [sys.executable, "-c", COMMAND, ENGINE, kind, str(mark), "10" if saves else "0.5"]
    with subprocess.Popen(
        argv, env=environ(variable), stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "begun\n"
        command.kill()
    assert wait_until(lambda: not marked(variable), 20), marked(variable)
    assert mark.exists() is saves


@pytest.mark.parametrize("who", ["supervisor", "all of the command"])
def test_with_its_supervisor_killed_the_engine_ends_too(tmp_path: Path, variable: bytes, who: str) -> None:
    argv = [sys.executable, "-c", COMMAND, ENGINE, "deaf", str(tmp_path / "saved"), "600"]
    with subprocess.Popen(
        argv, env=environ(variable), stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "begun\n"
        (supervisor,) = (
            pid
            for pid in marked(variable)
            if b"engine/supervisor.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        engine = next(
            pid
            for pid in marked(variable)
            if os.getsid(pid) == supervisor and b"begun" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        for pid in (supervisor, *([command.pid] if who != "supervisor" else [])):
            os.kill(pid, signal.SIGKILL)
        assert wait_until(lambda: engine not in marked(variable), 10)


@pytest.mark.parametrize("ending", ["7", "-9", "127"])
def test_it_ends_as_the_engine_did_and_its_words_are_heard_to_the_last(
    tmp_path: Path, variable: bytes, ending: str
) -> None:
    program = [sys.executable, "-c", ENGINE, "short", str(tmp_path / "saved")]
    if ending == "-9":
        program = [sys.executable, "-c", "import os; print('last', flush=True); os.kill(os.getpid(), 9)"]
    elif ending == "127":
        program = [str(tmp_path / "none")]
    with supervised(program, tmp_path, environ(variable), on_termination=lambda: None) as engine:
        heard = list(engine.output_lines)
    assert engine.returncode == int(ending)
    last = {
        "7": "reader is gone 1999\n",
        "-9": "last\n",
        "127": f"error: {tmp_path}/none: No such file or directory\n",
    }
    assert heard[-1].endswith(last[ending])
    assert wait_until(lambda: not marked(variable), 5), "a child of the engine stayed"


def test_beyond_a_limit_on_the_size_of_files_a_write_fails_and_does_not_kill_the_engine(
    tmp_path: Path, variable: bytes
) -> None:
    program = ["prlimit", "--fsize=1000", "dd", "if=/dev/zero", "of=state", "bs=2000", "count=1"]
    with supervised(program, tmp_path, environ(variable), on_termination=lambda: None) as engine:
        words = "".join(engine.output_lines)
    assert (engine.returncode, "File too large" in words) == (1, True), words


def test_an_error_in_the_block_ends_the_engine_too(tmp_path: Path, variable: bytes) -> None:
    program = [sys.executable, "-c", ENGINE, "asked", str(tmp_path / "saved")]
    with (
        pytest.raises(OSError, match="full"),
        supervised(program, tmp_path, environ(variable), on_termination=lambda: None),
    ):
        raise OSError(28, "the disk is full")
    assert not marked(variable)


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_once_the_watched_file_is_another_one_the_engine_is_killed_without_a_word(
    tmp_path: Path, variable: bytes, change: str
) -> None:
    lock = tmp_path / "lock"
    lock.write_text("mine")
    program = [sys.executable, "-c", ENGINE, "asked", str(tmp_path / "saved")]
    with supervised(
        program, tmp_path, environ(variable), on_termination=lambda: None, watched=lock, grace=600
    ) as engine:
        assert engine.output_lines.readline() == "begun\n"
        if change == "replaced":
            (tmp_path / "other").write_text("theirs")
            (tmp_path / "other").replace(lock)
        else:
            lock.unlink()
        assert list(engine.output_lines) == []
    assert engine.returncode == -signal.SIGKILL
    assert not (tmp_path / "saved").exists()
    assert not marked(variable)


def test_the_supervisor_has_no_descriptor_of_the_command_but_the_two_it_is_given(
    tmp_path: Path, variable: bytes
) -> None:
    script = "import os; print(sorted(os.listdir('/proc/self/fd')), flush=True)"
    with (
        (tmp_path / "open").open("w"),
        supervised(
            [sys.executable, "-c", script], tmp_path, environ(variable), on_termination=lambda: None
        ) as engine,
    ):
        assert engine.output_lines.readline() == "['0', '1', '2', '3']\n"  # 3 is that of the list itself


def test_members_of_a_session_are_all_but_this_process() -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as child:
        assert wait_until(lambda: session_members(child.pid) == [child.pid], 5)
        child.kill()
    assert os.getpid() not in session_members(os.getsid(0))
