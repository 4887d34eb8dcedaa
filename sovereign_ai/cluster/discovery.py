"""Which kinds an API server serves, under which path, and in which scope.

Two requests of aggregated discovery answer for every group; a server that lacks it is refused,
for it is older than any we support (aggregated discovery is stable since Kubernetes 1.30).

    >>> node = Resource("v1", "Node", "nodes", False, ("get", "list"), ("status",))
    >>> node.path("n1"), Resource("apps/v1", "Deployment", "deployments", True, (), ()).path("d", "web")
    ('/api/v1/nodes/n1', '/apis/apps/v1/namespaces/web/deployments/d')
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sovereign_ai.cluster.api_errors import ApiError, UnreachableError
from sovereign_ai.cluster.transport import Transport
from sovereign_ai.errors import Problem, UsageError, nearest

_ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """One served kind.

    Attributes:
        api_version: `v1` or `group/version`.
        kind: the kind's name, such as `Node`.
        plural: the name in paths, such as `nodes`.
        namespaced: whether objects lie in a namespace.
        verbs: what can be done, sorted.
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

    def path(self, name: str | None = None, namespace: str | None = None, subresource: str | None = None) -> str:
        """Give the path of one object, or of all (of a namespace, or of the whole cluster).

        Raises:
            UsageError: a namespace is missing for one object, or given for a kind that has none.
        """
        if namespace and not self.namespaced:
            raise UsageError(
                Problem("namespace-unwanted", f"{self.kind} has no namespace, yet {namespace!r} is given", hint="leave it out")
            )
        if name and self.namespaced and not namespace:
            raise UsageError(Problem("namespace-missing", f"{self.kind} {name!r} needs a namespace", hint="set metadata.namespace"))
        parts = [self.root]
        if namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(part, safe=":") for part in (name, subresource) if part]
        return "/".join(parts)


class Discovery:
    """The served kinds of one server, read on first use and again when a kind is not known.

    Of many who ask at once one reads, and all share its answer or its failure.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Resource] = {}
        self._begun = 0
        self._failure: ApiError | UnreachableError | None = None

    def kinds(self, *, refresh: bool = False) -> tuple[Resource, ...]:
        """List every served kind, sorted; from memory unless `refresh`."""
        if refresh or not self._known:
            self._refresh(self._begun)
        return tuple(sorted(self._known.values()))

    def _refresh(self, begun: int, wanted: tuple[str, str] | None = None) -> None:
        """Read what is served, unless somebody has begun to since.

        Args:
            begun: how many readings had begun when the caller saw that it needs one.
            wanted: the kind that it is for; once that is known, there is nothing to read.

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

    def find(self, api_version: str, kind: str) -> Resource:
        """Find a kind; one that is not known is looked for afresh once.

        Raises:
            ApiError: the server does not serve it.
        """
        begun = self._begun
        found = self._known.get((api_version, kind))
        if found is None:
            self._refresh(begun, (api_version, kind))
            found = self._known.get((api_version, kind))
        if found is None:
            names = [f"{version} {name}" for version, name in self._known]
            hint = f"install its CRD, or use another version; {nearest(f'{api_version} {kind}', names)}"
            raise ApiError(
                Problem("api-kind-unknown", f"{self._transport.server} serves no {api_version} {kind}", hint=hint),
                status=404,
                reason="KindUnknown",
            )
        return found

    def _read(self) -> dict[tuple[str, str], Resource]:
        """Ask the server."""
        known: dict[tuple[str, str], Resource] = {}
        for root in ("/api", "/apis"):
            answer = self._transport.send("GET", root, accept=_ACCEPT)
            if answer.get("kind") != "APIGroupDiscoveryList":
                hint = "use Kubernetes 1.30 or later"
                raise ApiError(Problem("api-too-old", f"{self._transport.server} has no aggregated discovery", hint=hint), status=406)
            for group in answer.get("items", []):
                for resource in _of_group(group):
                    known[resource.api_version, resource.kind] = resource
        return known


def _of_group(group: dict[str, Any]) -> list[Resource]:
    """Read one group of the aggregated answer."""
    name = group.get("metadata", {}).get("name", "")
    found = []
    for version in group.get("versions", []):
        api_version = f"{name}/{version['version']}" if name else version["version"]
        for entry in version.get("resources", []):
            kind = (entry.get("responseKind") or {}).get("kind")
            if kind:
                verbs = tuple(sorted(entry.get("verbs", [])))
                subresources = tuple(sorted(sub["subresource"] for sub in entry.get("subresources", [])))
                found.append(Resource(api_version, kind, entry["resource"], entry.get("scope") == "Namespaced", verbs, subresources))
    return found
