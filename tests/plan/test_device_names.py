"""Device names share one namespace."""

from __future__ import annotations

from sovereign_ai.plan.device_names import name_problems
from sovereign_ai.plan.feasibility import draft
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, management, pool


def problems(wish: AIFactory) -> list[tuple[str, str]]:
    drafted, _ = draft(wish)
    named = name_problems(wish, drafted.shapes, drafted.sizes, drafted.storage)
    return [(problem.code, problem.where.field) for problem in named]


def test_different_stems_are_fine() -> None:
    assert problems(factory(fabrics=management())) == []


def test_a_pool_named_like_the_leaves_of_a_fabric_is_refused() -> None:
    wish = factory(pools=[pool("oob-a-p0-leaf-r0")], fabrics=management())
    assert problems(wish) == [("duplicate-device", "pools[0].name")]
