from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sovereign_ai.cluster.dead_components import dead_components_of_embedded
from sovereign_ai.cluster.embedded.process_status import ClusterStatus, ComponentStatus

ETCD, SERVER = (
    ComponentStatus(name, 100, alive=True, restarts=0, healthy=True, log=Path(f"/logs/{name}.log"))
    for name in ("etcd", "kube-apiserver")
)
WELL = ClusterStatus(
    "lab",
    Path("/lab"),
    "ready",
    healthy=True,
    supervisor=99,
    server=None,
    kubeconfig=Path("/lab/kubeconfig"),
    components=(ETCD, SERVER),
)


def seen(**changes: object) -> list[tuple[str, str, str]]:
    return [(one.kind, one.name, one.state) for one in dead_components_of_embedded(replace(WELL, **changes))]  # type: ignore[arg-type]


def test_nothing_is_dead_of_a_plane_that_runs_nor_of_one_that_does_not_exist() -> None:
    assert seen() == []
    assert seen(phase="absent", supervisor=None) == []


def test_a_supervisor_that_ended_is_named_before_what_it_took_along() -> None:
    ended = tuple(replace(one, alive=False, healthy=False) for one in WELL.components)
    gone = seen(phase="stopped", supervisor=None, components=ended)
    assert gone == [
        ("Process", "supervisor", "stopped"),
        ("Process", "etcd", "ended"),
        ("Process", "kube-apiserver", "ended"),
    ]
    assert all(
        "cluster up lab" in one.remedy
        for one in dead_components_of_embedded(
            replace(WELL, supervisor=None, phase="stopped", components=ended)
        )
    )


@pytest.mark.parametrize(("alive", "word"), [(False, "ended"), (True, "unwell")])
def test_of_a_supervised_plane_only_the_component_that_fails_is_named_with_its_log(
    alive: bool, word: str
) -> None:
    (one,) = dead_components_of_embedded(
        replace(WELL, components=(replace(ETCD, alive=alive, healthy=False), SERVER))
    )
    assert (one.name, one.state) == ("etcd", word)
    assert "/logs/etcd.log" in one.remedy


def test_a_component_that_outlives_its_supervisor_is_not_called_dead() -> None:
    orphan = replace(ETCD, healthy=False)
    assert seen(phase="stopped", supervisor=None, components=(orphan,)) == [
        ("Process", "supervisor", "stopped")
    ]
