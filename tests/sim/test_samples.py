"""One machine of each kind stands for its pool."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.plan.factory import plan
from sovereign_ai.sim.samples import dry_run_samples
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load

STACK = Path(__file__).resolve().parents[2] / "stacks" / "lab"


def test_one_machine_of_each_kind_stands_for_its_pool() -> None:
    factory = _with_spares(load(STACK))
    derived = plan(factory)
    found = dry_run_samples(factory, derived, "lab")
    assert [obj["metadata"]["name"] for obj in found if obj["kind"] == "Node"] == [
        "train-001",
        "train-013",
        "serve-001",
    ]
    assert {obj["spec"]["nodeName"] for obj in found if obj["kind"] == "ResourceSlice"} == {
        "train-001",
        "train-013",
        "serve-001",
    }


def _with_spares(factory: AIFactory) -> AIFactory:
    first, *others = factory.pools
    return factory.model_copy(update={"pools": (first.model_copy(update={"spares": 1}), *others)})
