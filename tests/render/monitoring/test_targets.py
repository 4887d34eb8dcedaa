"""Every machine with an exporter is a target once, under labels by which alerts and racks are found."""

from __future__ import annotations

import pytest
import yaml

from sovereign_ai.render.monitoring.targets import prometheus_yaml, scrape_targets
from tests.render.lab import stack


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
    document = yaml.safe_load(prometheus_yaml("fra1"))
    jobs = {job["job_name"]: job for job in document["scrape_configs"]}
    assert jobs.keys() == scrape_targets(stack("lab")[1], "fra1").keys()
    for name, job in jobs.items():
        assert job["file_sd_configs"] == [{"files": [f"targets/{name}.json"]}]
    assert jobs["controllers"]["relabel_configs"][-1]["replacement"] == "127.0.0.1:9290"
    assert "relabel_configs" not in jobs["nodes"]
