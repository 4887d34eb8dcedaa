from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.names import KEYS
from tests.rules.deciding import obj, refused_by


def _node(**labels: str) -> dict[str, Any]:
    return obj("Node", namespace="", metadata={"labels": labels}, spec={})


def _located(zone: str, country: str, region: str = "fra1") -> dict[str, Any]:
    return _node(**{KEYS.zone: zone, KEYS.jurisdiction: country, "topology.kubernetes.io/region": region})


def test_a_live_node_of_a_zone_and_country_of_the_factory_is_permitted() -> None:
    assert refused_by(_located("restricted", "DE"), "live") == set()
    assert refused_by(_node(app="x"), "live") == set()


@pytest.mark.parametrize(
    "node",
    [
        _located("elsewhere", "DE"),
        _located("restricted", "US"),
        _located("restricted", "DE", region="us-east-1"),
        _node(**{KEYS.zone: "restricted"}),
    ],
    ids=["zone", "country", "region", "no country"],
)
def test_a_live_node_that_states_another_place_is_refused(node: dict[str, Any]) -> None:
    assert refused_by(node, "live") == {"NOD-001"}


def test_a_new_node_may_not_set_trusted_labels_itself() -> None:
    assert refused_by(_node(app="x")) == set()
    assert refused_by(_located("restricted", "DE")) == {"NOD-001"}
