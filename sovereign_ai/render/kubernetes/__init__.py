"""Kubernetes objects of one cluster, as plain mappings in the order in which they are applied.

Every object carries the labels owner, factory and component. Every object follows from the plan or the
description, and every opening of the network from a declared flow or gateway.

    from sovereign_ai.render.kubernetes import render

    bundle = render(factory, plan, "lab")
    bundle.write(Path("manifests"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.render.kubernetes.admission import policy_name
    from sovereign_ai.render.kubernetes.bundle import KIND_ORDER, Bundle, render, yaml_stream
    from sovereign_ai.render.kubernetes.cluster_folders import write_clusters
    from sovereign_ai.render.kubernetes.object_order import WEBHOOKS, is_of_platform, prerequisites
    from sovereign_ai.render.kubernetes.operators.settings import (
        WITH_SETTINGS,
        Settings,
        controller_settings,
    )
    from sovereign_ai.render.kubernetes.platform import AWAITED
    from sovereign_ai.render.kubernetes.record import ENTITY, MACHINES, PARTS, Parts, machines, parts
    from sovereign_ai.render.kubernetes.revision import enforced_revision, probe, revision_of
    from sovereign_ai.render.kubernetes.sizes import SAFE_DESCRIPTION_BYTES
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "admission": ("policy_name",),
            "bundle": ("Bundle", "KIND_ORDER", "render", "yaml_stream"),
            "cluster_folders": ("write_clusters",),
            "object_order": ("WEBHOOKS", "is_of_platform", "prerequisites"),
            "operators.settings": ("Settings", "WITH_SETTINGS", "controller_settings"),
            "platform": ("AWAITED",),
            "record": ("ENTITY", "MACHINES", "PARTS", "Parts", "machines", "parts"),
            "revision": ("enforced_revision", "probe", "revision_of"),
            "sizes": ("SAFE_DESCRIPTION_BYTES",),
        },
    )

__all__ = [
    "AWAITED",
    "ENTITY",
    "KIND_ORDER",
    "MACHINES",
    "PARTS",
    "SAFE_DESCRIPTION_BYTES",
    "WEBHOOKS",
    "WITH_SETTINGS",
    "Bundle",
    "Parts",
    "Settings",
    "controller_settings",
    "enforced_revision",
    "is_of_platform",
    "machines",
    "parts",
    "policy_name",
    "prerequisites",
    "probe",
    "render",
    "revision_of",
    "write_clusters",
    "yaml_stream",
]
