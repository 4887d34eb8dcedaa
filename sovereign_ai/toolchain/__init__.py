"""Pinned tools: their table, their installation, the check of what is missing, and their bill of materials.

The room's rules:

- `table.py` is the only place that names a tool's version, source or digest.
- On request, a tool on PATH is used if its version suits; else from the vendor's release, digest-checked;
  else from a pinned wheel; else built from source through the Go module proxy; else from Debian.
- What was fetched or built is in the user's cache folder and is never changed in place.
- Nothing that is started listens on anything but loopback, and nothing calls home.

    >>> from sovereign_ai.toolchain.table import tool
    >>> tool("etcd").version
    '3.7.0'
"""

from __future__ import annotations
