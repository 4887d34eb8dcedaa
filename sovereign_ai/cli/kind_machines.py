"""The kind cluster of a command: real nodes at the planned machines' places, with simulated GPUs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.errors import EnvironmentLacksError, Problem

if TYPE_CHECKING:
    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api.client import Api
    from sovereign_ai.cluster.kind.lifecycle import KindCluster


def kind_up(stack: Stack, cluster: str, output: Output) -> KindCluster:
    """Start a stack's kind cluster; its real nodes get the labels of planned machines and offer their GPUs.

    Raises:
        EnvironmentLacksError: the process does not run as root; nothing is created then.
    """
    from sovereign_ai.cluster.api.client import open_cluster
    from sovereign_ai.cluster.kind.lifecycle import up

    # Checked first: without the GPUs the cluster would be of no use, and creating it takes minutes.
    if os.geteuid() != 0:
        message = "simulated GPUs are served on the kubelets' sockets, which are root's"
        hint = "run this as root, with your own home: `sudo --preserve-env=HOME,PATH sovereign-ai …`"
        raise EnvironmentLacksError(Problem("root-needed", message, hint=hint))
    started = up(stack.factory, stack.plan, cluster, progress=output.progress)
    api = open_cluster(started.kubeconfig)
    place(api, stack, started, output)
    api.close()
    return started


def place(api: Api, stack: Stack, cluster: KindCluster, output: Output) -> None:
    """Label the real nodes as planned machines and serve their kubelets, unless that is so already."""
    from sovereign_ai.sim.kubelet import adopt, run

    adopt.adopt(api, stack.factory, stack.plan, cluster.name, cluster.machines)
    run.start(
        agent(cluster.name),
        stack.folder,
        cluster.name,
        cluster.kubeconfig,
        cluster.machines,
        progress=output.progress,
    )


def leave(api: Api, cluster: KindCluster) -> None:
    """Stop the process that serves the real nodes, and remove this program's labels from them.

    Their taints stay, so that no pod of others is scheduled there.
    """
    from sovereign_ai.names import KEYS, NODE_WRITER
    from sovereign_ai.sim.kubelet import run

    run.stop(agent(cluster.name))
    prefixes = (f"{KEYS.domain}/", f"{KEYS.restricted}/")
    for name in cluster.machines:
        node = api.get("v1", "Node", name) or {"metadata": {}}
        labels = node["metadata"].get("labels") or {}
        # A JSON merge patch removes what it sets to null (RFC 7396).
        removed = {key: None for key in labels if key.startswith(prefixes)}
        if removed:
            change = {"metadata": {"labels": removed}}
            # Admission lets only this identity change the labels that decide where tenants' pods run.
            api.acting_as(NODE_WRITER).patch("v1", "Node", name, change)


def kind_down(cluster: str, output: Output) -> bool:
    """Remove a kind cluster and the process that serves its kubelets; return whether there was a cluster."""
    import shutil

    from sovereign_ai.cluster.kind.lifecycle import down
    from sovereign_ai.sim.kubelet import run

    # The process goes before the containers whose sockets it serves.
    run.stop(agent(cluster))
    shutil.rmtree(agent(cluster), ignore_errors=True)
    return down(cluster, progress=output.progress)


def agent(cluster: str) -> Path:
    """Return the folder of the process that serves a cluster's kubelets."""
    from sovereign_ai.cluster.kind.status import folder_of

    # The dot keeps it out of `cluster list`, which lists the folders whose names are DNS labels.
    return folder_of(cluster).folder.parent / f".{cluster}-gpus"
