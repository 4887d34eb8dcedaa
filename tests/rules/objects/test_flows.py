from __future__ import annotations

from typing import Any

from tests.rules.deciding import obj, refused_by

OPEN_ZONE = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "startups"}}}


def _policy(**rule: Any) -> dict[str, Any]:
    return obj("NetworkPolicy", "networking.k8s.io/v1", spec={"podSelector": {}, "egress": [rule]})


def test_a_declared_flow_may_be_opened_on_its_port_alone() -> None:
    assert refused_by(_policy(to=[OPEN_ZONE], ports=[{"port": 8443}])) == set()
    assert refused_by(_policy(to=[OPEN_ZONE], ports=[{"port": 8444}])) == {"FLW-001"}
    assert refused_by(_policy(to=[OPEN_ZONE], ports=[{"port": "https"}])) == {"FLW-001"}
    assert refused_by(_policy(to=[OPEN_ZONE], ports=[{"port": 8443, "endPort": 9000}])) == {"FLW-001"}


def test_a_rule_without_peers_opens_the_zone_and_the_own_namespace_is_free() -> None:
    assert refused_by(_policy(ports=[{"port": 8443}])) == {"FLW-001"}
    assert refused_by(_policy(to=[{"podSelector": {}}])) == set()


def test_names_are_asked_of_the_clusters_dns_pods_alone() -> None:
    system = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    ports = [{"port": 53, "protocol": "UDP"}]
    dns_pods = {**system, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    assert refused_by(_policy(to=[dns_pods], ports=ports)) == set()
    assert refused_by(_policy(to=[system], ports=ports)) == {"FLW-001"}
    assert refused_by(_policy(to=[dns_pods, {**system, "podSelector": {}}], ports=ports)) == {"FLW-001"}
