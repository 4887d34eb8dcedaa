"""Brings the objects of a bundle to a cluster, through the real Pulumi engine.

The room's rules:

- Counts, names and zones are plain values, decided before Pulumi sees anything; no Output is read.
- `FactoryDeployment` is the one component a stack declares; everything else hangs below it.
- The gate stands in the component itself, so `sovereign-ai up` and a plain `pulumi up` pass the same one.
- Names are deterministic and every create is an upsert of an object that is ours, so a second run
  after any kill ends in the same place.

    import sovereign_ai as sai
    from sovereign_ai.deploy import FactoryDeployment

    factory = sai.load("factory.yaml")
    FactoryDeployment(factory.name, factory)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sovereign_ai.deploy.components import FactoryDeployment

__all__ = ["FactoryDeployment"]


def __getattr__(name: str) -> Any:
    """Load the component on first use, so that the room can be imported without Pulumi."""
    if name == "FactoryDeployment":
        from sovereign_ai.deploy.components import FactoryDeployment  # noqa: PLC0415 - late on purpose

        return FactoryDeployment
    raise AttributeError(name)
