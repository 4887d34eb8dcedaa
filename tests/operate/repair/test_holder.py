"""Which process holds the lease, and when it is known to have ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sovereign_ai.cluster import started_at
from sovereign_ai.operate.repair import holder
from sovereign_ai.operate.repair.holder import has_ended, own_process

_SAY = "from sovereign_ai.operate.repair.holder import own_process; print(own_process())"


def ended_process() -> str:
    """Return the name of a process that is over, and that nobody has to wait for any more."""
    done = subprocess.run([sys.executable, "-c", _SAY], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_process_that_runs_has_not_ended() -> None:
    assert own_process()
    assert not has_ended(own_process())


def test_a_process_that_was_waited_for_has_ended() -> None:
    assert has_ended(ended_process())


def test_a_number_that_another_process_has_by_now_has_ended() -> None:
    kernel, _, started = own_process().rpartition(" ")
    assert has_ended(f"{kernel} {int(started) - 1}")


@pytest.mark.parametrize("part", [0, 1], ids=["another boot", "other namespaces"])
def test_what_runs_under_another_kernel_is_not_known(part: int) -> None:
    parts = ended_process().split(" ")
    parts[part] += "0"
    assert not has_ended(" ".join(parts))


def test_a_process_that_proc_hides_is_not_known_to_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    name = own_process()
    monkeypatch.setattr(holder, "started_at", lambda _pid: None)
    assert not has_ended(name)
    assert own_process() == ""


@pytest.mark.parametrize("text", [None, "", 7, "a b c d", "a b 1", "a b -1 2", "a b 1 1"])
def test_anything_else_is_not_known_to_have_ended(text: object) -> None:
    assert started_at(os.getpid())
    assert not has_ended(text)
