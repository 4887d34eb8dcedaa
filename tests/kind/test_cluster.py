"""The plane itself: what it is made of, what kind's own commands do with it, and what `verify` says of each
death.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.kind.cgroups import leftovers
from sovereign_ai.names import KEYS
from sovereign_ai.toolchain.install import find
from sovereign_ai.toolchain.node_image.archive import ArchiveEntry, Image, write_docker, write_layer
from tests.kind.lab import KindLab
from tests.life import within

pytestmark = pytest.mark.kind
CONTROL = "lab-control-plane"


def kind(*arguments: str) -> str:
    done = subprocess.run([str(find("kind")), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_ready(api: Api, node: str) -> bool:
    found = api.get("v1", "Node", node)
    conditions = found["status"]["conditions"] if found else []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def last_report(api: Api, node: str) -> datetime:
    found = api.get("v1", "Node", node)
    conditions = found["status"]["conditions"] if found else []
    (ready,) = (one for one in conditions if one["type"] == "Ready")
    return datetime.fromisoformat(ready["lastHeartbeatTime"])


def test_the_whole_plan_is_there_and_two_machines_of_it_are_real(lab: KindLab) -> None:
    nodes = {node["metadata"]["name"]: node for node in lab.api.list("v1", "Node")}
    real = {
        name
        for name, node in nodes.items()
        if node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://2.")
    }
    assert real == {CONTROL, "train-001", "serve-001"} == {CONTROL, *lab.machines}
    assert len(nodes) == 17
    routed = {
        name
        for name, node in nodes.items()
        if any(one["type"] == "InternalIP" for one in node["status"]["addresses"])
    }
    assert routed == real, "an address of a simulated machine leads out of the cluster"
    assert lab.verify() == []


def test_zone_and_law_of_a_real_machine_are_said_by_the_control_plane_and_no_kubelet_may_change_them(
    lab: KindLab,
) -> None:
    labels = (lab.api.get("v1", "Node", "train-001") or {})["metadata"]["labels"]
    assert (labels[KEYS.zone], labels[KEYS.jurisdiction]) == ("restricted", "DE")
    config = ["--kubeconfig", "/etc/kubernetes/kubelet.conf"]
    done = lab.docker.run(
        "exec",
        lab.machines["train-001"],
        "kubectl",
        *config,
        "label",
        "node",
        "train-001",
        f"{KEYS.zone}=open",
        "--overwrite",
    )
    assert done.returncode != 0
    assert b"is not allowed to modify labels" in done.stderr


def test_a_kubelet_that_starts_again_has_no_labels_of_its_own_to_go_back_to(lab: KindLab) -> None:
    name = "train-001"
    labels = (lab.api.get("v1", "Node", name) or {})["metadata"]["labels"]
    assert labels["topology.kubernetes.io/region"]
    given = lab.inside(lab.machines[name], "cat", "/var/lib/kubelet/kubeadm-flags.env")
    assert {word for word in given.strip('\n"').split() if "node-labels" in word} <= {"--node-labels="}
    reported = last_report(lab.api, name)
    # Its times have whole seconds.
    assert within(5, lambda: datetime.now(UTC) > reported + timedelta(seconds=1))
    lab.inside(lab.machines[name], "systemctl", "restart", "kubelet")
    # It registers before it reports.
    assert within(120, lambda: last_report(lab.api, name) > reported)
    assert (lab.api.get("v1", "Node", name) or {})["metadata"]["labels"] == labels
    assert within(120, lab.is_fine)


def test_requests_are_written_down_and_secrets_are_encrypted_at_rest(lab: KindLab) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "told", "namespace": "default"},
        "stringData": {"word": "sesame"},
    }
    lab.api.create(secret)
    data = lab.docker.run(
        "exec", CONTROL, "grep", "-rlc", "k8s:enc:secretbox:v1:first", "/var/lib/etcd/member"
    )
    assert data.returncode == 0
    assert lab.docker.run("exec", CONTROL, "grep", "-rl", "sesame", "/var/lib/etcd/member").stdout == b""
    lines = lab.inside(
        CONTROL, "grep", "/api/v1/namespaces/default/secrets", "/var/log/kubernetes/audit/audit.log"
    ).splitlines()
    event = orjson.loads(lines[-1])
    assert event["verb"] == "create"
    assert "requestObject" not in event
    assert not any("sesame" in line for line in lines)
    lab.api.delete("v1", "Secret", "told", "default")


def test_the_key_of_encryption_is_the_nodes_own_and_readable_by_root_alone(lab: KindLab) -> None:
    for container in (CONTROL, *lab.machines.values()):
        assert lab.inside(container, "stat", "-c", "%a %U", "/etc/sovereign-ai/encryption.json") == "600 root"
    keys = {
        lab.inside(container, "sha256sum", "/etc/sovereign-ai/encryption.json")
        for container in (CONTROL, *lab.machines.values())
    }
    assert len(keys) == 3


def test_a_service_address_is_answered_on_every_machine(lab: KindLab) -> None:
    address = lab.api.request("GET", "/api/v1/namespaces/kube-system/services/kube-dns")["spec"]["clusterIP"]
    for container in lab.machines.values():
        body = lab.inside(container, "bash", "-c", f"exec 3<>/dev/tcp/{address}/53 && echo connected")
        assert body == "connected"


def test_kinds_own_commands_work_on_it(lab: KindLab, tmp_path: Path) -> None:
    assert "lab" in kind("get", "clusters").split()
    assert set(kind("get", "nodes", "--name", "lab").split()) == {CONTROL, *lab.machines.values()}
    layer = write_layer(tmp_path / "layer.tar", [ArchiveEntry("hello", b"hello\n")])
    write_docker(tmp_path / "image.tar", Image(("sovereign-ai.internal/loaded:1",), (layer,)))
    kind("load", "image-archive", str(tmp_path / "image.tar"), "--name", "lab")
    for container in lab.machines.values():
        assert "sovereign-ai.internal/loaded" in lab.inside(container, "crictl", "images")
    kind("export", "logs", str(tmp_path / "logs"), "--name", "lab")
    logs = {path.name for path in (tmp_path / "logs" / CONTROL).iterdir()}
    assert {"kubelet.log", "containerd.log", "pods"} <= logs


def test_a_second_up_returns_what_runs(lab: KindLab) -> None:
    before = lab.cluster("status")["components"]
    again = lab.call("cluster", "up", str(lab.stack), "--cluster", "kind")
    after = lab.cluster("status")
    assert again["server"] == after["server"]
    assert after["components"] == before


DEATHS = {
    "container": (("kill", "{}"), ("start", "{}")),
    "kubelet": (
        ("exec", "{}", "systemctl", "stop", "kubelet"),
        ("exec", "{}", "systemctl", "start", "kubelet"),
    ),
    "containerd": (
        ("exec", "{}", "systemctl", "stop", "containerd"),
        ("exec", "{}", "systemctl", "start", "containerd"),
    ),
}
"""What dies on a machine, by how it is ended and how it comes back; each takes the control plane the same
minute to miss."""


@pytest.mark.parametrize(
    "deaths",
    [{"train-001": "container", "serve-001": "kubelet"}, {"serve-001": "containerd"}],
    ids=lambda one: " and ".join(one.values()),
)
def test_a_death_on_a_machine_is_a_finding_and_none_after_it_is_back(
    lab: KindLab, deaths: dict[str, str]
) -> None:
    api = lab.api
    assert lab.verify("--no-probes") == []
    try:
        for machine, part in deaths.items():
            lab.docker.text(*(word.format(lab.machines[machine]) for word in DEATHS[part][0]))
        assert within(120, lambda: not any(is_ready(api, machine) for machine in deaths)), (
            "the control plane never missed them"
        )
        ended = [
            f"Container/{lab.machines[machine]}" for machine, part in deaths.items() if part == "container"
        ]
        assert lab.verify("--no-probes", code=1) == ended + sorted(f"Node/{machine}" for machine in deaths)
    finally:
        for machine, part in deaths.items():
            lab.docker.text(*(word.format(lab.machines[machine]) for word in DEATHS[part][1]))
    assert within(120, lambda: all(is_ready(api, machine) for machine in deaths))
    assert within(120, lab.is_fine), "a finding stays"
    assert lab.verify() == []


def test_last_of_all_down_leaves_nothing_behind(lab: KindLab) -> None:
    docker = lab.docker
    ids = docker.lines("ps", "--all", "--no-trunc", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=lab")
    assert len(ids) == 3
    volumes = {
        name
        for one in ids
        for name in docker.lines("inspect", "--format", '{{range .Mounts}}{{.Name}}{{"\\n"}}{{end}}', one)
    }
    assert len(volumes) == 3
    lab.on_plane("down")
    assert docker.lines("ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=lab") == []
    assert not volumes & set(docker.lines("volume", "ls", "--quiet"))
    assert (docker.run("network", "inspect", "kind").returncode == 0) is lab.network_was_there
    assert leftovers(ids) == []
    assert lab.cluster("status", code=3)["phase"] == "absent"
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(lab.env["XDG_STATE_HOME"]) not in running
