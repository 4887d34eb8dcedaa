"""Kubernetes objects of one cluster, as plain mappings in the order in which they are applied.

Every object carries the labels owner, factory and component. Every object follows from the plan or the
description, and every opening of the network from a declared flow or gateway.

    from sovereign_ai.render.kubernetes.bundle import render

    bundle = render(factory, plan, "lab")
    bundle.write(Path("manifests"))
"""

from __future__ import annotations
