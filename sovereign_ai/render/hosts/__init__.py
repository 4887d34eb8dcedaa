"""The Ansible inventory of a plan: every host with its groups and variables.

The room's rules:

* `inventory.py` holds the nouns: a host has a unit (the hosts that are configured together), groups (which
  decide its roles) and variables.
* No variable is typed twice: what the plan knows is read from the plan. What it cannot know (keys of
  administrators, time servers, the address of a control plane) is a `Given`; what is not given is left out,
  and the user is informed of it.
* Output is pure and sorted: the same description gives the same bytes. No variable ever holds a secret.
* The roles of each kind of host are listed here (`hosts.py`); the playbooks apply that list.
"""

from __future__ import annotations
