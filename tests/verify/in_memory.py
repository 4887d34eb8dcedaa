"""An API server in memory, behind the same interface as the real one, which counts what it is asked.

It stores, adds defaults (those that `defaults.py` knows; a test on a real server holds them against its own),
refuses what is there already, merges what is applied, and plays nodes and pods in the least way: a node is
Ready at once, and a pod runs on the first node whose labels its selector names and that has devices enough,
or waits.
"""

from __future__ import annotations

import builtins
import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.cluster.api.discovery import Resource
from sovereign_ai.errors import Problem
from sovereign_ai.verify.defaults import completed

T = TypeVar("T")
Key = tuple[str, str, str, str]


def refused(status: int, message: str, reason: str = "") -> ApiError:
    return ApiError(Problem(f"api-{status}", message), status=status, reason=reason)


class InMemoryApi(Api):
    """A cluster in memory; `admit` may raise, as an admission policy does."""

    def __init__(
        self, *, unserved: Iterable[str] = (), admit: Callable[[Mapping[str, Any]], None] = lambda _obj: None
    ) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.unserved = set(unserved)
        self.admit = admit
        self.plays_nodes = True
        self.plays_pods = True
        self._numbers = itertools.count(1)

    def acting_as(self, user: str, groups: Iterable[str] | None = None) -> Api:  # noqa: ARG002 - nobody is asked who somebody is
        return self

    @property
    def server(self) -> str:
        return "https://memory.invalid"

    def kinds(self) -> tuple[Resource, ...]:
        known = sorted({(version, kind) for version, kind, _, _ in self.objects})
        return tuple(
            Resource(version, kind, f"{kind.lower()}s", namespaced=True, verbs=("list",), subresources=())
            for version, kind in known
        )

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        *,
        metadata_only: bool = False,  # noqa: ARG002 - it has no content to leave out
    ) -> list[dict[str, Any]]:
        self.asked.append(f"LIST {kind}")
        if kind in self.unserved:
            raise refused(404, f"no {api_version} {kind} is served", "KindUnknown")
        wanted = dict(part.split("=") for part in label_selector.split(",")) if label_selector else {}
        found = []
        for (version, one, where, _name), obj in sorted(self.objects.items()):
            labels = obj["metadata"].get("labels") or {}
            chosen = all(labels.get(key) == value for key, value in wanted.items())
            if (version, one) == (api_version, kind) and namespace in {None, where} and chosen:
                found.append(copy.deepcopy(obj))
        return found

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        self.asked.append(f"GET {kind}")
        return copy.deepcopy(self.objects.get((api_version, kind, namespace or "", name)))

    def create(
        self,
        obj: Mapping[str, Any],
        dry_run: bool = False,
        *,
        upsert: bool = False,  # noqa: ARG002 - no reply is lost
    ) -> dict[str, Any]:
        self.asked.append(f"POST {obj['kind']}")
        self.admit(obj)
        key = self._key(obj)
        if key in self.objects:
            raise refused(409, f"{key} exists", "AlreadyExists")
        made = completed(obj)
        made["metadata"]["uid"] = f"uid-{next(self._numbers)}"
        if not dry_run:
            self.objects[key] = self._played(made)
        return copy.deepcopy(made)

    def apply(
        self,
        obj: Mapping[str, Any],
        *,
        field_manager: str = "",  # noqa: ARG002 - who owns a field is not kept
        force: bool = False,  # noqa: ARG002 - nobody contests a field
        dry_run: bool = False,
    ) -> dict[str, Any]:
        self.asked.append(f"APPLY {obj['kind']}")
        key = self._key(obj)
        if key not in self.objects:
            return self.create(obj, dry_run=dry_run)
        status = self.objects[key].get("status")
        self.objects[key] = completed(_merged(self.objects[key], obj)) | (
            {"status": status} if status is not None else {}
        )
        return copy.deepcopy(self.objects[key])

    def request(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, **_: object
    ) -> dict[str, Any]:
        """Merge a patch into a node, list the pods, all or those of a node, or delete one."""
        self.asked.append(f"{method} {path}")
        if method == "DELETE":
            _, _, _, _, namespace, _, name = path.split("/")
            del self.objects["v1", "Pod", namespace, name]
            return {}
        if query and (method, path) == ("GET", "/api/v1/pods"):
            node = query["fieldSelector"].removeprefix("spec.nodeName=")
            return {"items": [pod for pod in self.list("v1", "Pod") if pod["spec"].get("nodeName") == node]}
        if (method, path) == ("GET", "/api/v1/pods"):
            return {"items": self.list("v1", "Pod")}
        assert method == "PATCH"
        assert isinstance(body, Mapping)
        key = ("v1", "Node", "", path.removeprefix("/api/v1/nodes/"))
        self.objects[key] = _merged(self.objects[key], body)
        return copy.deepcopy(self.objects[key])

    def update_status(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(f"STATUS {obj['kind']}")
        live = self.objects[self._key(obj)]
        live["status"] = _merged(live.get("status", {}), obj["status"])
        return copy.deepcopy(live)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",  # noqa: ARG002 - nothing depends on anything
        *,
        uid: str = "",
    ) -> bool:
        self.asked.append(f"DELETE {kind}")
        key = (api_version, kind, namespace or "", name)
        live = self.objects.get(key)
        if live is None or uid not in {"", live["metadata"].get("uid")}:
            return False
        del self.objects[key]
        return True

    def many(self, calls: Iterable[Callable[[], T]], workers: int = 16) -> builtins.list[T]:  # noqa: ARG002 - one after another
        return [call() for call in calls]

    def put(self, *objects: Mapping[str, Any]) -> None:
        """Store objects as they are, as somebody else would."""
        for obj in objects:
            self.objects[self._key(obj)] = completed(obj)

    def live(self, kind: str, name: str, namespace: str = "") -> dict[str, Any]:
        """Give the stored object itself, to be changed behind everybody's back."""
        return next(obj for key, obj in self.objects.items() if key[1:] == (kind, namespace, name))

    def _played(self, obj: dict[str, Any]) -> dict[str, Any]:
        if obj["kind"] == "Node" and self.plays_nodes:
            obj.setdefault("status", {})["conditions"] = [{"type": "Ready", "status": "True"}]
        if obj["kind"] == "Pod" and self.plays_pods:
            chosen = obj["spec"].get("nodeSelector", {})
            nodes = [node for key, node in sorted(self.objects.items()) if key[1] == "Node"]
            fits = [
                node
                for node in nodes
                if chosen.items() <= node["metadata"]["labels"].items() and _holds(node, obj)
            ]
            if not fits:
                waiting = {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "no node is large enough",
                }
                obj["status"] = {"phase": "Pending", "conditions": [waiting]}
            else:
                obj["spec"]["nodeName"] = fits[0]["metadata"]["name"]
                obj["status"] = {"phase": "Running"}
        return obj

    @staticmethod
    def _key(obj: Mapping[str, Any]) -> Key:
        return obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _holds(node: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    limits = pod["spec"]["containers"][0]["resources"].get("limits", {})
    offered = node["status"].get("allocatable", {})
    return all(int(number) <= int(offered.get(name, "0")) for name, number in limits.items() if "/" in name)


def _merged(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(dict(live))
    for key, value in wanted.items():
        if value is None:
            merged.pop(key, None)
            continue
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else copy.deepcopy(value)
    return merged
