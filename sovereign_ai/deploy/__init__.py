"""Brings the objects of a bundle to a cluster, and hosts to the plan, through the real Pulumi engine.

The room's rules:

- Counts, names and zones are plain values, decided before Pulumi sees anything; no Output is read.
- `FactoryDeployment` is the one component a stack declares; everything else hangs below it. `HostConfiguration` is declared
  apart, by `sovereign-ai hosts up` or a program of one's own: without it no host is spoken to.
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
    from sovereign_ai.deploy.host_configuration import HostConfiguration

__all__ = ["FactoryDeployment", "HostConfiguration"]


def __getattr__(name: str) -> Any:
    """Load a resource on first use, so that the room can be imported without Pulumi."""
    if name == "FactoryDeployment":
        from sovereign_ai.deploy.components import FactoryDeployment  # noqa: PLC0415 - late on purpose

        return FactoryDeployment
    if name == "HostConfiguration":
        from sovereign_ai.deploy.host_configuration import HostConfiguration  # noqa: PLC0415 - late on purpose

        return HostConfiguration
    raise AttributeError(name)
