"""The real Prometheus and kube-state-metrics at a real control plane: what they see, who may ask, alerts."""

from __future__ import annotations

import http.client
import os
import re
import signal
import ssl
from pathlib import Path

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.embedded.alerts import query
from sovereign_ai.cluster.embedded.lifecycle import status
from sovereign_ai.cluster.embedded.rotation import rotate
from sovereign_ai.cluster.state import recorded_ports
from sovereign_ai.names import KEYS
from sovereign_ai.sim.fault_reports import report_silence
from sovereign_ai.sim.faults import heal, inject
from tests.monitoring.conftest import BOTH, Watched, until

pytestmark = pytest.mark.monitoring

GPU = "nvidia.com/gpu"
LISTENERS = ("prometheus", "kube-state-metrics", "kube-state-metrics-telemetry", "machine-metrics")
PROCESSES = ("prometheus", "machine-metrics", "kube-state-metrics")


def opens(port: int, authority: Path, identity: Path | None) -> bool:
    """Return whether a listener answers who shows this certificate, or none."""
    tls = ssl.create_default_context(cafile=str(authority))
    if identity:
        tls.load_cert_chain(f"{identity}.crt", f"{identity}.key")
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=tls)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().status in {200, 403, 404}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def test_every_target_is_scraped(watched: Watched) -> None:
    jobs = {
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        *LISTENERS[:3],
        *(f"simulated-{page}" for page in ("nodes", "gpus", "controllers", "jobs")),
    }
    until(lambda: {row["metric"]["job"] for row in watched.query('up{instance=~"127.+"} == 1')} == jobs)
    # As if each machine had been scraped by itself, under the labels of the plan.
    machines = {row["metric"]["node"] for row in until(lambda: watched.query('up{job="nodes"} == 1'))}
    assert machines == {node.name for node in watched.plan.nodes_of("lab")}
    assert watched.value('count(DCGM_FI_DEV_GPU_UTIL{job="gpus"})') == 16 * 8


def test_kube_state_metrics_counts_objects_and_knows_no_secret(watched: Watched) -> None:
    until(lambda: watched.value("count(kube_node_info)") == 16)
    assert watched.query('{__name__=~"kube_(secret|configmap)_.+"}') == []
    for kind, user in (("Secret", "kube-state-metrics"), ("Secret", "prometheus"), ("Node", "prometheus")):
        with pytest.raises(ApiError) as refused:
            watched.api.acting_as(f"sovereign-ai:{user}", []).list("v1", kind)
        assert refused.value.status == 403


def test_every_rule_is_judged(watched: Watched) -> None:
    def rules() -> list[dict[str, str]]:
        groups = query(watched.cluster_dir, "/api/v1/rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]

    assert len(rules()) > 40
    until(lambda: {rule["health"] for rule in rules()} == {"ok"})


def test_only_a_certificate_of_monitoring_opens_a_listener(watched: Watched) -> None:
    pki, ports = watched.cluster_dir.pki, recorded_ports(watched.cluster_dir)
    for listener in LISTENERS:
        authority = pki / "monitoring-ca.crt"
        assert opens(ports[listener], authority, pki / "monitoring-reader"), listener
        assert not opens(ports[listener], authority, None), listener
        # The administrator's certificate for the API server, and so that of break-glass access, is none.
        assert not opens(ports[listener], authority, pki / "admin"), listener


def test_the_metrics_of_a_gpu_follow_who_holds_it(watched: Watched) -> None:
    api = watched.api
    node = watched.plan.nodes_of("lab")[0]
    power = f'ipmi_dcmi_power_consumption_watts{{node="{node.name}"}}'
    idle = until(lambda: watched.value(power) > 0 and watched.value(power))
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}})
    until(lambda: api.get("v1", "ServiceAccount", "default", "research"))
    resources = {"requests": {GPU: "8"}, "limits": {GPU: "8"}}
    container = {"name": "main", "image": "registry.example.com/train", "resources": resources}
    spec = {"nodeName": node.name, "containers": [container], "tolerations": [{"operator": "Exists"}]}
    metadata = {"name": "train", "namespace": "research", "labels": {KEYS.team: "vision"}}
    api.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    busy = f'count(DCGM_FI_DEV_GPU_UTIL{{node="{node.name}",pod="train"}} > 50)'
    until(lambda: watched.value(busy) == 8)
    until(lambda: watched.value(power) > idle)
    until(lambda: watched.value('sovereign_ai_gpus{state="working"}') == 8)
    # By kube-state-metrics a pod's team is known, so that what its GPUs do is the team's.
    label = re.sub("[^a-z]", "_", KEYS.team)
    team = f"kube_pod_labels{{label_{label}='vision'}}"
    of_team = f"count(DCGM_FI_DEV_GPU_UTIL * on (namespace, pod) group_left () {team})"
    until(lambda: watched.value(of_team) == 8)
    api.delete("v1", "Pod", "train", "research")
    until(lambda: watched.value(power) == idle)
    # Each exporter is scraped at a moment of its own.
    until(lambda: not watched.query(busy))


