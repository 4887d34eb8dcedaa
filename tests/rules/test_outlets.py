from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.outlets import parts_of_strangers
from tests.rules import deciding


def refused(version: str = "example.net/v1", kind: str = "Thing", **fields: Any) -> bool:
    """Return whether an object of an unknown kind in a namespace of others is refused."""
    return "RES-011" in deciding.refused_by(deciding.obj(kind, version, namespace="databases", **fields))


def is_refused_beside(address_range: str, addresses: list[str]) -> bool:
    """Return whether a pool of these addresses is refused where a gateway has a range."""
    context = replace(deciding.small_context(), outside=(("restricted", address_range),))
    pool = deciding.obj(
        "IPAddressPool", "metallb.io/v1beta1", namespace="metallb-system", spec={"addresses": addresses}
    )
    return "RES-011" in {finding.rule for finding in evaluate([pool], context)}


@pytest.mark.parametrize(
    "spec",
    [
        {"endpoint": "collector.example.org"},
        {"outputs": [{"name": "a", "webhook": {"url": "https://hooks.example.org/x"}}]},
        {"config": {"bootstrap.servers": "kafka:9092,kafka.example.org:9092"}},
        {"a": {"b": {"c": {"d": {"e": [{"server": "user@192.0.2.7:22"}]}}}}},
        {"store": {"bucketName": "elsewhere"}},
        {"path": "s3://elsewhere/x"},
    ],
)
def test_a_server_or_a_bucket_outside_is_refused_wherever_it_stands(spec: dict[str, Any]) -> None:
    assert refused(spec=spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"endpoint": "collector.monitoring.svc:4317", "docs": "https://docs.example.org/"},
        {"servers": ["10.0.0.1", "fd00::1", "broker:9092"]},
        {"store": {"bucketName": "ours", "endpoint": "http://minio.minio.svc:9000"}},
        {"rewrite": {"target": "/$1"}, "replicas": 3, "paused": True, "nothing": None},
    ],
)
def test_what_is_inside_or_no_server_is_permitted(spec: dict[str, Any]) -> None:
    assert not refused(spec=spec)


def test_the_name_of_a_cloud_or_of_a_copy_is_enough() -> None:
    assert refused("s3.aws.example.net/v1", "Bucket")
    assert refused(kind="VolumeReplicationGroup")
    assert not refused(kind="RedisReplication")


def test_the_expression_grows_with_the_depth_and_not_with_its_square() -> None:
    parts = parts_of_strangers(())
    assert max(len(parts["opened"]), len(parts["leaves"])) < 2_000


def test_only_kinds_that_no_rule_knows_are_judged_by_the_text_of_their_fields() -> None:
    # The offline evaluator leaves these fields out for the others, and so does the policy.
    text = parts_of_strangers(())["opened"]
    assert "|| variables.familiar ||" in text.partition("dyn(object)")[0]


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.10-10.0.0.20"],
        ["10.0.0.10 - 10.0.0.20"],
        ["10.0.0.0/24", "192.168.7.0/28"],
        ["10.0.0.7/32", "fd00::/64"],
        ["fd00::10-fd00::20"],
        ["203.0.113.0/28"],
        ["203.0.113.2-203.0.113.5"],
        ["203.0.113.7/32", "10.255.0.0-10.255.255.255"],
    ],
)
def test_a_range_within_a_private_or_declared_one_is_permitted(addresses: list[str]) -> None:
    assert not is_refused_beside("203.0.113.0/24", addresses)


@pytest.mark.parametrize(
    "addresses",
    [
        ["198.51.100.1-198.51.100.9"],
        ["10.0.0.10-203.0.113.9"],
        ["10.0.0.10 - 198.51.100.9"],
        ["9.255.255.255-10.0.0.5"],
        ["10.0.0.0/7"],
        ["0.0.0.0/0"],
        ["203.0.113.0/23"],
        ["203.0.113.2-203.0.114.5"],
        ["2001:db8::/32"],
        ["2001:db8::10-2001:db8::20"],
        ["fd00::10-2001:db8::20"],
        ["10.0.0.1-10.0.0.9", "198.51.100.1-198.51.100.9"],
        ["10.0.0.1-10.0.0.9,198.51.100.1-198.51.100.9"],
        ["10.0.0.1,198.51.100.1"],
        ["10.0.0.1,elsewhere.example.org"],
        ["10.0.0.10-20"],
    ],
)
def test_a_range_that_leaves_a_private_or_declared_one_is_refused(addresses: list[str]) -> None:
    assert is_refused_beside("203.0.113.0/24", addresses)
