"""What Ansible is told: an inventory and every variable, from the plan alone.

The room's rules:

* `inventory.py` holds the nouns: a host has a unit (what is worked on at once), groups (which decide its roles) and variables.
* No variable is typed twice: what the plan knows is read from the plan; what it cannot know (keys of administrators, time
  servers, where a control plane answers) is a `Given`, and what is not given is left out and said.
* Pure and sorted: the same description gives the same bytes. No secret ever stands in a variable.
* Which role a host gets is said here (`ROLES`), and the playbooks apply what is said.
"""

from __future__ import annotations
