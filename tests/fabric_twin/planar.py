"""A small factory whose compute fabric has several planes."""

from __future__ import annotations

from functools import cache

import yaml

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.load import read_text
from tests.conftest import STACKS


@cache
def planar(planes: int) -> tuple[AIFactory, Plan]:
    """Give the lab with six machines and a compute fabric of two rails in so many planes, and what follows
    from it.
    """
    data = yaml.safe_load((STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8"))
    data["name"] = "planar"
    data["fabrics"][0] |= {"planes": planes, "rails": 2}
    data["pools"][0]["nodes"], data["pools"][1]["nodes"] = 4, 2
    data["tenants"][0]["gpus"], data["tenants"][1]["gpus"] = 32, 16
    factory = read_text(yaml.safe_dump(data).encode(), "factory.yaml").factory
    return factory, plan(factory)
