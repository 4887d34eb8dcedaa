"""Planned storage classes whose driver a cluster does not have, so that their claims wait for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError

Object = Mapping[str, Any]


def unserved_classes(api: Api, planned: Iterable[Object]) -> tuple[str, ...]:
    """Return a line for each planned storage class whose driver the cluster does not have.

    Args:
        api: a cluster of the user; what a local one makes volumes of, docs/fidelity.md states.
        planned: the objects as they are deployed.

    Raises:
        UnreachableError: there was no answer.
    """
    classes = [obj for obj in planned if obj["kind"] == "StorageClass"]
    if not classes:
        return ()
    try:
        drivers = {driver["metadata"]["name"] for driver in api.list("storage.k8s.io/v1", "CSIDriver")}
    except ApiError:
        # Whoever may not list drivers deploys all the same, and learns nothing of them.
        return ()
    lines = []
    for obj in classes:
        name, driver = obj["metadata"]["name"], obj["provisioner"]
        if driver not in drivers:
            lines.append(
                f"no CSI driver of the cluster serves storage class {name} ({driver}), and its claims wait: "
                f"install it, or describe the one that is there as storage[{name}].csi.driver"
            )
    return tuple(lines)
