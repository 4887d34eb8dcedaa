"""Network languages beside Kubernetes' own: policies of Cilium, Calico and cluster administrators.

All of them add to what network policies open.
"""

from __future__ import annotations

from sovereign_ai.rules.addons.addon import Addon, absent, below
from sovereign_ai.rules.places.fields import Field

_CILIUM = "docs.cilium.io/en/stable/network/kubernetes/policy"
_CALICO = "docs.tigera.io/calico/latest/reference/resources"
_POLICY = "network-policy-api.sigs.k8s.io/reference/spec"

_CILIUM_PEERS = absent(
    "egress[].toFQDNs",
    "egress[].toEntities",
    "egress[].toServices",
    "egress[].toNodes",
    "egress[].toGroups",
    "ingress[].fromEntities",
    "ingress[].fromNodes",
    "ingress[].fromGroups",
    # A listener redirects traffic to an Envoy that a CiliumEnvoyConfig configures.
    "egress[].toPorts[].listener",
    "ingress[].toPorts[].listener",
)
_CILIUM_RANGES = (Field("egress[].toCIDR[]", "range"), Field("egress[].toCIDRSet[].cidr", "range"))
_CILIUM_REFERENCES = (
    # An empty selector selects every group, and so may not stand there either.
    Field("egress[].toCIDRSet[]", "forbidden-keys", ("cidrGroupRef", "cidrGroupSelector")),
    *absent("ingress[].fromCIDR", "ingress[].fromCIDRSet", "ingress[].fromRequires", "egress[].toRequires"),
)
_CILIUM_SIDES = (
    *_CILIUM_PEERS,
    *_CILIUM_RANGES,
    *_CILIUM_REFERENCES,
    Field("egress[]", "cilium-peer"),
    Field("ingress[]", "cilium-peer"),
)
_CILIUM_OWN = (
    # An expression such as `NotIn` may select pods of other namespaces.
    *absent("egress[].toEndpoints[].matchExpressions", "ingress[].fromEndpoints[].matchExpressions"),
    Field("egress[]", "cilium-egress"),
    Field("ingress[].fromEndpoints[].matchLabels", "cilium-own"),
    # The agent reads secrets of every namespace.
    *absent(
        "egress[].toPorts[].terminatingTLS",
        "egress[].toPorts[].originatingTLS",
        "ingress[].toPorts[].terminatingTLS",
        "ingress[].toPorts[].originatingTLS",
    ),
)
# A cluster-wide policy has no namespace of its own that its peers could be in.
_CILIUM_CLUSTERWIDE = absent("egress[].toEndpoints", "ingress[].fromEndpoints")
# Either field may hold the policy.
_CILIUM_SPECS = ("spec", "specs[]")
_CILIUM_POLICY = Addon(
    "cilium.io",
    "CiliumNetworkPolicy",
    "network",
    _CILIUM,
    below(_CILIUM_SPECS, (*_CILIUM_SIDES, *_CILIUM_OWN)),
)
_CILIUM_CLUSTERWIDE_POLICY = Addon(
    "cilium.io",
    "CiliumClusterwideNetworkPolicy",
    "network",
    _CILIUM,
    below(_CILIUM_SPECS, (*_CILIUM_SIDES, *_CILIUM_CLUSTERWIDE)),
)

# What agents and operators of the network plugin write: where other machines and their pods are.
_CILIUM_API = "docs.cilium.io/en/stable/network/kubernetes/ciliumendpoint"
_CILIUM_PLACES = (
    Field("networking.node", "private"),
    Field("networking.addressing[].ipv4", "private"),
    Field("networking.addressing[].ipv6", "private"),
)
_CILIUM_NODE = Addon(
    "cilium.io",
    "CiliumNode",
    "network",
    _CILIUM_API,
    (
        Field("spec.addresses[].ip", "private"),
        Field("spec.health.ipv4", "private"),
        Field("spec.health.ipv6", "private"),
        Field("spec.ingress.ipv4", "private"),
        Field("spec.ingress.ipv6", "private"),
    ),
)
_CILIUM_ENDPOINT = Addon(
    "cilium.io", "CiliumEndpoint", "network", _CILIUM_API, below(("status",), _CILIUM_PLACES)
)
_CILIUM_ENDPOINT_SLICE = Addon(
    "cilium.io", "CiliumEndpointSlice", "network", _CILIUM_API, below(("endpoints[]",), _CILIUM_PLACES)
)
_CILIUM_NODE_CONFIG = Addon(
    "cilium.io",
    "CiliumNodeConfig",
    "network",
    "docs.cilium.io/en/stable/configuration/per-node-config",
    (Field("spec.defaults", "agent"),),
)

# Only actions that narrow are permitted: `Allow` may take precedence over network policies.
_NARROWING = ("Deny", "Pass")
_POLICY_FIELDS = (
    Field("spec.ingress[].action", "one-of", _NARROWING),
    Field("spec.egress[].action", "one-of", _NARROWING),
)


def _admin_policy(kind: str) -> Addon:
    """Return a kind of the network policy API for administrators."""
    return Addon("policy.networking.k8s.io", kind, "network", _POLICY, _POLICY_FIELDS)


_CALICO_NARROWING = ("Deny", "Log")
_CALICO_FIELDS = (
    Field("spec.ingress[].action", "one-of", _CALICO_NARROWING),
    Field("spec.egress[].action", "one-of", _CALICO_NARROWING),
)
# A policy in a namespace may let its own pods speak to each other.
_CALICO_OWN = (
    Field("spec.ingress[]", "calico-own", ("source",)),
    Field("spec.egress[]", "calico-own", ("destination",)),
)
# The first group stores what the second one serves.
_CALICO_GROUPS = ("crd.projectcalico.org", "projectcalico.org")
_CALICO_KINDS = ("GlobalNetworkPolicy", "NetworkPolicy", "StagedNetworkPolicy")


def _calico_policies() -> tuple[Addon, ...]:
    """Return the policy kinds of Calico in both of its API groups."""
    policies: list[Addon] = []
    for group in _CALICO_GROUPS:
        for kind in _CALICO_KINDS:
            fields = _CALICO_FIELDS if kind.startswith("Global") else _CALICO_OWN
            policies.append(Addon(group, kind, "network", _CALICO, fields))
    return tuple(policies)


NETWORK_POLICIES = (
    _CILIUM_POLICY,
    _CILIUM_CLUSTERWIDE_POLICY,
    _CILIUM_NODE,
    _CILIUM_ENDPOINT,
    _CILIUM_ENDPOINT_SLICE,
    _CILIUM_NODE_CONFIG,
    _admin_policy("AdminNetworkPolicy"),
    _admin_policy("BaselineAdminNetworkPolicy"),
    _admin_policy("ClusterNetworkPolicy"),
    *_calico_policies(),
)
