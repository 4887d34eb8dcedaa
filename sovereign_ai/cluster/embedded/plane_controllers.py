"""The controllers of webhooks that are part of an embedded control plane: those of workloads, and Kueue."""

from __future__ import annotations

from sovereign_ai.cluster.embedded.monitoring import MONITORS
from sovereign_ai.cluster.embedded.queueing import QUEUE_CONTROLLER, has_queueing, queue_controller
from sovereign_ai.cluster.embedded.webhook_controllers import WebhookController
from sovereign_ai.cluster.embedded.workload_controllers import (
    WORKLOAD_CONTROLLERS,
    running_workload_controllers,
)
from sovereign_ai.cluster.state import ClusterDir

PLANE_PROCESSES = frozenset({QUEUE_CONTROLLER, *WORKLOAD_CONTROLLERS, *MONITORS})
"""Controllers of the catalogue that a description makes processes of an embedded control plane."""


def plane_controllers(cluster_dir: ClusterDir) -> tuple[WebhookController, ...]:
    """Return the controllers, in the order in which they start."""
    controllers = [controller.process for controller in running_workload_controllers(cluster_dir)]
    if has_queueing(cluster_dir):
        controllers.append(queue_controller(cluster_dir))
    return tuple(controllers)
