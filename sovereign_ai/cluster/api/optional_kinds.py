"""Objects of kinds that a server may not have: a newer one's, or those of a definition that is not there.

    list_if_served(api, "resource.k8s.io/v1", "ResourceSlice")     # -> objects, or [] without the kind
    list_newest(api, ("a.io/v2", "a.io/v1"), "Thing")              # -> objects of the first that is served

What decides is the server's own list of its kinds. Any other answer, also a 404 of something in between, is
an error, and never an empty list. A definition may go after the list was read, as while a controller works:
then a 404 is asked about once more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sovereign_ai.cluster.api.errors import ApiError

_NOT_FOUND = 404

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
        if not is_unserved(api, error, api_version, kind):
            raise
        return []


def list_newest(api: Api, api_versions: Iterable[str], kind: str) -> list[dict[str, Any]]:
    """List objects of all namespaces in the first version that the server has; none where it has no version.

    Args:
        api: the cluster.
        api_versions: versions of the kind, in the order of preference.
        kind: such as `DeviceTaintRule`.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    for api_version in api_versions:
        try:
            return api.list(api_version, kind)
        except ApiError as error:
            if not is_unserved(api, error, api_version, kind):
                raise
    return []


def is_unserved(api: Api, error: ApiError, api_version: str, kind: str) -> bool:
    """Return whether a refusal means that the server does not have a kind.

    Raises:
        ApiError: the server refused to list its kinds.
        UnreachableError: there was no answer.
    """
    if error.reason == "KindUnknown":
        return True
    if error.status != _NOT_FOUND:
        return False
    served = {(each.api_version, each.kind) for each in api.kinds()}
    return (api_version, kind) not in served
