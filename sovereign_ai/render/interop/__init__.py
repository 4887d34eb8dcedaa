r"""What other systems are told of the same plan: cables, rails, addresses, bare metal, NetBox, Topograph.

The room's rules:

* One function a file format, text out; the plan is the one source and nothing is asked of anybody.
* What a plan cannot know (MAC addresses, serial numbers, port GUIDs) is taken as a mapping, and left out where it is not given.
* No secret is written: bare-metal objects name a Secret for each BMC and never hold one.

    >>> from sovereign_ai.render.interop.table import table
    >>> table(["name"], [["a, b"]])
    'name\n"a, b"\n'
"""

from __future__ import annotations
