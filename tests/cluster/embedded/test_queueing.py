from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509

from sovereign_ai.cluster.embedded.flags import COMPONENTS, components, listeners, processes
from sovereign_ai.cluster.embedded.plane_controllers import plane_controllers
from sovereign_ai.cluster.embedded.queueing import (
    QUEUE_CONTROLLER,
    QUEUE_PROGRAM,
    fair_sharing_of,
    has_queueing,
    make_queue_settings,
    queue_controller,
    queue_settings_file,
    sending_objects,
    set_queueing,
)
from sovereign_ai.cluster.embedded.settings import make_settings
from sovereign_ai.cluster.embedded.webhook_controllers import make_controllers, roles, webhook_plugins
from sovereign_ai.cluster.state import ClusterDir

PORTS = {"kube-apiserver": 20_002, QUEUE_CONTROLLER: 20_009}


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    """Return the folder of a control plane that Kueue is part of, with its files."""
    made = ClusterDir("lab", tmp_path / "lab")
    made.make()
    set_queueing(made, tmp_path / "definitions")
    make_files(made)
    return made


def make_files(cluster_dir: ClusterDir) -> None:
    make_queue_settings(cluster_dir, PORTS)
    make_controllers(cluster_dir, plane_controllers(cluster_dir), PORTS)


