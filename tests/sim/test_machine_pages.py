from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.sim.machine_pages import Seen, machine_pages
from tests.sim.claims import pod
from tests.sim.plans import CLUSTER, factory_of, plan_of, pool

PLAN = plan_of(factory_of(pool("train"), pool("red", "mi300x-oam8", 1)))
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
LINE = re.compile(r"^([A-Za-z_]+)\{(.*)\} (\S+)$")


def node(name: str, ready: str = "True") -> dict[str, Any]:
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": name}, "spec": {}, "status": status}


def seen(**more: Any) -> Seen:
    nodes = [node("train-0001"), node("train-0002", "Unknown")]
    return Seen(**{"nodes": nodes, "pods": [], "claims": [], "faults": {}, "at": NOW} | more)


def of_job(name: str, duration: str = "", started: str = "", phase: str = "Running") -> dict[str, Any]:
    made = pod(name, "train-0001", 2)
    made["metadata"]["labels"] = {"batch.kubernetes.io/job-name": "pretrain", KEYS.team: "vision"}
    if duration:
        made["metadata"]["annotations"] = {f"{KEYS.domain}/simulated-duration": duration}
    made["status"] = {"phase": phase} | ({"startTime": started} if started else {})
    return made


def samples(text: str, metric: str) -> list[tuple[dict[str, str], float]]:
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        assert match or line.startswith("# "), line
        if match and match[1] == metric:
            found.append((dict(re.findall(r'(\w+)="([^"]*)"', match[2])), float(match[3])))
    return found


def test_a_machine_is_up_only_while_its_kubelet_answers() -> None:
    ups = {
        labels["node"]: value
        for labels, value in samples(machine_pages(PLAN, CLUSTER, seen())["nodes"], "up")
    }
    # The third machine is in the plan and not in the cluster.
    assert ups == {"train-0001": 1, "train-0002": 0, "red-0001": 0}


def test_samples_carry_the_labels_that_the_rendered_rules_read() -> None:
    with_controllers = replace(PLAN, nodes=tuple(replace(each, bmc="10.1.0.1") for each in PLAN.nodes))
    pages = machine_pages(with_controllers, CLUSTER, seen())
    for page, metric in (
        ("nodes", "up"),
        ("gpus", "DCGM_FI_DEV_XID_ERRORS"),
        ("controllers", "ipmi_dcmi_power_consumption_watts"),
    ):
        labels, _ = samples(pages[page], metric)[0]
        assert labels["job"] == page
        assert {"node", "pool", "rack", "scalable_unit", "zone", "instance"} <= labels.keys(), page


def test_a_machine_without_a_controller_has_no_power_that_one_would_measure() -> None:
    pages = machine_pages(PLAN, CLUSTER, seen())
    assert samples(pages["controllers"], "ipmi_dcmi_power_consumption_watts") == []


def test_a_job_is_as_far_as_its_slowest_pod() -> None:
    pods = [of_job("a", "1h", "2026-11-28T11:30:00Z"), of_job("b", "1h", "2026-11-28T11:45:00Z")]
    page = machine_pages(PLAN, CLUSTER, seen(pods=pods))["jobs"]
    work = {"namespace": "research", "job_name": "pretrain", "team": "vision"}
    assert samples(page, "sovereign_ai_job_progress_ratio") == [(work, 0.25)]
    assert samples(page, "sovereign_ai_job_devices") == [(work, 4)]


@pytest.mark.parametrize(
    ("duration", "started", "ratios"),
    [
        ("90s", "2026-11-28T11:59:15Z", [0.5]),
        ("1h30m", "2026-11-28T11:15:00Z", [0.5]),
        ("10s", "2026-11-28T11:00:00Z", [1.0]),
        ("1h", "2026-11-28T13:00:00Z", [0.0]),
        ("1h", "", [0.0]),
        ("", "2026-11-28T11:00:00Z", []),
        ("0s", "2026-11-28T11:00:00Z", []),
        ("soon", "2026-11-28T11:00:00Z", []),
        ('1h"} 1\nup{a="', "2026-11-28T11:00:00Z", []),
        ("9" * 400 + "h", "2026-11-28T11:00:00Z", []),
    ],
)
def test_progress_is_a_share_of_what_is_stated_and_nothing_where_nothing_is(
    duration: str, started: str, ratios: list[float]
) -> None:
    page = machine_pages(PLAN, CLUSTER, seen(pods=[of_job("a", duration, started)]))["jobs"]
    assert [value for _, value in samples(page, "sovereign_ai_job_progress_ratio")] == ratios


def test_pods_that_have_ended_or_are_of_no_job_count_for_none() -> None:
    pods = [of_job("a", "1h", "2026-11-28T11:30:00Z", "Succeeded"), pod("alone", "train-0001", 1)]
    assert samples(machine_pages(PLAN, CLUSTER, seen(pods=pods))["jobs"], "sovereign_ai_job_devices") == []
