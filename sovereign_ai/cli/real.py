"""Between the commands and the kind plane: its real machines brought to their place, and their GPUs served."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.errors import EnvironmentLacksError, Problem

if TYPE_CHECKING:
    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.access import Api
    from sovereign_ai.cluster.kind.plane import KindCluster


def kind_up(stack: Stack, cluster: str, output: Output) -> KindCluster:
    """Start a stack's kind cluster; its real machines stand where the plan's stand, and offer their GPUs.

    Raises:
        EnvironmentLacksError: this is not root, whose the kubelets' sockets are; nothing is made then.
    """
    from sovereign_ai.cluster.access import open_cluster
    from sovereign_ai.cluster.kind.plane import up

    if os.geteuid() != 0:
        hint = "run this as root, with your own home: `sudo --preserve-env=HOME,PATH sovereign-ai …`"
        raise EnvironmentLacksError(
            Problem("root-needed", "simulated GPUs are served on the kubelets' sockets, which are root's", hint=hint)
        )
    started = up(stack.factory, stack.plan, cluster, progress=output.progress)
    api = open_cluster(started.kubeconfig)
    place(api, stack, started, output)
    api.close()
    return started


def place(api: Api, stack: Stack, cluster: KindCluster, output: Output) -> None:
    """Bring the real machines to their place and serve their kubelets, unless that is so already."""
    from sovereign_ai.sim.kubelet import adopt, run

    adopt.adopt(api, stack.factory, stack.plan, cluster.name, cluster.machines)
    run.start(agent(cluster.name), stack.folder, cluster.name, cluster.kubeconfig, cluster.machines, progress=output.progress)


def leave(api: Api, cluster: KindCluster) -> None:
    """End what serves the real machines, and take our labels off them; their taints stay, so that nothing of others comes to run there."""
    from sovereign_ai.names import KEYS
    from sovereign_ai.sim.kubelet import run

    run.stop(agent(cluster.name))
    for name in cluster.machines:
        node = api.get("v1", "Node", name)
        labels = (node or {"metadata": {}})["metadata"].get("labels") or {}
        ours = {key: None for key in labels if key.startswith((f"{KEYS.domain}/", f"{KEYS.restricted}/"))}
        if ours:
            api.request("PATCH", f"/api/v1/nodes/{name}", {"metadata": {"labels": ours}}, content_type="application/merge-patch+json")


def kind_down(cluster: str, output: Output) -> bool:
    """Remove a kind cluster, and end what served its machines."""
    import shutil

    from sovereign_ai.cluster.kind.plane import down
    from sovereign_ai.sim.kubelet import run

    run.stop(agent(cluster))
    shutil.rmtree(agent(cluster), ignore_errors=True)
    return down(cluster, progress=output.progress)


def agent(cluster: str) -> Path:
    """Give the folder of the process that serves a cluster's kubelets."""
    from sovereign_ai.cluster.kind.status import folder_of

    return folder_of(cluster).folder.parent / f".{cluster}-gpus"
