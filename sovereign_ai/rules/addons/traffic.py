"""Kinds that lead requests elsewhere: Istio's, the Gateway API's, and aggregated API servers."""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import K8S, Addon, absent, below, places
from sovereign_ai.rules.places.fields import Field

_ISTIO = "istio.io/latest/docs/reference/config/networking"
_GATEWAY = "gateway-api.sigs.k8s.io/reference/spec"

_SERVICE_ENTRY_FIELDS = (
    *places("spec.hosts[]", "spec.endpoints[].address"),
    Field("spec.addresses[]", "range"),
    # `.` is the own namespace: other namespaces have declared no such flow.
    Field("spec", "own-mesh"),
    *absent("spec.endpoints[].network"),
)
_SERVICE_ENTRY = Addon(
    "networking.istio.io", "ServiceEntry", "network", f"{_ISTIO}/service-entry", _SERVICE_ENTRY_FIELDS
)
_ORIGINS_BY_PATTERN = ("allowOrigin", "allowOrigins[].prefix", "allowOrigins[].regex")
_VIRTUAL_SERVICE_FIELDS = (
    *places(
        "spec.http[].route[].destination.host",
        "spec.tcp[].route[].destination.host",
        "spec.tls[].route[].destination.host",
        "spec.http[].mirror.host",
        "spec.http[].mirrors[].destination.host",
        "spec.http[].redirect.authority",
        "spec.http[].rewrite.authority",
    ),
    Field("spec.http[].redirect.uri", "own-path"),
    *(
        Field(f"spec.http[].{path}headers.{of}.{how}", "header-map")
        for path in ("", "route[].")
        for of in ("request", "response")
        for how in ("set", "add")
    ),
    Field("spec.http[].delegate.namespace", "own-namespace"),
    # Whose pages may read answers, and what answers themselves lead to.
    Field("spec.http[].corsPolicy.allowOrigins[].exact", "origin"),
    *absent(*(f"spec.http[].corsPolicy.{name}" for name in _ORIGINS_BY_PATTERN)),
    Field("spec.http[].directResponse.body.string", "text"),
    *absent("spec.http[].directResponse.body.bytes"),
    Field("spec", "own-hosts"),
)
_VIRTUAL_SERVICE = Addon(
    "networking.istio.io",
    "VirtualService",
    "network",
    f"{_ISTIO}/virtual-service",
    _VIRTUAL_SERVICE_FIELDS,
)
_DESTINATION_RULE = Addon(
    "networking.istio.io",
    "DestinationRule",
    "network",
    f"{_ISTIO}/destination-rule",
    (
        *places("spec.host"),
        Field("spec", "own-hosts"),
        # All requests to the host go to the tunnel's end first.
        *absent("spec.trafficPolicy.tunnel", "spec.subsets[].trafficPolicy.tunnel"),
    ),
)

_AUTHORIZATION_POLICY = Addon(
    "security.istio.io",
    "AuthorizationPolicy",
    "network",
    "istio.io/latest/docs/reference/config/security/authorization-policy",
    # `CUSTOM` asks a server that the mesh's own configuration names.
    (Field("spec.action", "one-of", ("", "ALLOW", "AUDIT", "DENY")), *absent("spec.provider")),
)
_SIDECAR = Addon(
    "networking.istio.io",
    "Sidecar",
    "network",
    f"{_ISTIO}/sidecar",
    (
        Field("spec.outboundTrafficPolicy.mode", "one-of", ("REGISTRY_ONLY",)),
        *absent("spec.outboundTrafficPolicy.egressProxy"),
    ),
)
# Other providers are those that the mesh's own configuration names.
_TELEMETRY = Addon(
    "telemetry.istio.io",
    "Telemetry",
    "network",
    "istio.io/latest/docs/reference/config/telemetry",
    (
        Field("spec.metrics[].providers[].name", "one-of", ("prometheus",)),
        Field("spec.accessLogging[].providers[].name", "one-of", ("envoy",)),
        *absent("spec.tracing[].providers"),
    ),
)

BACKEND = (
    Field("namespace", "own-namespace"),
    Field("kind", "one-of", ("", "Service", "InferencePool")),
    Field("group", "one-of", ("", "inference.networking.k8s.io")),
)
"""Conditions on a reference to a backend of a route: it must be a service, or a pool, of the own namespace.

A pool selects pods of its namespace, and is judged itself.
"""
_MIRROR = below(("requestMirror.backendRef",), BACKEND)
_HEADERS = tuple(f"{of}HeaderModifier.{how}" for of in ("request", "response") for how in ("set", "add"))
_FILTERS = (
    *_MIRROR,
    *(Field(path, "header") for path in _HEADERS),
    *places("requestRedirect.hostname", "urlRewrite.hostname"),
    Field("requestRedirect.path.replaceFullPath", "own-path"),
    Field("requestRedirect.path.replacePrefixMatch", "own-path"),
    Field("cors.allowOrigins[]", "origin"),
    *absent("extensionRef", "externalAuth"),
)
_BACKEND_FILTERS = (
    *_MIRROR,
    # Values in three lists within each other are not gathered, and the condition on one is long.
    *(Field(path, "no-header") for path in _HEADERS),
    *absent("requestRedirect.hostname", "urlRewrite.hostname", "extensionRef", "externalAuth", "cors"),
)
ROUTE = (
    Field("spec.parentRefs[].namespace", "own-namespace"),
    *below(("spec.rules[].backendRefs[]",), BACKEND),
    *below(("spec.rules[].filters[]",), _FILTERS),
    *below(("spec.rules[].backendRefs[].filters[]",), _BACKEND_FILTERS),
)
"""Fields by which a route of the Gateway API can lead elsewhere."""


def _route(kind: str) -> Addon:
    """Return a route kind of the Gateway API."""
    return Addon("gateway.networking.k8s.io", kind, "network", _GATEWAY, ROUTE)


_INFERENCE_POOL = Addon(
    "inference.networking.k8s.io",
    "InferencePool",
    "network",
    "gateway-api-inference-extension.sigs.k8s.io/reference/spec",
    (
        # Whoever picks the endpoints sees every request: a service of the own namespace does.
        Field("spec.endpointPickerRef.group", "one-of", ("",)),
        Field("spec.endpointPickerRef.kind", "one-of", ("", "Service")),
    ),
)

_API_SERVICE_FIELDS = (
    # The API server sends whole requests to the service, with the identity of the user.
    Field("spec.service.namespace", "no-tenant"),
    Field("spec.insecureSkipTLSVerify", "unset"),
)
_API_SERVICE = Addon(
    "apiregistration.k8s.io",
    "APIService",
    "network",
    f"{K8S}/cluster-resources/api-service-v1",
    _API_SERVICE_FIELDS,
)

WORKLOAD_ENTRY = Addon(
    "networking.istio.io",
    "WorkloadEntry",
    "network",
    f"{_ISTIO}/workload-entry",
    (*places("spec.address"), *absent("spec.network")),
)
TRAFFIC = (
    _SERVICE_ENTRY,
    _VIRTUAL_SERVICE,
    _DESTINATION_RULE,
    _AUTHORIZATION_POLICY,
    _SIDECAR,
    _TELEMETRY,
    _route("GRPCRoute"),
    _route("TCPRoute"),
    _route("TLSRoute"),
    _route("UDPRoute"),
    _INFERENCE_POOL,
    _API_SERVICE,
)
