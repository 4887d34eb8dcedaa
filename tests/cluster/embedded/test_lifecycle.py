"""The real programs: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import signal
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.api.client import ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.crds import install_crds
from sovereign_ai.cluster.embedded.flags import COMPONENTS
from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, down, list_clusters, status, up
from sovereign_ai.cluster.process import started_at
from sovereign_ai.cluster.state import ClusterDir, recorded_ports

pytestmark = pytest.mark.cluster
Programs = dict[str, Path] | None


def until(holds: Callable[[], Any], seconds: float = 180) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)
    return value


def config_map(name: str, value: str = "plain") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"value": value},
    }


def stored_bytes(cluster: EmbeddedCluster) -> bytes:
    return b"".join(path.read_bytes() for path in (cluster.folder / "etcd").rglob("*") if path.is_file())


def listening(pids: set[int]) -> set[tuple[str, int]]:
    """Give address and port of everything these processes listen on, read from the kernel."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            is_listening = words[3] == "0A" if table.startswith("tcp") else True
            if is_listening and words[9] in inodes:
                address, port = words[1].split(":")
                found.add((address, int(port, 16)))
    return found


def test_the_control_plane_is_ready_and_all_components_are_healthy(cluster: EmbeddedCluster, clusters: Path):
    found = until(lambda: (now := status("shared", root=clusters)).healthy and now)
    assert found.phase == "ready"
    assert [(one.name, one.alive, one.healthy, one.restarts) for one in found.components] == [
        (name, True, True, 0) for name in (*COMPONENTS, "operator")
    ]
    assert found.to_data()["components"][0]["name"] == "etcd"
    assert open_cluster(cluster.kubeconfig).version().startswith("v1.37.")


def test_up_of_a_running_cluster_returns_it_and_starts_nothing(
    cluster: EmbeddedCluster, clusters: Path, components: Programs
):
    said: list[str] = []
    assert up("shared", progress=said.append, components=components, root=clusters) == cluster
    assert said == []


def test_it_listens_on_loopback_alone_and_only_where_it_said(cluster: EmbeddedCluster):
    found = listening(set(cluster.pids.values()))
    assert {address for address, _ in found} == {"0100007F"}
    assert {port for _, port in found} == set(recorded_ports(ClusterDir("shared", cluster.folder)).values())


def test_files_and_folders_are_the_owner_s_alone(cluster: EmbeddedCluster):
    for path in [cluster.folder, *cluster.folder.rglob("*")]:
        if not path.name.startswith("."):
            assert path.stat().st_mode & 0o077 == 0, path


def test_secrets_and_configmaps_lie_encrypted_in_etcd(cluster: EmbeddedCluster):
    api = open_cluster(cluster.kubeconfig)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "stringData": {"a": "HiddenInSecret"},
    }
    service_account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "in-clear", "namespace": "default", "annotations": {"a": "PlainInAccount"}},
    }
    for obj in (secret, service_account, config_map("c", "HiddenInMap")):
        api.create(obj)
    stored = stored_bytes(cluster)
    assert b"PlainInAccount" in stored, "the search must be able to find something"
    assert b"HiddenInSecret" not in stored
    assert base64.b64encode(b"HiddenInSecret") not in stored
    assert b"HiddenInMap" not in stored
    read = api.get("v1", "Secret", "s", "default")
    assert read is not None
    assert base64.b64decode(read["data"]["a"]) == b"HiddenInSecret"


def test_the_audit_log_knows_of_a_secret_but_not_what_is_in_it(cluster: EmbeddedCluster):
    api = open_cluster(cluster.kubeconfig)
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "audited", "namespace": "default"},
            "stringData": {"a": "NotForTheLog"},
        }
    )
    log = until(
        lambda: (
            (text := (cluster.folder / "audit" / "audit.log").read_text())
            and '"name":"audited"' in text
            and text
        )
    )
    assert "NotForTheLog" not in log
    assert base64.b64encode(b"NotForTheLog").decode() not in log
    assert '"username":"sovereign-ai:admin"' in log
    assert all(
        "NotForTheLog" not in path.read_text(errors="replace") for path in (cluster.folder / "logs").iterdir()
    )


def test_no_secret_stands_in_an_argument_list(cluster: EmbeddedCluster):
    material = [
        line for path in (cluster.folder / "pki").glob("*.key") for line in path.read_text().splitlines()[1:2]
    ]
    material.append(
        yaml.safe_load((cluster.folder / "config" / "encryption.json").read_text())["resources"][0][
            "providers"
        ][0]["secretbox"]["keys"][0]["secret"]
    )
    for pid in cluster.pids.values():
        said = Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text()
        assert not any(text in said for text in material)


@pytest.mark.parametrize("path", ["/api", "/version", "/readyz", "/metrics", "/api/v1/secrets"])
def test_an_unnamed_caller_is_refused(cluster: EmbeddedCluster, path: str):
    tls = ssl.create_default_context(cafile=str(cluster.folder / "pki" / "cluster-ca.crt"))
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{cluster.server}{path}", context=tls, timeout=60)  # noqa: S310 - it is https
    assert caught.value.code == 401
    caught.value.close()


