"""The operator of a kind cluster: the same program as for an embedded control plane, on the host.

A kind API server lives in its node's network, where the host's loopback is not. The operator's listening
socket is created in that network, on loopback too, so that neither network reaches further than before.
Everything else is on the host: the operator's process, the grants, the keys. The cluster's authority is
created on the host and mounted into the node before kubeadm starts, which then uses it; so a person's
certificate is signed as for an embedded control plane.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

import sovereign_ai
from sovereign_ai.cluster.embedded.lifecycle import launch
from sovereign_ai.cluster.embedded.process_status import status_of, supervisor_pid
from sovereign_ai.cluster.embedded.shutdown import stop_processes
from sovereign_ai.cluster.identities import kubeconfig, make_operator_identities
from sovereign_ai.cluster.kind.config import SETTINGS, control_plane
from sovereign_ai.cluster.operator import AUTHORIZERS, LIVENESS_SOCKET, OPERATOR, make_operator
from sovereign_ai.cluster.process import Process, ProcessProbe
from sovereign_ai.cluster.start_errors import start_failure
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.files import CLUSTER, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.toolchain import Progress, wait_until
from sovereign_ai.toolchain.container_engine import ENGINE_VARIABLES

PORT = 10270
"""The operator's port on 127.0.0.1 in the control plane's node; Kubernetes' own ports there end at 10259."""
_START_SECONDS = 60.0


def prepare(cluster_dir: ClusterDir) -> None:
    """Write what a node mounts at its start: the authority, and how the API server calls the operator."""
    make_operator_identities(cluster_dir)
    make_operator(cluster_dir, PORT, seen=SETTINGS)


def calls_operator(cluster_dir: ClusterDir) -> bool:
    """Return whether the API server calls an operator; one of a plain `kind create cluster` does not."""
    return (cluster_dir.config / AUTHORIZERS).exists()


def start(cluster_dir: ClusterDir, server: str, progress: Progress, *, program: tuple[str, ...] = ()) -> None:
    """Start the operator, unless it runs as it should, or the API server calls none.

    Args:
        cluster_dir: the cluster, which runs and in which the operator has its rights.
        server: the API server's URL.
        progress: receives one line a step.
        program: what to run in the operator's place, for tests.

    Raises:
        EnvironmentLacksError: it did not start; the text has the end of its log.
    """
    if not calls_operator(cluster_dir):
        return
    make_operator_identities(cluster_dir)
    identity = kubeconfig(cluster_dir, OPERATOR, server)
    write_private(cluster_dir.identity(OPERATOR), identity)
    record = read_json(cluster_dir.record) or {}
    record["ports"] = {"kube-apiserver": urlsplit(server).port}
    write_json(cluster_dir.record, record)
    engine = {name: value for name, value in os.environ.items() if name in ENGINE_VARIABLES}
    environment = engine | {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1]),
    }
    argv = (
        *(program or (sys.executable, "-P", "-m", "sovereign_ai.operate")),
        str(cluster_dir.folder),
        str(PORT),
        control_plane(cluster_dir.name),
    )
    process = Process(
        OPERATOR,
        argv,
        probe=ProcessProbe(0, host=str(cluster_dir.folder / LIVENESS_SOCKET)),
        env=environment | {"LANG": "C.UTF-8"},
    )
    # The operator reads these once, at its start: it is restarted where they differ.
    certificate = read(cluster_dir.pki / "operator-server.crt", CLUSTER)
    seen = hashlib.sha256(identity + certificate).hexdigest()
    wanted = orjson.loads(
        orjson.dumps({"start_seconds": _START_SECONDS, "processes": [process.to_data()], "identities": seen})
    )
    if supervisor_pid(cluster_dir) is None or read_json(cluster_dir.processes) != wanted:
        stop_processes(cluster_dir)
        write_json(cluster_dir.processes, wanted)
        progress(f"{cluster_dir.name}: starting the operator")
        launch(cluster_dir)
    wait_until(lambda: runs(cluster_dir) or _failure(cluster_dir), _START_SECONDS)
    if not runs(cluster_dir):
        late = {"name": OPERATOR, "why": "was not well in time", "log": str(cluster_dir.log(OPERATOR))}
        raise start_failure(cluster_dir.name, _failure(cluster_dir) or late)


def _failure(cluster_dir: ClusterDir) -> dict[str, Any] | None:
    """Return why the supervisor gave up the start; None while it did not."""
    failure = (read_json(cluster_dir.status) or {}).get("failure")
    return failure if isinstance(failure, dict) else None


def remedy(cluster_dir: ClusterDir) -> str:
    """Return the command that gives a cluster a running operator, in words."""
    if calls_operator(cluster_dir):
        return "`sovereign-ai cluster up --cluster kind STACK`"
    return (
        "this cluster was made without one; make it anew: "
        "`sovereign-ai down STACK --cluster kind`, then `sovereign-ai up STACK --cluster kind`"
    )


def stop(cluster_dir: ClusterDir) -> bool:
    """End the operator; return whether one ran."""
    return stop_processes(cluster_dir)


def runs(cluster_dir: ClusterDir) -> bool:
    """Return whether the operator runs and reports to be healthy."""
    return status_of(cluster_dir).healthy
