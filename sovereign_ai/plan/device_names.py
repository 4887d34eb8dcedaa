"""Device names share one namespace: a server, a switch and a storage server never have the same name.

A device's name is a stem and a number: `train-001`, `compute-fra1-p0-leaf-r0-001`, `scratch-fra1-s001`. Two
equal stems give equal names, in inventories, cable lists, DNS and LLDP. Stems are compared, not names, so
that the check takes the same time for any number of servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import label
from sovereign_ai.plan.fabric.cables import plane_name
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec import AIFactory


def name_problems(
    factory: AIFactory, shapes: Sequence[Shape], sizes: Sequence[FabricSize], tiers: Sequence[StoragePlan]
) -> Iterator[Problem]:
    """Yield each pool, tier or fabric whose devices would have the names of others.

    Args:
        factory: the description.
        shapes: the pools.
        sizes: the fabric planes.
        tiers: the storage tiers, one for each site.
    """
    seen: dict[str, str] = {}
    # The first owner of a stem keeps it; the problem is reported at the later one.
    for stem, noun, field in (
        *_switch_stems(factory, sizes),
        *_storage_stems(factory, tiers),
        *_server_stems(shapes),
    ):
        first = seen.setdefault(stem, noun)
        if first != noun:
            message = f"{noun} would be called {stem}… as {first} are"
            yield Problem("duplicate-device", message, Where(field=field), "give it another name")


def _server_stems(shapes: Sequence[Shape]) -> Iterator[tuple[str, str, str]]:
    """Yield stem, noun and field of the servers of each pool."""
    for shape in shapes:
        yield f"{shape.pool.name}-", f"the machines of pool {shape.pool.name}", f"pools[{shape.index}].name"


def _switch_stems(factory: AIFactory, sizes: Sequence[FabricSize]) -> Iterator[tuple[str, str, str]]:
    """Yield stem, noun and field of the switches of each plane and tier."""
    names = [fabric.name for fabric in factory.fabrics]
    for size in sizes:
        tiers = [f"leaf-r{rail}" for rail in range(size.rails)]
        if size.spine:
            tiers.append("spine")
        if size.core:
            tiers.append("core")
        if size.border:
            tiers.append("border")
        if size.outside:
            tiers.append("outside")
        noun = f"switches of fabric {size.fabric} at {size.site}, plane {size.plane},"
        field = f"fabrics[{names.index(size.fabric)}].name"
        plane = plane_name(size)
        for tier in tiers:
            # What is outside is one name, and the others are numbered.
            yield f"{plane}-{tier}" if tier == "outside" else f"{plane}-{tier}-", noun, field


def _storage_stems(factory: AIFactory, tiers: Sequence[StoragePlan]) -> Iterator[tuple[str, str, str]]:
    """Yield stem, noun and field of the storage servers of each tier and site."""
    index = {tier.name: number for number, tier in enumerate(factory.storage)}
    for tier in tiers:
        # The label is made with a number and the number removed: a long name is shortened as the plan
        # shortens it.
        stem = label(tier.tier, tier.site, "s001").removesuffix("001")
        yield stem, f"the servers of tier {tier.tier} at {tier.site}", f"storage[{index[tier.tier]}].name"