def test_an_authority_that_is_not_its_own_is_not_believed(cluster: EmbeddedCluster, tmp_path: Path):
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(
        (cluster.folder / "pki" / "etcd-ca.crt").read_bytes()
    ).decode()
    (tmp_path / "wrong").write_text(yaml.safe_dump(config))
    with pytest.raises(UnreachableError, match="cluster-untrusted"):
        open_cluster(tmp_path / "wrong").version()


def test_a_certificate_of_etcd_s_authority_is_nobody_to_the_api_server_and_the_reverse(
    cluster: EmbeddedCluster,
):
    pki, ports = cluster.folder / "pki", recorded_ports(ClusterDir("shared", cluster.folder))

    def answer(component: str, path: str, authority: str, identity: str) -> int:
        tls = ssl.create_default_context(cafile=str(pki / f"{authority}.crt"))
        tls.load_cert_chain(pki / f"{identity}.crt", pki / f"{identity}.key")
        connection = http.client.HTTPSConnection("127.0.0.1", ports[component], context=tls, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().status

    until(lambda: answer("etcd", "/health", "etcd-ca", "etcd-client-supervisor") == 200)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        answer("etcd", "/health", "etcd-ca", "admin")
    until(lambda: answer("kube-apiserver", "/readyz", "cluster-ca", "supervisor") == 200)
    assert answer("kube-apiserver", "/readyz", "cluster-ca", "etcd-client-kube-apiserver") == 401
    assert answer("kube-apiserver", "/readyz", "cluster-ca", "front-proxy-client") == 401


def test_kwok_and_the_supervisor_can_do_no_more_than_they_need(cluster: EmbeddedCluster, tmp_path: Path):
    api = open_cluster(cluster.folder / "identities" / "kwok.kubeconfig")
    assert api.list("v1", "Node") is not None
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    for part in ("certificate", "key"):
        file = cluster.folder / "pki" / f"supervisor.{'crt' if part == 'certificate' else 'key'}"
        config["users"][0]["user"][f"client-{part}-data"] = base64.b64encode(file.read_bytes()).decode()
    (tmp_path / "supervisor").write_text(yaml.safe_dump(config))
    for one in (api, open_cluster(tmp_path / "supervisor")):
        for call in (
            partial(one.list, "v1", "Secret"),
            partial(one.delete, "v1", "Node", "none"),
            partial(one.apply, config_map("x")),
        ):
            with pytest.raises(ApiError) as caught:
                call()
            assert caught.value.status == 403


def node(name: str) -> dict[str, Any]:
    size = {"cpu": "96", "memory": "1Ti", "pods": "110", "nvidia.com/gpu": "8"}
    metadata = {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": metadata,
        "status": {"capacity": size, "allocatable": size},
    }


def test_a_pod_that_asks_for_gpus_runs_on_a_simulated_node_and_one_that_asks_for_too_many_waits(
    cluster: EmbeddedCluster,
):
    api = open_cluster(cluster.kubeconfig)
    api.create(node("gpu-1"))

    def pod(name: str, gpus: int) -> dict[str, Any]:
        container = {
            "name": "c",
            "image": "registry.invalid/none",
            "resources": {"limits": {"nvidia.com/gpu": str(gpus)}},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [container]},
        }

    def now(name: str) -> dict[str, Any]:
        found = api.get("v1", "Pod", name, "default")
        assert found is not None
        return found

    api.create(pod("fits", 8))
    until(lambda: now("fits")["status"]["phase"] == "Running")
    assert now("fits")["spec"]["nodeName"] == "gpu-1"
    api.create(pod("waits", 1))
    condition = until(
        lambda: next(
            (one for one in now("waits")["status"].get("conditions", []) if one["reason"] == "Unschedulable"),
            None,
        )
    )
    assert "Insufficient nvidia.com/gpu" in condition["message"]
    api.delete("v1", "Pod", "fits", "default")
    until(lambda: now("waits")["status"]["phase"] == "Running")
    api.delete("v1", "Pod", "waits", "default")
    until(lambda: api.get("v1", "Pod", "waits", "default") is None)
    api.delete("v1", "Node", "gpu-1")


def test_two_writers_of_one_field_are_a_conflict_that_names_it(cluster: EmbeddedCluster):
    api = open_cluster(cluster.kubeconfig)
    api.apply(config_map("fought-over", "ours"))
    with pytest.raises(ApiError) as caught:
        api.apply(config_map("fought-over", "theirs"), field_manager="somebody")
    assert caught.value.status == 409
    assert caught.value.causes == ('.data.value: conflict with "sovereign-ai"',)
    taken = api.apply(config_map("fought-over", "theirs"), field_manager="somebody", force=True, dry_run=True)
    assert taken["data"]["value"] == "theirs"
    kept = api.get("v1", "ConfigMap", "fought-over", "default")
    assert kept is not None
    assert kept["data"]["value"] == "ours"


