from __future__ import annotations

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import network
from tests.render.lab import every, one
from tests.rules.subject import factory_of, plan_of


def test_every_namespace_denies_by_default():
    for namespace in every("Namespace"):
        spec = one("NetworkPolicy", "default-deny", namespace["metadata"]["name"])["spec"]
        assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_a_declared_flow_is_opened_at_both_ends_and_in_its_direction_only():
    out = one("NetworkPolicy", "to-open", "research")["spec"]
    assert out["policyTypes"] == ["Egress"]
    assert out["egress"][0]["ports"] == [{"protocol": "TCP", "port": 8443}]
    into = one("NetworkPolicy", "from-restricted", "startups")["spec"]
    assert into["policyTypes"] == ["Ingress"]
    assert into["ingress"][0]["from"] == [
        {"namespaceSelector": {"matchLabels": {KEYS.namespace_zone: "restricted"}}}
    ]
    names = {(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in every("NetworkPolicy")}
    assert ("startups", "to-restricted") not in names
    assert ("research", "from-open") not in names


def test_no_policy_opens_an_address_or_all_namespaces_in_the_lab():
    for obj in every("NetworkPolicy"):
        for rule in obj["spec"].get("egress", []) + obj["spec"].get("ingress", []):
            peers = rule.get("to", []) + rule.get("from", [])
            assert peers
            assert all("ipBlock" not in peer and peer.get("namespaceSelector", {"x": 1}) for peer in peers)


def test_a_gateway_is_opened_for_its_zones_with_its_addresses_and_ports():
    factory = factory_of()
    found = {
        (obj["metadata"]["namespace"], obj["metadata"]["name"]): obj["spec"]
        for obj in network.objects(factory, plan_of(factory).clusters[0])
    }
    assert found["startups", "gateway-exchange"]["egress"] == [
        {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "TCP", "port": 443}]}
    ]
    assert ("research", "gateway-exchange") not in found
