"""A cluster in memory that lives: at one moment of a walk somebody else changes what is about to be written.

    api = LivingCluster(*objects, event=made_again, before=3)     # just before the third write
    remove_orphans(api, ...)
    assert strangers_are_untouched(api)

The server keeps what the real one keeps: UIDs and resourceVersions, that an apply with a UID creates nothing,
namespaces that must exist, finalizers, and a 404 without a name for a kind whose definition went after the
client had read it.
"""

from __future__ import annotations

import builtins
import copy
from collections.abc import Callable, Mapping
from typing import Any

from sovereign_ai.cluster.api import errors
from sovereign_ai.cluster.api.errors import ApiError
from tests.support.memory_cluster import Key, MemoryCluster, obj

THEIRS = "theirs"
HOLD = "example.com/hold"
GONE = "2026-01-01T00:00:00Z"
_ENTRY = "node.kubernetes.io/theirs"
"""What a controller writes into a list, named as a taint of Kubernetes' own is."""
_LISTS = {
    "Node": (("spec", "taints"), ("status", "conditions")),
    "ResourceClaimTemplate": (("metadata", "ownerReferences"),),
}
"""Lists that several clients write, and that a write replaces whole."""


class LivingCluster(MemoryCluster):
    """Somebody acts just before one of the writes; each write is counted."""

    def __init__(
        self,
        *objects: Mapping[str, Any],
        event: Callable[[LivingCluster, Key], None] = lambda _api, _key: None,
        before: int = 0,
    ) -> None:
        self.event, self.before, self.writes = event, before, 0
        self.ended: set[tuple[str, str]] = set()
        self.struck: Key | None = None
        self.strangers: dict[Key, dict[str, Any]] = {}
        self._version = 0
        super().__init__(*objects)

    def put(self, *objects: Mapping[str, Any]) -> None:
        super().put(*objects)
        for stored in self.objects.values():
            stored["metadata"].setdefault("resourceVersion", self._next())

    def list(self, api_version: str, kind: str, *where: Any, **how: Any) -> builtins.list[dict[str, Any]]:
        self._require_kind((api_version, kind, "", ""))
        return super().list(api_version, kind, *where, **how)

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        self._require_kind((api_version, kind, namespace or "", name))
        return super().get(api_version, kind, name, namespace)

    def create(
        self,
        obj: Mapping[str, Any],
        dry_run: bool = False,
        *,
        upsert: bool = False,  # noqa: ARG002 - no reply is lost
    ) -> dict[str, Any]:
        key = _key(obj)
        if not dry_run:
            self._begin(key)
        self._require_namespace(key)
        if key in self.objects:
            raise _refused("POST", key, 409, "AlreadyExists")
        return copy.deepcopy(dict(obj)) if dry_run else self._make(key, obj)

    def apply(self, obj: Mapping[str, Any], *, dry_run: bool = False, **_how: Any) -> dict[str, Any]:
        key = _key(obj)
        if not dry_run:
            self._begin(key)
        live = self.objects.get(key)
        if live is not None:
            return copy.deepcopy(live) if dry_run else self._change(key, obj)
        self._require_namespace(key)
        if obj["metadata"].get("uid"):
            # Of server-side apply: no existing object was found (handlers/patch.go of Kubernetes).
            raise _refused("PATCH", key, 409, "Conflict")
        return copy.deepcopy(dict(obj)) if dry_run else self._make(key, obj)

    def replace(self, obj: Mapping[str, Any], **_how: Any) -> dict[str, Any]:
        key = _key(obj)
        self._begin(key)
        return self._change(key, obj, whole=True)

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        key = (api_version, kind, namespace or "", name)
        self._begin(key)
        return self._change(key, change)

    def update_status(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        key = _key(obj)
        self._begin(key)
        version = obj["metadata"].get("resourceVersion")
        metadata = {"resourceVersion": version} if version else {}
        return self._change(key, {"metadata": metadata, "status": obj["status"]})

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
        *,
        uid: str = "",
    ) -> bool:
        key = (api_version, kind, namespace or "", name)
        self._begin(key)
        live = self.objects.get(key)
        if live is not None and uid in {"", live["metadata"]["uid"]}:
            if live["metadata"].get("finalizers"):
                live["metadata"]["deletionTimestamp"] = GONE
                return True
            if kind == "Namespace":
                self.empty(name)
        return super().delete(api_version, kind, name, namespace, propagation, uid=uid)

    def delete_all(self, api_version: str, kind: str, namespace: str, *how: Any, **more: Any) -> None:
        self._begin((api_version, kind, namespace, ""))
        super().delete_all(api_version, kind, namespace, *how, **more)

    def request(self, method: str, path: str, body: Any = None, *more: Any, **how: Any) -> dict[str, Any]:
        if method == "PATCH":
            return self.patch("v1", "Node", path.rpartition("/")[2], body)
        if path.endswith("/eviction"):
            _, _, _, _, namespace, _, name, _ = path.split("/")
            key = ("v1", "Pod", namespace, name)
            self._begin(key)
            uid = body["deleteOptions"]["preconditions"]["uid"]
            if key not in self.objects or self.objects[key]["metadata"]["uid"] != uid:
                raise _refused("POST", key, 404, "NotFound")
            del self.objects[key]
            return {}
        if path == "/api/v1/pods":
            node = how.get("query", {}).get("fieldSelector", "").removeprefix("spec.nodeName=")
            pods = self.list("v1", "Pod")
            return {"items": [pod for pod in pods if pod["spec"].get("nodeName") == node]}
        return super().request(method, path, body, *more, **how)

    def empty(self, namespace: str) -> None:
        """Remove all that is in a namespace."""
        self.objects = {key: stored for key, stored in self.objects.items() if key[2] != namespace}

    def stranger(self, key: Key) -> None:
        """Store an object of somebody else under a key."""
        self.objects.pop(key, None)
        version, kind, namespace, name = key
        made = obj(kind, name, namespace, version=version, labels={THEIRS: "yes"}, uid=THEIRS)
        self.put({**made, "spec": {THEIRS: True}, "status": {"allocatable": {}}})
        self.strangers[key] = copy.deepcopy(self.objects[key])

    def _begin(self, key: Key) -> None:
        self.asked.append(f"WRITE {key[1]}/{key[3]}")
        self.writes += 1
        if self.writes == self.before:
            self.struck = key
            self.event(self, key)
        self._require_kind(key)

    def _require_kind(self, key: Key) -> None:
        if key[:2] in self.ended:
            raise _refused("GET", key, 404, "NotFound", "the server could not find the requested resource")

    def _require_namespace(self, key: Key) -> None:
        if not key[2]:
            return
        namespace = self.objects.get(("v1", "Namespace", "", key[2]))
        if namespace is None:
            raise _refused("POST", key, 404, "NotFound", f'namespaces "{key[2]}" not found')
        if namespace["metadata"].get("deletionTimestamp"):
            words = f"unable to create new content in namespace {key[2]} because it is being terminated"
            raise _refused("POST", key, 403, "Forbidden", words)

    def _make(self, key: Key, obj: Mapping[str, Any]) -> dict[str, Any]:
        self.put(obj)
        return copy.deepcopy(self.objects[key])

    def _change(self, key: Key, change: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
        live = self.objects.get(key)
        if live is None:
            raise _refused("PATCH", key, 404, "NotFound")
        meta = change.get("metadata") or {}
        for field in ("uid", "resourceVersion"):
            if meta.get(field, live["metadata"][field]) != live["metadata"][field]:
                raise _refused("PATCH", key, 409, "Conflict")
        changed = copy.deepcopy(dict(change)) if whole else merged(live, change)
        changed["metadata"] |= {"uid": live["metadata"]["uid"], "resourceVersion": self._next()}
        self.objects[key] = changed
        is_free = changed["metadata"].get("deletionTimestamp") and not changed["metadata"].get("finalizers")
        if is_free:
            del self.objects[key]
        return copy.deepcopy(changed)

    def _next(self) -> str:
        self._version += 1
        return str(self._version)


def gone(api: LivingCluster, key: Key) -> None:
    """Somebody deletes the object; a namespace takes along what is in it."""
    if key[1] == "Namespace":
        api.empty(key[3])
    api.objects.pop(key, None)


def namespace_gone(api: LivingCluster, key: Key) -> None:
    """Somebody deletes the object's namespace with all that is in it."""
    if key[2]:
        api.empty(key[2])
        api.objects.pop(("v1", "Namespace", "", key[2]), None)


def changed(api: LivingCluster, key: Key) -> None:
    """A controller writes its own entries into the object's lists, or only its status."""
    live = api.objects.get(key)
    if live is None:
        return
    for part, field in _LISTS.get(key[1], (("status", "conditions"),)):
        live.setdefault(part, {}).setdefault(field, []).append(dict.fromkeys(("key", "type", "uid"), _ENTRY))
    live["metadata"]["resourceVersion"] = f"{live['metadata']['resourceVersion']}1"


def made(api: LivingCluster, key: Key) -> None:
    """Somebody makes an object of this name, where there is none."""
    if key not in api.objects and key[3]:
        api.stranger(key)


def made_again(api: LivingCluster, key: Key) -> None:
    """Somebody deletes the object, and makes one of their own under its name."""
    if key[1] == "Namespace":
        api.empty(key[3])
    if key in api.objects:
        api.stranger(key)


def marked(api: LivingCluster, key: Key) -> None:
    """Somebody deletes the object, and a finalizer holds it."""
    if key in api.objects:
        meta = api.objects[key]["metadata"]
        meta["deletionTimestamp"] = GONE
        meta["finalizers"] = [*(meta.get("finalizers") or []), HOLD]


def kind_gone(api: LivingCluster, key: Key) -> None:
    """Somebody deletes the definition of the object's kind, if it is one that somebody defined."""
    group = key[0].rpartition("/")[0]
    if ("." in group and not group.endswith(".k8s.io")) or "x-k8s.io" in group:
        api.ended.add(key[:2])
        api.objects = {each: stored for each, stored in api.objects.items() if each[:2] != key[:2]}


def failed(_api: LivingCluster, key: Key) -> None:
    """A webhook, or the server itself, fails this once."""
    raise _refused("POST", key, 500, "InternalError", "failed calling webhook")


EVENTS = (gone, namespace_gone, changed, made, made_again, marked, kind_gone, failed)


def strangers_are_untouched(api: LivingCluster) -> bool:
    """Return whether what somebody else made is as it was, and what they wrote into lists still there."""
    assert api.struck is not None
    live = api.objects.get(api.struck)
    if api.strangers:
        return api.strangers == {key: api.objects.get(key) for key in api.strangers}
    if api.event is changed and live is not None:
        for part, field in _LISTS.get(api.struck[1], ()):
            entries = (live.get(part) or {}).get(field) or []
            if not any(entry.get("key") == _ENTRY for entry in entries):
                return False
    return True


def merged(live: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a change (RFC 7386): null takes a member away, and a list is replaced whole."""
    result = copy.deepcopy(dict(live))
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            result[name] = merged(result.get(name) or {}, value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def _key(obj: Mapping[str, Any]) -> Key:
    meta = obj["metadata"]
    return obj["apiVersion"], obj["kind"], meta.get("namespace") or "", meta["name"]


def _refused(method: str, key: Key, status: int, reason: str, message: str = "") -> ApiError:
    version, kind, namespace, name = key
    where = f"/namespaces/{namespace}" if namespace else ""
    body = {"reason": reason, "message": message or f"{kind} {name}: {reason}"}
    return errors.refusal(method, f"/apis/{version}{where}/{kind.lower()}s/{name}", status, body)