def test_alerts_fire_for_faults_and_resolve_after_the_repair(watched: Watched) -> None:
    api, factory, derived = watched.api, watched.factory, watched.plan
    broken, silent = (node.name for node in derived.nodes_of("lab")[1:3])
    assert not {"GpuFault", "NodeLost"} & watched.firing().keys()
    inject(api, factory, derived, broken, gpu=3, xid=79)
    report_silence(api, silent)
    fired = until(lambda: (now := watched.firing()).keys() >= {"GpuFault", "NodeLost"} and now, 300)
    assert (fired["GpuFault"].labels["node"], fired["GpuFault"].labels["gpu"]) == (broken, "3")
    assert fired["GpuFault"].severity == "critical"
    assert fired["GpuFault"].summary == f"GPU 3 of node {broken} reports an Xid of its hardware"
    assert fired["NodeLost"].labels["node"] == silent
    for node in (broken, silent):
        heal(api, factory, derived, node)
    until(lambda: not {"GpuFault", "NodeLost"} & watched.firing().keys())


@pytest.mark.parametrize("name", PROCESSES)
def test_a_killed_process_comes_back_and_what_was_measured_stays(watched: Watched, name: str) -> None:
    before = watched.value('count_over_time(up{job="kube-apiserver"}[1h])')

    def pid() -> int | None:
        components = {each.name: each for each in status("lab", root=watched.root).components}
        return components[name].pid if components[name].healthy else None

    killed = until(pid)
    os.kill(killed, signal.SIGKILL)
    until(lambda: pid() not in {None, killed})
    watched.start(programs=False)
    until(lambda: watched.value('min(up{instance=~"127.+"})') == 1)
    assert watched.value('count_over_time(up{job="kube-apiserver"}[1h])') >= before


def test_after_a_rotation_the_old_certificates_open_nothing(watched: Watched, tmp_path: Path) -> None:
    pki = watched.cluster_dir.pki
    for file in ("monitoring-reader.crt", "monitoring-reader.key"):
        (tmp_path / file).write_bytes((pki / file).read_bytes())
    rotate("lab", root=watched.root)
    port = recorded_ports(watched.cluster_dir)["prometheus"]
    assert opens(port, pki / "monitoring-ca.crt", pki / "monitoring-reader")
    assert not opens(port, pki / "monitoring-ca.crt", tmp_path / "monitoring-reader")
    until(lambda: watched.value('min(up{instance=~"127.+"})') == 1)


def test_what_a_description_names_no_more_ends_and_what_it_names_again_begins(
    watched: Watched,
) -> None:
    assert not {*watched.start()} & {*PROCESSES}
    assert not (watched.cluster_dir.config / "monitoring").exists()
    started = watched.start("prometheus")
    assert {"prometheus", "machine-metrics"} <= started.keys()
    assert "kube-state-metrics" not in started
    # Changed rules are read without a restart.
    rules = watched.cluster_dir.config / "monitoring" / "rules" / "fra1.yaml"
    rules.write_text("groups:\n- name: own\n  rules:\n  - {record: 'plan:changed', expr: vector(1)}\n")
    until(lambda: watched.value("plan:changed") == 1)
    again = watched.start("prometheus")
    assert again["prometheus"] == started["prometheus"]
    until(lambda: watched.query("plan:site_watts"))
    assert {*watched.start(*BOTH)} >= {*PROCESSES}
