from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.kind import config
from sovereign_ai.cluster.kind.config import (
    GUARD_MANIFESTS,
    container_names,
    fixed_settings,
    kind_config,
    pod_range,
    real_machines,
    unsupported_changes,
)
from sovereign_ai.names import KEYS
from sovereign_ai.plan.addresses import pod_bits
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from tests.daytwo.table import Change, changes, read_data

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def factory() -> AIFactory:
    return load(ROOT / "stacks" / "lab")


@pytest.fixture(scope="module")
def planned(factory: AIFactory) -> Plan:
    return plan(factory)


@pytest.fixture(scope="module")
def document(factory: AIFactory, planned: Plan) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(kind_config(factory, planned, "lab"))
    return found


def patches(texts: list[str]) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in map(yaml.safe_load, texts)}


def test_the_file_at_the_top_level_is_the_labs_plan(factory: AIFactory, planned: Plan) -> None:
    written = (ROOT / "kind-config.yaml").read_text()
    assert written == kind_config(factory, planned, "lab"), (
        "run: sovereign-ai cluster config stacks/lab > kind-config.yaml"
    )


def test_there_is_one_control_plane_and_two_workers_in_different_zones(
    document: dict[str, Any], planned: Plan
) -> None:
    assert [node["role"] for node in document["nodes"]] == ["control-plane", "worker", "worker"]
    machines = real_machines(planned, "lab")
    assert [node.name for node in machines] == ["train-001", "serve-001"]
    assert len({node.zone for node in machines}) == 2
    assert container_names(planned, "lab") == {"train-001": "lab-worker", "serve-001": "lab-worker2"}


def test_with_the_planes_folder_the_api_server_reads_the_guard_from_it_and_else_it_has_none(
    factory: AIFactory, planned: Plan, document: dict[str, Any]
) -> None:
    assert "guard" not in str(document)
    guarded = yaml.safe_load(kind_config(factory, planned, "lab", guard=Path("/state/kind/lab")))
    mounts = {one["hostPath"]: one for one in guarded["nodes"][0]["extraMounts"]}
    assert mounts["/state/kind/lab/admission"]["containerPath"] == GUARD_MANIFESTS
    assert all(one["readOnly"] for one in mounts.values())
    assert not any("extraMounts" in node for node in guarded["nodes"][1:])
    server = patches(guarded["kubeadmConfigPatches"])["ClusterConfiguration"]["apiServer"]
    (settings,) = [
        one["value"] for one in server["extraArgs"] if one["name"] == "admission-control-config-file"
    ]
    seen = {one["containerPath"] for one in mounts.values()}
    assert str(Path(settings).parent) in seen
    (volume,) = [one for one in server["extraVolumes"] if one["name"] == "sovereign-guard"]
    (asked,) = [one["value"] for one in server["extraArgs"] if one["name"] == "authorization-config"]
    assert str(Path(asked).parent) in seen
    authority = {path for path in seen if path.startswith("/etc/kubernetes/pki/ca.")}
    assert {
        Path(mounts[f"/state/kind/lab/pki/cluster-ca.{end}"]["containerPath"]).name for end in ("crt", "key")
    } == {"ca.crt", "ca.key"}
    assert all(path.startswith(f"{volume['hostPath']}/") for path in seen - authority)
    assert (volume["mountPath"], volume["readOnly"]) == (volume["hostPath"], True)


def test_workers_bear_the_names_and_taints_of_their_machines(document: dict[str, Any], planned: Plan) -> None:
    for machine, node in zip(real_machines(planned, "lab"), document["nodes"][1:], strict=True):
        register = patches(node["kubeadmConfigPatches"])["JoinConfiguration"]["nodeRegistration"]
        assert register["name"] == machine.name
        assert register["taints"] == [
            {"key": KEYS.namespace_zone, "value": machine.zone, "effect": "NoSchedule"}
        ]


def test_no_kubelet_says_for_itself_where_it_stands_so_that_none_goes_back_to_it_when_it_starts_again(
    document: dict[str, Any],
) -> None:
    assert not any(node.get("labels") for node in document["nodes"])


def test_every_node_the_control_planes_included_has_a_pod_range_out_of_the_described_one(
    factory: AIFactory, planned: Plan
) -> None:
    whole = IPv4Network(pod_range(factory, planned, "lab"))
    nodes = len(planned.nodes_of("lab")) + 1
    assert whole.num_addresses >= nodes << (32 - pod_bits(factory.clusters.pods_per_node))
    assert whole.subnet_of(IPv4Network(factory.network.pods))
    assert not whole.overlaps(IPv4Network(factory.network.services))


