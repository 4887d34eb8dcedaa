from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.outlets import leaves
from sovereign_ai.rules.registry import REGISTRY
from tests.rules import deciding

LEAVES = "variables.leaves"


def refused(version: str = "example.net/v1", kind: str = "Thing", **fields: Any) -> bool:
    """Return whether an object of an unknown kind in a namespace of others is refused."""
    return "RES-011" in deciding.refused_by(deciding.obj(kind, version, namespace="databases", **fields))


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
    assert len(leaves()) < 2_500


def test_only_kinds_that_no_rule_knows_are_judged_by_the_text_of_their_fields() -> None:
    # The offline evaluator leaves that text empty for the others.
    readers = [check.expression for rule in REGISTRY for check in rule.checks if LEAVES in check.expression]
    assert readers
    for expression in readers:
        assert "|| variables.key in $known_kinds ||" in expression.partition(LEAVES)[0]
