from __future__ import annotations

from typing import Any

from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.deploy.live.unserved_classes import unserved_classes
from sovereign_ai.errors import Problem
from tests.verify.in_memory import InMemoryApi


def _class(name: str, driver: str) -> dict[str, Any]:
    metadata = {"name": name}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": metadata,
        "provisioner": driver,
    }


PLANNED = [_class("models", "sovereign-ai.internal/nfs"), _class("scratch", "csi.example.com")]


def test_each_class_whose_driver_the_cluster_lacks_is_named_with_what_to_do() -> None:
    api = InMemoryApi()
    api.put({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "csi.example.com"}})
    (line,) = unserved_classes(api, PLANNED)
    assert line == (
        "no CSI driver of the cluster serves storage class models (sovereign-ai.internal/nfs), and its "
        "claims wait: install it, or describe the one that is there as storage[models].csi.driver"
    )


def test_without_classes_nothing_is_read() -> None:
    assert unserved_classes(_Forbidding(), []) == ()


def test_who_may_not_list_drivers_deploys_all_the_same() -> None:
    assert unserved_classes(_Forbidding(), PLANNED) == ()


class _Forbidding(InMemoryApi):
    def list(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        raise ApiError(Problem("api-forbidden", "csidrivers.storage.k8s.io is forbidden"), status=403)
