r"""Files for other systems: cables, rails, addresses, bare metal, NetBox, Topograph, Slurm.

Rules of this package:

* One function a file format, which returns text. The plan is the one source, and no service is contacted.
* What a plan cannot know (MAC addresses, serial numbers, port GUIDs) is passed as a mapping, and left out
  where it is not given.
* No secret is written: bare-metal objects name a Secret for each BMC and never hold one.

    >>> from sovereign_ai.render.interop.table import csv_table
    >>> csv_table(["name"], [["a, b"]])
    'name\n"a, b"\n'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.render.interop.delivered import read_guids, read_macs
    from sovereign_ai.render.interop.labels import node_taints, place_labels, role_labels
    from sovereign_ai.render.interop.netbox import OUTSIDE_PORT, netbox_tables
    from sovereign_ai.render.interop.netbox_exports import read_netbox_exports
    from sovereign_ai.render.interop.output_files import DeliveredFacts, file_sets, files
    from sovereign_ai.render.interop.topograph import switch_tiers
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "delivered": ("read_guids", "read_macs"),
            "labels": ("node_taints", "place_labels", "role_labels"),
            "netbox": ("OUTSIDE_PORT", "netbox_tables"),
            "netbox_exports": ("read_netbox_exports",),
            "output_files": ("DeliveredFacts", "file_sets", "files"),
            "topograph": ("switch_tiers",),
        },
    )

__all__ = [
    "OUTSIDE_PORT",
    "DeliveredFacts",
    "file_sets",
    "files",
    "netbox_tables",
    "node_taints",
    "place_labels",
    "read_guids",
    "read_macs",
    "read_netbox_exports",
    "role_labels",
    "switch_tiers",
]