def test_a_list_longer_than_a_page_is_whole(cluster: EmbeddedCluster):
    api = open_cluster(cluster.kubeconfig)
    api.many(partial(api.create, config_map(f"many-{number}")) for number in range(520))
    names = {one["metadata"]["name"] for one in api.list("v1", "ConfigMap", "default")}
    assert {f"many-{number}" for number in range(520)} <= names


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: racks.example.internal}
spec:
  group: example.internal
  scope: Cluster
  names: {kind: Rack, plural: racks, singular: rack}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {height: {type: integer}}}}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: not-a-definition}
"""  # noqa: E501 - one literal text


def test_definitions_are_installed_and_served_and_nothing_else_is(cluster: EmbeddedCluster, tmp_path: Path):
    api = open_cluster(cluster.kubeconfig)
    with pytest.raises(ApiError, match="api-kind-unknown"):
        api.get("example.internal/v1", "Rack", "r1")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "rack.yaml").write_text(CRD)
    assert install_crds(api, tmp_path) == ("racks.example.internal",)
    assert install_crds(api, tmp_path) == ("racks.example.internal",)
    api.create(
        {
            "apiVersion": "example.internal/v1",
            "kind": "Rack",
            "metadata": {"name": "r1"},
            "spec": {"height": 42},
        }
    )
    assert api.get("example.internal/v1", "Rack", "r1") is not None
    assert api.get("v1", "Namespace", "not-a-definition") is None
    assert next(one for one in api.kinds() if one.kind == "Rack").namespaced is False


@pytest.mark.parametrize("name", ["kube-apiserver", "etcd", "kwok"])
def test_a_killed_component_comes_back_with_the_data(cluster: EmbeddedCluster, clusters: Path, name: str):
    api = open_cluster(cluster.kubeconfig)
    api.apply(config_map("before", name))
    before = next(one for one in status("shared", root=clusters).components if one.name == name)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(
        lambda: (
            (found := status("shared", root=clusters)).healthy
            and next(one for one in found.components if one.name == name).restarts > before.restarts
        )
    )
    kept = api.get("v1", "ConfigMap", "before", "default")
    assert kept is not None
    assert kept["data"]["value"] == name


def test_after_a_killed_supervisor_nothing_runs_and_up_recovers_with_the_data(
    cluster: EmbeddedCluster, clusters: Path, components: Programs
):
    api = open_cluster(cluster.kubeconfig)
    identity = api.identity()
    api.apply(config_map("survivor"))
    seen = status("shared", root=clusters)
    assert seen.supervisor is not None
    os.kill(seen.supervisor, signal.SIGKILL)
    until(lambda: all(one.pid is None or started_at(one.pid) is None for one in seen.components))
    with pytest.raises(UnreachableError):
        api.get("v1", "ConfigMap", "survivor", "default")
    assert not status("shared", root=clusters).healthy
    again = up("shared", components=components, root=clusters)
    assert again.server == cluster.server
    assert open_cluster(again.kubeconfig).identity() == identity
    assert api.get("v1", "ConfigMap", "survivor", "default") is not None


def test_two_side_by_side_know_nothing_of_each_other_and_leave_nothing(
    cluster: EmbeddedCluster, clusters: Path, components: Programs
):
    second = up("second", components=components, root=clusters)
    try:
        one, two = open_cluster(cluster.kubeconfig), open_cluster(second.kubeconfig)
        assert one.identity() != two.identity()
        assert one.server != two.server
        one.apply(config_map("only-in-one"))
        assert two.get("v1", "ConfigMap", "only-in-one", "default") is None
        until(
            lambda: (
                [found.name for found in list_clusters(root=clusters) if found.healthy]
                == ["second", "shared"]
            )
        )
    finally:
        down("second", root=clusters)
    assert not second.folder.exists()
    assert all(started_at(pid) is None for pid in second.pids.values())
    assert status("second", root=clusters).phase == "absent"


def test_data_and_ports_are_kept_over_a_stop_and_two_ups_at_once_do_no_harm(
    clusters: Path, components: Programs
):
    first = up("kept", components=components, root=clusters)
    api = open_cluster(first.kubeconfig)
    identity = api.identity()
    api.apply(config_map("kept"))
    assert down("kept", keep_data=True, root=clusters)
    assert all(started_at(pid) is None for pid in first.pids.values())
    found: list[EmbeddedCluster] = []
    both = [
        Thread(target=lambda: found.append(up("kept", components=components, root=clusters)))
        for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found[0] == found[1]
    assert found[0].server == first.server
    again = open_cluster(found[0].kubeconfig)
    assert again.identity() == identity
    assert again.get("v1", "ConfigMap", "kept", "default") is not None
    assert down("kept", root=clusters)
    assert not first.folder.exists()
    assert all(started_at(pid) is None for pid in found[0].pids.values())
