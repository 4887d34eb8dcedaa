"""Alerts of a site compare what exporters publish with the plan's own figures."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from sovereign_ai.render.monitoring.rules import alerts, figures
from sovereign_ai.render.monitoring.targets import has_dcgm, scrape_targets
from tests.render.lab import counted_lab, stack

STACKS = ("lab", "superpod", "plural")
# What the exporters publish: node_exporter, dcgm-exporter, ipmi_exporter, kube-state-metrics, and what signs
# evidence.
METRICS = {
    "up",
    "node_network_up",
    "node_infiniband_state_id",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "ipmi_dcmi_power_consumption_watts",
    "DCGM_FI_DEV_XID_ERRORS",
    "kube_node_status_condition",
    "sovereign_ai_evidence_signed_seconds",
}


@pytest.mark.parametrize("name", STACKS)
def test_planned_figures_are_those_of_racks_switches_and_tiers(name: str) -> None:
    factory, plan = stack(name)
    for site in factory.sites:
        rows = {(row.name, *row.labels.values()): row.value for row in figures(factory, plan, site.name)}
        for rack in plan.racks:
            if ("plan:rack_watts", rack.name) in rows:
                assert rows["plan:rack_watts", rack.name] == rack.power
                assert rows["plan:rack_limit_watts", rack.name] >= rack.power
        cables: Counter[str] = Counter()
        for plane in plan.fabrics:
            if plane.site == site.name and plane.kind != "infiniband":
                # A switch is a host where its management port is cabled, which is no port of its front.
                own = {switch.name for switch in plane.switches}
                ends = [end for cable in plane.cables for end in (cable.lower, cable.upper)]
                cables.update(end for end in ends if end in own)
        scraped = {row["labels"]["switch"] for row in scrape_targets(plan, site.name)["switches"]}
        assert scraped
        for switch in scraped:
            assert rows["plan:switch_ports", switch] == cables[switch]


@pytest.mark.parametrize("name", [*STACKS, "counted"])
def test_alerts_read_metrics_of_exporters_and_series_that_the_plan_states(name: str) -> None:
    factory, plan = counted_lab() if name == "counted" else stack(name)
    for site in factory.sites:
        planned = {row.name for row in figures(factory, plan, site.name)}
        for alert in alerts(factory, plan, site.name):
            selectors = set(re.findall(r"(?<![\w:])([a-zA-Z_]+)\{", alert.expression))
            assert selectors <= METRICS, alert
            for series in re.findall(r"plan:[a-z_]+", alert.expression):
                assert series in planned, alert


def test_faults_that_a_program_causes_alarm_nobody() -> None:
    factory, plan = stack("lab")
    (alert,) = [alert for alert in alerts(factory, plan, "fra1") if alert.name == "GpuFault"]
    codes = {int(code) for code in re.findall(r"== (\d+)", alert.expression)}
    assert {48, 79, 95} <= codes
    assert not codes & {13, 31, 43, 45}


@pytest.mark.parametrize("name", STACKS)
def test_every_departure_that_a_site_can_have_has_an_alert(name: str) -> None:
    factory, plan = stack(name)
    for site in factory.sites:
        names = {alert.name for alert in alerts(factory, plan, site.name)}
        assert names >= {"EvidenceStale", "EvidenceMissing", "NodeLost", "RackPowerOverPlan", "GpuFault"}
        assert "GpusMissing" in names
        assert names >= {"LeafLost", "SpineLost", "SwitchLinksDown", "StorageTierFull", "SitePowerOverBudget"}
        kinds = {plane.kind for plane in plan.fabrics if plane.site == site.name and plane.role == "compute"}
        assert ("InfiniBandLinksDown" in names) == ("infiniband" in kinds)


@pytest.mark.parametrize("name", STACKS)
def test_ports_and_gpus_that_are_gone_altogether_alarm_as_fewer_of_them_do(name: str) -> None:
    factory, plan = stack(name)
    for site in factory.sites:
        watched = 0
        for alert in alerts(factory, plan, site.name):
            if alert.name in {"GpusMissing", "EthernetLinksDown", "InfiniBandLinksDown"}:
                # All that is left is whether the exporters answer.
                assert {metric for metric, _, _ in alert.missing} == {"up"}
                assert "or 0 * count by" in alert.expression
                watched += 1
        assert watched >= 2


def test_each_node_has_its_planned_gpus_where_an_exporter_measures_them() -> None:
    factory, plan = stack("plural")
    rows = {}
    for row in figures(factory, plan, "vie1"):
        if row.name == "plan:node_gpus":
            rows[row.labels["pool"]] = row.value
    assert rows
    for node in plan.nodes:
        assert rows.get(node.pool, node.gpus) == node.gpus
        assert (node.pool in rows) == has_dcgm(node)


def test_nodes_are_counted_where_the_description_has_somebody_count_them() -> None:
    names = {alert.name for alert in alerts(*stack("lab"), "fra1")}
    assert {alert.name for alert in alerts(*counted_lab(), "fra1")} - names == {"NodeNotReady"}


def test_a_node_has_as_many_planned_ports_as_cables_on_rails() -> None:
    factory, plan = stack("superpod")
    rows = [row for row in figures(factory, plan, "lyon") if row.name == "plan:node_ports"]
    cables = 0
    for plane in plan.fabrics:
        if plane.role in ("compute", "storage"):
            cables += list(plane.host_links.lowers()).count("dgx-001")
    assert [(dict(row.labels), row.value) for row in rows] == [
        ({"pool": "dgx", "kind": "infiniband"}, cables)
    ]
