"""Zones, gateways and residency policies."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.zone import Flow, Gateway, Isolation, ResidencyPolicy, SecurityZone


def test_a_zone_is_isolated_on_every_network_by_default() -> None:
    isolation = SecurityZone(name="z", trust="low").isolation
    assert isolation == Isolation()
    assert "none" not in (isolation.fabric, isolation.in_band, isolation.out_of_band)


@pytest.mark.parametrize("port", [0, 65_536, "443"])
def test_a_port_is_a_number_of_tcp(port: object) -> None:
    with pytest.raises(SpecError):
        Flow(to="z", ports=[port])


@pytest.mark.parametrize("host", ["*.example.com", "https://example.com", "Example.com", "example.com:443"])
def test_a_host_has_no_wildcard_port_or_scheme(host: str) -> None:
    with pytest.raises(SpecError) as caught:
        Gateway(name="g", entity="E", seat="DE", addresses=["203.0.113.0/24"], zones=["z"], hosts=[host])
    assert caught.value.problems[0].code == "bad-host"


def test_a_policy_denies_what_it_does_not_list() -> None:
    policy = ResidencyPolicy(data="personal", within=["DE"], keys=["DE"], staff_access=["EU"])  # type: ignore[call-arg]
    assert (policy.replicas, policy.backups, policy.logs, policy.gateways) == ((), (), (), ())
    assert policy.transfer == "none"
