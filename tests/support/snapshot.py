"""Everything on a cluster, as a comparison of before and after needs it."""

from __future__ import annotations

from sovereign_ai.cluster.api.client import Api

_RESTLESS = frozenset(
    {
        "APIService",
        "ComponentStatus",
        "Event",
        "IPAddress",
        "Lease",
        "Node",
        "StorageVersion",
    }
)
"""Kinds that components write to by themselves."""


def versions(api: Api) -> dict[str, str]:
    """Return the resourceVersion of every object.

    Two equal results mean that nobody wrote anything between them.
    """
    found = {}
    for kind in api.kinds():
        if "list" in kind.verbs and kind.kind not in _RESTLESS:
            for item in api.list(kind.api_version, kind.kind, metadata_only=True):
                meta = item["metadata"]
                key = f"{kind.api_version}/{kind.kind}/{meta.get('namespace', '')}/{meta['name']}"
                found[key] = meta["resourceVersion"]
    return found