def test_the_api_server_encrypts_and_audits_and_listens_on_loopback(document: dict[str, Any]) -> None:
    assert document["networking"]["apiServerAddress"] == "127.0.0.1"
    server = patches(document["kubeadmConfigPatches"])["ClusterConfiguration"]["apiServer"]
    arguments = {one["name"]: one["value"] for one in server["extraArgs"]}
    assert arguments["encryption-provider-config"] == "/etc/sovereign-ai/encryption.json"
    assert arguments["audit-policy-file"] == "/etc/sovereign-ai/audit.json"
    mounted = {volume["hostPath"] for volume in server["extraVolumes"]}
    assert {
        str(Path(arguments[name]).parent) for name in ("encryption-provider-config", "audit-log-path")
    } == mounted


@pytest.mark.parametrize("stack", ["lab", "plural", "gigafactory"])
def test_every_stack_has_real_machines_and_spares_are_none_of_them(stack: str) -> None:
    factory = load(ROOT / "stacks" / stack)
    planned = plan(factory)
    for cluster in planned.clusters:
        machines = real_machines(planned, cluster.name)
        assert 1 <= len(machines) <= 2
        assert not any(node.spare for node in machines)
        assert yaml.safe_load(kind_config(factory, planned, cluster.name))["name"] == cluster.name


REFUSED = {
    "a pool is renamed": "of its real machines the description has no serve-001",
    "a site with machines is added and the cluster keeps its name": (
        "its services have 10.32.0.0/16, and those described 10.32.0.0/17"
    ),
    "pods get other addresses": (
        "its pods have 10.0.0.0/21, and those of the 17 nodes described 10.48.0.0/22"
    ),
    "racks of GB200 are added": "its pods have 10.0.0.0/21, and those of the 35 nodes described 10.0.0.0/20",
    "machines hold fewer pods": (
        "its API server or kubelets have other settings, such as `clusters.pods_per_node`"
    ),
}
"""Changes of the table for which a kind cluster has to be made anew, and why."""
KEPT = {
    "two zones exchange their names",
    "two zones become one",
    "a pool moves to another zone",
    "a pool grows",
    "a pool shrinks to one machine",
    "a pool comes with the second phase",
    "a site gets a region",
    "a registry is replaced",
    "a driver is older",
}
"""Changes that a standing kind cluster takes, although kind would make a new one otherwise."""
TABLE = {change.name: change for change in changes()}


@pytest.mark.parametrize(
    "change",
    [TABLE[name] for name in sorted({*REFUSED, *KEPT})],
    ids=lambda change: change.name,
)
def test_a_standing_cluster_takes_what_nodes_can_change_and_names_what_they_cannot(change: Change) -> None:
    before, after = read_data(change.before), read_data(change.after)
    made_for = fixed_settings(before, plan(before), "lab")
    wanted = [REFUSED[change.name]] if change.name in REFUSED else []
    assert unsupported_changes(made_for, after, plan(after), "lab") == wanted


@pytest.mark.parametrize(
    ("made", "planned_range", "has_room"),
    [
        ("10.0.8.0/21", "10.0.0.0/20", False),
        ("10.0.0.0/20", "10.0.0.0/20", True),
        ("10.0.8.0/21", "10.0.8.0/21", True),
        ("10.0.0.0/19", "10.0.0.0/20", True),
    ],
    ids=["its lowest parts are outside", "the same", "the same block alone", "within"],
)
def test_no_simulated_node_gets_a_part_outside_of_the_range_that_the_cluster_has(
    factory: AIFactory,
    planned: Plan,
    monkeypatch: pytest.MonkeyPatch,
    made: str,
    planned_range: str,
    has_room: bool,
) -> None:
    # Of the second cluster of a factory, the block does not begin where the range of twice its size does.
    made_for = fixed_settings(factory, planned, "lab") | {"pods": made}
    services = made_for["services"]
    monkeypatch.setattr(
        config, "_range", lambda _plan, _cluster, use: "10.0.8.0/21" if use == "pods" else services
    )
    monkeypatch.setattr(config, "pod_range", lambda *_: planned_range)
    said = unsupported_changes(made_for, factory, planned, "lab")
    assert [phrase.startswith("its pods have") for phrase in said] == ([] if has_room else [True])


@pytest.mark.parametrize(
    "damage",
    [{"pods": "no range"}, {"pods": None}, {"machines": 7}, {"machines": [["a"]]}],
    ids=str,
)
def test_a_damaged_record_of_what_a_cluster_was_made_for_is_said(
    factory: AIFactory, planned: Plan, damage: dict[str, object]
) -> None:
    said = ["its record does not say what it was made for"]
    made_for = fixed_settings(factory, planned, "lab")
    assert unsupported_changes(made_for | damage, factory, planned, "lab") == said
    for name in made_for:
        rest = {key: value for key, value in made_for.items() if key != name}
        assert unsupported_changes(rest, factory, planned, "lab") == said


def test_nodes_of_another_image_are_said(factory: AIFactory, planned: Plan) -> None:
    made_for = fixed_settings(factory, planned, "lab") | {"image": "sovereign-ai/node:v1.30.0"}
    (phrase,) = unsupported_changes(made_for, factory, planned, "lab")
    assert phrase.startswith("its nodes are of sovereign-ai/node:v1.30.0, and new ones are of ")
