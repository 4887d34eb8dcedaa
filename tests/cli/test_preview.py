"""`preview`: what it refuses before the engine runs, and that it leaves nothing when it is interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import MagicMock, patch

import orjson
import pytest

from sovereign_ai.cli.preview import _by_engine
from sovereign_ai.deploy.state.folder_lock import lock_folder
from sovereign_ai.deploy.state.pulumi_lock import read_locks
from sovereign_ai.toolchain import wait_until
from tests.support.small_stack import SmallStack

ROOT = Path(__file__).resolve().parents[2]
STACKS = ROOT / "stacks"
REQUESTS = {
    "ctrl-c": ((signal.SIGINT,), 130),
    "ctrl-c twice": ((signal.SIGINT, signal.SIGINT), 130),
    "terminate": ((signal.SIGTERM,), 143),
    "terminate and ctrl-c": ((signal.SIGTERM, signal.SIGINT), 143),
    "hang up": ((signal.SIGHUP,), 129),
}
"""How a command is asked to end, and its exit code."""
ON_SMALL_ENGINE = """
import sys
from pathlib import Path
import typer
from sovereign_ai.cli.command import run_command
from sovereign_ai.cli.interrupt import exit_code_of_request, heed_requests, ignore_requests
from sovereign_ai.deploy.engine import runs as engine

program, folder = map(Path, sys.argv[1:])
engine.find = lambda _name: program
engine.engine_variables = lambda *_: {}
heed_requests()
try:
    run_command("preview", True, lambda output: engine.Engine(folder, "lab", None, output.progress).preview())
except typer.Exit as left:
    ignore_requests()
    sys.exit(exit_code_of_request() if left.exit_code == 130 else left.exit_code)
"""
"""As `sovereign-ai preview` runs the engine."""


def test_a_policy_pack_that_is_not_there_is_wrong_usage_before_anything_runs(tmp_path: Path) -> None:
    from sovereign_ai.deploy.engine.runs import _require_pack
    from sovereign_ai.errors import UsageError

    with pytest.raises(UsageError, match="PulumiPolicy"):
        _require_pack(tmp_path)
    assert _require_pack(STACKS.parent / "policies" / "sovereign").is_absolute()


@pytest.mark.parametrize("is_ending", [True, False])
def test_the_engine_reads_anew_where_an_object_is_being_deleted(is_ending: bool) -> None:
    engine, checked, part = (
        MagicMock(),
        MagicMock(terminating=["Namespace/startups"] * is_ending),
        MagicMock(),
    )
    checked.cluster.remade = False
    with patch("sovereign_ai.cli.preview.part_of_run", return_value=part):
        _by_engine(engine, MagicMock(), MagicMock(refresh=False), checked, MagicMock(), None)
    engine.preview.assert_called_once_with(
        policy_pack=None, refresh=is_ending, part=None if is_ending else part
    )


def contents(*folders: Path) -> dict[str, bytes]:
    """Return every file of some folders, logs of runs left out."""
    files = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix not in {".log", ".pyc"}:
                files[str(path)] = path.read_bytes()
    return files


def is_delivered(process: subprocess.Popen[str], number: signal.Signals) -> bool:
    """Return whether no signal of a number waits for a process any more, or the process has ended."""
    if process.poll() is not None:
        return True
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    waiting = int(status.partition("ShdPnd:")[2].split()[0], 16)
    return not waiting >> (number - 1) & 1


def ask(process: subprocess.Popen[str], numbers: tuple[signal.Signals, ...]) -> tuple[str, str]:
    """Ask a command to end, and return what it printed."""
    first, *others = numbers
    process.send_signal(first)
    for number in others:
        # Of several that wait, the system delivers the one with the lowest number first.
        assert wait_until(partial(is_delivered, process, first), 60)
        process.send_signal(number)
    # A command that does not end fails the test, and does not hold it up.
    late = threading.Timer(120, process.kill)
    late.start()
    try:
        return process.communicate()
    finally:
        late.cancel()


@contextmanager
def silent_server(folder: Path) -> Iterator[tuple[socket.socket, Path]]:
    """Yield a server that takes connections and says nothing, and a kubeconfig that leads to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        port = server.getsockname()[1]
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        file = folder / "kubeconfig"
        file.write_bytes(orjson.dumps(config))
        file.chmod(0o600)
        yield server, file


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_preview_that_waits_for_the_cluster_ends_when_it_is_asked_to_and_writes_nothing(
    request_: str, tmp_path: Path
) -> None:
    numbers, code = REQUESTS[request_]
    stack, home = tmp_path / "stack", tmp_path / "state"
    shutil.copytree(STACKS / "lab", stack)
    home.mkdir()
    before = contents(stack, home)
    environ = {**os.environ, "XDG_STATE_HOME": str(home)}
    with silent_server(tmp_path) as (server, kubeconfig):
        argv = [sys.executable, "-m", "sovereign_ai.cli", "preview", str(stack), "--json"]
        argv += ["--cluster", "kubeconfig", "--kubeconfig", str(kubeconfig)]
        with subprocess.Popen(
            argv, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            connection, _ = server.accept()
            with connection:
                said, told = ask(running, numbers)
    assert (running.returncode, "Traceback" in told) == (code, False), told
    assert [problem["code"] for problem in orjson.loads(said)["problems"]] == ["interrupted"]
    assert contents(stack, home) == before
    with lock_folder(stack, pytest.fail):
        pass


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_preview_whose_engine_is_at_work_ends_it_and_leaves_state_and_locks_as_they_were(
    request_: str, tmp_path: Path
) -> None:
    numbers, code = REQUESTS[request_]
    small = SmallStack(tmp_path, objects=1)
    assert small.run("up").code == 0
    small.set("objects", "3")
    before = contents(small.folder, small.home)
    small.set("waits")
    argv = [sys.executable, "-c", ON_SMALL_ENGINE, str(small.engine), str(small.folder)]
    with subprocess.Popen(
        argv, cwd=ROOT, env=small.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "object-" in line:
                break
        said, told = ask(running, numbers)
    assert (running.returncode, "Traceback" in told) == (code, False), told
    assert [problem["code"] for problem in orjson.loads(said)["problems"]] == ["interrupted"]
    assert small.settle(), "a process of the engine is left"
    assert contents(small.folder, small.home) == before
    assert read_locks(small.files.pulumi_locks) == []
    with lock_folder(small.folder, pytest.fail):
        pass
    small.unset("waits")
    done = small.run("preview")
    assert done.code == 0, done.words
