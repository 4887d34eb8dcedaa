"""Every machine with an exporter is a target once, under labels by which alerts and racks are found.

What an alert, a recording rule or a panel reads is brought by a job with targets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.monitoring.dashboards import rack_dashboards
from sovereign_ai.render.monitoring.rule_files import rules_yaml
from sovereign_ai.render.monitoring.targets import OBJECTS, object_counter, prometheus_yaml, scrape_targets
from sovereign_ai.spec.factory import AIFactory
from tests.render.lab import counted_lab, stack

# What each exporter publishes, by the beginning of the name, and the jobs that it is scraped by.
BROUGHT_BY = {
    "node_": {"nodes", "switches"},
    "sovereign_ai_evidence_": {"nodes"},
    "DCGM_": {"gpus"},
    "ipmi_": {"controllers"},
    "kube_": {OBJECTS},
}
OF_PROMETHEUS = {"ALERTS", "up"}
METRIC = re.compile(r"(?<![\w:\"])([a-zA-Z_:][\w:]*)\{([^}]*)\}")
JOB = re.compile(r'job=~?"([^"]*)"')


def expressions(factory: AIFactory, plan: Plan, site: str) -> Iterator[str]:
    """Yield what every rule and every panel of a site asks."""
    for group in yaml.safe_load(rules_yaml(factory, plan, site))["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]
    for text in rack_dashboards(factory, plan, site).values():
        for panel in json.loads(text)["panels"]:
            for target in panel["targets"]:
                yield target["expr"]


@pytest.mark.parametrize("name", ["lab", "superpod", "plural"])
def test_every_node_controller_and_routed_switch_is_a_target_once(name: str) -> None:
    factory, plan = stack(name)
    for site in factory.sites:
        jobs = scrape_targets(plan, site.name)
        nodes = [node for node in plan.nodes if node.site == site.name]
        assert [row["labels"]["node"] for row in jobs["nodes"]] == [node.name for node in nodes]
        assert [row["targets"] for row in jobs["controllers"]] == [[node.bmc] for node in nodes]
        switches = [
            switch.name
            for plane in plan.fabrics
            for switch in plane.switches
            if plane.site == site.name and plane.kind != "infiniband"
        ]
        assert [row["labels"]["switch"] for row in jobs["switches"]] == switches
        addresses = [row["targets"][0] for job in ("nodes", "switches") for row in jobs[job]]
        assert len(set(addresses)) == len(addresses)
        racks = {rack.name for rack in plan.racks}
        assert {row["labels"]["rack"] for rows in jobs.values() for row in rows} <= racks


def test_gpus_of_other_vendors_have_no_target_of_nvidias_exporter() -> None:
    rows = scrape_targets(stack("plural")[1], "vie1")["gpus"]
    assert {row["labels"]["pool"] for row in rows} == {"hopper", "grace"}


def test_the_configuration_reads_every_file_of_targets_and_sends_controllers_to_their_exporter() -> None:
    document = yaml.safe_load(prometheus_yaml(stack("lab")[1], "fra1"))
    jobs = {job["job_name"]: job for job in document["scrape_configs"]}
    assert jobs.keys() == scrape_targets(stack("lab")[1], "fra1").keys()
    for name, job in jobs.items():
        assert job["file_sd_configs"] == [{"files": [f"targets/{name}.json"]}]
    assert jobs["controllers"]["relabel_configs"][-1]["replacement"] == "127.0.0.1:9290"
    assert "relabel_configs" not in jobs["nodes"]


@pytest.mark.parametrize("name", ["lab", "superpod", "plural", "counted"])
def test_what_a_rule_or_a_panel_reads_is_brought_by_a_job_that_has_targets(name: str) -> None:
    factory, plan = counted_lab() if name == "counted" else stack(name)
    for site in factory.sites:
        configured = yaml.safe_load(prometheus_yaml(plan, site.name))["scrape_configs"]
        targets = scrape_targets(plan, site.name)
        scraped = {job["job_name"] for job in configured if targets[job["job_name"]]}
        read = set()
        for expression in expressions(factory, plan, site.name):
            for metric, selector in METRIC.findall(expression):
                jobs = set()
                for named in JOB.findall(selector):
                    jobs |= set(named.split("|"))
                read.add(metric)
                assert jobs <= scraped, expression
                if metric in OF_PROMETHEUS or metric.startswith("plan:"):
                    continue
                (bringing,) = [brought for begin, brought in BROUGHT_BY.items() if metric.startswith(begin)]
                assert (jobs or bringing) <= bringing, expression
                assert (jobs or bringing) & scraped, expression
        # The walk itself reads what is there: names without a selector would pass it unseen.
        assert {"up", "ALERTS", "ipmi_dcmi_power_consumption_watts", "DCGM_FI_DEV_GPU_TEMP"} <= read
        assert ("kube_node_status_condition" in read) == (name == "counted")


def test_no_rule_or_panel_reads_a_metric_without_a_selector() -> None:
    factory, plan = counted_lab()
    bare = re.compile(r"(?<![\w:\"])(?:node|sovereign_ai|DCGM|ipmi|kube)_\w+(?!\w*[{(])\b")
    for expression in expressions(factory, plan, "fra1"):
        assert not bare.findall(re.sub(r"\{[^}]*\}", "{", expression)), expression


def test_what_counts_objects_is_scraped_by_the_name_of_its_service_and_keeps_its_own_labels() -> None:
    plan = counted_lab()[1]
    jobs = {job["job_name"]: job for job in yaml.safe_load(prometheus_yaml(plan, "fra1"))["scrape_configs"]}
    assert jobs[OBJECTS]["honor_labels"] is True
    counter = object_counter(plan)
    assert counter is not None
    (row,) = scrape_targets(plan, "fra1")[OBJECTS]
    assert row["targets"] == [f"kube-state-metrics.{counter.namespace}.svc:8080"]
    mirrored = replace(counter, objects=("Deployment/watch/ksm", "Service/watch/ksm"))
    (row,) = scrape_targets(plan.__class__(**{**vars(plan), "platform": (mirrored,)}), "fra1")[OBJECTS]
    assert row["targets"] == ["ksm.watch.svc:8080"]


def test_without_somebody_who_counts_objects_nobody_is_asked_for_them() -> None:
    plan = stack("lab")[1]
    assert OBJECTS not in scrape_targets(plan, "fra1")
    assert OBJECTS not in prometheus_yaml(plan, "fra1")
