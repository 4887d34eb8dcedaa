"""The client of the Kubernetes API: credentials, transport, retries, discovery, and checks of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.cluster.api.client import Api, open_cluster
    from sovereign_ai.cluster.api.conflicts import (
        delete_as_read,
        is_outdated,
        patch_as_read,
        retry_on_conflict,
        unless_gone,
    )
    from sovereign_ai.cluster.api.credentials import describe_credentials
    from sovereign_ai.cluster.api.deadlines import StoppedError, stopping
    from sovereign_ai.cluster.api.discovery import Resource
    from sovereign_ai.cluster.api.errors import ApiError, UnreachableError, budget_causes
    from sovereign_ai.cluster.api.follow import Follower
    from sovereign_ai.cluster.api.kubeconfig import read_kubeconfig
    from sovereign_ai.cluster.api.optional_kinds import is_unserved, list_if_served, list_newest
    from sovereign_ai.cluster.api.protobuf import declare
    from sovereign_ai.cluster.api.retries import retry_after
    from sovereign_ai.cluster.api.snapshot import Snapshot
    from sovereign_ai.cluster.api.transport import Effect, current_context, named_server, server_in
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "client": ("Api", "open_cluster"),
            "conflicts": (
                "delete_as_read",
                "is_outdated",
                "patch_as_read",
                "retry_on_conflict",
                "unless_gone",
            ),
            "credentials": ("describe_credentials",),
            "deadlines": ("StoppedError", "stopping"),
            "discovery": ("Resource",),
            "errors": ("ApiError", "UnreachableError", "budget_causes"),
            "follow": ("Follower",),
            "kubeconfig": ("read_kubeconfig",),
            "optional_kinds": ("is_unserved", "list_if_served", "list_newest"),
            "protobuf": ("declare",),
            "retries": ("retry_after",),
            "snapshot": ("Snapshot",),
            "transport": ("Effect", "current_context", "named_server", "server_in"),
        },
    )

__all__ = [
    "Api",
    "ApiError",
    "Effect",
    "Follower",
    "Resource",
    "Snapshot",
    "StoppedError",
    "UnreachableError",
    "budget_causes",
    "current_context",
    "declare",
    "delete_as_read",
    "describe_credentials",
    "is_outdated",
    "is_unserved",
    "list_if_served",
    "list_newest",
    "named_server",
    "open_cluster",
    "patch_as_read",
    "read_kubeconfig",
    "retry_after",
    "retry_on_conflict",
    "server_in",
    "stopping",
    "unless_gone",
]
