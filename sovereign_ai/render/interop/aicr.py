"""A pool for NVIDIA's AICR (AI Cluster Runtime): criteria of its recipe, and the planned GPUs of a machine.

`RecipeCriteria` and `Snapshot` of `aicr.nvidia.com/v1alpha1` have the fields and values of AICR 0.11
(pkg/recipe/criteria.go, pkg/snapshotter, pkg/measurement, read 2026-11-27). A field that is left out means
`any` there: the service, since a cluster of one's own has none of its names, and an accelerator or purpose
for which it has no value. A snapshot is what AICR's agent would find of the plan's GPUs on a machine; it
says in its metadata that nobody measured it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from sovereign_ai.catalog.accelerator import Accelerator, accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.plan import Plan, PoolSlice
from sovereign_ai.render.switches.block import yaml_block

_API = "aicr.nvidia.com/v1alpha1"
_ACCELERATORS = ("gb200", "b200", "h100", "a100", "l40")
"""AICR's accelerators. It looks for them in a product's name in this order."""
_INTENTS = frozenset(("training", "inference"))


def aicr(plan: Plan, cluster: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the files of a cluster's pools of NVIDIA GPUs.

    Args:
        plan: what follows from the description.
        cluster: the cluster's name.
    """
    (planned,) = [row for row in plan.clusters if row.name == cluster]
    for part in planned.pools:
        machine = system(part.system)
        chip = accelerator_of(machine)
        if chip is not None and chip.vendor == "nvidia":
            yield f"{part.pool}-criteria.yaml", _criteria(part, chip)
            yield f"{part.pool}-snapshot.json", _snapshot(part, chip, machine.gpus)


def _criteria(part: PoolSlice, chip: Accelerator) -> str:
    """Return the criteria of a pool's recipe."""
    spec: dict[str, Any] = {"nodes": part.nodes}
    product = (chip.product or "").lower()
    for value in _ACCELERATORS:
        if value in product:
            spec["accelerator"] = value
            break
    if part.purpose in _INTENTS:
        spec["intent"] = part.purpose
    return yaml_block(
        {"apiVersion": _API, "kind": "RecipeCriteria", "metadata": {"name": part.pool}, "spec": spec}
    )


def _snapshot(part: PoolSlice, chip: Accelerator, gpus: int) -> str:
    """Return the snapshot of a machine's GPUs."""
    data: dict[str, Any] = {"driver": part.driver, "gpu-count": gpus}
    if chip.product is not None:
        data["gpu.model"] = chip.product
    measurement = {"type": "GPU", "subtypes": [{"subtype": "smi", "data": data}]}
    document = {
        "kind": "Snapshot",
        "apiVersion": _API,
        "metadata": {"source": "plan, not measured"},
        "measurements": [measurement],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"