def read(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def webhooks(cluster_dir: ClusterDir) -> list[dict[str, Any]]:
    """Return every webhook that the API server is to call."""
    collected = []
    for plugin in webhook_plugins(cluster_dir):
        folder = Path(plugin["configuration"]["staticManifestsDir"])
        for file in folder.iterdir():
            collected += read(file)["webhooks"]
    return collected


def test_kueue_shares_idle_quota_by_the_strategies_that_are_asked_for_and_otherwise_not(
    cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    assert "fairSharing" not in read(queue_settings_file(cluster_dir))
    strategies = ("LessThanInitialShare",)
    set_queueing(cluster_dir, tmp_path / "definitions", fair_sharing=strategies)
    make_files(cluster_dir)
    shared = read(queue_settings_file(cluster_dir))["fairSharing"]
    assert shared == {"preemptionStrategies": ["LessThanInitialShare"]}
    assert fair_sharing_of(cluster_dir) == strategies


def test_a_control_plane_has_no_trace_of_kueue_unless_it_is_wanted(tmp_path: Path):
    plain = ClusterDir("lab", tmp_path / "lab")
    plain.make()
    make_files(plain)
    make_settings(plain)
    assert not has_queueing(plain)
    assert components(plain) == COMPONENTS
    assert QUEUE_CONTROLLER not in listeners(plain)
    assert not [path for path in plain.folder.rglob("*") if "kueue" in path.name or "webhook" in path.name]
    assert [plugin["name"] for plugin in read(plain.config / "admission.json")["plugins"]] == [
        "ValidatingAdmissionPolicy"
    ]


def test_kueue_can_be_taken_out_of_a_control_plane_again(cluster_dir: ClusterDir):
    assert has_queueing(cluster_dir)
    set_queueing(cluster_dir, None)
    assert not has_queueing(cluster_dir)
    make_files(cluster_dir)
    make_settings(cluster_dir)
    assert webhooks(cluster_dir) == []
    (policies,) = read(cluster_dir.config / "admission.json")["plugins"]
    assert policies["name"] == "ValidatingAdmissionPolicy"


def test_kueue_listens_on_loopback_for_holders_of_a_certificate_and_nowhere_else(cluster_dir: ClusterDir):
    settings = read(cluster_dir.config / "kueue.json")
    assert settings["webhook"]["host"] == "127.0.0.1"
    assert settings["webhook"]["port"] == PORTS[QUEUE_CONTROLLER]
    assert settings["metrics"]["bindAddress"] == "0"
    assert settings["health"]["healthProbeBindAddress"] == "0"
    assert settings["internalCertManagement"] == {"enable": False}
    assert not settings["featureGates"]["VisibilityOnDemand"]
    serving = Path(settings["webhook"]["certDir"])
    assert sorted(path.name for path in serving.iterdir()) == ["ca.crt", "tls.crt", "tls.key"]
    assert (serving / "ca.crt").read_bytes() == (cluster_dir.pki / "cluster-ca.crt").read_bytes()
    assert stat.S_IMODE((serving / "tls.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(serving.stat().st_mode) == 0o700


def test_the_api_server_presents_its_certificate_to_kueue_and_to_no_other_webhook(cluster_dir: ClusterDir):
    client = read(cluster_dir.config / "webhooks.kubeconfig")
    assert [user["name"] for user in client["users"]] == [f"127.0.0.1:{PORTS[QUEUE_CONTROLLER]}"]
    certificate = x509.load_pem_x509_certificate(
        Path(client["users"][0]["user"]["client-certificate"]).read_bytes()
    )
    uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH]
    for plugin in webhook_plugins(cluster_dir):
        assert plugin["configuration"]["kubeConfigFile"] == str(cluster_dir.config / "webhooks.kubeconfig")


def test_requests_that_kueue_judges_are_refused_while_it_does_not_answer(cluster_dir: ClusterDir):
    names = {webhook["name"] for webhook in webhooks(cluster_dir)}
    assert len(names) == 9
    for webhook in webhooks(cluster_dir):
        assert webhook["failurePolicy"] == "Fail"
        assert webhook["clientConfig"]["url"].startswith(f"https://127.0.0.1:{PORTS[QUEUE_CONTROLLER]}/")


def test_jobs_outside_of_zones_do_not_depend_on_kueue(cluster_dir: ClusterDir):
    selectors = {}
    for webhook in webhooks(cluster_dir):
        selectors[webhook["name"]] = webhook["namespaceSelector"]
    zone = {"key": "sovereign-ai.internal/zone", "operator": "Exists"}
    assert selectors["mutate-job.kueue.x-k8s.io"] == {"matchExpressions": [zone]}
    assert selectors["validate-job.kueue.x-k8s.io"] == {"matchExpressions": [zone]}


def test_kueue_may_neither_read_secrets_nor_write_rights_policies_webhooks_or_nodes(
    cluster_dir: ClusterDir,
):
    role, binding = roles([queue_controller(cluster_dir)])
    assert binding["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "sovereign-ai:kueue"}
    ]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    writes = set()
    for rule in role["rules"]:
        resources = {(group, resource) for group in rule["apiGroups"] for resource in rule["resources"]}
        assert "*" not in {*rule["verbs"], *rule["apiGroups"], *rule["resources"]}
        assert ("", "secrets") not in resources
        assert not {group for group, _ in resources} & {
            "rbac.authorization.k8s.io",
            "admissionregistration.k8s.io",
            "apiextensions.k8s.io",
        }
        if set(rule["verbs"]) - {"get", "list", "watch"}:
            writes |= resources
        if "delete" in rule["verbs"] or "create" in rule["verbs"]:
            assert resources <= {("kueue.x-k8s.io", "workloads"), ("", "events")}
    assert not writes & {("", "nodes"), ("", "namespaces")}


def test_kueue_starts_after_the_definitions_of_its_objects(cluster_dir: ClusterDir, tmp_path: Path):
    ports = {}
    for number, listener in enumerate(listeners(cluster_dir)):
        ports[listener] = 20_000 + number
    programs = {name: tmp_path / name for name in components(cluster_dir)}
    started: list[str] = []
    for process in processes(cluster_dir, ports, programs):
        assert set(process.after) <= set(started)
        started.append(process.name)
    assert QUEUE_PROGRAM in programs
    assert started[-2:] == ["controller-definitions", "kueue"]


def test_kueue_sends_work_to_other_clusters_only_where_it_is_asked_to(cluster_dir: ClusterDir) -> None:
    def gate() -> bool:
        make_queue_settings(cluster_dir, PORTS)
        return bool(read(cluster_dir.config / "kueue.json")["featureGates"]["MultiKueue"])

    def granted() -> set[str]:
        role = next(iter(roles([queue_controller(cluster_dir)])))
        return {
            resource for rule in role["rules"] for resource in rule["resources"] if "multikueue" in resource
        }

    assert not gate()
    assert granted() == set()
    assert list(sending_objects(cluster_dir)) == []
    set_queueing(cluster_dir, cluster_dir.folder / "definitions", multikueue=True)
    assert gate()
    assert granted() == {"multikueueclusters", "multikueueconfigs", "multikueueclusters/status"}
    # Secrets of its own namespace, and of no other.
    namespace, role, binding = sending_objects(cluster_dir)
    assert namespace["metadata"]["name"] == "kueue-system"
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]
    assert {role["metadata"]["namespace"], binding["metadata"]["namespace"]} == {"kueue-system"}
    assert binding["subjects"][0]["name"] == "sovereign-ai:kueue"
    assert read(cluster_dir.config / "kueue.json")["multiKueue"] == {"origin": "lab"}
    set_queueing(cluster_dir, cluster_dir.folder / "definitions")
    assert not gate()
