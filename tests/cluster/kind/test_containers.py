from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sovereign_ai.cluster.kind.containers import (
    Init,
    containers,
    init_of,
    need_engine,
    remove_network,
    server,
)
from sovereign_ai.cluster.process import started_at
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.toolchain.container_engine.docker import Docker


class Engine:
    """An engine that answers from a table of commands, and notes what was run."""

    def __init__(self, **answers: str) -> None:
        self.answers_by_verb = answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, *arguments: str, **_how: Any) -> Any:
        self.asked.append(arguments)
        text = self.answers_by_verb.get(arguments[0])
        return SimpleNamespace(returncode=0 if text is not None else 1, stdout=(text or "").encode())

    def lines(self, *arguments: str) -> list[str]:
        return self.run(*arguments).stdout.decode().splitlines()

    def answers(self) -> str:
        return self.answers_by_verb.get("version", "")

    def silence(self) -> str:
        return "permission denied"


def docker(**answers: str) -> tuple[Engine, Docker]:
    engine = Engine(**answers)
    return engine, cast("Docker", engine)


def test_the_control_plane_is_listed_first() -> None:
    _, engine = docker(ps="b\t2\trunning\tabc\tworker\t/a,/b\nz\t1\texited\t\tcontrol-plane\t")
    first, second = containers(engine, "lab")
    assert (first.name, first.runs, first.recipe) == ("z", False, "")
    assert (second.name, second.runs, second.recipe) == ("b", True, "abc")
    assert (first.mounts, second.mounts) == ((), ("/a", "/b"))


@pytest.mark.parametrize("answers", [{}, {"inspect": "0"}, {"inspect": ""}])
def test_a_container_that_does_not_run_has_no_first_process(answers: dict[str, str]) -> None:
    assert init_of(docker(**answers)[1], "lab-control-plane") is None


def test_a_first_process_is_known_by_its_start_time() -> None:
    pid = os.getpid()
    init = init_of(docker(inspect=str(pid))[1], "lab-control-plane")
    assert init == Init(pid, started_at(pid) or 0)
    assert init.runs()
    assert not Init(pid, init.began + 1).runs()


def test_the_network_stays_while_any_cluster_needs_it() -> None:
    for answers in ({}, {"network": "2"}, {"network": "0", "ps": "stopped"}):
        engine, client = docker(**answers)
        assert not remove_network(client)
        assert ("network", "rm", "kind") not in engine.asked
    engine, client = docker(network="0")
    assert remove_network(client)
    assert engine.asked[-1] == ("network", "rm", "kind")


def test_the_server_s_address_is_known_only_while_its_container_runs() -> None:
    assert server(docker(port="127.0.0.1:40001")[1], "lab") == "https://127.0.0.1:40001"
    assert server(docker()[1], "lab") is None


def test_an_engine_that_does_not_answer_is_refused_with_its_own_reason() -> None:
    need_engine(docker(version="28")[1])
    with pytest.raises(EnvironmentLacksError, match="none answers: permission denied"):
        need_engine(docker()[1])
