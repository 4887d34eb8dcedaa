from __future__ import annotations

from tests.rules.deciding import messages_of
from tests.rules.test_described import ABROAD, FACTORY, site, uplink, zone


def test_administrators_may_reach_only_a_zone_of_lower_trust_directly() -> None:
    assert len(messages_of("ACC-001", **zone(0, admin_path="direct"))) == 1
    assert messages_of("ACC-001", **zone(1, admin_path="direct")) == []


def test_a_chain_of_flows_to_a_gateway_is_reported_with_its_path() -> None:
    [message] = messages_of("ACC-004")
    assert message.startswith("personal data can pass restricted > open to gateway exchange")
    closed = [{**FACTORY["zones"][0], "allow": []}, FACTORY["zones"][1]]
    assert messages_of("ACC-004", zones=closed) == []


def test_a_gateway_of_the_zone_itself_is_no_chain() -> None:
    assert messages_of("ACC-004", **ABROAD) == []


def test_a_route_abroad_needs_encryption_from_end_to_end() -> None:
    abroad = uplink(route=["DE", "US"], encryption="macsec")
    [message] = messages_of("LNK-002", **site(uplinks=[abroad]))
    assert "passes US with macsec, which each hop on the way takes off" in message
    assert messages_of("LNK-002", **site(uplinks=[{**abroad, "encryption": "ipsec"}])) == []
