"""The API client: the only module that opens a kubeconfig, and the operations on its cluster.

Objects are plain mappings, as they are written in YAML. A missing object is `None`; a server that does not
answer is an `UnreachableError`, never `None`.

    api = open_cluster(Path("lab.kubeconfig"))
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}})
    api.many(partial(api.create, node) for node in nodes)
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sovereign_ai.cluster.api.answers import contains_fields, items_of, not_an_api_server, require_object
from sovereign_ai.cluster.api.deadlines import Patience
from sovereign_ai.cluster.api.discovery import Discovery, Resource
from sovereign_ai.cluster.api.errors import ApiError, UnreachableError
from sovereign_ai.cluster.api.parallel import many
from sovereign_ai.cluster.api.transport import JSON, Effect, Transport, connect
from sovereign_ai.errors import Problem, UsageError

__all__ = ["Api", "ApiError", "Resource", "UnreachableError", "open_cluster"]

T = TypeVar("T")
FIELD_MANAGER = "sovereign-ai"
_PAGE = 500
"""Objects in one page of a list, as in kubectl."""
_READ_MARGIN_SECONDS, _SILENCE_SECONDS = 15.0, 100.0
"""Seconds that a watch may last beyond its end, and without a byte: a bookmark comes about every minute."""
_CONFLICT = 409
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_METADATA = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"


class Api:
    """One cluster, behind one identity."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._discovery = Discovery(transport)

    @property
    def server(self) -> str:
        """The server's URL."""
        return self._transport.server

    @property
    def identity_words(self) -> str:
        """The identity in words, without a secret."""
        return self._transport.identity

    def acting_as(self, user: str, groups: Iterable[str] | None = None) -> Api:
        """Return the same cluster behind an impersonated identity.

        The API server records both identities in its audit log, and checks whether this one may impersonate
        the other.

        Args:
            user: the name of the impersonated user.
            groups: its groups; left out, those of this identity, and with them its rights.

        Raises:
            ApiError: the server refused to report the groups of this identity.
            UnreachableError: there was no answer.
        """
        chosen = self._groups() if groups is None else groups
        # The API server adds `system:authenticated` by itself.
        sent = [group for group in chosen if group != "system:authenticated"]
        return Api(self._transport.acting_as(user, sent))

    def fenced(self, require_hold: Callable[[], object]) -> Api:
        """Return the same cluster, whose writes come after a check: a lost hold on a stack stops them.

        Args:
            require_hold: called before each attempt of a write; raises where nothing may be sent.
        """
        return Api(self._transport.fenced(require_hold))

    def _groups(self) -> builtins.list[str]:
        """Return the groups of this identity, as the server reports them."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self.request("POST", path, review, effect=Effect.NONE)
        status = answer.get("status") or {}
        user = status.get("userInfo") or {}
        return [str(group) for group in user.get("groups") or ()]

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,
        content_type: str = JSON,
        *,
        effect: Effect | None = None,
    ) -> dict[str, Any]:
        """Send one request and return the decoded answer (`{"text": ...}` where it is text).

        Args:
            method: the HTTP method.
            path: the path below the server's URL.
            body: what to send, as plain data.
            query: the query's parameters.
            content_type: the media type of the body.
            effect: the effect of sending it twice; left out, by the method.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        return self._transport.send(
            method, path, body=body, query=query, content_type=content_type, effect=effect
        )

    def kinds(self) -> tuple[Resource, ...]:
        """Return the served kinds, sorted by version and kind; read from the server at each call."""
        return self._discovery.kinds(refresh=True)

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        *,
        metadata_only: bool = False,
    ) -> list[dict[str, Any]]:
        """List objects, in the server's order, page by page; every item carries its apiVersion and kind.

        Args:
            api_version: `v1` or `group/version`.
            kind: such as `Node`.
            namespace: only this namespace; all of them if None.
            label_selector: as kubectl's `--selector`.
            metadata_only: leave everything but the metadata out, so that no content and no secret is read.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(namespace=namespace)
        query = {"limit": str(_PAGE)}
        if label_selector:
            query["labelSelector"] = label_selector
        accept = _METADATA if metadata_only else JSON
        try:
            items = self._pages(path, query, accept)
        except ApiError as error:
            # 410: etcd was compacted between two pages. A list without pages is of one moment.
            if error.status != 410:
                raise
            del query["limit"]
            items = self._pages(path, query, accept)
        # The items of a metadata list have the kind PartialObjectMetadata: the requested kind replaces it.
        return [{**item, "apiVersion": api_version, "kind": kind} for item in items]

    def _pages(self, path: str, query: dict[str, str], accept: str) -> builtins.list[dict[str, Any]]:
        """Return the items of all pages of a list."""
        items: builtins.list[dict[str, Any]] = []
        for _, page in self._each_page(path, query, accept):
            items += page
        return items

    def _each_page(
        self, path: str, query: dict[str, str], accept: str
    ) -> Iterator[tuple[str, builtins.list[dict[str, Any]]]]:
        """Yield the resourceVersion and items of each page of a list.

        Raises:
            UnreachableError: a page is no part of a list, or comes a second time.
        """
        token = ""
        seen: set[str] = set()
        while True:
            page = {**query, "continue": token} if token else dict(query)
            answer = self._transport.send("GET", path, query=page, accept=accept)
            metadata = answer.get("metadata") or {}
            if not isinstance(metadata, Mapping):
                raise not_an_api_server(self.server, path, "no list")
            yield str(metadata.get("resourceVersion") or ""), items_of(self.server, path, answer)
            token = str(metadata.get("continue") or "")
            if not token:
                return
            if token in seen:
                raise not_an_api_server(self.server, path, "the same page of a list again and again")
            seen.add(token)

    def pages(
        self, api_version: str, kind: str, *, whole: bool = False
    ) -> Iterator[tuple[str, builtins.list[dict[str, Any]]]]:
        """Yield a list page by page, so that never more than a page of it is held.

        Args:
            api_version: `v1` or `group/version`.
            kind: such as `Node`.
            whole: in one page, which no compaction between two pages can end.

        Yields:
            The resourceVersion of the list, the same on each page, and the objects of the page.

        Raises:
            ApiError: the server refused, or does not serve the kind; status 410 where etcd was compacted
                between two pages.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path()
        yield from self._each_page(path, {} if whole else {"limit": str(_PAGE)}, JSON)

    def watch(self, api_version: str, kind: str, version: str, seconds: int) -> Generator[bytes, None, None]:
        """Watch all objects of a kind from a resourceVersion on.

        Args:
            api_version: `v1` or `group/version`.
            kind: such as `Node`.
            version: the resourceVersion of a list, or of what was seen last.
            seconds: after which the server ends the watch.

        Yields:
            An empty line once the server has accepted the watch, then each event, as JSON.

        Raises:
            ApiError: the server refused, with status 410 where it no longer has the version.
            UnreachableError: there was no answer, or it broke off.
        """
        path = self._discovery.find(api_version, kind).path()
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        yield from self._transport.lines(
            path, query, seconds=seconds + _READ_MARGIN_SECONDS, silence=_SILENCE_SECONDS
        )

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> dict[str, Any] | None:
        """Return one object; None only where the server reports that this object does not exist.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(name, namespace)
        try:
            return require_object(self.server, path, self.request("GET", path))
        except ApiError as error:
            if _absent(error):
                return None
            raise

    def create(
        self, obj: Mapping[str, Any], dry_run: bool = False, *, upsert: bool = False
    ) -> dict[str, Any]:
        """Create an object; unknown and duplicate fields are refused.

        Args:
            obj: the object.
            dry_run: let the server validate and default, but store nothing.
            upsert: accept an existing object that has all that `obj` states, as after a lost reply to a
                create that the server carried out. That also makes it safe to send the request once more.

        Raises:
            ApiError: the server refused; status 409 if the object exists.
            UnreachableError: there was no answer; `sent` where the object may exist now.
        """
        resource, name, namespace = self._place(obj)
        if resource.namespaced and not namespace:
            message = f"{resource.kind} needs a namespace"
            raise UsageError(Problem("namespace-missing", message, hint="set metadata.namespace"))
        # An object with a generated name would be created twice.
        is_upsert = upsert and not dry_run and bool(name)
        path = resource.path(namespace=namespace)
        query = _write_query(FIELD_MANAGER, dry_run=dry_run)
        effect = Effect.SAME if is_upsert else None
        try:
            return self.request("POST", path, dict(obj), query, effect=effect)
        except ApiError as error:
            if not is_upsert or error.status != _CONFLICT:
                raise
            live = self.get(resource.api_version, resource.kind, str(name), namespace)
            if live is None or not contains_fields(live, obj):
                raise
            return live

    def apply(
        self,
        obj: Mapping[str, Any],
        *,
        field_manager: str = FIELD_MANAGER,
        force: bool = False,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Apply an object by server-side apply: create it, or own exactly the given fields.

        Args:
            obj: the object; metadata.name is needed.
            field_manager: the manager that owns the fields.
            force: take fields over from other managers; otherwise theirs are a conflict.
            dry_run: let the server validate and default, but store nothing.

        Raises:
            ApiError: the server refused; status 409 with one cause a contested field.
            UnreachableError: there was no answer.
        """
        resource, name, namespace = self._place(obj)
        path = resource.path(_require_name(obj, name), namespace)
        query = _write_query(field_manager, dry_run=dry_run)
        query["force"] = "true" if force else "false"
        return self.request("PATCH", path, dict(obj), query, _APPLY)

    def replace(self, obj: Mapping[str, Any], *, field_manager: str = "sovereign-ai") -> dict[str, Any]:
        """Replace an object; with a resourceVersion, only if it has not changed since.

        Raises:
            ApiError: it was refused, or changed in the meantime.
            UnreachableError: there was no answer.
        """
        resource, name, namespace = self._place(obj)
        path = resource.path(_require_name(obj, name), namespace)
        try:
            return self.request("PUT", path, dict(obj), {"fieldManager": field_manager})
        except ApiError as error:
            return self._own_write(error, path, obj)

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        """Merge a change into an object; other fields keep their values and owners.

        Raises:
            ApiError: the server refused, or the object does not exist.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(name, namespace)
        query = _write_query(FIELD_MANAGER, dry_run=False)
        return self.request("PATCH", path, dict(change), query, _MERGE)

    def update_status(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """Merge `obj["status"]` into the object's status; with a resourceVersion, only if it is unchanged.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        resource, name, namespace = self._place(obj)
        version = obj.get("metadata", {}).get("resourceVersion")
        patch: dict[str, Any] = {"status": obj.get("status", {})}
        if version:
            patch["metadata"] = {"resourceVersion": version}
        query = _write_query(FIELD_MANAGER, dry_run=False)
        path = resource.path(_require_name(obj, name), namespace, "status")
        try:
            return self.request("PATCH", path, patch, query, _MERGE)
        except ApiError as error:
            return self._own_write(error, path, {"status": patch["status"]})

    def _own_write(self, error: ApiError, path: str, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Accept a conflict with an earlier attempt whose reply was lost; raise any other refusal."""
        if error.status != _CONFLICT or not error.uncertain:
            raise error
        live = self.request("GET", path)
        if not contains_fields(live, stated):
            raise error
        return live

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
        *,
        uid: str = "",
        dry_run: bool = False,
    ) -> bool:
        """Delete one object; return False if the server reports that it did not exist.

        Args:
            api_version: `v1` or `group/version`.
            kind: such as `Node`.
            name: the object's name.
            namespace: its namespace, where the kind has one.
            propagation: what becomes of dependents: `Background`, `Foreground` or `Orphan`.
            uid: of the object that is meant; another one that has its name by now stays, as if the object did
                not exist. Left out, whichever has the name.
            dry_run: whether the server only says whether it would.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(name, namespace)
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        options["propagationPolicy"] = propagation
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            # The server reads options from the body alone where there is one, and would delete by a query.
            options["dryRun"] = ["All"]
        try:
            self.request("DELETE", path, options)
        except ApiError as error:
            is_gone = _absent(error)
            if uid and error.status == _CONFLICT:
                live = self.get(api_version, kind, name, namespace)
                is_gone = live is None or live["metadata"].get("uid") != uid
            if is_gone:
                # An attempt whose reply was lost may have been the one that deleted it.
                return error.uncertain
            raise
        return True

    def delete_all(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        label_selector: str,
        propagation: str = "Background",
    ) -> None:
        """Delete the objects of a kind in a namespace that a selector chooses, in one request.

        Args:
            api_version: `v1` or `group/version`.
            kind: such as `Role`.
            namespace: the namespace.
            label_selector: as kubectl's `--selector`.
            propagation: what becomes of dependents: `Background`, `Foreground` or `Orphan`.

        Raises:
            ApiError: the server refused, or does not serve the kind.
            UnreachableError: there was no answer.
        """
        path = self._discovery.find(api_version, kind).path(namespace=namespace)
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        self.request("DELETE", path, options, {"labelSelector": label_selector})

    def many(self, calls: Iterable[Callable[[], T]], workers: int = 16) -> builtins.list[T]:
        """Make calls in parallel and return their results in order; refusals are collected and raised as one.

        Raises:
            ApiError: some calls were refused; it has all of their problems.
            UnreachableError: the server stopped answering; no further call begins.
        """
        return many(calls, workers)

    def identity(self) -> str:
        """Return the UID of kube-system, which identifies a cluster whatever its address.

        Raises:
            ApiError: the server refused, or has no kube-system.
            UnreachableError: there was no answer.
        """
        path = "/api/v1/namespaces/kube-system"
        namespace = require_object(self.server, path, self.request("GET", path))
        return str(namespace["metadata"].get("uid", ""))

    def version(self) -> str:
        """Return the server's version, such as `v1.37.2`."""
        version = self.request("GET", "/version").get("gitVersion")
        if not isinstance(version, str):
            raise not_an_api_server(self.server, "/version", "no version")
        return version

    def close(self) -> None:
        """Close idle connections."""
        self._transport.close()

    def _place(self, obj: Mapping[str, Any]) -> tuple[Resource, str | None, str | None]:
        """Return an object's resource, name and namespace."""
        try:
            resource = self._discovery.find(obj["apiVersion"], obj["kind"])
            metadata = obj["metadata"]
        except KeyError as error:
            message = f"the object lacks {error.args[0]}"
            hint = "an object needs apiVersion, kind and metadata"
            raise UsageError(Problem("object-incomplete", message, hint=hint)) from error
        return resource, metadata.get("name"), metadata.get("namespace")


def open_cluster(
    kubeconfig: Path,
    context: str | None = None,
    *,
    limits: Patience | None = None,
    progress: Callable[[str], object] = lambda _line: None,
) -> Api:
    """Open a kubeconfig; nothing is sent until the first call.

    Args:
        kubeconfig: the file.
        context: the context in it; its current one if None.
        limits: how long requests may take; left out, by the environment variable.
        progress: receives a line when a request waits for longer than two seconds.

    Raises:
        EnvironmentLacksError: the file is missing or wrong, has no such context, or would have
            TLS verification switched off.
        UsageError: the environment variable is no valid limit.
    """
    return Api(connect(Path(kubeconfig), context, limits=limits, progress=progress))


def _absent(error: ApiError) -> bool:
    """Return whether the server reports that the object itself is missing, and not its kind or path."""
    return error.status == 404 and error.reason == "NotFound" and error.names_object


def _require_name(obj: Mapping[str, Any], name: str | None) -> str:
    """Return an object's name.

    Raises:
        UsageError: it has none.
    """
    if not name:
        message = f"the {obj['kind']} lacks metadata.name"
        raise UsageError(Problem("object-incomplete", message, hint="give it a name"))
    return name


def _write_query(field_manager: str, *, dry_run: bool) -> dict[str, str]:
    """Return the query of every write: the field manager, strict validation, and whether it is a dry run."""
    query = {"fieldManager": field_manager, "fieldValidation": "Strict"}
    if dry_run:
        query["dryRun"] = "All"
    return query
