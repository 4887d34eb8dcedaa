"""Fabrics whose description says more of their switches than radix and ratio, planned or refused."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.plan.fabric.planes import FabricPlan, plan_fabrics
from sovereign_ai.spec.factory import AIFactory
from tests.plan import checker
from tests.plan.wishes import as_json, machines, pool, wish

FABRIC = {"name": "f", "kind": "roce", "rails": 8, "radix": 64, "link": "400 Gbps", "padding": "none"}


def described(nodes: int = 16, system: str = "dgx-h100", unit: int = 1, **fields: Any) -> AIFactory:
    return wish([pool(nodes=nodes, system=system, scalable_unit=unit)], {**FABRIC, **fields})


def planned(nodes: int = 16, **fields: Any) -> FabricPlan:
    factory = described(nodes, **fields)
    members = machines(factory)
    [plane] = plan_fabrics(factory, members)
    assert checker.findings(as_json([plane], members)) == []
    return plane


def refused(nodes: int = 16, **fields: Any) -> Problem:
    factory = described(nodes, **fields)
    members = machines(factory)
    with pytest.raises(SpecError) as caught:
        plan_fabrics(factory, members)
    [problem] = caught.value.problems
    assert problem.hint
    return problem
