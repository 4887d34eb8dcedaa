"""The inventory: every machine, server and switch once, with its roles, and nothing that somebody typed twice."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import orjson
import pytest
import yaml
from pydantic import ValidationError

from sovereign_ai.render.hosts.drivers import DRIVERS, pinned
from sovereign_ai.render.hosts.firewall import machines
from sovereign_ai.render.hosts.given import Given, Reach
from sovereign_ai.render.hosts.hosts import MACHINE_ROLES, SERVER_ROLES, inventory
from sovereign_ai.render.hosts.inventory import Inventory
from sovereign_ai.render.hosts.machine import unit_name
from tests.render.lab import stack

STACKS = ("lab", "plural", "superpod")
PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb5lJ0oYq3G6mX0aHkq8r2b1zq5y7Qm3fYwq0l2x9aB"
FULL = Given(
    admin_keys=(KEY,),
    admin_from=("192.0.2.0/24",),
    time_servers=("192.0.2.1",),
    log_server="192.0.2.2:19532",
    control_planes={"lab": "cp:6443"},
)


def of(name: str, given: Given | None = None) -> Inventory:
    return inventory(*stack(name), given or Given())


@pytest.mark.parametrize("name", STACKS)
def test_every_machine_server_and_ethernet_switch_is_a_host_once(name: str) -> None:
    _, plan = stack(name)
    wanted = [node.name for node in plan.nodes] + [server for tier in plan.storage for server in tier.servers]
    wanted += [one.name for plane in plan.fabrics if plane.kind != "infiniband" for one in plane.switches]
    assert sorted(host.name for host in of(name).hosts) == sorted(wanted)


@pytest.mark.parametrize("name", STACKS)
def test_a_unit_of_machines_is_a_scalable_unit(name: str) -> None:
    _, plan = stack(name)
    units = {node.name: node.scalable_unit for node in plan.nodes}
    assert all(host.unit == units[host.name] for host in of(name).hosts if host.name in units)


def test_roles_are_groups_and_each_is_there_as_a_role_and_in_a_play() -> None:
    groups = {group for host in of("lab").hosts for group in host.groups if group.startswith("role_")}
    assert groups == {f"role_{name}" for name in (*MACHINE_ROLES, *SERVER_ROLES, "bmc")}
    plays = [play for file in ("hosts.yml", "bmc.yml") for play in yaml.safe_load((PLAYBOOKS / file).read_text()) if "hosts" in play]
    assert {play["hosts"] for play in plays} == groups
    for play in plays:
        assert [f"role_{role}" for role in play["roles"]] == [play["hosts"]]
        assert (PLAYBOOKS / "roles" / play["roles"][0] / "tasks" / "main.yml").is_file()


def test_every_play_that_a_cancelled_run_must_end_marks_its_processes() -> None:
    for file in ("hosts.yml", "switches.yml"):
        for play in (one for one in yaml.safe_load((PLAYBOOKS / file).read_text()) if "hosts" in one):
            assert play["environment"] == {"SOVEREIGN_RUN": "{{ sovereign_run | default('') }}"}


def test_the_labs_hosts_are_the_golden_ones(golden: Callable[[Path, str], None]) -> None:
    part = of("lab", FULL).of({"train-001", "serve-001", "models-fra1-s001"})
    golden(Path(__file__).parent / "golden" / "lab.json", part.to_json())


def test_the_same_plan_gives_the_same_bytes_under_another_hash_seed() -> None:
    code = (
        "from tests.render.lab import stack; from sovereign_ai.render.hosts.hosts import inventory;"
        "from sovereign_ai.render.hosts.given import Given; print(inventory(*stack('lab'), Given()).digest)"
    )
    root = PLAYBOOKS.parent
    found = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {of("lab").digest + "\n"}


@pytest.mark.parametrize("name", STACKS)
def test_each_rail_address_is_on_one_port_of_one_host(name: str) -> None:
    lines = [
        line
        for host in of(name).hosts
        for file in host.variables.get("rail_files", ())
        for line in file["content"].splitlines()
        if line.startswith("Address=")
    ]
    assert len(lines) == len(set(lines))
    assert bool(lines) == any(one.use == "rail" for one in stack(name)[1].prefixes)


def test_the_packet_filter_opens_what_is_declared_into_the_zone_and_nothing_from_a_zone_that_may_never() -> None:
    found = of("lab").shared
    research = ", ".join(machines(stack("lab")[1], "restricted"))
    assert f"ip saddr {{ {research} }} tcp dport {{ 8443 }} accept" in found["pool_serve"]["firewall"]
    startups = machines(stack("lab")[1], "open")
    zone = found["pool_train"]["firewall"].split("set zone")[1].split("}")[0]
    assert not any(source in zone for source in startups)
    assert "8443" not in found["pool_train"]["firewall"]


def test_a_server_takes_storage_traffic_from_its_own_zone_alone() -> None:
    text = of("lab").shared["tier_scratch"]["firewall"]
    listed = [IPv4Network(one) for one in text.split("set rails")[1].split("{ ")[1].split(" }")[0].split(", ")]
    hosts = {host.name: host for host in of("lab").hosts}

    def addresses(name: str) -> list[IPv4Address]:
        lines = [line for file in hosts[name].variables["rail_files"] for line in file["content"].splitlines()]
        return [IPv4Address(line[8:].partition("/")[0]) for line in lines if line.startswith("Address=")]

    assert all(any(address in one for one in listed) for address in addresses("train-001"))
    assert not any(address in one for one in listed for address in addresses("serve-001"))


def test_a_machine_mounts_the_tiers_of_its_own_zone_alone() -> None:
    shared = of("lab").shared
    assert [one["path"] for one in shared["pool_train"]["storage_files"]] == ["/etc/sovereign/storage/scratch.json"]
    assert (shared["pool_train"]["storage_mounts"], shared["pool_train"]["storage_others"]) == ([], ["scratch"])
    assert (shared["pool_serve"]["storage_mounts"], shared["pool_serve"]["storage_others"]) == (["srv-models.automount"], [])
    units = {one["path"].rpartition("/")[2]: one["content"] for one in shared["pool_serve"]["storage_files"]}
    assert "What=10.64.1.119:/models\nWhere=/srv/models\n" in units["srv-models.mount"]
    assert "Where=/srv/models\n" in units["srv-models.automount"]
    assert unit_name("hot-data") == r"srv-hot\x2ddata"


def test_a_registry_that_is_not_listed_has_no_server() -> None:
    files = {one["path"].split("/")[-2]: one["content"] for one in of("lab").shared["pool_train"]["registry_files"]}
    assert files.keys() == {"_default", "registry.example.com"}
    assert 'server = "https://127.0.0.1:1"' in files["_default"]


@pytest.mark.parametrize(
    ("pool", "pci", "first"), [("instinct", "1002", "amdgpu-dkms=6.4.1*"), ("gaudi", "1da3", "habanalabs-dkms=1.22.0*")]
)
def test_each_vendor_has_its_own_driver_at_the_pools_version(pool: str, pci: str, first: str) -> None:
    gpu = of("plural").shared[f"pool_{pool}"]["gpu"]
    assert (gpu["pci"], gpu["packages"][0]) == (pci, first)
    assert pinned("nvidia", "580.95.5") == "580.95.05*"
    assert all(set(one.pinned) <= set(one.packages) for one in DRIVERS.values())


def test_a_kubelet_is_told_no_label_that_only_the_control_plane_may_set() -> None:
    host = next(one for one in of("lab", FULL).hosts if one.name == "train-001")
    join = yaml.safe_load(host.variables["join"])
    arguments = {one["name"]: one["value"] for one in join["nodeRegistration"]["kubeletExtraArgs"]}
    assert "node-restriction" not in arguments["node-labels"]
    assert arguments["node-ip"] == "10.64.0.2"
    assert join["discovery"] == {"file": {"kubeConfigPath": "/etc/kubernetes/discovery.conf"}}


def test_what_is_not_given_is_left_out_and_said() -> None:
    assert next(one for one in of("lab").hosts if one.name == "train-001").variables["join"] == ""
    assert [line.partition(":")[0] for line in Given().lacking()] == ["admin_keys", "time_servers", "log_server", "control_planes"]
    assert FULL.lacking() == ()


def test_how_a_host_is_reached_can_be_said() -> None:
    given = Given(reach={"train-001": Reach(connection="nsenter", leader=42), "train-002": Reach(address="192.0.2.9", port=2222)})
    own = {one.name: one.variables for one in of("lab", given).hosts}
    assert (own["train-001"]["ansible_connection"], own["train-001"]["nsenter_leader"]) == ("nsenter", 42)
    assert (own["train-002"]["ansible_host"], own["train-002"]["ansible_port"]) == ("192.0.2.9", 2222)
    assert "ansible_connection" not in own["train-003"]


@pytest.mark.parametrize(
    "wrong", [{"admin_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}, {"admin_from": ["10.0.0.1/8"]}, {"account": "root user"}, {"x": 1}]
)
def test_what_is_given_wrongly_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Given.model_validate(wrong)


@pytest.mark.parametrize(("pattern", "count"), [("train-00?", 9), ("fra1-serve-su0", 4), ("zone_open", 9), ("switches", 26), ("nobody", 0)])
def test_a_part_is_named_by_host_unit_or_group(pattern: str, count: int) -> None:
    assert len(of("lab").matching([pattern]).hosts) == count


def test_what_ansible_reads_has_each_hosts_variables_once() -> None:
    data = orjson.loads(of("lab").of({"train-001"}).to_json())["all"]
    own = [group for group in data["children"].values() if group["hosts"]["train-001"]]
    assert len(own) == 1
    assert data["vars"]["sovereign_factory"] == "lab"
