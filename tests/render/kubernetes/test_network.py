from __future__ import annotations

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import network
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.engine import evaluate
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


def dns_of(*names: str) -> dict[str, object]:
    resolver = {"address": "10.200.0.53", "entity": "Example Names", "seat": "DE", "country": "DE"}
    return {"resolvers": [resolver, {**resolver, "address": "2001:db8::53"}], "names": list(names)}


def test_without_dns_in_the_description_nothing_is_rendered_of_it() -> None:
    assert list(network.dns_objects(factory_of())) == []
    names = {
        obj["metadata"]["name"] for obj in network.objects(factory_of(), plan_of(factory_of()).clusters[0])
    }
    assert "cluster-dns" not in names


def test_the_clusters_dns_may_ask_the_declared_resolvers_and_the_api_server_alone() -> None:
    found = {obj["kind"]: obj for obj in network.dns_objects(factory_of(dns=dns_of("mirror.example.com")))}
    policy = found["NetworkPolicy"]
    assert policy["metadata"]["namespace"] == "kube-system"
    assert policy["spec"]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
    opened = []
    for rule in policy["spec"]["egress"]:
        ports = [f"{port['protocol']}/{port['port']}" for port in rule["ports"]]
        opened.append(([peer["ipBlock"]["cidr"] for peer in rule["to"]], ports))
    assert opened == [
        (["10.200.0.53/32"], ["UDP/53", "TCP/53"]),
        (["2001:db8::53/128"], ["UDP/53", "TCP/53"]),
        (["0.0.0.0/0"], ["TCP/6443"]),
    ]


def test_what_is_rendered_for_the_clusters_dns_obeys_the_rules() -> None:
    factory = factory_of(dns=dns_of("mirror.example.com", "registry.example.net"))
    context = factory_context(factory, plan_of(factory))
    made = list(network.dns_objects(factory))
    kept = next(obj for obj in made if obj["kind"] == "ConfigMap")
    # The same text is what whoever runs the cluster puts into its DNS.
    used = {**kept, "metadata": {"name": "coredns", "namespace": "kube-system"}}
    assert evaluate([*made, used], context) == []
    assert kept["data"]["Corefile"].count("forward ") == 2
    other = factory_context(factory_of(dns=dns_of("registry.example.net")), plan_of(factory))
    assert {finding.rule for finding in evaluate([used], other)} == {"NET-011"}


def test_without_names_nothing_is_passed_on() -> None:
    factory = factory_of(dns={})
    context = factory_context(factory, plan_of(factory))
    made = list(network.dns_objects(factory))
    assert "forward" not in made[0]["data"]["Corefile"]
    assert evaluate(made, context) == []
    passing = {
        **made[0],
        "data": {"Corefile": "a.example.com:53 {\n    forward a.example.com 10.200.0.53\n}\n"},
    }
    assert {finding.rule for finding in evaluate([passing], context)} == {"NET-011"}
