"""Network policies: deny by default, then what is declared, at both ends.

Pods of one namespace may connect to each other. DNS is open to the cluster's DNS pods. Another zone or a
gateway is open for the ports of a declared flow alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

from sovereign_ai.names import KEYS, SYSTEM_NAMESPACE, label
from sovereign_ai.plan import ClusterPlan
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.rules import API_PORT, API_SERVERS, DNS_NAMESPACE, DNS_POLICY
from sovereign_ai.spec import CLUSTER_NAMES, AIFactory, Dns, SecurityZone

_EVERY_POD: dict[str, Any] = {"podSelector": {}}
_DNS_PODS = {"k8s-app": "kube-dns"}
_DNS_PEER = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": DNS_NAMESPACE}},
    "podSelector": {"matchLabels": _DNS_PODS},
}


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the policies of every tenant's namespace in the cluster."""
    yield from dns_objects(factory)
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


def dns_objects(factory: AIFactory) -> Iterator[Object]:
    """Yield what the cluster's DNS may do, where the description says which names may be asked for.

    The Corefile is kept in the system namespace. Whoever runs the cluster puts it into `kube-system/coredns`,
    which is no object of the factory: NET-011 judges what stands there.
    """
    if factory.dns is None:
        return
    maker = Maker(factory.name)
    component = f"factory.{factory.name}"
    data = {"Corefile": corefile(factory.dns)}
    yield maker.make("v1", "ConfigMap", "cluster-dns", component, namespace=SYSTEM_NAMESPACE, data=data)
    ports = _ports("UDP", [53]) + _ports("TCP", [53])
    egress = []
    for resolver in sorted(factory.dns.resolvers, key=lambda each: each.address):
        peer = {"ipBlock": {"cidr": f"{resolver.address}/{_bits(resolver.address)}"}}
        egress.append({"to": [peer], "ports": ports})
    egress.append({"to": [{"ipBlock": {"cidr": API_SERVERS}}], "ports": _ports("TCP", [API_PORT])})
    yield maker.make(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        DNS_POLICY,
        component,
        namespace=DNS_NAMESPACE,
        spec={
            "podSelector": {"matchLabels": _DNS_PODS},
            "policyTypes": ["Egress"],
            "egress": egress,
        },
    )


def corefile(dns: Dns) -> str:
    """Return the configuration of CoreDNS that passes declared names on to declared resolvers alone.

    No block is for all names: what none is for is answered with REFUSED.

    >>> print(corefile(Dns()).splitlines()[1])
    cluster.local:53 in-addr.arpa:53 ip6.arpa:53 {
    """
    own = " ".join(CLUSTER_NAMES)
    lines = [
        "# Written by sovereign-ai. Whatever no block is for is refused.",
        f"{_with_ports(CLUSTER_NAMES)} {{",
        "    errors",
        "    health {",
        "        lameduck 5s",
        "    }",
        "    ready",
        f"    kubernetes {own} {{",
        "        pods insecure",
        "        ttl 30",
        "    }",
        "    prometheus :9153",
        "    cache 30",
        "    reload",
        "    loadbalance",
        "}",
    ]
    resolvers = " ".join(sorted(resolver.address for resolver in dns.resolvers))
    for name in sorted(dns.names):
        lines += [
            f"{_with_ports((name,))} {{",
            "    errors",
            f"    forward {name} {resolvers}",
            "    cache 30",
            "    loadbalance",
            "}",
        ]
    return "\n".join((*lines, ""))


def _with_ports(names: Iterable[str]) -> str:
    """Return names as the head of a block of a Corefile."""
    return " ".join(f"{name}:53" for name in names)


def _bits(address: str) -> int:
    """Return the prefix length of a single address."""
    return ipaddress.ip_address(address).max_prefixlen


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
