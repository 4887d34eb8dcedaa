"""Small factories whose compute fabric has several planes, or another shape than the lab's."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import read_text
from tests.conftest import STACKS


@cache
def planar(planes: int) -> tuple[AIFactory, Plan]:
    """Return the lab with six machines and a compute fabric of two rails in so many planes, and its plan."""
    return shaped("planar", planes=planes, rails=2)


def shaped(name: str, nodes: tuple[int, int] = (4, 2), **fields: Any) -> tuple[AIFactory, Plan]:
    """Return a lab with six machines, or as many of each pool, whose compute fabric has other fields."""
    data = yaml.safe_load((STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8"))
    data["name"] = name
    data["fabrics"][0] |= fields
    for pool, tenant, count in zip(data["pools"], data["tenants"], nodes, strict=True):
        pool["nodes"], tenant["gpus"] = count, 8 * count
    factory = read_text(yaml.safe_dump(data).encode(), "factory.yaml").factory
    return factory, plan(factory)
