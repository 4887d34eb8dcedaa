"""Deploy a bundle's objects to a cluster, and configure hosts by the plan, through the real Pulumi engine.

The room's rules:

- Counts, names and zones are plain values, decided before Pulumi reads them; no Output is read.
- `FactoryDeployment` is the one component that a stack declares; all other resources are below it.
  `HostConfiguration` is declared separately, by `sovereign-ai hosts up` or by a user's own program: without
  it, no host is connected to.
- The component itself checks the rules, so `sovereign-ai up` and a plain `pulumi up` pass the same check.
- Names are deterministic, and every creation is an upsert of an object of this stack, so that a second run
  after any kill has the same result.

    import sovereign_ai as sai
    from sovereign_ai.deploy import FactoryDeployment

    factory = sai.load("factory.yaml")
    FactoryDeployment(factory.name, factory)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sovereign_ai.deploy.components import FactoryDeployment
    from sovereign_ai.deploy.hosts.configuration import HostConfiguration

__all__ = ["FactoryDeployment", "HostConfiguration"]


def __getattr__(name: str) -> Any:
    """Load a resource on first use, so that the room can be imported without Pulumi."""
    # Importing Pulumi takes longer than most commands, and many of them do not deploy.
    if name == "FactoryDeployment":
        from sovereign_ai.deploy.components import FactoryDeployment  # noqa: PLC0415 - late

        return FactoryDeployment
    if name == "HostConfiguration":
        from sovereign_ai.deploy.hosts.configuration import HostConfiguration  # noqa: PLC0415 - late

        return HostConfiguration
    raise AttributeError(name)
