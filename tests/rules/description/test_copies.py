from __future__ import annotations

from tests.rules.deciding import messages_of
from tests.rules.test_described import BACKUP, FACTORY, operator, policy, tier


def test_a_tier_at_one_site_has_no_replicas_and_one_at_two_sites_has() -> None:
    assert messages_of("RES-004", **tier(0, sites=["zrh1"])) == []
    [message] = messages_of("RES-004", **tier(0, sites=["fra1", "zrh1"]))
    assert message == "replicas lie in CH, DE; those of personal data may be in no country"


def test_metrics_fall_back_on_the_list_of_logs() -> None:
    assert messages_of("RES-006") == []
    [message] = messages_of("RES-006", **policy(metrics=["CH"]))
    assert message == "clusters keep metrics in DE; those of personal data may be in CH"


def test_the_operations_centre_reads_logs_where_the_policy_permits_them() -> None:
    [message] = messages_of("RES-005", **operator(soc=["IN"]))
    assert message.startswith("the security operations centre reads logs in IN")


def test_a_backup_at_the_only_site_of_its_tier_is_reported() -> None:
    assert len(messages_of("RES-010", **tier(0, backup=BACKUP))) == 1
    assert messages_of("RES-010", **tier(0, backup={**BACKUP, "site": "zrh1"})) == []


def test_a_workload_may_use_data_only_in_a_zone_of_its_policy() -> None:
    image = f"{FACTORY['images']['registries'][0]}/train@sha256:{'0' * 64}"
    workload = {"name": "job", "tenant": "research", "pool": "train", "image": image, "data": ["personal"]}
    assert messages_of("RES-008", workloads=[workload]) == []
    other_zone = policy(zones=["open"])
    assert "it works on personal data in zone restricted; that may be in open" in messages_of(
        "RES-008", workloads=[workload], **other_zone
    )
