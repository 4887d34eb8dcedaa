"""The Ansible inventory of a plan: every host with its groups and variables.

Rules of this package:

* `inventory_groups.py` holds the nouns: a host has a unit (the hosts that are configured together), groups
  (which decide its roles) and variables.
* No variable is typed twice: what the plan knows is read from the plan. What it cannot know (keys of
  administrators, time servers, the address of a control plane) is a `Given`; what is not given is left out,
  and the user is informed of it.
* Output is pure and sorted: the same description gives the same bytes. No variable ever holds a secret.
* The roles of each kind of host are listed here (`hosts.py`); the playbooks apply that list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.render.hosts.bmc_files import check_account, check_authority
    from sovereign_ai.render.hosts.hosts import inventory
    from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory, as_data
    from sovereign_ai.render.hosts.network import LOOKUP_PRIORITY, UNREACHABLE_PRIORITY, other_rails, table
    from sovereign_ai.render.hosts.site_facts import SiteFacts, read_site_facts
    from sovereign_ai.render.hosts.switches import twin_inventory
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "bmc_files": ("check_account", "check_authority"),
            "hosts": ("inventory",),
            "inventory_groups": ("Host", "HostInventory", "as_data"),
            "network": ("LOOKUP_PRIORITY", "UNREACHABLE_PRIORITY", "other_rails", "table"),
            "site_facts": ("SiteFacts", "read_site_facts"),
            "switches": ("twin_inventory",),
        },
    )

__all__ = [
    "LOOKUP_PRIORITY",
    "UNREACHABLE_PRIORITY",
    "Host",
    "HostInventory",
    "SiteFacts",
    "as_data",
    "check_account",
    "check_authority",
    "inventory",
    "other_rails",
    "read_site_facts",
    "table",
    "twin_inventory",
]
