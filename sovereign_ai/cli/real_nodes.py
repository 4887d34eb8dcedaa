"""A control plane of a command: real nodes at the planned machines' places, with simulated GPUs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sovereign_ai.errors import EnvironmentLacksError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sovereign_ai.cli.output import Output
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.cluster.control_plane import ControlPlane, Ended, RunningCluster


def start(
    plane: ControlPlane,
    stack: Stack | None,
    output: Output,
    *,
    changes_queueing: bool = True,
    before_deployment: bool = False,
) -> RunningCluster:
    """Start a control plane; its real nodes get the labels of planned machines and offer their GPUs.

    Args:
        plane: the control plane.
        stack: what it is made from; None for one that a name is enough for.
        output: the command's output.
        changes_queueing: whether controllers start or stop on a control plane that exists, as the description
            says.
        before_deployment: whether a deployment follows, and `place` after it. Nodes that are planned machines
            already then stay as they are until it permits what they become.

    Raises:
        EnvironmentLacksError: it has real nodes, and the process does not run as root; nothing is created
            then.
    """
    from sovereign_ai.cluster.api import open_cluster

    # Checked first: without the GPUs the cluster would be of no use, and creating it takes minutes.
    if plane.has_real_nodes and os.geteuid() != 0:
        message = "simulated GPUs are served on the kubelets' sockets, which are root's"
        hint = "run this as root, with your own home: `sudo --preserve-env=HOME,PATH sovereign-ai …`"
        raise EnvironmentLacksError(Problem("root-needed", message, hint=hint))
    description = (stack.factory, stack.plan) if stack else None
    started = plane.up(output.progress, description, changes_queueing=changes_queueing)
    if plane.has_real_nodes and stack:
        api = open_cluster(started.kubeconfig)
        if not before_deployment or not all(_is_placed(api, name) for name in started.machines):
            place(api, stack, plane, started, output)
        api.close()
    return started


def place(api: Api, stack: Stack, plane: ControlPlane, cluster: RunningCluster, output: Output) -> None:
    """Label the real nodes as planned machines and serve their kubelets, unless that is so already."""
    from sovereign_ai.sim.kubelet import adopt, run

    adopt.adopt(api, stack.factory, stack.plan, cluster.name, cluster.machines)
    run.start(
        agent(plane),
        stack.folder,
        cluster.name,
        cluster.kubeconfig,
        cluster.machines,
        progress=output.progress,
    )


def _is_placed(api: Api, name: str) -> bool:
    """Return whether a node is labelled as a planned machine."""
    from sovereign_ai.names import KEYS

    node = api.get("v1", "Node", name) or {"metadata": {}}
    labels = node["metadata"].get("labels") or {}
    return any(key.startswith(f"{KEYS.domain}/") for key in labels)


def leave(api: Api, plane: ControlPlane, machines: Iterable[str]) -> None:
    """Stop the process that serves the real nodes, and remove this program's labels from them.

    Their taints stay, so that no pod of others is scheduled there.
    """
    from sovereign_ai.names import KEYS, MANAGEMENT_ROLE, NODE_WRITER
    from sovereign_ai.sim.kubelet import run

    run.stop(agent(plane))
    prefixes = (f"{KEYS.domain}/", f"{KEYS.restricted}/", MANAGEMENT_ROLE)
    for name in machines:
        node = api.get("v1", "Node", name) or {"metadata": {}}
        labels = node["metadata"].get("labels") or {}
        # A JSON merge patch removes what it sets to null (RFC 7396).
        removed = {key: None for key in labels if key.startswith(prefixes)}
        if removed:
            change = {"metadata": {"labels": removed}}
            # Admission lets only this identity change the labels that decide where tenants' pods run.
            api.acting_as(NODE_WRITER).patch("v1", "Node", name, change)


def end(plane: ControlPlane, output: Output, *, keep_data: bool = False) -> Ended:
    """Stop a control plane, and the process that serves the kubelets of its real nodes.

    Raises:
        UsageError: it cannot keep its data.
    """
    import shutil

    from sovereign_ai.sim.kubelet import run

    plane.check_down(keep_data=keep_data)
    if plane.has_real_nodes:
        # The process goes before the containers whose sockets it serves.
        run.stop(agent(plane))
        shutil.rmtree(agent(plane), ignore_errors=True)
    return plane.down(output.progress, keep_data=keep_data)


def agent(plane: ControlPlane) -> Path:
    """Return the folder of the process that serves a cluster's kubelets."""
    # The dot keeps it out of `cluster list`, which lists the folders whose names are DNS labels.
    return plane.cluster_dir.folder.parent / f".{plane.name}-gpus"
