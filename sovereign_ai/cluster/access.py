"""The one opener of a kubeconfig, and what one can do with the cluster behind it.

Objects are plain mappings, as they are written in YAML. An object that is not there is `None`;
a server that does not answer is an `UnreachableError`, never `None`.

    api = open_cluster(Path("lab.kubeconfig"))
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}})
    api.many(partial(api.create, node) for node in nodes)
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sovereign_ai.cluster.api_errors import ApiError, UnreachableError
from sovereign_ai.cluster.discovery import Discovery, Resource
from sovereign_ai.cluster.parallel import many
from sovereign_ai.cluster.transport import JSON, Transport, connect
from sovereign_ai.errors import Problem, UsageError

__all__ = ["Api", "ApiError", "Resource", "UnreachableError", "open_cluster"]

T = TypeVar("T")
FIELD_MANAGER = "sovereign-ai"
_PAGE = 500
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class Api:
    """One cluster, behind one identity."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(transport)

    @property
    def server(self) -> str:
        """The server's URL."""
        return self._transport.server

    def request(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, content_type: str = JSON
    ) -> dict[str, Any]:
        """Send one request and give the decoded answer (`{"text": ...}` where it is not a JSON object).

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        return self._transport.send(method, path, body=body, query=query, content_type=content_type)

    def kinds(self) -> tuple[Resource, ...]:
        """List what the server serves, sorted by version and kind, with scope, verbs and subresources; asked afresh."""
        return self._discovery.kinds(refresh=True)

    def list(self, api_version: str, kind: str, namespace: str | None = None, label_selector: str | None = None) -> list[dict[str, Any]]:
        """List objects, in the server's order, page by page; every item carries its apiVersion and kind.

        Args:
            api_version: `v1` or `group/version`.
            kind: such as `Node`.
            namespace: only this namespace; all of them if None.
            label_selector: as kubectl's `--selector`.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(namespace=namespace)
        query = {"limit": str(_PAGE)} | ({"labelSelector": label_selector} if label_selector else {})
        try:
            items = self._pages(path, query)
        except ApiError as error:
            if error.status != 410:
                raise
            del query["limit"]
            items = self._pages(path, query)
        return [{"apiVersion": api_version, "kind": kind} | item for item in items]

    def _pages(self, path: str, query: dict[str, str]) -> builtins.list[dict[str, Any]]:
        """Follow the continue tokens to the end."""
        items: builtins.list[dict[str, Any]] = []
        token = ""
        while True:
            answer = self.request("GET", path, query=query | ({"continue": token} if token else {}))
            items += answer.get("items") or []
            token = answer.get("metadata", {}).get("continue") or ""
            if not token:
                return items

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Read one object; None only where the server says that this very object is not there.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(name, namespace)
        try:
            return self.request("GET", path)
        except ApiError as error:
            if _absent(error):
                return None
            raise

    def create(self, obj: Mapping[str, Any], dry_run: bool = False) -> dict[str, Any]:
        """Create an object; unknown and duplicate fields are refused.

        Raises:
            ApiError: the server refused; status 409 if the object exists.
            UnreachableError: there was no answer.
        """
        resource, _, namespace = self._place(obj)
        if resource.namespaced and not namespace:
            raise UsageError(Problem("namespace-missing", f"{resource.kind} needs a namespace", hint="set metadata.namespace"))
        return self.request("POST", resource.path(namespace=namespace), dict(obj), _write_query(FIELD_MANAGER, dry_run=dry_run))

    def apply(
        self, obj: Mapping[str, Any], *, field_manager: str = FIELD_MANAGER, force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        """Apply an object on the server's side: create it, or own exactly the fields given here.

        Args:
            obj: the object; metadata.name is needed.
            field_manager: in whose name.
            force: take fields over from other managers; otherwise theirs are a conflict.
            dry_run: let the server judge and default, but store nothing.

        Raises:
            ApiError: the server refused; status 409 with one cause a contested field.
            UnreachableError: there was no answer.
        """
        resource, name, namespace = self._place(obj)
        query = _write_query(field_manager, dry_run=dry_run) | {"force": "true" if force else "false"}
        return self.request("PATCH", resource.path(_named(obj, name), namespace), dict(obj), query, _APPLY)

    def replace(self, obj: Mapping[str, Any], *, field_manager: str = "sovereign-ai") -> dict[str, Any]:
        """Replace an object by exactly this one; a resourceVersion in it locks optimistically.

        Raises:
            ApiError: it was refused, or changed in the meantime.
            UnreachableError: there was no answer.
        """
        resource, name, namespace = self._place(obj)
        return self.request("PUT", resource.path(_named(obj, name), namespace), dict(obj), {"fieldManager": field_manager})

    def update_status(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Merge `obj["status"]` into the object's status; with a resourceVersion, only if nobody wrote since.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        resource, name, namespace = self._place(obj)
        version = obj.get("metadata", {}).get("resourceVersion")
        patch: dict[str, Any] = {"status": obj.get("status", {})} | ({"metadata": {"resourceVersion": version}} if version else {})
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return self.request("PATCH", resource.path(_named(obj, name), namespace, "status"), patch, query, _MERGE)

    def delete(self, api_version: str, kind: str, name: str, namespace: str | None = None, propagation: str = "Background") -> bool:
        """Delete one object; False if the server says that it was not there.

        Args:
            api_version: `v1` or `group/version`.
            kind: such as `Node`.
            name: the object's name.
            namespace: its namespace, where the kind has one.
            propagation: what becomes of dependents: `Background`, `Foreground` or `Orphan`.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(name, namespace)
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        try:
            self.request("DELETE", path, options)
        except ApiError as error:
            if _absent(error):
                return False
            raise
        return True

    def many(self, calls: Iterable[Callable[[], T]], workers: int = 16) -> builtins.list[T]:
        """Make calls in parallel and give their results in order; refusals are collected and raised as one.

        Raises:
            ApiError: some calls were refused; it tells of all of them.
            UnreachableError: the server stopped answering; what had not begun is left.
        """
        return many(calls, workers)

    def identity(self) -> str:
        """Give the UID of kube-system: what tells one cluster from another, whatever its address.

        Raises:
            ApiError: the server refused, or has no kube-system.
            UnreachableError: there was no answer.
        """
        return str(self.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"])

    def version(self) -> str:
        """Give the server's version, such as `v1.37.2`."""
        return str(self.request("GET", "/version")["gitVersion"])

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def _place(self, obj: Mapping[str, Any]) -> tuple[Resource, str | None, str | None]:
        """Find where an object belongs: its resource, name and namespace."""
        try:
            resource = self._discovery.find(obj["apiVersion"], obj["kind"])
            metadata = obj["metadata"]
        except KeyError as error:
            hint = "an object needs apiVersion, kind and metadata"
            raise UsageError(Problem("object-incomplete", f"the object lacks {error.args[0]}", hint=hint)) from error
        return resource, metadata.get("name"), metadata.get("namespace")


def open_cluster(kubeconfig: Path, context: str | None = None) -> Api:
    """Open a kubeconfig; nothing is sent until the first call.

    Args:
        kubeconfig: the file.
        context: the context in it; its current one if None.

    Raises:
        EnvironmentLacksError: the file is missing or wrong, has no such context, or would have
            TLS verification switched off.
    """
    return Api(connect(Path(kubeconfig), context))


def _absent(error: ApiError) -> bool:
    """Tell whether the server said that the object itself is missing, and not its kind or its path."""
    return error.status == 404 and error.reason == "NotFound" and error.names_object


def _named(obj: Mapping[str, Any], name: str | None) -> str:
    """Insist on a name."""
    if not name:
        raise UsageError(Problem("object-incomplete", f"the {obj['kind']} lacks metadata.name", hint="give it a name"))
    return name


def _write_query(field_manager: str, *, dry_run: bool) -> dict[str, str]:
    """The query of every write: who writes, strictly validated, and stored or not."""
    return {"fieldManager": field_manager, "fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
