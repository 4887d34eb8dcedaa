"""The operator beside a kind cluster: waivers at admission and break-glass access, on real kubelets and in
real containers.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sovereign_ai.cluster.api.client import ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.embedded.process_status import status_of
from sovereign_ai.cluster.kind.machine_status import folder_of
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.toolchain.install import find
from tests.kind.pods import BOX, Site
from tests.life import within
from tests.operate.real import now, pod, waivers
from tests.support.approvals import key_of, signed_text

pytestmark = pytest.mark.kind
NAMESPACE = "research"
WAIVED, OTHER = pod("waived"), pod("waived-2")
SOON = 60.0


@pytest.fixture(scope="module")
def waived(site: Site) -> Iterator[Site]:
    """The lab with waivers for an image and a service, and in the end without them again."""
    path = site.lab.stack / "factory.yaml"
    text = path.read_text()
    path.write_text(signed_text(text + waivers(now().date() + timedelta(days=2)), "lead"))
    site.lab.on_plane("up")
    yield site
    path.write_text(text)
    site.lab.on_plane("up")


def where(site: Site) -> ClusterDir:
    return folder_of("lab", Path(site.lab.env["XDG_STATE_HOME"]) / "sovereign-ai" / "kind")


def operator(site: Site) -> int:
    """The operator's process."""
    (one,) = status_of(where(site)).components
    assert one.name == "operator"
    assert one.pid is not None
    return one.pid


def refusal(site: Site, obj: dict[str, Any]) -> str:
    """Try to make an object without storing it; give what refuses it, or nothing."""
    try:
        site.api.create(obj, dry_run=True)
    except (ApiError, UnreachableError) as error:
        return str(error)
    return ""


def test_a_waiver_lets_in_exactly_its_rule_and_resource(waived: Site) -> None:
    assert within(SOON, lambda: refusal(waived, WAIVED) == "")
    assert "IMG-001" in refusal(waived, OTHER)
    assert "IMG-001" in refusal(waived, pod("waived", namespace="startups"))
    assert "PLC-" in refusal(waived, pod("waived", nodeName="serve-001"))


def test_an_operator_that_hangs_is_a_no_and_one_that_was_killed_is_back_by_itself(waived: Site) -> None:
    first = operator(waived)
    os.kill(first, signal.SIGSTOP)
    try:
        assert "IMG-001" in refusal(waived, WAIVED)
    finally:
        os.kill(first, signal.SIGCONT)
    assert within(SOON, lambda: refusal(waived, WAIVED) == "")
    os.kill(first, signal.SIGKILL)
    assert within(
        SOON,
        lambda: (
            status_of(where(waived)).components[0].pid not in {first, None} and refusal(waived, WAIVED) == ""
        ),
    )


def test_without_its_supervisor_nothing_is_honoured_the_status_says_so_and_cluster_up_brings_it_back(
    waived: Site,
) -> None:
    supervisor = status_of(where(waived)).supervisor
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    assert within(SOON, lambda: "IMG-001" in refusal(waived, WAIVED))
    seen = waived.lab.cluster("status", code=3)
    assert (seen["phase"], seen["operator"]) == ("degraded", False)
    assert "Process/operator" in waived.lab.verify("--no-probes", code=1)
    waived.lab.call("cluster", "up", str(waived.lab.stack), "--cluster", "kind")
    assert waived.lab.cluster("status")["operator"] is True
    assert within(SOON, lambda: refusal(waived, WAIVED) == "")


def test_it_follows_the_control_planes_container_through_a_restart(waived: Site) -> None:
    first = operator(waived)
    waived.lab.docker.text("restart", "lab-control-plane")
    assert within(180, lambda: refusal(waived, WAIVED) == "")
    assert "IMG-001" in refusal(waived, OTHER)
    assert operator(waived) != first
    assert within(180, waived.lab.is_fine)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    path.chmod(0o600)
    return path


def test_a_person_gets_a_shell_in_a_real_container_until_it_is_revoked_and_nowhere_else(
    site: Site, key: Path, tmp_path: Path
) -> None:
    mine, theirs = site.pod("patient", "restricted", "pause"), site.pod("stranger", "open", "pause")
    assert mine["metadata"]["namespace"] == NAMESPACE
    described = tmp_path / "lab"
    described.mkdir()
    (described / "factory.yaml").write_text(
        signed_text((site.lab.stack / "factory.yaml").read_text(), "lead")
    )
    approver, approval = tmp_path / "approver.pem", tmp_path / "approval.json"
    approver.write_bytes(key_of("lead").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    approver.chmod(0o600)
    plane = (str(described), "--cluster", "kind", "--key", str(key))
    wish = (
        "--person",
        "on-call",
        "--approver",
        "lead",
        "--reason",
        "a job hangs",
        "--from",
        "DE",
        "--namespace",
        NAMESPACE,
    )
    with site.running(mine, theirs):
        more = ("--kind", "shell", "--for", "1 h", "--key", str(approver), "-o", str(approval))
        site.lab.call("access", "approve", str(described), *wish, *more)
        given = site.lab.call("access", "grant", *plane, "--approval", str(approval))
        kubeconfig = Path(given["kubeconfig"])
        assert kubeconfig.stat().st_mode & 0o777 == 0o600
        kept = Path(shutil.copy(kubeconfig, tmp_path / "kept.kubeconfig"))
        assert "KUBERNETES_SERVICE_HOST=" in inside(kept, mine)
        assert "forbidden" in inside(kept, theirs)
        with pytest.raises(ApiError, match="forbidden"):
            open_cluster(kept).list("v1", "Secret", NAMESPACE)
        assert given["grant"]["id"] in str(site.lab.on_plane("verify", "--no-probes", code=1)["findings"])
        site.lab.call("access", "revoke", given["grant"]["id"], *plane, "--reason", "it is done")
        assert within(5, lambda: "forbidden" in inside(kept, mine))
        assert not kubeconfig.exists()
    assert site.lab.verify("--no-probes") == []


def inside(kubeconfig: Path, pod: dict[str, Any]) -> str:
    """Ask a pod's container for its environment, as kubectl does; give all that is said."""
    place = pod["metadata"]
    argv = [
        str(find("kubectl")),
        "--kubeconfig",
        str(kubeconfig),
        "--namespace",
        place["namespace"],
        "exec",
        place["name"],
    ]
    done = subprocess.run(
        [*argv, "--", BOX, "env"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout + done.stderr
