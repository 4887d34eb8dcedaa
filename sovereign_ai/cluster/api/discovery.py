"""Discover the kinds that an API server serves, their paths and their scopes.

Two requests of aggregated discovery answer for every group. A server without it is refused: it is older than
any supported version (aggregated discovery is stable since Kubernetes 1.30).

    >>> node = Resource("v1", "Node", "nodes", False, ("get", "list"), ("status",))
    >>> node.path("n1"), Resource("apps/v1", "Deployment", "deployments", True, (), ()).path("d", "web")
    ('/api/v1/nodes/n1', '/apis/apps/v1/namespaces/web/deployments/d')
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sovereign_ai.cluster.api.answers import not_an_api_server
from sovereign_ai.cluster.api.errors import ApiError, UnreachableError
from sovereign_ai.cluster.api.transport import Transport
from sovereign_ai.errors import Problem, UsageError, nearest

_ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """One served kind.

    Attributes:
        api_version: `v1` or `group/version`.
        kind: the kind's name, such as `Node`.
        plural: the name in paths, such as `nodes`.
        namespaced: whether objects are in a namespace.
        verbs: the supported verbs, sorted.
        subresources: names of subresources, sorted, such as `status`.
    """

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]
    subresources: tuple[str, ...]

    @property
    def root(self) -> str:
        """The path under which the group version is served."""
        return f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"

    def path(
        self, name: str | None = None, namespace: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the path of one object, or of all (of a namespace, or of the whole cluster).

        Raises:
            UsageError: a namespace is missing for one object, or given for a kind that has none.
        """
        if namespace and not self.namespaced:
            message = f"{self.kind} has no namespace, yet {namespace!r} is given"
            raise UsageError(Problem("namespace-unwanted", message, hint="leave it out"))
        if name and self.namespaced and not namespace:
            message = f"{self.kind} {name!r} needs a namespace"
            raise UsageError(Problem("namespace-missing", message, hint="set metadata.namespace"))
        parts = [self.root]
        if namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(part, safe=":") for part in (name, subresource) if part]
        return "/".join(parts)


class Discovery:
    """The served kinds of one server, read at the first use and once more when a kind is unknown.

    Of several threads that need a reading at once, one reads, and all share its answer or its failure.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Resource] = {}
        self._stale: frozenset[str] = frozenset()
        self._begun = 0
        self._failure: ApiError | UnreachableError | None = None

    def kinds(self, *, refresh: bool = False) -> tuple[Resource, ...]:
        """Return every served kind, sorted; from memory unless `refresh`."""
        if refresh or not self._known:
            self._refresh(self._begun)
        return tuple(sorted(self._known.values()))

    def _refresh(self, begun: int, wanted: tuple[str, str] | None = None) -> None:
        """Read the served kinds, unless another thread has begun to in the meantime.

        Args:
            begun: the number of readings that had begun when the caller found that it needs one.
            wanted: the kind that the reading is for; once it is known, there is nothing to read.

        Raises:
            ApiError: the server refused.
            UnreachableError: there was no answer.
        """
        with self._lock:
            if wanted in self._known:
                return
            if self._begun != begun:
                if self._failure is not None:
                    raise self._failure
                return
            self._begun, self._failure = begun + 1, None
            try:
                self._known = self._read()
            except (ApiError, UnreachableError) as error:
                self._failure = error
                raise
            except BaseException:
                # Such as a call that was stopped: nothing is known, and a thread that waits must read itself.
                self._begun = begun
                raise

    def find(self, api_version: str, kind: str) -> Resource:
        """Return a served kind; read the kinds once more if it is unknown.

        Raises:
            ApiError: the server does not serve it.
            UnreachableError: the extension server behind the API server that serves it does not answer.
        """
        begun = self._begun
        resource = self._known.get((api_version, kind))
        if resource is None:
            self._refresh(begun, (api_version, kind))
            resource = self._known.get((api_version, kind))
        if resource is not None:
            return resource
        server = self._transport.server
        # Of a stale group the API server knows old kinds or none, so that an unknown kind may well exist.
        if api_version.rpartition("/")[0] in self._stale:
            message = f"{server} does not know what {api_version} serves: its own server does not answer"
            hint = "see `kubectl get apiservices`; nothing is known about these objects"
            raise UnreachableError(Problem("api-group-stale", message, hint=hint))
        names = [f"{version} {name}" for version, name in self._known]
        hint = f"install its CRD, or use another version; {nearest(f'{api_version} {kind}', names)}"
        problem = Problem("api-kind-unknown", f"{server} serves no {api_version} {kind}", hint=hint)
        raise ApiError(problem, status=404, reason="KindUnknown")

    def _read(self) -> dict[tuple[str, str], Resource]:
        """Return the kinds that the server serves now."""
        known: dict[tuple[str, str], Resource] = {}
        stale: set[str] = set()
        for root in ("/api", "/apis"):
            answer = self._transport.send("GET", root, accept=_ACCEPT)
            if "kind" not in answer:
                raise not_an_api_server(self._transport.server, root, "no list of what it serves")
            if answer.get("kind") != "APIGroupDiscoveryList":
                message = f"{self._transport.server} has no aggregated discovery"
                problem = Problem("api-too-old", message, hint="use Kubernetes 1.30 or later")
                raise ApiError(problem, status=406)
            try:
                for group in answer.get("items") or ():
                    stale |= _stale_groups(group)
                    for resource in _of_group(group):
                        known[resource.api_version, resource.kind] = resource
            except (AttributeError, KeyError, TypeError):
                garbled = "a list of what it serves whose fields have other types"
                raise not_an_api_server(self._transport.server, root, garbled) from None
        self._stale = frozenset(stale)
        return known


def _stale_groups(group: dict[str, Any]) -> set[str]:
    """Return the group's name where the extension server behind the API server did not answer."""
    for version in group.get("versions") or []:
        if version.get("freshness") == "Stale":
            return {str(group.get("metadata", {}).get("name", ""))}
    return set()


def _of_group(group: dict[str, Any]) -> list[Resource]:
    """Return the kinds of one group of the aggregated answer."""
    name = group.get("metadata", {}).get("name", "")
    resources = []
    for version in group.get("versions", []):
        api_version = f"{name}/{version['version']}" if name else version["version"]
        for entry in version.get("resources", []):
            kind = (entry.get("responseKind") or {}).get("kind")
            if not kind:
                continue
            subresources = [subresource["subresource"] for subresource in entry.get("subresources", [])]
            resource = Resource(
                api_version=api_version,
                kind=str(kind),
                plural=str(entry["resource"]),
                namespaced=entry.get("scope") == "Namespaced",
                verbs=tuple(sorted(entry.get("verbs", []))),
                subresources=tuple(sorted(subresources)),
            )
            resources.append(resource)
    return resources
