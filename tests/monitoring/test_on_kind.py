"""Prometheus and kube-state-metrics in containers of a real kubelet: deployed from manifests of the
description, fed by the cluster's objects, judging the rules of the plan, and taken away again.

The tests follow each other on one cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.api import ApiError
from sovereign_ai.cluster.kind.containers import load as load_image
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.monitoring.rule_files import rules_yaml
from sovereign_ai.sim.fault_reports import node_of, report_silence, withdraw
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from sovereign_ai.toolchain.install import find
from tests.kind.lab import KindLab
from tests.life import within
from tests.monitoring.mirrored import (
    KUBE_STATE_METRICS,
    NAMESPACE,
    PROMETHEUS,
    described,
    prometheus,
    state_metrics,
    write,
)
from tests.queues.mirrored import Object, program_image

pytestmark = pytest.mark.kind
BOTH = (PROMETHEUS, KUBE_STATE_METRICS)
CONTROL, SITE = "lab-control-plane", "fra1"
SECONDS = 300


class Watch:
    """The lab, watched by what its description brings.

    Attributes:
        lab: the lab.
        factory: its description with both.
        plan: the plan of that.
    """

    def __init__(self, lab: KindLab, folder: Path) -> None:
        self.lab = lab
        self.plain = yaml.safe_load((lab.stack / "factory.yaml").read_text(encoding="utf-8"))
        images: dict[str, str] = {}
        for name in BOTH:
            images[name], archive = program_image(name, name, find(name).resolve(), folder)
            load_image(lab.docker, CONTROL, archive)
        counted = folder / KUBE_STATE_METRICS
        counted.mkdir()
        write(lab.stack / f"{KUBE_STATE_METRICS}.yaml", state_metrics(images[KUBE_STATE_METRICS], counted))
        # The rules follow from the description, and stand in a manifest of it.
        file = lab.stack / f"{PROMETHEUS}.yaml"
        write(file, prometheus(images[PROMETHEUS], "groups: []\n"))
        self.factory, self.plan = self.describe(*BOTH)
        rules = rules_yaml(self.factory, self.plan, SITE)
        write(file, prometheus(images[PROMETHEUS], rules))
        assert rules_yaml(*self.describe(*BOTH), SITE) == rules

    def describe(self, *names: str) -> tuple[AIFactory, Plan]:
        """Write the description with these controllers; return it, read again, and its plan."""
        data = described(self.plain, self.lab.stack, *names)
        text = yaml.safe_dump(data, sort_keys=False)
        (self.lab.stack / "factory.yaml").write_text(text, encoding="utf-8")
        factory = load(self.lab.stack)
        return factory, plan(factory)

    def ask(self, path: str, query: dict[str, str] | None = None) -> Any:
        """Return the data of an answer of Prometheus' API; nothing where it does not answer yet.

        The API server hands the question on: nothing else leads into the cluster.
        """
        service = f"/api/v1/namespaces/{NAMESPACE}/services/{PROMETHEUS}:web/proxy"
        try:
            return self.lab.api.request("GET", f"{service}/api/v1/{path}", query=query).get("data") or {}
        except ApiError as error:
            if error.status not in {404, 500, 502, 503}:
                raise
            return {}

    def nodes(self, expression: str) -> set[str]:
        """Return the nodes of the series of an expression."""
        rows = self.ask("query", {"query": expression}).get("result") or []
        return {row["metric"]["node"] for row in rows}

    def targets(self) -> dict[str, str]:
        """Return each job to the health of its target."""
        active = self.ask("targets").get("activeTargets") or []
        return {target["labels"]["job"]: target["health"] for target in active}

    def rules(self) -> list[Object]:
        """Return the rules that are judged."""
        rules: list[Object] = []
        for group in self.ask("rules").get("groups") or []:
            rules += group["rules"]
        return rules

    def firing(self, alert: str) -> dict[str, Object]:
        """Return node to the alert of a name that fires for it."""
        found = {}
        for each in self.ask("alerts").get("alerts") or []:
            if (each["labels"]["alertname"], each["state"]) == (alert, "firing"):
                found[each["labels"]["node"]] = each
        return found


@pytest.fixture(scope="module")
def watch(kind_lab: KindLab, tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """The lab, which stood without them, with both from their manifests, by one `up`."""
    made = Watch(kind_lab, tmp_path_factory.mktemp("watch"))
    kind_lab.on_plane("up")
    return made


def until(holds: Callable[[], bool], why: Callable[[], Any], seconds: int = SECONDS) -> None:
    assert within(seconds, holds), f"not within {seconds} s: {why()}"


def is_unchanged(document: dict[str, Any]) -> bool:
    return (document["changes"], document["restored"], document["orphans"]) == ({}, [], [])


def test_one_up_deploys_both_verify_finds_nothing_and_a_second_up_changes_nothing(watch: Watch) -> None:
    assert watch.lab.verify() == []
    assert is_unchanged(watch.lab.on_plane("up"))
    pods = watch.lab.api.list("v1", "Pod", NAMESPACE)
    assert {pod["spec"]["nodeName"] for pod in pods} == {CONTROL}


def test_every_target_is_scraped_and_all_machines_are_counted_real_and_simulated(watch: Watch) -> None:
    jobs = (*BOTH, f"{KUBE_STATE_METRICS}-telemetry")
    until(lambda: watch.targets() == dict.fromkeys(jobs, "up"), watch.targets)
    machines = {node.name for node in watch.plan.nodes_of("lab")}
    assert machines > set(watch.lab.machines)
    counted = f'kube_node_info{{job="{KUBE_STATE_METRICS}"}}'
    until(lambda: watch.nodes(counted) == {*machines, CONTROL}, lambda: watch.nodes(counted))
    # By the kubelet's own report, and by what is reported for a simulated machine.
    ready = 'kube_node_status_condition{condition="Ready",status="true"} == 1'
    until(lambda: watch.nodes(ready) == {*machines, CONTROL}, lambda: watch.nodes(ready))
    of_pool = 'kube_node_labels{label_sovereign_ai_internal_pool="train"}'
    trained = {node.name for node in watch.plan.nodes_of("lab") if node.pool == "train"}
    until(lambda: watch.nodes(of_pool) == trained, lambda: watch.nodes(of_pool))


def test_kube_state_metrics_reads_no_secret_and_prometheus_nothing_at_all(watch: Watch) -> None:
    secrets = watch.ask("query", {"query": 'count({__name__=~"kube_(secret|configmap)_.+"})'})
    assert secrets["result"] == []
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"]
    for name, kinds in {PROMETHEUS: ("Node", "Pod", "Secret"), KUBE_STATE_METRICS: ("Secret",)}.items():
        account = watch.lab.api.acting_as(f"system:serviceaccount:{NAMESPACE}:{name}", groups)
        for kind in kinds:
            with pytest.raises(ApiError) as refused:
                account.list("v1", kind)
            assert refused.value.status == 403


def test_the_plans_rules_are_judged_and_a_lost_machine_real_or_simulated_raises_its_alert(
    watch: Watch,
) -> None:
    written = yaml.safe_load(rules_yaml(watch.factory, watch.plan, SITE))
    names: set[str] = set()
    for group in written["groups"]:
        names |= {rule.get("alert") or rule["record"] for rule in group["rules"]}
    assert "NodeNotReady" in names
    until(
        lambda: (
            {(rule["name"], rule["health"]) for rule in watch.rules()} == {(each, "ok") for each in names}
        ),
        watch.rules,
    )
    lab, (real, container) = watch.lab, next(iter(watch.lab.machines.items()))
    simulated = next(node.name for node in watch.plan.nodes_of("lab") if node.name not in lab.machines)
    assert watch.firing("NodeNotReady") == {}
    try:
        lab.docker.text("exec", container, "systemctl", "stop", "kubelet")
        report_silence(lab.api, simulated)
        until(
            lambda: watch.firing("NodeNotReady").keys() == {real, simulated},
            lambda: watch.ask("alerts"),
        )
        alert = watch.firing("NodeNotReady")[real]
        assert alert["labels"]["severity"] == "warning"
        assert alert["annotations"]["summary"] == f"Kubernetes counts node {real} as not Ready"
    finally:
        lab.docker.text("exec", container, "systemctl", "start", "kubelet")
        withdraw(lab.api, node_of(lab.api, simulated))
    until(lambda: watch.firing("NodeNotReady") == {}, lambda: watch.ask("alerts"))


def test_changed_rules_reach_prometheus_by_one_up_and_without_a_restart(watch: Watch) -> None:
    def pod() -> str:
        (found,) = watch.lab.api.list("v1", "Pod", NAMESPACE, f"app.kubernetes.io/name={PROMETHEUS}")
        name: str = found["metadata"]["name"]
        return name

    before = pod()
    file = watch.lab.stack / f"{PROMETHEUS}.yaml"
    objects = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    (settings,) = (obj for obj in objects if obj["kind"] == "ConfigMap")
    settings["data"]["rules.yaml"] += "- name: own\n  rules:\n  - {record: 'plan:changed', expr: vector(1)}\n"
    file.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    watch.lab.on_plane("up")
    until(
        lambda: "plan:changed" in {rule["name"] for rule in watch.rules()},
        lambda: watch.ask("status/config"),
    )
    assert pod() == before


def test_both_leave_with_the_description_and_nothing_of_them_stays(watch: Watch) -> None:
    lab = watch.lab
    watch.describe()
    lab.on_plane("up")
    assert lab.verify() == []
    assert is_unchanged(lab.on_plane("up"))
    gone = lambda: lab.api.get("v1", "Namespace", NAMESPACE) is None  # noqa: E731
    until(gone, lambda: lab.api.get("v1", "Namespace", NAMESPACE))
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        assert lab.api.get("rbac.authorization.k8s.io/v1", kind, KUBE_STATE_METRICS) is None
