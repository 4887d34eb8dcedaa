from __future__ import annotations

from sovereign_ai.rules.description.residency import on_site, on_zone
from tests.rules.deciding import messages_of
from tests.rules.test_described import BACKUP, FACTORY, factory_of, key, policy, tier


def test_a_policy_without_zones_is_on_every_zone_and_on_every_site_with_data() -> None:
    everywhere = factory_of(**policy(zones=[]))
    assert [each.data for each in on_zone(everywhere, "open")] == ["personal"]
    assert [each.data for each in on_site(everywhere, "fra1")] == ["personal"]
    assert on_site(everywhere, "zrh1") == []


def test_a_policy_with_zones_is_on_these_alone() -> None:
    factory = factory_of()
    assert [each.data for each in on_zone(factory, "restricted")] == ["personal"]
    assert on_zone(factory, "open") == []


def test_snapshots_fall_back_on_where_the_data_may_be_and_backups_do_not() -> None:
    kept = tier(0, snapshots={"every": "1 h", "keep": 24}, backup=BACKUP)
    assert messages_of("RES-002", **kept) == []
    nowhere = {name: value for name, value in FACTORY["residency"][0].items() if name != "backups"}
    assert messages_of("RES-002", residency=[nowhere], **kept) == [
        "backups go to DE; backups of personal data may be in no country"
    ]


def test_a_key_is_refused_for_its_law_its_custodian_or_if_it_is_not_declared() -> None:
    assert messages_of("KEY-001", **key(jurisdiction="US"))[0].startswith("the key is under the law of US")
    assert messages_of("KEY-001", **key(custodian="provider"))[0].startswith("the provider holds the key")
    assert messages_of("KEY-001") == []
