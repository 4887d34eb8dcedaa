from __future__ import annotations

import pytest

from sovereign_ai.rules.registry import REGISTRY, find_rule, registry_data, registry_digest


def test_ids_are_unique_and_every_rule_has_reason_remediation_and_controls():
    assert len({one.id for one in REGISTRY}) == len(REGISTRY)
    for one in REGISTRY:
        assert one.rationale, one.id
        assert one.remediation, one.id
        assert one.controls, one.id
        assert [bool(one.checks), bool(one.decide), bool(one.decide_on), bool(one.decide_live)].count(
            True
        ) == 1, one.id
        assert all(control.date and control.version and control.source for control in one.controls)


def test_the_registry_is_plain_data_with_a_digest_and_an_unknown_id_gets_a_hint():
    assert [entry["id"] for entry in registry_data()] == [one.id for one in REGISTRY]
    assert len(registry_digest()) == 64
    assert find_rule("PLC-001").severity == "critical"
    with pytest.raises(Exception, match="BRK-001"):
        find_rule("BRK-01")
