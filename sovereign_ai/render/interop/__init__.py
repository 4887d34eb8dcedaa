r"""Files for other systems: cables, rails, addresses, bare metal, NetBox, Topograph, Slurm.

The room's rules:

* One function a file format, which returns text. The plan is the one source, and no service is contacted.
* What a plan cannot know (MAC addresses, serial numbers, port GUIDs) is passed as a mapping, and left out
  where it is not given.
* No secret is written: bare-metal objects name a Secret for each BMC and never hold one.

    >>> from sovereign_ai.render.interop.table import csv_table
    >>> csv_table(["name"], [["a, b"]])
    'name\n"a, b"\n'
"""

from __future__ import annotations
