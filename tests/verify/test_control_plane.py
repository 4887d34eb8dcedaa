from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import UnreachableError
from sovereign_ai.cluster.dead_components import DeadComponent
from sovereign_ai.errors import Problem
from sovereign_ai.verify.control_plane import UNKNOWN, may_be_dead, verdict_on_dead, with_dead
from sovereign_ai.verify.findings import ClusterFinding
from sovereign_ai.verify.verdict import ClusterVerdict
from tests.sim.plans import CLUSTER, factory_of, plan_of
from tests.verify.in_memory import refused
from tests.verify.small_bundle import small_bundle

FACTORY = factory_of()
PLAN = plan_of(FACTORY, spares=1)
BUNDLE: Any = small_bundle(FACTORY, PLAN)


def test_what_died_is_a_finding_that_says_what_to_do_and_the_rest_is_unknown_and_not_fine() -> None:
    part = DeadComponent("Container", "lab-control-plane", "exited", "`docker start lab-control-plane`")
    verdict = verdict_on_dead([part], FACTORY, PLAN, BUNDLE, cluster=CLUSTER)
    (finding,) = verdict.findings
    assert str(finding) == 'changed Container/lab-control-plane: state: wanted "running", found "exited"'
    assert finding.hint == part.remedy
    assert (verdict.ok, verdict.complete, verdict.probes) == (False, False, ())
    assert verdict.unknown == UNKNOWN
    assert set(verdict.counts) == {"objects", "nodes"}, "nothing that was not read is counted"
    assert verdict.to_data()["unknown"] == ["devices", "nodes", "objects", "probes"]


def test_without_a_dead_part_there_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="no part is dead"):
        verdict_on_dead([], FACTORY, PLAN, BUNDLE, cluster=CLUSTER)


def test_what_died_of_a_plane_that_answers_is_a_finding_among_those_that_were_read() -> None:
    node = ClusterFinding("changed", "Node/train-001", "state", "ready", "unwell", "it is not ready", "")
    read = ClusterVerdict(
        FACTORY.name, CLUSTER, (node,), (), {"objects": 1}, datetime(2026, 1, 1, tzinfo=UTC)
    )
    verdict = with_dead(
        read, [DeadComponent("Container", "lab-worker", "exited", "`docker start lab-worker`")]
    )
    assert [finding.resource for finding in verdict.findings] == ["Container/lab-worker", "Node/train-001"]
    assert (verdict.unknown, verdict.counts) == ((), {"objects": 1})
    assert with_dead(read, []) == read


def test_silence_and_a_servers_own_failure_may_mean_death_and_a_refusal_does_not() -> None:
    assert may_be_dead(UnreachableError(Problem("cluster-unreachable", "silence")))
    assert may_be_dead(refused(500, "etcdserver: request timed out"))
    assert not may_be_dead(refused(403, "nodes is forbidden"))
