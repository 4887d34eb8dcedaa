"""Run modules in a network namespace of this machine, as `ip netns exec` does.

Files stay this machine's own.
"""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: netns
short_description: Run modules in a network namespace of this machine
description: As the local connection, inside a namespace that C(ip netns) knows.
author: sovereign_ai
options:
  namespace:
    description: The namespace's name.
    required: true
    type: str
    vars: [{name: netns_name}]
extends_documentation_fragment: [connection_pipelining]
"""


class Connection(LocalConnection):
    """A network namespace by its name."""

    transport = "netns"
    has_pipelining = True

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Run a command of the shell plugin in the namespace."""
        inside = shlex.join(["ip", "netns", "exec", self.get_option("namespace"), "/bin/sh", "-c", cmd])
        return super().exec_command(inside, in_data=in_data, sudoable=sudoable)
