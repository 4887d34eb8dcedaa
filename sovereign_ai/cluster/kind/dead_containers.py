"""The containers of a kind cluster that do not run, and the components that do not run in them.

dead_containers(folder_of("lab"))   # empty while all of them run
"""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from sovereign_ai.cluster.dead_components import DeadComponent
from sovereign_ai.cluster.kind import operator
from sovereign_ai.cluster.kind.config import control_plane
from sovereign_ai.cluster.kind.containers import containers, need_engine
from sovereign_ai.cluster.kind.machine_status import machines_of
from sovereign_ai.cluster.kind.makers import foreign_containers
from sovereign_ai.cluster.operator import OPERATOR
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.toolchain.container_engine import Docker

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
"""The static pods of the control plane that kubeadm writes for its kubelet."""
_LOOK_SECONDS = 20.0


def dead_containers(cluster_dir: ClusterDir) -> tuple[DeadComponent, ...]:
    """Return the containers of a cluster that do not run, then what does not run in its control plane.

    Returns:
        The dead components; none of a cluster that `up` did not create.

    Raises:
        EnvironmentLacksError: no container engine answers, so that nothing is known.
    """
    if not cluster_dir.record.exists():
        return ()
    docker = Docker()
    need_engine(docker)
    listed = containers(docker, cluster_dir.name)
    foreign = foreign_containers(cluster_dir, listed)
    existing = {container.name: container for container in listed if container.name not in foreign}
    first = control_plane(cluster_dir.name)
    dead = []
    for name in (first, *machines_of(cluster_dir).values()):
        if name not in existing:
            remedy = (
                f"`sovereign-ai cluster down {cluster_dir.name} --cluster kind`, "
                "and make it again: `sovereign-ai up STACK --cluster kind`"
            )
            dead.append(DeadComponent("Container", name, "removed", remedy))
        elif not existing[name].runs:
            dead.append(DeadComponent("Container", name, existing[name].state, f"`docker start {name}`"))
    # Without the control plane's container, nothing in or beside it can run: it is the one finding.
    if first in existing and existing[first].runs:
        if operator.calls_operator(cluster_dir) and not operator.runs(cluster_dir):
            dead.append(DeadComponent("Process", OPERATOR, "not running", operator.remedy(cluster_dir)))
        dead += _components(docker, first)
    return tuple(dead)


def _components(docker: Docker, container: str) -> Iterator[DeadComponent]:
    """Yield the components that the control plane's own container runtime does not run."""
    restart = f"`docker restart {container}`"
    done = docker.run(
        "exec", container, "crictl", "ps", "--state", "running", "--output", "json", limit=_LOOK_SECONDS
    )
    if done.returncode != 0:
        yield DeadComponent("Container", f"{container}/containerd", "silent", restart)
        return
    listed = orjson.loads(done.stdout).get("containers") or []
    running = {entry["metadata"]["name"] for entry in listed}
    remedy = f"its kubelet starts it again; if it does not, {restart}"
    for name in COMPONENTS:
        if name not in running:
            yield DeadComponent("Container", f"{container}/{name}", "not running", remedy)
