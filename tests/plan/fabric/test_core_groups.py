"""Groups of cores of different sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from sovereign_ai.plan.fabric.clos import Split, divisors, shape
from sovereign_ai.plan.fabric.core_groups import CoreGroup, equal_groups, fewest_cores, packed
from sovereign_ai.plan.fabric.feasibility import size_fabrics
from sovereign_ai.plan.fabric.planes import plan_fabrics
from sovereign_ai.plan.fabric.size import fabric_size
from sovereign_ai.plan.fabric.waste import waste_notes
from tests.plan.wishes import machines, pool, wish

UNPADDED = {"name": "f", "kind": "roce", "rails": 8, "radix": 16, "padding": "none"}


def partitions(spines: int, links: int, pods: int, radix: int) -> Iterator[int]:
    """Yield the cores of every division of a pod's spines into groups, by trying all of them."""
    if not spines:
        yield 0
    for members in range(1, spines + 1):
        for cores in divisors(links):
            if pods * members * links <= radix * cores:
                for others in partitions(spines - members, links, pods, radix):
                    yield cores + others


@pytest.mark.parametrize("spines", [2, 4, 6])
@pytest.mark.parametrize("links", [1, 4, 6])
@pytest.mark.parametrize("pods", [2, 3, 5])
def test_no_division_of_spines_takes_fewer_cores(spines: int, links: int, pods: int) -> None:
    least = min(partitions(spines, links, pods, 12))
    groups = fewest_cores(spines, links, pods, 12)
    assert sum(group.cores for group in groups) == least
    assert sum(group.spines for group in groups) == spines


def test_no_groups_hold_more_pods_than_a_core_has_ports() -> None:
    assert fewest_cores(spines=4, links=4, pods=13, radix=12) == ()


def test_equal_groups_are_as_many_as_the_greatest_common_divisor() -> None:
    assert equal_groups(16, 24) == (CoreGroup(2, 3),) * 8


def test_144_leaves_of_64_ports_take_80_cores_and_not_128() -> None:
    even = shape(leaf=144, radix=64, split=Split(32, 32))
    assert (even.spine, even.core) == (144, 128)
    size = fabric_size(576, 8, 64)
    assert (size.leaf, size.spine, size.core, size.spine_core) == (144, 144, 80, 4608)
    assert size.why["core"].endswith("32 for 7 spines a pod, 32 for 7 spines a pod, 16 for 2 spines a pod")


def test_a_design_with_as_many_switches_is_no_better() -> None:
    assert packed(128, 64, Split(32, 32), most=192) is None
    assert packed(128, 64, Split(32, 32), most=193) is not None


def test_every_core_has_the_planned_links_and_no_more_than_its_ports() -> None:
    factory = wish(
        [pool(nodes=40)], {"name": "f", "kind": "roce", "rails": 8, "radix": 16, "padding": "none"}
    )
    [plane] = plan_fabrics(factory, machines(factory))
    ports = Counter(cable.upper for cable in plane.cables[plane.node_leaf + plane.leaf_spine :])
    assert len(ports) == plane.core == 24
    assert max(ports.values()) <= 16
    assert not plane.uneven
    assert plane.oversubscription == "1:1"


def test_cores_that_no_even_groups_save_are_noted() -> None:
    factory = wish(
        [pool(nodes=48)], {"name": "f", "kind": "roce", "rails": 8, "radix": 16, "padding": "none"}
    )
    sizes = size_fabrics(factory, {})
    assert (sizes[0].spine, sizes[0].core) == (48, 32)
    [note] = waste_notes(factory, sizes)
    assert note == (
        "fabric f at a: 128 switches and 768 links between them a plane; "
        "with 'spines: least' 120 and 768 would do"
    )
