"""A small factory whose one InfiniBand fabric has two zones, two leaves a rail and a spine's choice of
ways.
"""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from tests.render.lab import STACKS

FABRIC = "  - {name: compute, role: compute, kind: infiniband, rails: 1, radix: 8, link: 400 Gbps, padding: none, managers: 1}\n"  # noqa: E501 - one literal text


def small(folder: Path, fabric: str = FABRIC, name: str = "small") -> tuple[AIFactory, Plan]:
    """Write the lab with an InfiniBand fabric, and plan it; twins of one name would take each other down."""
    text = (STACKS / "lab" / "factory.yaml").read_text()
    lines = text.splitlines(keepends=True)
    kept = [fabric if "name: compute, role: compute" in line else line for line in lines]
    file = folder / "factory.yaml"
    file.write_text("".join(kept).replace("name: lab", f"name: {name}", 1))
    factory = load(file)
    return factory, plan(factory)
