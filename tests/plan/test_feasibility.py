"""Feasibility: every problem at once, each with its place; benchmarks/reading.py measures the time."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.reader import read_text

from .factories import NAMES, STACKS, factory, hall, management, pool, power, site, stack


@pytest.mark.parametrize("name", NAMES)
def test_every_stack_can_be_planned(name: str) -> None:
    assert feasible(stack(name)) == []


def test_every_problem_comes_at_once() -> None:
    wish = factory(
        sites=[site(power=power(it_budget="60 kW"), halls=[hall("ha", rack_limit="30 kW", racks=1)])],
        pools=[pool(nodes=30)],
        zones=[{"name": "z", "trust": "low", "tenants": ["t"]}],
        tenants=[{"name": "t", "seat": "DE", "gpus": 1000}],
        network={"asn": 70_000, "nodes": "10.64.0.0/30"},
        fabrics=[
            *management(),
            {
                "name": "compute",
                "role": "compute",
                "kind": "roce",
                "rails": 7,
                "radix": 64,
                "link": "400 Gbps",
            },
        ],
    )
    found = {problem.code for problem in feasible(wish)}
    assert {
        "over-budget",
        "rack-over-limit",
        "hall-full",
        "over-quota",
        "impossible-fabric",
        "addresses-exhausted",
    } <= found


def test_the_planner_raises_the_problems_of_feasible() -> None:
    wish = factory(sites=[site(power=power(it_budget="60 kW"))])
    with pytest.raises(SpecError) as caught:
        plan(wish)
    assert list(caught.value.problems) == feasible(wish)


def test_every_problem_has_a_hint() -> None:
    wish = factory(
        sites=[
            site(power=power(it_budget="60 kW"), halls=[hall("ha", rack_limit="9 kW", floor_load="10 kg/m2")])
        ]
    )
    assert all(problem.hint for problem in feasible(wish))


def test_a_problem_points_at_the_python_line_that_made_the_part() -> None:
    part = GpuNodePool(**pool(nodes_per_rack=7))
    (found,) = feasible(factory(sites=[site(halls=[hall("ha", rack_limit="99 kW")])], pools=[part]))
    assert found.where.file == __file__
    assert part.made_at is not None
    assert found.where.line == part.made_at.line


def test_a_problem_points_into_the_yaml_text() -> None:
    text = (STACKS / "lab" / "factory.yaml").read_text().replace("it_budget: 250 kW", "it_budget: 150 kW")
    loaded = read_text(text.encode(), "factory.yaml")
    (found,) = feasible(loaded.factory, loaded.source.where)
    line = next(number for number, row in enumerate(text.splitlines(), 1) if "name: train" in row)
    assert (found.code, found.where.file, found.where.line, found.where.field) == (
        "over-budget",
        "factory.yaml",
        line,
        "pools[0].nodes",
    )


def test_the_change_of_the_hint_fits() -> None:
    text = (STACKS / "lab" / "factory.yaml").read_text().replace("it_budget: 250 kW", "it_budget: 150 kW")
    loaded = read_text(text.encode(), "factory.yaml")
    (found,) = feasible(loaded.factory)
    most = int(found.hint.split()[2])
    fixed = loaded.factory.pools[0].model_copy(update={"nodes": most})
    more = loaded.factory.pools[0].model_copy(update={"nodes": most + 1})
    rest = loaded.factory.pools[1:]

    def of(first: GpuNodePool) -> list[str]:
        wish = loaded.factory.model_copy(update={"pools": (first, *rest), "tenants": ()})
        return [problem.code for problem in feasible(wish) if problem.code == "over-budget"]

    assert (of(fixed), of(more)) == ([], ["over-budget"])


def test_a_million_machines_are_refused() -> None:
    part = Fabric(name="compute", kind="roce", radix=64, link="400 Gbps")
    wish = factory(pools=[pool(nodes=1_000_000, spares="auto")], fabrics=[part])
    found = {problem.code for problem in feasible(wish)}
    assert found == {"too-many-machines"}, "what no plan can hold is refused before anything is sized"


@pytest.mark.parametrize(
    "name", ["kube-system", "kube-research", "default", "kueue-system", "sovereign-system"]
)
def test_no_tenant_takes_a_namespace_of_the_cluster_s_own(name: str) -> None:
    found = feasible(
        factory(
            zones=[{"name": "z", "trust": "low", "tenants": [name]}], tenants=[{"name": name, "seat": "DE"}]
        )
    )
    assert [(one.code, one.where.field) for one in found if one.code == "name-taken"] == [
        ("name-taken", "tenants[0].name")
    ]
