"""Pinned tools: one table, one way to get them, one way to ask what is missing, one bill of materials.

The room's rules:

- `table.py` is the only place that names a tool's version, source or digest.
- A tool is taken from PATH if its version suits; else from the vendor's release, digest-checked;
  else from a pinned wheel; else built from source through the Go module proxy; else from Debian.
- What was fetched or built lies in the user's cache folder and is never changed in place.
- Nothing is started that listens on anything but loopback, and nothing calls home.

    >>> from sovereign_ai.toolchain.table import tool
    >>> tool("etcd").version
    '3.7.0'
"""

from __future__ import annotations
