"""Network policies: deny by default, then what is declared, at both ends.

Pods of one namespace may connect to each other. DNS is open to the cluster's DNS pods. Another zone or a
gateway is open for the ports of a declared flow alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sovereign_ai.names import KEYS, label
from sovereign_ai.plan import ClusterPlan
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.rules import DNS_NAMESPACE
from sovereign_ai.spec import AIFactory, SecurityZone

_EVERY_POD: dict[str, Any] = {"podSelector": {}}
_DNS_PEER = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": DNS_NAMESPACE}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the policies of every tenant's namespace in the cluster."""
    maker = Maker(factory.name)
    for namespace in cluster.namespaces:
        zone = namespace.zone
        openings = {**_common_policies(), **_flow_policies(factory, zone), **_gateway_policies(factory, zone)}
        for name, opening in openings.items():
            # An empty selector means every pod of the namespace.
            spec = {"podSelector": {}, **opening}
            yield maker.make(
                "networking.k8s.io/v1",
                "NetworkPolicy",
                name,
                f"zone.{zone}",
                namespace=namespace.name,
                spec=spec,
            )


def _common_policies() -> dict[str, dict[str, Any]]:
    """Return the policies that every namespace has, by name."""
    # DNS falls back to TCP where an answer does not fit into a datagram.
    dns_ports = _ports("UDP", [53]) + _ports("TCP", [53])
    return {
        "default-deny": {"policyTypes": ["Ingress", "Egress"]},
        "dns": _egress([_DNS_PEER], dns_ports),
        "own-namespace": {
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [_EVERY_POD]}],
            "egress": [{"to": [_EVERY_POD]}],
        },
    }


def _flow_policies(factory: AIFactory, zone: str) -> dict[str, dict[str, Any]]:
    """Return the policies for the zone's declared flows, one for each other zone and direction."""
    policies: dict[str, dict[str, Any]] = {}
    for other in factory.zones:
        peer = {"namespaceSelector": {"matchLabels": {KEYS.namespace_zone: other.name}}}
        outward = _flow_ports(factory.zone(zone), other.name)
        if outward is not None:
            policies[label("to", other.name)] = _egress([peer], outward)
        inward = _flow_ports(other, zone)
        if inward is not None:
            policies[label("from", other.name)] = {
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [peer], "ports": inward}],
            }
    return policies


def _flow_ports(source: SecurityZone, target: str) -> list[dict[str, Any]] | None:
    """Return the ports of the flows that a zone declares to another; None where it declares none."""
    flows = [flow for flow in source.allow if flow.to == target and not flow.never]
    if not flows:
        return None
    ports: list[dict[str, Any]] = []
    for flow in flows:
        ports += _ports(flow.protocol, flow.ports)
    return ports


def _gateway_policies(factory: AIFactory, zone: str) -> dict[str, dict[str, Any]]:
    """Return the policies for the gateways through which a zone leaves the factory."""
    policies: dict[str, dict[str, Any]] = {}
    for gateway in factory.gateways:
        if zone in gateway.zones:
            peers = []
            for cidr in sorted(gateway.addresses):
                peer = {"ipBlock": {"cidr": cidr}}
                peers.append(peer)
            policies[label("gateway", gateway.name)] = _egress(peers, _ports("TCP", gateway.ports))
    return policies


def _egress(peers: list[dict[str, Any]], ports: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a policy that opens some ports of peers outwards."""
    return {"policyTypes": ["Egress"], "egress": [{"to": peers, "ports": ports}]}


def _ports(protocol: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Return ports as a policy lists them, each once, sorted."""
    return [{"protocol": protocol, "port": number} for number in sorted(set(numbers))]
