from __future__ import annotations

import os
import threading

import pytest

from sovereign_ai.cluster.kind import network_namespace
from sovereign_ai.cluster.kind.containers import Init
from sovereign_ai.cluster.kind.network_namespace import listen, wait_for


def test_waiting_ends_when_the_container_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([None, None, Init(7, 1)])
    monkeypatch.setattr(network_namespace, "init_of", lambda *_: next(answers))
    monkeypatch.setattr(network_namespace, "_LOOK_SECONDS", 0.0)
    lines: list[str] = []
    assert wait_for("lab-control-plane", lines.append, threading.Event()) == Init(7, 1)
    assert lines == ["waiting for the container lab-control-plane"]


def test_waiting_ends_without_a_container_when_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_namespace, "init_of", lambda *_: None)
    stop = threading.Event()
    stop.set()
    assert wait_for("lab-control-plane", lambda _line: None, stop) is None


def test_a_container_that_has_ended_is_an_error() -> None:
    with pytest.raises(OSError, match="No such file"):
        listen(Init(2**22 + os.getpid(), 1), 10270)
