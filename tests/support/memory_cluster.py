"""A cluster in memory, behind the interface of the real one: as much of it as ownership and identity need."""

from __future__ import annotations

import builtins
import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.api.discovery import Resource
from sovereign_ai.errors import Problem

T = TypeVar("T")
Key = tuple[str, str, str, str]
_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
CLUSTER_WIDE = frozenset({"Namespace", "PriorityClass", "StorageClass", "ValidatingAdmissionPolicy", "Node"})


def refusal(status: int, reason: str = "", causes: tuple[str, ...] = ()) -> ApiError:
    """An answer with an error status."""
    return ApiError(
        Problem(f"api-{status}", f"refused with {status} {reason}"),
        status=status,
        reason=reason,
        causes=causes,
    )


def obj(kind: str, name: str, namespace: str = "", *, version: str = "v1", **metadata: Any) -> dict[str, Any]:
    """Write an object with no more than metadata."""
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **where, **metadata}}


class MemoryCluster(Api):
    """Objects by apiVersion, kind, namespace and name; every request is written down."""

    def __init__(
        self, *objects: Mapping[str, Any], uid: str = "cluster-1", server: str = "https://memory.invalid"
    ) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.unserved: set[str] = set()
        self._server = server
        self._uids = (f"uid-{number}" for number in itertools.count(1))
        system = obj("Namespace", "kube-system", uid=uid, creationTimestamp="2026-01-01T00:00:00Z")
        self.put(system, *objects)

    def acting_as(self, user: str, groups: Iterable[str] | None = None) -> Api:  # noqa: ARG002 - nobody is asked who somebody is
        return self

    @property
    def server(self) -> str:
        return self._server

    def put(self, *objects: Mapping[str, Any]) -> None:
        """Store objects as anybody would."""
        for one in objects:
            meta = one["metadata"]
            stored = copy.deepcopy(dict(one))
            stored["metadata"].setdefault("uid", next(self._uids))
            self.objects[one["apiVersion"], one["kind"], meta.get("namespace", ""), meta["name"]] = stored

    def kinds(self) -> tuple[Resource, ...]:
        served = {(key[0], key[1]) for key in self.objects}
        return tuple(
            Resource(version, kind, f"{kind.lower()}s", kind not in CLUSTER_WIDE, _VERBS, ())
            for version, kind in sorted(served)
        )

    def request(
        self,
        method: str,
        path: str,
        *_body: object,
        **_more: object,
    ) -> dict[str, Any]:
        self._ask(f"{method} {path}")
        assert path == "/api/v1/namespaces/kube-system"
        return copy.deepcopy(self.objects["v1", "Namespace", "", "kube-system"])

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        *,
        metadata_only: bool = False,  # noqa: ARG002 - there is little more than metadata
    ) -> list[dict[str, Any]]:
        self._ask(f"LIST {kind} {namespace or ''}".strip())
        if kind in self.unserved:
            raise refusal(404, "KindUnknown")
        wanted = [part.partition("=") for part in label_selector.split(",")] if label_selector else []
        found = []
        for (version, one, where, _), stored in sorted(self.objects.items()):
            labels = stored["metadata"].get("labels") or {}
            is_labelled = all(
                key in labels and (not sign or labels[key] == value) for key, sign, value in wanted
            )
            if (version, one) == (api_version, kind) and namespace in {None, where} and is_labelled:
                found.append(copy.deepcopy(stored))
        return found

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        self._ask(f"GET {kind}/{name}")
        return copy.deepcopy(self.objects.get((api_version, kind, namespace or "", name)))

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        self._ask(f"PATCH {kind}/{name}")
        stored = self.objects[api_version, kind, namespace or "", name]
        meta = change["metadata"]
        if meta.get("uid", stored["metadata"]["uid"]) != stored["metadata"]["uid"]:
            raise refusal(409, "Conflict")
        stored["metadata"]["labels"] = {**(stored["metadata"].get("labels") or {}), **meta["labels"]}
        return copy.deepcopy(stored)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",  # noqa: ARG002 - nothing depends on anything
        *,
        uid: str = "",
        dry_run: bool = False,
    ) -> bool:
        self._ask(f"{'TRY ' if dry_run else ''}DELETE {kind}/{name}")
        key = (api_version, kind, namespace or "", name)
        if key not in self.objects or uid not in {"", self.objects[key]["metadata"]["uid"]}:
            return False
        if not dry_run:
            del self.objects[key]
        return True

    def delete_all(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        label_selector: str,
        propagation: str = "Background",  # noqa: ARG002 - nothing depends on anything
    ) -> None:
        self._ask(f"DELETEALL {kind} {namespace}")
        for item in self.list(api_version, kind, namespace, label_selector):
            del self.objects[api_version, kind, namespace, item["metadata"]["name"]]

    def many(self, calls: Iterable[Callable[[], T]], workers: int = 16) -> builtins.list[T]:  # noqa: ARG002 - one after another
        return [call() for call in calls]

    @property
    def written(self) -> builtins.list[str]:
        """The requests that change something."""
        return [line for line in self.asked if line.split()[0] in {"PATCH", "DELETE", "POST", "PUT", "APPLY"}]

    def _ask(self, line: str) -> None:
        self.asked.append(line)
        if self.failure is not None:
            raise self.failure
