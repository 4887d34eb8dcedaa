"""Servers without GPUs: every output is made, none gives them GPUs, and every total counts them.

Those of management run the factory: no output gives them tenants' work. Others are a partition like any
other.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from datetime import date
from typing import Any

import pytest

from sovereign_ai.assess.acceptance.acceptance_sheet import sheet
from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.catalog.accelerator import accelerators
from sovereign_ai.names import MANAGEMENT_ROLE
from sovereign_ai.plan import Plan
from sovereign_ai.render.hosts.hosts import inventory
from sovereign_ai.render.hosts.site_facts import SiteFacts
from sovereign_ai.render.kubernetes import render
from sovereign_ai.render.monitoring.targets import scrape_targets
from sovereign_ai.rules.whole_check import decide
from sovereign_ai.sim.metrics import exposition
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.sim.redfish import redfish_tree
from sovereign_ai.sim.slices import slice_objects
from sovereign_ai.sovereignty.report import assess_sovereignty
from sovereign_ai.spec.factory import AIFactory
from tests.outputs.designs import design
from tests.outputs.documents import document_faults, written_documents
from tests.outputs.judging import Written, faults, written

MANAGEMENT, WORK = "edge management servers", "edge servers of CPUs for work"
BOTH = pytest.mark.parametrize("name", [MANAGEMENT, WORK])
VENDORS = {row.resource.partition("/")[0] for row in accelerators()}
NOW = date(2026, 11, 28)


def names_of(plan: Plan) -> set[str]:
    return {node.name for node in plan.nodes if node.pool == "cpus"}


@BOTH
def test_every_file_and_document_is_one_that_its_reader_takes(name: str) -> None:
    factory, plan = design(name)
    assert list(faults(written(factory, plan))) == []
    assert list(document_faults(written_documents(factory, plan))) == []


@BOTH
def test_no_node_and_no_object_gives_them_a_gpu(name: str) -> None:
    factory, plan = design(name)
    names = names_of(plan)
    assert len(names) == 6
    assert {node.gpus for node in plan.nodes if node.name in names} == {0}
    for node in node_objects(factory, plan, "lab"):
        if node["metadata"]["name"] in names:
            keys = {*node["metadata"]["labels"], *node["status"]["capacity"]}
            assert not {key for key in keys if key.partition("/")[0] in VENDORS}
            assert all(key for key in node["status"]["capacity"])
    assert not [each for each in slice_objects(plan, "lab") if each["spec"]["nodeName"] in names]
    assert not [line for line in exposition(plan, "lab", {}).splitlines() if 'Hostname="cpus' in line]
    assert not [row for row in scrape_targets(plan, "fra1")["gpus"] if row["labels"]["node"] in names]
    hosts = {host.name: host for host in inventory(factory, plan, SiteFacts()).hosts}
    assert all("role_gpu" not in hosts[host].groups for host in names)
    redfish = [path for path in redfish_tree(plan) if "GPU" in path]
    assert redfish
    assert not [path for path in redfish if any(f"/{host}/" in path for host in names)]


@BOTH
def test_no_quota_names_a_resource_without_a_name_and_gpus_sum_to_those_of_the_others(name: str) -> None:
    factory, plan = design(name)
    objects = render(factory, plan, "lab").objects
    given: Counter[str] = Counter()
    for each in objects:
        for key, count in each.get("spec", {}).get("hard", {}).items():
            assert key not in {"requests.", "limits."}
            if key.startswith("requests.nvidia.com"):
                given[key] += int(count)
    assert given == {"requests.nvidia.com/gpu": 128}
    for each in objects:
        for group in each.get("spec", {}).get("resourceGroups", ()):
            assert all(group["coveredResources"])


@BOTH
def test_racks_power_cables_costs_and_assessments_count_them(name: str) -> None:
    factory, plan = design(name)
    without = factory.model_copy(update={"pools": factory.pools[:2], "fabrics": _unlinked(factory)})
    names, before = names_of(plan), _planned(without)
    racked = [node for rack in plan.racks for node in rack.devices if node in names]
    assert sorted(racked) == sorted(names)
    # Six servers of at most 1,100 W each, and the switches and PDUs that their ports need.
    assert plan.power[0].it_load >= before.power[0].it_load + 6 * 1_100
    assert len(plan.nodes) == len(before.nodes) + 6
    for role, ports in (("in-band", 2), ("storage", 2), ("out-of-band", 1), ("compute", 0)):
        assert _ports(plan, role, names) == 6 * ports, role
    assert _ports(plan, "compute", {node.name for node in plan.nodes}) == 16 * 8
    assert "price.r660" in {measure.id for measure in assess_cost(factory, plan).measures}
    assert "system.r660.peak" in {measure.id for measure in assess_energy(factory, plan).measures}
    jobs = {job.name for job in assess_goodput(factory, plan).jobs}
    assert jobs == {"train"}
    found = assess_sovereignty(factory, plan, now=NOW)
    assert {"system:r660", "firmware:dell"} <= {part.id for part in found.graph.parts}
    assert {exposed.accelerator for exposed in found.exposures} == {"h100-sxm"}
    assert not [finding for finding in decide(factory, plan, NOW) if "cannot be decided" in finding.message]


def _unlinked(factory: AIFactory) -> tuple[Any, ...]:
    return tuple(fabric.model_copy(update={"pool_links": None}) for fabric in factory.fabrics)


def _planned(factory: AIFactory) -> Plan:
    from sovereign_ai.plan import plan

    return plan(factory)


def _ports(plan: Plan, role: str, names: set[str]) -> int:
    count = 0
    for plane in plan.fabrics:
        if plane.role == role:
            count += sum(lower in names for lower in plane.host_links.lowers())
    return count


def test_management_servers_have_the_label_and_the_taint_of_their_role_and_others_do_not() -> None:
    for name, is_management in ((MANAGEMENT, True), (WORK, False)):
        factory, plan = design(name)
        for node in node_objects(factory, plan, "lab"):
            expected = is_management and node["metadata"]["name"] in names_of(plan)
            taints = {taint["key"] for taint in node["spec"].get("taints", ())}
            assert (MANAGEMENT_ROLE in taints) == expected
            assert (MANAGEMENT_ROLE in node["metadata"]["labels"]) == expected


def test_no_queue_no_namespace_no_scheduler_and_no_test_of_work_has_management_servers() -> None:
    factory, plan = design(MANAGEMENT)
    kinds = ("ResourceFlavor", "ClusterQueue", "LocalQueue")
    queues = [each for each in render(factory, plan, "lab").objects if each["kind"] in kinds]
    assert queues
    assert not [each for each in queues if each["metadata"]["name"].startswith("cpus")]
    [cluster] = plan.clusters
    assert all("cpus" not in namespace.pools for namespace in cluster.namespaces)
    output = written(factory, plan)
    assert _mentions(output, r"^(slurm|aicr)/") == []
    work = [test for test in sheet(factory, plan).tests if test.group == "cpus" and test.name != "links"]
    assert work == []


def _mentions(output: Written, folder: str) -> list[str]:
    return [path for path, text in output.files.items() if re.search(folder, path) and "cpus" in text]


def test_what_a_zone_has_of_cpus_does_not_grow_by_management_servers() -> None:
    quota: dict[str, str] = {}
    for name in (MANAGEMENT, WORK):
        factory, plan = design(name)
        for each in render(factory, plan, "lab").objects:
            if each["kind"] == "ResourceQuota" and each["metadata"]["namespace"] == "research":
                quota[name] = each["spec"]["hard"]["requests.cpu"]
    assert int(quota[MANAGEMENT]) == 12 * 224
    assert int(quota[WORK]) == 12 * 224 + 5 * 128


def test_a_queue_of_servers_for_work_covers_cpus_and_memory_alone() -> None:
    factory, plan = design(WORK)
    queues = [each for each in render(factory, plan, "lab").objects if each["kind"] == "ClusterQueue"]
    [queue] = [each for each in queues if each["metadata"]["name"] == "cpus"]
    [group] = queue["spec"]["resourceGroups"]
    assert group["coveredResources"] == ["cpu", "memory"]


@BOTH
def test_slurm_netbox_and_racks_have_those_that_work_there(name: str) -> None:
    factory, plan = design(name)
    files = written(factory, plan).files
    [nodes_conf] = [text for path, text in files.items() if path.endswith("nodes.conf")]
    assert ("NodeName=cpus" in nodes_conf) == (name == WORK)
    [gres] = [text for path, text in files.items() if path.endswith("gres.conf")]
    assert "cpus" not in gres
    [devices] = [text for path, text in files.items() if path.endswith("6-devices.csv")]
    rows = list(csv.DictReader(io.StringIO(devices)))
    listed = [row["role"] for row in rows if row["name"].startswith("cpus-")]
    assert listed == 6 * ["management-node" if name == MANAGEMENT else "cpu-node"]
    graphs = [text for path, text in files.items() if path.startswith("infragraph/")]
    assert all(json.loads(text) is not None for text in graphs if text.startswith("{"))
