"""Objects of kinds that a server may not have: a newer one's, or those of a definition that is not there.

    list_if_served(api, "resource.k8s.io/v1", "ResourceSlice")     # -> objects, or [] without the kind

What decides is the server's own list of its kinds. Any other answer, also a 404 of something in between, is
an error, and never an empty list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sovereign_ai.cluster.api.errors import ApiError

if TYPE_CHECKING:
    from sovereign_ai.cluster.api.client import Api


def list_if_served(
    api: Api, api_version: str, kind: str, label_selector: str | None = None, *, metadata_only: bool = False
) -> list[dict[str, Any]]:
    """List objects of all namespaces; none where the server does not serve the kind.

    Args:
        api: the cluster.
        api_version: `v1` or `group/version`.
        kind: such as `ResourceSlice`.
        label_selector: as kubectl's `--selector`.
        metadata_only: leave everything but the metadata out.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    try:
        return api.list(api_version, kind, label_selector=label_selector, metadata_only=metadata_only)
    except ApiError as error:
        if error.reason != "KindUnknown":
            raise
        return []
