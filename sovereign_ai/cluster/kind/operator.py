"""The operator beside a kind cluster: the embedded plane's own program, on the host, listening where the API server can ask it.

A kind API server lives in its node's network, where the host's loopback is not. The operator's listening socket is
made in that network, on loopback too, so that neither network reaches further than before. All else is the host's:
the operator's process, the grants, the keys. The cluster's authority is made on the host and shown to the node before
kubeadm begins, which takes it for its own; so a person's certificate is signed as on the embedded plane.
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
from sovereign_ai.cluster.embedded import launch
from sovereign_ai.cluster.ending import end_processes
from sovereign_ai.cluster.explain import start_failure
from sovereign_ai.cluster.identities import kubeconfig, make_operator_identities
from sovereign_ai.cluster.kind.config import SETTINGS, control_plane
from sovereign_ai.cluster.operator import AUTHORIZERS, LIFE, OPERATOR, make_operator
from sovereign_ai.cluster.process import Probe, Process
from sovereign_ai.cluster.state import Place, read_json, write_json, write_private
from sovereign_ai.cluster.status import status_of, supervisor_pid
from sovereign_ai.toolchain.engine.docker import ENGINE_VARIABLES
from sovereign_ai.toolchain.place import Progress
from sovereign_ai.toolchain.waiting import until

PORT = 10270
"""Where the operator listens on 127.0.0.1 in the control plane's node; Kubernetes' own ports there end at 10259."""
_START_SECONDS = 60.0


def prepare(where: Place) -> None:
    """Make what a node must see before it starts: the authority that it takes for its own, and how the API server asks the operator."""
    make_operator_identities(where)
    make_operator(where, PORT, seen=SETTINGS)


def is_asked(where: Place) -> bool:
    """Tell whether the cluster's API server was started to ask an operator; one that plain `kind create cluster` made was not."""
    return (where.config / AUTHORIZERS).exists()


def start(where: Place, server: str, progress: Progress, *, program: tuple[str, ...] = ()) -> None:
    """Start the operator, unless it runs as it should; nothing on a cluster that asks none.

    Args:
        where: the cluster, which runs and in which the operator has its rights.
        server: the API server's URL.
        progress: told one line a step.
        program: what to run in the operator's place, for tests.

    Raises:
        EnvironmentLacksError: it did not start, with its last words.
    """
    if not is_asked(where):
        return
    make_operator_identities(where)
    identity = kubeconfig(where, OPERATOR, server)
    write_private(where.identity(OPERATOR), identity)
    write_json(where.record, (read_json(where.record) or {}) | {"ports": {"kube-apiserver": urlsplit(server).port}})
    engine = {name: value for name, value in os.environ.items() if name in ENGINE_VARIABLES}
    environment = engine | {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(Path(sovereign_ai.__file__).parents[1])}
    argv = (*(program or (sys.executable, "-m", "sovereign_ai.operate")), str(where.folder), str(PORT), control_plane(where.name))
    process = Process(OPERATOR, argv, probe=Probe(0, host=str(where.folder / LIFE)), env=environment | {"LANG": "C.UTF-8"})
    seen = hashlib.sha256(identity + (where.pki / "operator-server.crt").read_bytes()).hexdigest()  # what it reads once, at its start
    wanted = orjson.loads(orjson.dumps({"start_seconds": _START_SECONDS, "processes": [process.to_data()], "identities": seen}))
    if supervisor_pid(where) is None or read_json(where.processes) != wanted:
        end_processes(where)
        write_json(where.processes, wanted)
        progress(f"{where.name}: starting the operator")
        launch(where)
    until(lambda: runs(where) or _failure(where), _START_SECONDS)
    if not runs(where):
        late = {"name": OPERATOR, "why": "was not well in time", "log": str(where.log(OPERATOR))}
        raise start_failure(where.name, _failure(where) or late)


def _failure(where: Place) -> dict[str, Any] | None:
    """Give why the supervisor gave up the start; None while it did not."""
    found = (read_json(where.status) or {}).get("failure")
    return found if isinstance(found, dict) else None


def again(where: Place) -> str:
    """Say how a cluster comes to an operator that runs."""
    if is_asked(where):
        return "`sovereign-ai cluster up --backend kind STACK`"
    return "this cluster was made without one; make it anew: `sovereign-ai down STACK --cluster kind`, then `sovereign-ai up STACK --cluster kind`"


def stop(where: Place) -> bool:
    """End the operator; False if none ran."""
    return end_processes(where)


def runs(where: Place) -> bool:
    """Tell whether the operator runs and says so."""
    return status_of(where).healthy
