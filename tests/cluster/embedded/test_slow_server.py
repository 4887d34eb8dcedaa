"""A server that is made slow stands still now and then, and always goes on, whatever ends its caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sovereign_ai.cluster.embedded import slow_server
from sovereign_ai.cluster.embedded.slow_server import SERVER, SlowServer, take_turns
from sovereign_ai.cluster.embedded.supervisor import LOCK
from sovereign_ai.cluster.process import is_stopped, started_at
from sovereign_ai.cluster.state import ClusterDir, write_json
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain import wait_until

_SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
_PATIENCE = 60.0
_CALLER = """
import sys, threading
from pathlib import Path
from sovereign_ai.cluster.embedded.slow_server import SlowServer
from sovereign_ai.cluster.state import ClusterDir
with SlowServer(ClusterDir("lab", Path(sys.argv[1])), 600.0) as slow:
    slow.wait(threading.Event())
"""


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(_SLEEP) as process:
        yield process
        process.kill()


@pytest.fixture
def place(tmp_path: Path, server: subprocess.Popen[bytes]) -> ClusterDir:
    """Return a control plane whose supervisor is this process."""
    place = ClusterDir("lab", tmp_path / "lab")
    place.make()
    (place.folder / LOCK).write_text(f"{os.getpid()} {started_at(os.getpid())}")
    known = {"name": SERVER, "well": True, "restarts": 0, "log": "a.log"}
    process = known | {"pid": server.pid, "started": started_at(server.pid)}
    write_json(place.status, {"phase": "ready", "processes": [process]})
    return place


def stands(server: subprocess.Popen[bytes]) -> Callable[[], bool]:
    return lambda: is_stopped(server.pid)


def goes_on(server: subprocess.Popen[bytes]) -> bool:
    """Return whether it runs, and is not stopped again."""
    runs = wait_until(lambda: not is_stopped(server.pid), _PATIENCE)
    return runs and not wait_until(stands(server), 2.5)


def test_a_slow_server_stands_still_by_turns_and_goes_on_after_the_block(
    place: ClusterDir, server: subprocess.Popen[bytes]
) -> None:
    with SlowServer(place, 600.0):
        for _ in range(2):
            assert wait_until(stands(server), _PATIENCE)
            assert wait_until(lambda: not is_stopped(server.pid), _PATIENCE)
    assert goes_on(server)


def test_a_server_is_slow_no_longer_than_was_asked_for(
    place: ClusterDir, server: subprocess.Popen[bytes]
) -> None:
    with SlowServer(place, 0.3) as slow:
        slow.wait(threading.Event())
        assert goes_on(server)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whatever_ends_the_caller_the_server_goes_on(
    place: ClusterDir, server: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    caller = [sys.executable, "-c", _CALLER, str(place.folder)]
    with subprocess.Popen(caller, stderr=subprocess.DEVNULL) as process:
        assert wait_until(stands(server), _PATIENCE)
        process.send_signal(number)
        process.wait(_PATIENCE)
    assert goes_on(server)


def test_a_server_goes_on_though_the_process_between_was_killed(
    place: ClusterDir, server: subprocess.Popen[bytes]
) -> None:
    with SlowServer(place, 600.0) as slow:
        assert wait_until(stands(server), _PATIENCE)
        slow.kill()
    assert goes_on(server)


def test_another_process_of_the_same_number_is_left_alone(server: subprocess.Popen[bytes]) -> None:
    reader, writer = os.pipe()
    take_turns(server.pid, 1, time.monotonic() + 600, reader)
    assert not is_stopped(server.pid)
    os.close(reader)
    os.close(writer)


def test_a_process_that_starts_when_it_is_over_stops_nothing(
    server: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy host it may take seconds to start; whoever asked for it counts from when it asked."""
    sent: list[signal.Signals] = []
    monkeypatch.setattr(slow_server, "_send", lambda _server, number: sent.append(number) is None)
    reader, writer = os.pipe()
    take_turns(server.pid, started_at(server.pid) or 0, time.monotonic() - 1, reader)
    assert sent == [signal.SIGCONT]
    os.close(reader)
    os.close(writer)


def test_a_server_that_ends_ends_the_turns(server: subprocess.Popen[bytes]) -> None:
    reader, writer = os.pipe()
    started = started_at(server.pid) or 0
    server.kill()
    server.wait()
    take_turns(server.pid, started, time.monotonic() + 600, reader)
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("without", ["supervisor", "server"])
def test_a_control_plane_that_does_not_run_here_is_refused(
    place: ClusterDir, server: subprocess.Popen[bytes], without: str
) -> None:
    if without == "supervisor":
        (place.folder / LOCK).unlink()
    else:
        server.kill()
        server.wait()
    with pytest.raises(EnvironmentLacksError) as caught:
        SlowServer(place, 1.0)
    assert [problem.code for problem in caught.value.problems] == ["no-api-server"]
