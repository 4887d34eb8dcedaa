"""Network policies: deny by default, then what is declared, at both ends.

Within a namespace pods may speak to each other. DNS is open to the cluster's DNS pods. Another zone
or a gateway is open only for the ports of a declared flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sovereign_ai.names import KEYS, label
from sovereign_ai.plan.clusters import ClusterPlan
from sovereign_ai.render.kubernetes.maker import Maker, Object
from sovereign_ai.rules.context import DNS_NAMESPACE
from sovereign_ai.spec.factory import AIFactory

_EVERY_POD: dict[str, Any] = {"podSelector": {}}
_DNS_PEER = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": DNS_NAMESPACE}},
    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
}


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Give the policies of every tenant's namespace in the cluster."""
    maker = Maker(factory.name)
    for one in cluster.namespaces:
        specs = {**_always(), **_flows(factory, one.zone), **_gateways(factory, one.zone)}
        for name, spec in specs.items():
            yield maker.make(
                "networking.k8s.io/v1", "NetworkPolicy", name, f"zone.{one.zone}", namespace=one.name, spec={"podSelector": {}, **spec}
            )


def _always() -> dict[str, dict[str, Any]]:
    """Give what every namespace has."""
    return {
        "default-deny": {"policyTypes": ["Ingress", "Egress"]},
        "dns": _out([_DNS_PEER], _ports("UDP", [53]) + _ports("TCP", [53])),
        "own-namespace": {"policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [_EVERY_POD]}], "egress": [{"to": [_EVERY_POD]}]},
    }


def _flows(factory: AIFactory, zone: str) -> dict[str, dict[str, Any]]:
    """Give both ends of the zone's declared flows, several flows to one zone in one policy."""
    found: dict[str, dict[str, Any]] = {}
    for other in factory.zones:
        outward = [flow for flow in factory.zone(zone).allow if flow.to == other.name and not flow.never]
        inward = [flow for flow in other.allow if flow.to == zone and not flow.never]
        peer = {"namespaceSelector": {"matchLabels": {KEYS.namespace_zone: other.name}}}
        if outward:
            found[label("to", other.name)] = _out([peer], [port for flow in outward for port in _ports(flow.protocol, flow.ports)])
        if inward:
            ports = [port for flow in inward for port in _ports(flow.protocol, flow.ports)]
            found[label("from", other.name)] = {"policyTypes": ["Ingress"], "ingress": [{"from": [peer], "ports": ports}]}
    return found


def _gateways(factory: AIFactory, zone: str) -> dict[str, dict[str, Any]]:
    """Give the zone's ways out of the factory."""
    return {
        label("gateway", one.name): _out([{"ipBlock": {"cidr": cidr}} for cidr in sorted(one.addresses)], _ports("TCP", one.ports))
        for one in factory.gateways
        if zone in one.zones
    }


def _out(peers: list[dict[str, Any]], ports: list[dict[str, Any]]) -> dict[str, Any]:
    """Write an opening outwards."""
    return {"policyTypes": ["Egress"], "egress": [{"to": peers, "ports": ports}]}


def _ports(protocol: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Write ports."""
    return [{"protocol": protocol, "port": number} for number in sorted(set(numbers))]
