"""The lab in a phase in which its second pool has no machine yet."""

from __future__ import annotations

from functools import cache

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import read_text
from tests.daytwo.edits import Edit, edited
from tests.daytwo.table import described, written

PHASES: tuple[Edit, ...] = (
    {
        "set": "phases",
        "to": [{"name": "opening", "pools": [{"pool": "serve", "nodes": 0}]}, {"name": "complete"}],
    },
    {"set": "phase", "to": "opening"},
    {"set": "tenants[startups].gpus", "to": 0},
)


@cache
def lab_before_its_second_pool() -> tuple[AIFactory, Plan]:
    text = written(edited(described("lab"), PHASES))
    factory = read_text(text.encode(), "factory.yaml").factory
    return factory, plan(factory)
