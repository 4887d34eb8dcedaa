from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sovereign_ai.rules.whole_check import decide
from tests.rules.subject import FACTORY, factory_of, plan_of

TODAY = date(2026, 11, 24)
PERSONAL = FACTORY["residency"][0]


def tier(**changes: Any) -> list[dict[str, Any]]:
    return [{**FACTORY["storage"][0], **changes}, FACTORY["storage"][1]]


def found(**changes: Any) -> list[tuple[str, str, str]]:
    factory = factory_of(**changes)
    return [
        (one.rule, one.resource, one.where.field)
        for one in decide(factory, plan_of(factory), TODAY)
        if one.status != "notice"
    ]


def test_the_small_factory_obeys_every_plan_rule():
    assert found() == []


def test_a_pool_outside_its_datas_countries_is_reported_at_its_site_field():
    pools = [{**FACTORY["pools"][0], "site": "zrh1"}, FACTORY["pools"][1]]
    assert ("RES-001", "Pool/train", "pools[0].site") in found(pools=pools)


def test_a_pool_of_a_zone_that_holds_none_of_the_data_may_be_anywhere():
    assert found(pools=[FACTORY["pools"][0], {**FACTORY["pools"][1], "site": "zrh1"}]) == []


def test_storage_in_another_country_is_reported():
    factory = factory_of()
    wrong = [
        one.rule
        for one in decide(factory, plan_of(factory, storage_country="CH"), TODAY)
        if one.status == "violation"
    ]
    assert wrong == ["RES-001"]


def test_backups_follow_the_list_of_backups():
    to = {"site": "zrh1", "every": "1 d", "retention": "30 d"}
    assert found(storage=tier(backup=to)) == [("RES-002", "Storage/scratch", "storage[0].backup.site")]
    assert found(storage=tier(backup={**to, "site": "fra1"})) == []
    nowhere = [{key: value for key, value in PERSONAL.items() if key != "backups"}]
    assert found(storage=tier(backup={**to, "site": "fra1"}), residency=nowhere)[0][0] == "RES-002"


def test_snapshots_lie_where_the_data_may_unless_a_list_permits_others():
    kept = tier(snapshots={"every": "1 h", "keep": 24})
    assert found(storage=kept) == []
    assert found(storage=kept, residency=[{**PERSONAL, "snapshots": ["CH"]}]) == [
        ("RES-002", "Storage/scratch", "storage[0].snapshots")
    ]


@pytest.mark.parametrize(
    "changes", [{"jurisdiction": "US"}, {"custodian": "provider"}], ids=["foreign law", "provider's hands"]
)
def test_a_key_under_a_foreign_law_or_in_the_providers_hands_is_reported(changes: dict[str, str]):
    keys = [{**FACTORY["keys"][0], **changes}]
    assert found(keys=keys) == [("KEY-001", "Storage/scratch", "storage[0].encryption.key")]


def test_a_gateway_that_the_policy_does_not_name_is_reported():
    gateway = {**FACTORY["gateways"][0], "zones": ["restricted"]}
    assert found(gateways=[gateway]) == [("RES-003", "Gateway/exchange", "gateways[0].zones")]
    named = [{**PERSONAL, "gateways": ["exchange"]}]
    assert found(gateways=[gateway], residency=named) == []
    abroad = {**gateway, "seat": "US"}
    assert found(gateways=[abroad], residency=named) == [
        ("RES-003", "Gateway/exchange", "gateways[0].seat"),
        ("TRF-001", "Gateway/exchange", "gateways[0].seat"),
    ]
    assert found(gateways=[abroad], residency=[{**named[0], "transfer": "scc"}]) == []
    conditional = [("TRF-001", "Gateway/exchange", "gateways[0].seat")]
    assert found(gateways=[abroad], residency=[{**named[0], "transfer": "adequacy"}]) == conditional


def test_staff_support_and_sub_processors_are_held_against_staff_access():
    operator = {**FACTORY["operator"], "support": ["IN"]}
    assert found(operator=operator) == [("STF-001", "Factory/small", "operator.support")]
    body = {
        "name": "Example Analytics",
        "seat": "DE",
        "parent_seat": "US",
        "purpose": "billing",
        "data": ["personal"],
    }
    operator = {**FACTORY["operator"], "sub_processors": [body]}
    assert found(operator=operator) == [
        ("LAW-002", "Factory/small", "operator.sub_processors[0].parent_seat"),
        ("STF-001", "Factory/small", "operator.sub_processors[0].seat"),
        ("TRF-001", "Factory/small", "operator.sub_processors[0].parent_seat"),
    ]
    operator["sub_processors"] = [{**body, "data": []}]
    assert found(operator=operator) == []
