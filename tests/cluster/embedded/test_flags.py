from __future__ import annotations

import socket
import stat
import threading
from pathlib import Path

import orjson
import pytest

from sovereign_ai.cluster import state
from sovereign_ai.cluster.embedded.flags import COMPONENTS, processes
from sovereign_ai.cluster.embedded.settings import first_roles, make_settings
from sovereign_ai.cluster.process import Process
from sovereign_ai.cluster.state import LISTENERS, ClusterDir, choose_ports, record

PORTS = {listener: 20_000 + index for index, listener in enumerate(LISTENERS)}


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Process]:
    where = ClusterDir("lab", tmp_path / "lab")
    return {one.name: one for one in processes(where, PORTS, {name: tmp_path / name for name in COMPONENTS})}


def test_nothing_listens_but_on_loopback(plan: dict[str, Process]):
    addresses = []
    for one in plan.values():
        assert "0.0.0.0" not in " ".join(one.argv)  # noqa: S104 - it is looked for, not bound
        assert "[::]" not in " ".join(one.argv)
        addresses += [
            flag
            for flag in one.argv
            if flag.startswith(("--bind-address", "--listen-", "--server-address", "--advertise-"))
        ]
    assert len(addresses) == 7
    assert all("127.0.0.1" in flag for flag in addresses)


def test_every_listener_has_a_port_of_its_own_in_the_flags(plan: dict[str, Process]):
    text = " ".join(" ".join(one.argv) for one in plan.values())
    assert all(str(port) in text for port in PORTS.values())


def test_the_api_server_lets_nobody_in_unnamed_and_audits_and_encrypts(plan: dict[str, Process]):
    flags = set(plan["kube-apiserver"].argv)
    assert {
        "--anonymous-auth=false",
        "--enable-admission-plugins=NodeRestriction",
        "--profiling=false",
    } <= flags
    assert any(flag.startswith("--encryption-provider-config=") for flag in flags)
    assert any(flag.startswith("--authorization-config=") for flag in flags)
    assert not any(flag.startswith("--authorization-mode") for flag in flags), "the two exclude each other"
    assert any(flag.startswith("--audit-policy-file=") for flag in flags)
    assert {"--audit-log-maxsize=20", "--audit-log-maxbackup=5", "--audit-log-maxage=30"} <= flags


def test_no_controller_makes_the_api_server_compile_admission_policies_once_more(plan: dict[str, Process]):
    chosen = [flag for flag in plan["kube-controller-manager"].argv if flag.startswith("--controllers=")]
    assert chosen == ["--controllers=*,-ttl-controller,-validatingadmissionpolicy-status-controller"]


def test_components_start_after_what_they_need(plan: dict[str, Process]):
    started: set[str] = set()
    for one in plan.values():
        assert set(one.after) <= started
        started.add(one.name)
    assert set(COMPONENTS) <= started
    assert "first-roles" in plan["kwok"].after


def test_no_process_inherits_the_user_s_environment(
    plan: dict[str, Process], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    for one in plan.values():
        assert set(one.env) <= {
            "HOME",
            "PATH",
            "TZ",
            "LANG",
            "PYTHONPATH",
            "KWOK_WORKDIR",
            "GOGC",
            "GOMEMLIMIT",
        }


def test_a_process_survives_the_way_through_plain_data(plan: dict[str, Process]):
    for one in plan.values():
        assert Process.from_data(orjson.loads(orjson.dumps(one.to_data()))) == one


def test_secrets_and_configmaps_are_encrypted_first_and_read_in_clear_last(tmp_path: Path):
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    make_settings(where)
    path = where.config / "encryption.json"
    before = path.read_bytes()
    resources = orjson.loads(before)["resources"]
    assert resources[0]["resources"] == ["secrets", "configmaps"]
    assert [next(iter(provider)) for provider in resources[0]["providers"]] == ["secretbox", "identity"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    make_settings(where)
    assert path.read_bytes() == before, "a new key would make the data unreadable"


def test_the_audit_policy_never_records_a_body(tmp_path: Path):
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    make_settings(where)
    rules = orjson.loads((where.config / "audit.json").read_bytes())["rules"]
    assert {rule["level"] for rule in rules} == {"None", "Metadata"}
    assert rules[-1] == {"level": "Metadata"}
    assert all(rule.keys() == {"level", "nonResourceURLs"} for rule in rules if rule["level"] == "None")


def test_kwok_may_touch_nodes_and_pods_and_no_secret():
    role = next(one for one in first_roles() if one["kind"] == "ClusterRole")
    resources = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert resources == {"nodes", "nodes/status", "pods", "pods/status", "events"}
    assert not any("*" in rule["verbs"] or "*" in rule["apiGroups"] for rule in role["rules"])


def test_two_clusters_never_share_a_port(tmp_path: Path):
    one, two = ClusterDir("one", tmp_path / "one"), ClusterDir("two", tmp_path / "two")
    for where in (one, two):
        where.make()
        record(where, choose_ports(where), {})
    ports = [*choose_ports(one).values(), *choose_ports(two).values()]
    assert len(set(ports)) == 2 * len(LISTENERS)


def test_a_port_whose_process_is_ending_is_waited_for(tmp_path: Path):
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    first = choose_ports(where)
    record(where, first, {})
    ending = socket.socket()
    ending.bind(("127.0.0.1", first["kube-apiserver"]))
    ending.listen()
    threading.Timer(0.5, ending.close).start()
    assert choose_ports(where) == first


def test_a_port_is_kept_while_it_is_free_and_changed_when_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(state, "PORT_SECONDS", 0.1)
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    first = choose_ports(where)
    record(where, first, {})
    assert choose_ports(where) == first
    with socket.socket() as other:
        other.bind(("127.0.0.1", first["operator"]))
        other.listen()
        second = choose_ports(where)
    assert second["operator"] != first["operator"]
    assert second | {"operator": 0} == first | {"operator": 0}
