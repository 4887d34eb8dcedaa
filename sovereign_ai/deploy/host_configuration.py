"""A factory's hosts as one Pulumi resource, whose diff is their drift from the plan.

    import sovereign_ai as sai
    from sovereign_ai.deploy import HostConfiguration

    factory = sai.load("factory.yaml")
    HostConfiguration(factory.name, factory, given="hosts.yaml", limit=["role_gpu"], budget=1)

Nothing else declares it: a stack whose program does not, speaks to no host.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pulumi

from sovereign_ai.deploy.host_provider.inventories import keep
from sovereign_ai.errors import Problem, SovereignError, UsageError, nearest
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.hosts.given import Given, read_given
from sovereign_ai.render.hosts.hosts import inventory
from sovereign_ai.render.hosts.inventory import Inventory
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.toolchain.launcher import HOSTS_VERSION

TOKEN = "sovereign-hosts:index:HostConfiguration"  # noqa: S105 - Pulumi's word for a type's name


class HostConfiguration(pulumi.CustomResource):
    """A factory's machines, storage servers and switches, brought to the plan by Ansible.

    Args:
        name: the resource's name, as a rule the factory's.
        factory: the description.
        opts: Pulumi's options.
        given: what a plan cannot know, or the file that says it.
        limit: only these: a host, unit or group, `*` allowed.
        budget: hosts that may fail before no further unit is begun.
        forks: hosts worked on at the same time.

    Raises:
        pulumi.RunError: bad input, with every problem in its text.
    """

    drift: pulumi.Output[dict[str, dict[str, str]]]
    """Host to what would change on it, as a refresh found it; empty after `up`."""
    failed: pulumi.Output[dict[str, str]]
    """Host to why it was not brought to the plan, or could not be looked at."""

    def __init__(
        self,
        name: str,
        factory: AIFactory,
        opts: pulumi.ResourceOptions | None = None,
        *,
        given: Given | Path | str | None = None,
        limit: Sequence[str] = (),
        budget: int = 0,
        forks: int = 50,
    ) -> None:
        """Derive the inventory, keep it, and declare the resource by its digest."""
        try:
            said = given if isinstance(given, Given) else read_given(Path(given)) if given is not None else Given()
            chosen = hosts_of(factory, said, limit)
            digest = keep(chosen)
        except SovereignError as error:
            raise pulumi.RunError(str(error)) from None
        units = {unit: [one.name for one in part.hosts] for unit, part in chosen.in_units()}
        props = {"factory": factory.name, "inventory": digest, "units": units, "budget": budget, "forks": forks}
        own = pulumi.ResourceOptions(version=HOSTS_VERSION)
        super().__init__(TOKEN, name, {**props, "drift": None, "failed": None}, pulumi.ResourceOptions.merge(own, opts))


def hosts_of(factory: AIFactory, given: Given, limit: Sequence[str]) -> Inventory:
    """Give the hosts that are meant.

    Raises:
        SpecError: the description cannot be planned.
        UsageError: no host is meant.
    """
    whole = inventory(factory, plan(factory, factory.where), given)
    chosen = whole.matching(limit)
    if chosen.hosts:
        return chosen
    said = f"{' '.join(limit)} means no host of the plan" if limit else "the plan has no host"
    hint = nearest(limit[0], [*(one.name for one in whole.hosts), *whole.units]) if limit else ""
    raise UsageError(Problem("no-host", said, hint=hint))
