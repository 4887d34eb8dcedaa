"""The operator's process: it answers from the start, and what fails is told once and tried again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.process import Probe, is_well
from sovereign_ai.cluster.state import Place, is_free
from sovereign_ai.operate import __main__ as operator
from sovereign_ai.operate.records import write_grant
from tests.operate.given import grant, plane


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def free_port(*but: int) -> int:
    return next(port for port in range(29_000, 30_000) if port not in but and is_free(port))


def test_without_an_api_server_it_is_well_tells_its_trouble_once_and_goes_on_until_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: Place = plane(tmp_path)
    port = free_port()
    make_identities(where, free_port(port))
    begins = datetime.now(UTC)
    write_grant(where, grant(begins=begins, ends=begins + timedelta(hours=1)))
    said: list[str] = []
    rounds, stop = [0], threading.Event()

    def clock() -> datetime:
        rounds[0] += 1
        return datetime.now(UTC)

    monkeypatch.setattr(operator, "PERIOD_SECONDS", 0.02)
    monkeypatch.setattr(operator, "_say", said.append)
    thread = threading.Thread(target=operator.run, args=(where.folder, port, clock, stop))
    thread.start()
    try:
        pki = where.pki
        probe = Probe(port, "/healthz", f"{pki}/cluster-ca.crt", f"{pki}/supervisor.crt", f"{pki}/supervisor.key")
        until(lambda: is_well(probe))
        until(lambda: rounds[0] > 2)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert len([line for line in said if "cluster-unreachable" in line]) == 1, said
    assert is_free(port)


def test_a_defect_in_a_round_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = plane(tmp_path)
    make_identities(where, free_port())
    said: list[str] = []
    rounds, stop = [0], threading.Event()

    def clock() -> datetime:
        rounds[0] += 1
        if rounds[0] > 4:
            stop.set()
        message = "no clock"
        raise OSError(message)

    monkeypatch.setattr(operator, "PERIOD_SECONDS", 0.01)
    monkeypatch.setattr(operator, "_say", said.append)
    operator.run(where.folder, free_port(), clock, stop)
    assert rounds[0] == 5
    assert said == ["OSError: no clock"]
