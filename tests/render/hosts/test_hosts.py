"""The inventory: every machine, server and switch once, with its roles, and nothing that somebody typed
twice.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import yaml

from sovereign_ai.plan.factory import plan
from sovereign_ai.render.hosts.hosts import MACHINE_ROLES, SERVER_ROLES, inventory
from sovereign_ai.render.hosts.inventory_groups import HostInventory
from sovereign_ai.render.hosts.site_facts import SiteFacts
from sovereign_ai.spec.power_chain import PowerCap
from tests.render.lab import stack
from tests.support.later_pool import lab_before_its_second_pool

STACKS = ("lab", "plural", "superpod")
PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"
FULL = SiteFacts(
    admin_keys=(KEY,),
    admin_from=("192.0.2.0/24",),
    time_servers=("192.0.2.1",),
    log_server="192.0.2.2:19532",
    control_planes={"lab": "cp:6443"},
)


def of(name: str, given: SiteFacts | None = None) -> HostInventory:
    return inventory(*stack(name), given or SiteFacts())


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
    plays = [
        play
        for file in ("hosts.yml", "bmc.yml")
        for play in yaml.safe_load((PLAYBOOKS / file).read_text())
        if "hosts" in play
    ]
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
        "from sovereign_ai.render.hosts.site_facts import SiteFacts; print(inventory(*stack('lab'), SiteFacts()).digest)"  # noqa: E501 - one literal text
    )
    root = PLAYBOOKS.parent
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {of("lab").digest + "\n"}


@pytest.mark.parametrize(
    ("pattern", "count"),
    [("train-00?", 9), ("fra1-serve-su0", 4), ("zone_open", 9), ("switches", 26), ("nobody", 0)],
)
def test_a_part_is_named_by_host_unit_or_group(pattern: str, count: int) -> None:
    assert len(of("lab").matching([pattern]).hosts) == count


def test_what_ansible_reads_has_each_hosts_variables_once() -> None:
    data = orjson.loads(of("lab").of({"train-001"}).to_json())["all"]
    own = [group for group in data["children"].values() if group["hosts"]["train-001"]]
    assert len(own) == 1
    assert data["vars"]["sovereign_factory"] == "lab"


def test_a_capped_rack_limits_each_machine_and_no_other_host() -> None:
    factory, _ = stack("lab")
    site = factory.sites[0]
    power = site.power.model_copy(update={"cap": PowerCap(rack="36 kW")})
    capped = factory.model_copy(update={"sites": (site.model_copy(update={"power": power}),)})
    hosts = inventory(capped, plan(capped), SiteFacts()).hosts
    limits = {host.name: host.variables.get("power_limit_watts") for host in hosts}
    assert {limits[f"train-{number:03d}"] for number in range(1, 13)} == {9_000}
    assert {limits[name] for name in limits if not name.startswith(("train-", "serve-"))} == {None}


def test_a_pool_that_comes_later_has_neither_hosts_nor_variables() -> None:
    now = inventory(*lab_before_its_second_pool(), FULL)
    assert not [host.name for host in now.hosts if host.name.startswith("serve-")]
    assert [group for group in now.shared if "serve" in group] == []
    assert [group for group in of("lab", FULL).shared if "serve" in group] != []
