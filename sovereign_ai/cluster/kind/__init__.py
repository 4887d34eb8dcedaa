"""Kind clusters: real kubelets and containers for a few nodes of the plan, KWOK for the rest.

Rules of this package:

- Which nodes are real follows from the plan (`config.real_machines`). They have the plan's names, so that the
  other packages treat them like any other node.
- The labels for a node's zone and jurisdiction are set by the control plane after the node has joined, never
  by the node itself.
- Nothing of the user's is touched: the kubeconfig is in the state folder, a cluster that another program
  created is refused, and `down` removes only what `up` created.

    cluster = up(factory, plan, "lab", progress=print)
    status("lab").healthy
    down("lab")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.cluster.kind.config import kind_config
    from sovereign_ai.cluster.kind.containers import init_of
    from sovereign_ai.cluster.kind.network_namespace import listen, wait_for
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "config": ("kind_config",),
            "containers": ("init_of",),
            "network_namespace": ("listen", "wait_for"),
        },
    )

__all__ = ["init_of", "kind_config", "listen", "wait_for"]
