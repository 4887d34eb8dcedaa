"""What of a kind cluster does not run: its containers, and in the control plane's the components, as the engine sees them.

dead_containers(folder_of("lab"))   # empty while all of them run
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from sovereign_ai.cluster.dead import DeadPart
from sovereign_ai.cluster.kind import operator
from sovereign_ai.cluster.kind.config import control_plane
from sovereign_ai.cluster.kind.nodes import containers, need_engine
from sovereign_ai.cluster.kind.status import machines_of
from sovereign_ai.cluster.operator import OPERATOR
from sovereign_ai.cluster.state import Place
from sovereign_ai.toolchain.engine.docker import Docker

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""What kubeadm lets the control plane's kubelet run."""
_LOOK_SECONDS = 20.0


def dead_containers(where: Place) -> tuple[DeadPart, ...]:
    """Name the containers of a cluster that do not run, then what does not run in its control plane; nothing of one that `up` did not make.

    Raises:
        EnvironmentLacksError: no engine answers, so that nobody knows.
    """
    if not where.record.exists():
        return ()
    docker = Docker()
    need_engine(docker)
    found = {one.name: one for one in containers(docker, where.name)}
    first = control_plane(where.name)
    dead = []
    for name in (first, *machines_of(where).values()):
        if name not in found:
            again = f"`sovereign-ai cluster down {where.name} --backend kind`, and make it again: `sovereign-ai up STACK --cluster kind`"
            dead.append(DeadPart("Container", name, "removed", again))
        elif not found[name].runs:
            dead.append(DeadPart("Container", name, found[name].state, f"`docker start {name}`"))
    if first in found and found[first].runs:  # else all that hangs on it waits for it
        if operator.is_asked(where) and not operator.runs(where):
            dead.append(DeadPart("Process", OPERATOR, "not running", operator.again(where)))
        dead += _components(docker, first)
    return tuple(dead)


def _components(docker: Docker, container: str) -> Iterator[DeadPart]:
    """Ask the control plane's own container runtime which components run."""
    restart = f"`docker restart {container}`"
    done = docker.run("exec", container, "crictl", "ps", "--state", "running", "--output", "json", limit=_LOOK_SECONDS)
    if done.returncode != 0:
        yield DeadPart("Container", f"{container}/containerd", "silent", restart)
        return
    running = {one["metadata"]["name"] for one in orjson.loads(done.stdout).get("containers") or []}
    for name in COMPONENTS:
        if name not in running:
            yield DeadPart("Container", f"{container}/{name}", "not running", f"its kubelet starts it again; if it does not, {restart}")
