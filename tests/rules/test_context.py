from __future__ import annotations

import re

import pytest

from sovereign_ai.rules.context import factory_context, permitted_jurisdictions
from tests.rules.deciding import small_context
from tests.rules.subject import FACTORY, factory_of, plan_of

PERSONAL = FACTORY["residency"][0]


def test_several_policies_on_a_zone_leave_what_all_of_them_permit() -> None:
    factory = factory_of(residency=[PERSONAL, {**PERSONAL, "data": "health", "in": ["CH", "DE"]}])
    assert permitted_jurisdictions(factory, "restricted") == {"DE"}
    assert permitted_jurisdictions(factory, "open") == {"DE", "CH"}
    apart = factory_of(residency=[PERSONAL, {**PERSONAL, "data": "health", "in": ["CH"]}])
    assert permitted_jurisdictions(apart, "restricted") == frozenset()


def test_openings_are_declared_flows_gateways_and_dns() -> None:
    openings = small_context().openings
    assert "zone:restricted>zone:open/TCP/8443" in openings
    assert "zone:open>cidr:203.0.113.0/24/TCP/443" in openings
    assert "zone:>namespace:kube-system/UDP/53" in openings
    assert not any(opening.startswith("zone:open>zone:restricted") for opening in openings)


def test_a_kind_is_allowed_outside_namespaces_only_by_all_policies() -> None:
    kind = {"group": "external-secrets.io", "kind": "ExternalSecret", "reason": "our own vault"}
    listed = {**PERSONAL, "allowed_kinds": [kind]}
    factory = factory_of(residency=[listed])
    key = "external-secrets.io/ExternalSecret"
    assert factory_context(factory, plan_of(factory)).allowed_kinds == (("", key), ("restricted", key))
    factory = factory_of(residency=[listed, {**PERSONAL, "data": "health", "zones": ["open"]}])
    assert factory_context(factory, plan_of(factory)).allowed_kinds == (("restricted", key),)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("127.0.0.1:8080", True),
        ("vault.security.svc:8200", True),
        ("registry.example.com", True),
        ("registryXexample.com", False),
        ("example.com", False),
    ],
)
def test_hosts_of_the_cluster_and_of_registries_are_local(host: str, is_local: bool) -> None:
    assert (re.search(small_context().local, host) is not None) is is_local


def test_without_digests_a_tag_is_enough() -> None:
    tag = "registry.example.com/ai/train:1"
    assert re.match(small_context().image, tag) is None
    factory = factory_of(images={**FACTORY["images"], "digests": "optional"})
    assert re.match(factory_context(factory, plan_of(factory)).image, tag)
