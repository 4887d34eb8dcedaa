"""The cluster's DNS: declared names to declared resolvers, and nothing that leads elsewhere or hides."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import evaluate
from tests.rules.cases import resolving
from tests.rules.deciding import small_context
from tests.rules.subject import factory_of, plan_of

PLAIN = "forward mirror.example.com 10.64.0.53"


@cache
def context() -> Context:
    """Return the small factory's context with a resolver and two names."""
    return resolving(small_context())


def configuration(line: str, key: str = "Corefile", part: str = "data") -> dict[str, Any]:
    """Return a configuration of the cluster's DNS with one line of interest."""
    text = f"mirror.example.com:53 {{\n    errors\n    {line}\n}}\n"
    metadata = {"name": "coredns", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, part: {key: text}}


def is_refused(obj: dict[str, Any]) -> bool:
    """Return whether an object is refused, by this rule alone."""
    rules = {finding.rule for finding in evaluate([obj], context())}
    assert rules <= {"NET-011"}
    return bool(rules)


def test_without_dns_in_the_description_nothing_is_judged() -> None:
    line = "forward . /etc/resolv.conf"
    assert evaluate([configuration(line)], small_context()) == []
    assert is_refused(configuration(line))


@pytest.mark.parametrize(
    "line",
    [
        "import /etc/coredns/*",
        "rewrite name exact a b",
        "hosts /etc/hosts",
        "file /zone",
        "auto",
        "secondary",
        "etcd",
        "route53 a.:Z",
        "azure a:b",
        "clouddns a:b",
        "grpc . 10.64.0.53",
        "dnstap /tmp/socket",
        "erratic",
        "sign /zone",
        "unknown",
        "tls a b",
        "view a",
        "log . {$NAME}",
    ],
)
def test_a_configuration_that_leads_elsewhere_is_refused(line: str) -> None:
    assert is_refused(configuration(line))
    assert not is_refused(configuration(PLAIN))


@pytest.mark.parametrize(
    "name",
    [".", "com", "example.com", "evilmirror.example.com", "mirror.example.com.org", "xmirror.example.com"],
)
def test_only_declared_names_are_passed_on(name: str) -> None:
    assert is_refused(configuration(f"forward {name} 10.64.0.53"))
    assert not is_refused(configuration("forward a.mirror.example.com 10.64.0.53"))
    assert not is_refused(configuration("forward registry.example.net 10.64.0.53"))


@pytest.mark.parametrize(
    "to",
    [
        "10.64.0.54",
        "10.64.0.53 10.64.0.54",
        "tls://10.64.0.53",
        "10.64.0.53:853",
        "/etc/resolv.conf",
        "dns.example.com",
        "[2001:db8::53]:53",
    ],
)
def test_only_declared_resolvers_are_asked(to: str) -> None:
    assert is_refused(configuration(f"forward mirror.example.com {to}"))
    assert not is_refused(configuration("forward mirror.example.com dns://10.64.0.53:53"))


@pytest.mark.parametrize("key", ["Corefile", "corefile", "custom.server", "custom.override", "anything"])
def test_a_configuration_that_hides_is_refused(key: str) -> None:
    assert is_refused(configuration("forward . 10.64.0.53", key))
    assert not is_refused(configuration(PLAIN, key))
    hidden = configuration(PLAIN, key, "binaryData")
    assert is_refused(hidden) is (key != "anything")


def test_every_form_of_a_declared_address_is_permitted() -> None:
    resolver = {"address": "2001:db8::53", "entity": "Example Names", "seat": "DE", "country": "DE"}
    factory = factory_of(dns={"resolvers": [resolver], "names": ["mirror.example.com"]})
    own = factory_context(factory, plan_of(factory))
    for form in ("2001:db8::53", "[2001:db8::53]:53", "dns://[2001:db8::53]", "dns://[2001:db8::53]:53"):
        assert evaluate([configuration(f"forward mirror.example.com {form}")], own) == []
    assert evaluate([configuration(PLAIN)], own)
