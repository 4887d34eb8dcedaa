"""The lab's bundle, rendered once for all tests of the renderer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.platform import Platform
from sovereign_ai.spec.reader import load

STACKS = Path(__file__).resolve().parents[2] / "stacks"


@cache
def stack(name: str) -> tuple[AIFactory, Plan]:
    factory = load(STACKS / name)
    return factory, plan(factory)


@cache
def counted_lab() -> tuple[AIFactory, Plan]:
    """Give the lab whose objects kube-state-metrics counts."""
    platform = Platform(monitoring=("prometheus", "kube-state-metrics"))
    factory = stack("lab")[0].model_copy(update={"platform": platform})
    return factory, plan(factory)


@cache
def bundle(name: str = "lab") -> Bundle:
    """Give the first cluster's bundle of a stack."""
    factory, derived = stack(name)
    return render(factory, derived, derived.clusters[0].name)


def one(kind: str, name: str, namespace: str | None = None, of: str = "lab") -> dict[str, Any]:
    """Give one object; fails where there is none."""
    found = [
        obj
        for obj in bundle(of).objects
        if (obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace")) == (kind, name, namespace)
    ]
    assert len(found) == 1, (kind, name, namespace)
    return found[0]


def every(kind: str, of: str = "lab") -> list[dict[str, Any]]:
    return [obj for obj in bundle(of).objects if obj["kind"] == kind]
