"""Run modules in a container of this machine that has an init of its own.

`nsenter` enters all its namespaces.

Nothing of this machine's environment goes in, as with SSH.
"""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: nsenter
short_description: Run modules in a container of this machine
description: Enters all namespaces of the container's first process.
author: sovereign_ai
options:
  leader:
    description: The first process, as this machine numbers it.
    required: true
    type: int
    vars: [{name: nsenter_leader}]
extends_documentation_fragment: [connection_pipelining]
"""
CLEAN = [
    "env",
    "-i",
    "HOME=/root",
    "LANG=C.UTF-8",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
]


class Connection(LocalConnection):
    """A container by its first process."""

    transport = "nsenter"
    has_pipelining = True

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """Run a command of the shell plugin in the container."""
        inside = [
            "nsenter",
            "--target",
            str(self.get_option("leader")),
            "--all",
            "--",
            *CLEAN,
            "/bin/sh",
            "-c",
            cmd,
        ]
        return super().exec_command(shlex.join(inside), in_data=in_data, sudoable=sudoable)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file into the container."""
        with open(in_path, "rb") as opened:
            self.exec_command(f"cat > {shlex.quote(out_path)}", in_data=opened.read())

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file out of the container."""
        _, out, _ = self.exec_command(f"cat {shlex.quote(in_path)}")
        with open(out_path, "wb") as opened:
            opened.write(out)
