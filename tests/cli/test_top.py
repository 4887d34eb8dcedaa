"""`top`: what it reads of queues, and how it ends; `test_repair.py` tries it on a real cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.cli.top import new_screen, queues_of
from sovereign_ai.verify import QueueState


def named(name: str, namespace: str = "", **rest: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"metadata": meta, **rest}


def workload(name: str, *conditions: str, queue: str = "local", counts: tuple[int, ...] = (4,)) -> Any:
    spec = {"queueName": queue, "podSets": [{"count": count} for count in counts]}
    status = {"conditions": [{"type": kind, "status": "True"} for kind in conditions]}
    return named(name, "research", spec=spec, status=status)


def state(*workloads: Any) -> QueueState:
    local = named("local", "research", spec={"clusterQueue": "train"})
    return QueueState(local_queues=[local], cluster_queues=[named("train")], workloads=workloads)


def test_a_workload_counts_in_the_queue_above_its_own() -> None:
    queues, workloads = queues_of(state(workload("a", "QuotaReserved", "Admitted"), workload("b")))
    assert [(queue.name, queue.running, queue.waiting) for queue in queues] == [("train", 1, 1)]
    assert [(each.name, each.state) for each in workloads] == [
        ("research/a", "running"),
        ("research/b", "waiting"),
    ]


def test_a_finished_workload_is_not_shown() -> None:
    queues, workloads = queues_of(state(workload("a", "Admitted", "Finished")))
    assert (queues[0].running, queues[0].waiting, workloads) == (0, 0, [])


def test_a_workload_of_a_queue_that_does_not_exist_is_shown_in_none() -> None:
    queues, workloads = queues_of(state(workload("a", queue="gone", counts=(1, 8))))
    assert (queues[0].running, queues[0].waiting) == (0, 0)
    assert [(each.queue, each.pods) for each in workloads] == [("gone", 9)]


@pytest.mark.parametrize("status", [None, {}, {"conditions": None}, {"conditions": [{}]}])
def test_a_workload_without_a_status_waits(status: Any) -> None:
    _, (waiting,) = queues_of(state({**workload("a"), "status": status}))
    assert waiting.state == "waiting"


def test_a_folder_without_a_description_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["top", str(tmp_path)])
    assert result.exit_code == 2
    assert "factory.yaml" in result.output


@pytest.mark.parametrize(("terminal", "start"), [("xterm", "\x1b[H\x1b[2J"), ("dumb", "\n"), ("", "\n")])
def test_a_terminal_that_cannot_erase_gets_no_sequences(
    terminal: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", terminal)
    assert new_screen() == start
    monkeypatch.delenv("TERM")
    assert new_screen() == "\n"
