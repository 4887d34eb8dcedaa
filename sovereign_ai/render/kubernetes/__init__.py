"""Kubernetes objects of one cluster, as plain mappings in the order in which they are applied.

Every object carries the labels owner, factory and component. Nothing is generated that the plan or
the description does not ask for, and nothing is open that no flow or gateway declares.

    from sovereign_ai.render.kubernetes.bundle import render

    bundle = render(factory, plan, "lab")
    bundle.write(Path("manifests"))
"""

from __future__ import annotations
