"""JobSet, LeaderWorkerSet and Kubeflow Trainer as part of a control plane: rights, webhooks and processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.cluster.embedded.flags import components, listeners, processes
from sovereign_ai.cluster.embedded.plane_controllers import plane_controllers
from sovereign_ai.cluster.embedded.queueing import make_queue_settings, set_queueing
from sovereign_ai.cluster.embedded.webhook_controllers import make_controllers, roles, webhook_plugins
from sovereign_ai.cluster.embedded.workload_controllers import (
    WORKLOAD_CONTROLLERS,
    running_workload_controllers,
    set_workload_controllers,
    workload_controllers_of,
)
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.toolchain.table import TOOLS

READS = {"get", "list", "watch"}


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    made = ClusterDir("lab", tmp_path / "lab")
    made.make()
    return made


def ports_of(cluster_dir: ClusterDir) -> dict[str, int]:
    return {listener: 20_000 + number for number, listener in enumerate(listeners(cluster_dir))}


def make(cluster_dir: ClusterDir, *names: str, kueue: bool = True) -> dict[str, int]:
    """Make controllers part of a control plane, and write their files; return the ports."""
    set_workload_controllers(cluster_dir, {name: Path("/definitions") / name for name in names})
    set_queueing(cluster_dir, Path("/definitions/kueue") if kueue else None)
    ports = ports_of(cluster_dir)
    make_queue_settings(cluster_dir, ports)
    make_controllers(cluster_dir, plane_controllers(cluster_dir), ports)
    return ports


def webhooks(cluster_dir: ClusterDir) -> dict[str, dict[str, Any]]:
    """Return every webhook that the API server is to call, by name."""
    collected: dict[str, dict[str, Any]] = {}
    for plugin in webhook_plugins(cluster_dir):
        for file in Path(plugin["configuration"]["staticManifestsDir"]).iterdir():
            for webhook in orjson.loads(file.read_bytes())["webhooks"]:
                assert webhook["name"] not in collected
                collected[webhook["name"]] = webhook
    return collected


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        ([], ()),
        (["kueue", "prometheus", "kserve"], ()),
        (["lws", "jobset"], ("jobset", "lws")),
        (["trainer"], ("jobset", "trainer")),
        (["trainer", "lws"], ("jobset", "lws", "trainer")),
    ],
)
def test_a_platform_runs_the_controllers_that_it_names_and_those_that_they_need(
    named: list[str], wanted: tuple[str, ...]
) -> None:
    assert workload_controllers_of(named) == wanted


def test_each_controller_has_a_pinned_program_and_a_module_with_its_definitions_of_one_version() -> None:
    for controller in WORKLOAD_CONTROLLERS.values():
        program, module = TOOLS[controller.program], TOOLS[controller.name]
        assert program.source is not None
        assert module.source is not None
        assert (program.source.module, program.source.version, program.source.h1) == (
            module.source.module,
            module.source.version,
            module.source.h1,
        )
        assert program.group == module.group == "queues"
        assert program.optional
        assert module.optional


def test_controllers_join_a_control_plane_and_are_taken_out_again(cluster_dir: ClusterDir) -> None:
    make(cluster_dir, "jobset", "trainer")
    names = [controller.name for controller in running_workload_controllers(cluster_dir)]
    assert names == ["jobset", "trainer"]
    assert {"jobset-controller", "trainer-controller", "kueue-controller"} < set(components(cluster_dir))
    assert any("trainer" in name for name in webhooks(cluster_dir))
    make(cluster_dir, "jobset", kueue=False)
    assert listeners(cluster_dir)[-1] == "jobset"
    assert all(name.endswith("jobset.x-k8s.io") for name in webhooks(cluster_dir))
    make(cluster_dir, kueue=False)
    assert plane_controllers(cluster_dir) == ()
    assert webhooks(cluster_dir) == {}


def test_each_starts_after_the_definitions_of_its_kinds_and_the_runtime_after_the_trainer(
    cluster_dir: ClusterDir,
) -> None:
    ports = make(cluster_dir, "jobset", "lws", "trainer")
    programs = {name: Path("/programs") / name for name in components(cluster_dir)}
    started: list[str] = []
    listed = list(processes(cluster_dir, ports, programs))
    for process in listed:
        assert set(process.after) <= set(started)
        started.append(process.name)
    assert started[-6:] == [
        "controller-definitions",
        "jobset",
        "lws",
        "trainer",
        "training-runtime",
        "kueue",
    ]
    assert {process.name for process in listed if process.once} == {
        "first-roles",
        "controller-definitions",
        "training-runtime",
    }
    (jobset,) = (process for process in listed if process.name == "jobset")
    assert "--host=127.0.0.1" in jobset.argv
    assert jobset.probe is not None
    assert (jobset.probe.port, jobset.probe.path) == (ports["jobset"], "/readyz")


def test_what_they_judge_is_refused_while_they_do_not_answer(cluster_dir: ClusterDir) -> None:
    ports = make(cluster_dir, "jobset", "lws", "trainer")
    for name, webhook in webhooks(cluster_dir).items():
        assert webhook["failurePolicy"] == "Fail"
        (owner,) = (
            each.name for each in plane_controllers(cluster_dir) if name.partition(".")[2] == each.domain
        )
        assert webhook["clientConfig"]["url"].startswith(f"https://127.0.0.1:{ports[owner]}/")


def test_pods_depend_on_a_controller_only_where_they_have_its_label(cluster_dir: ClusterDir) -> None:
    make(cluster_dir, "jobset", "lws", "trainer")
    labels = set()
    for name, webhook in webhooks(cluster_dir).items():
        if "-pod." in name:
            (expression,) = webhook["objectSelector"]["matchExpressions"]
            assert expression["operator"] == "Exists"
            labels.add(expression["key"])
    assert labels == {"jobset.sigs.k8s.io/jobset-name", "leaderworkerset.sigs.k8s.io/name"}


def test_kueue_admits_the_kinds_whose_controllers_run_and_may_do_no_more(cluster_dir: ClusterDir) -> None:
    for names, frameworks, groups in (
        ((), ["batch/job"], set()),
        (("jobset",), ["batch/job", "jobset.x-k8s.io/jobset"], {"jobset.x-k8s.io"}),
        (
            ("lws",),
            ["batch/job", "leaderworkerset.x-k8s.io/leaderworkerset"],
            {"leaderworkerset.x-k8s.io"},
        ),
    ):
        make(cluster_dir, *names)
        settings = orjson.loads((cluster_dir.config / "kueue.json").read_bytes())
        assert settings["integrations"]["frameworks"] == frameworks
        (kueue,) = (each for each in plane_controllers(cluster_dir) if each.name == "kueue")
        # It reads every kind that its program knows, whose objects may own a Job.
        reads = {(right.group, resource) for right in kueue.rights for resource in right.resources.split()}
        assert {group for group, _ in reads} >= {
            controller.group for controller in WORKLOAD_CONTROLLERS.values()
        }
        others = {right.group for right in kueue.rights if set(right.verbs.split()) - READS} - {
            "",
            "batch",
            "kueue.x-k8s.io",
            "node.k8s.io",
            "resource.k8s.io",
            "scheduling.k8s.io",
        }
        assert others == groups
        may_delete_pods = any(
            "pods" in right.resources.split() and "delete" in right.verbs for right in kueue.rights
        )
        assert may_delete_pods is ("lws" in names)


def test_none_may_read_secrets_or_write_rights_policies_webhooks_nodes_or_namespaces(
    cluster_dir: ClusterDir,
) -> None:
    make(cluster_dir, "jobset", "lws", "trainer")
    seen = set()
    for role in roles(plane_controllers(cluster_dir)):
        if role["kind"] != "ClusterRole":
            continue
        seen.add(role["metadata"]["name"])
        for rule in role["rules"]:
            resources = set(rule["resources"])
            assert "*" not in {*rule["verbs"], *rule["apiGroups"], *resources}
            assert not set(rule["apiGroups"]) & {
                "rbac.authorization.k8s.io",
                "admissionregistration.k8s.io",
                "apiextensions.k8s.io",
            }
            if resources & {"secrets", "configmaps"}:
                assert rule["resourceNames"] == ["sovereign-ai-unread"]
            if set(rule["verbs"]) - READS:
                assert not resources & {"nodes", "namespaces", "secrets", "configmaps"}
    assert seen == {f"sovereign-ai:{name}" for name in ("jobset", "lws", "trainer", "kueue")}
