"""A factory's hosts as one Pulumi resource, whose diff is their drift from the plan.

    import sovereign_ai as sai
    from sovereign_ai.deploy import HostConfiguration

    factory = sai.load("factory.yaml")
    HostConfiguration(factory.name, factory, given="hosts.yaml", limit=["role_gpu"], budget=1)

No other resource declares it: a stack whose program does not declare it connects to no host.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pulumi

from sovereign_ai.deploy.hosts.provider.inventories import save_inventory
from sovereign_ai.errors import Problem, SovereignError, UsageError, nearest
from sovereign_ai.plan import plan
from sovereign_ai.render.hosts import HostInventory, SiteFacts, inventory, read_site_facts
from sovereign_ai.spec import AIFactory
from sovereign_ai.toolchain import HOSTS_VERSION

TOKEN = "sovereign-hosts:index:HostConfiguration"  # noqa: S105 - Pulumi's word for a type's name


class HostConfiguration(pulumi.CustomResource):
    """A factory's compute servers, storage servers and switches, brought to the plan by Ansible.

    Args:
        name: the resource's name, as a rule the factory's.
        factory: the description.
        opts: Pulumi's options.
        given: what a plan cannot know, or the file that holds it.
        limit: only these: a host, unit or group, `*` allowed.
        budget: hosts that may fail before no further unit is started.
        forks: hosts worked on at the same time.

    Raises:
        pulumi.RunError: bad input, with every problem in its text.
    """

    drift: pulumi.Output[dict[str, dict[str, str]]]
    """Host to what would change on it, as the last refresh reported; empty after `up`."""
    failed: pulumi.Output[dict[str, str]]
    """Host to why it was not brought to the plan, or could not be checked."""

    def __init__(
        self,
        name: str,
        factory: AIFactory,
        opts: pulumi.ResourceOptions | None = None,
        *,
        given: SiteFacts | Path | str | None = None,
        limit: Sequence[str] = (),
        budget: int = 0,
        forks: int = 50,
    ) -> None:
        """Derive the inventory, keep it, and declare the resource by its digest."""
        try:
            chosen = hosts_of(factory, _read_given(given), limit)
            digest = save_inventory(chosen)
        except SovereignError as error:
            # Pulumi prints a RunError as it is, and any other exception with a traceback.
            raise pulumi.RunError(str(error)) from None
        units: dict[str, list[str]] = {}
        for unit, part in chosen.in_units():
            units[unit] = [host.name for host in part.hosts]
        props = {
            "factory": factory.name,
            "inventory": digest,
            "units": units,
            "budget": budget,
            "forks": forks,
        }
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=HOSTS_VERSION), opts)
        # Pulumi fills in as outputs only properties that are declared here.
        super().__init__(TOKEN, name, {**props, "drift": None, "failed": None}, options)


def _read_given(given: SiteFacts | Path | str | None) -> SiteFacts:
    """Return what a plan cannot know, read from its file where a path is passed."""
    if isinstance(given, SiteFacts):
        return given
    return SiteFacts() if given is None else read_site_facts(Path(given))


def hosts_of(factory: AIFactory, given: SiteFacts, limit: Sequence[str]) -> HostInventory:
    """Return the hosts of a plan that a limit selects.

    Raises:
        SpecError: the description cannot be planned.
        UsageError: the limit selects no host.
    """
    whole = inventory(factory, plan(factory, factory.where), given)
    chosen = whole.matching(limit)
    if chosen.hosts:
        return chosen
    if not limit:
        raise UsageError(Problem("no-host", "the plan has no host"))
    names = [host.name for host in whole.hosts]
    hint = nearest(limit[0], [*names, *whole.units])
    raise UsageError(Problem("no-host", f"{' '.join(limit)} means no host of the plan", hint=hint))
