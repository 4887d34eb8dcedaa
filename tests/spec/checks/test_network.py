"""Address ranges of the factory and of its gateways."""

from __future__ import annotations

import pytest

from tests.spec.refusals import refusals


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("nodes", "8.8.8.0/24", "public-range"),
        ("nodes", "10.64.0.1/10", "bad-range"),
        ("nodes", "10.64.0.0/255.192.0.0", "bad-range"),
        ("nodes", "10.64.0.0", "bad-range"),
        ("management", "10.64.0.0/12", "overlapping-ranges"),
        ("services", "172.16.0.0/28", "out-of-range"),
    ],
)
def test_a_range_that_is_not_private_plain_and_apart_is_refused(field: str, text: str, code: str) -> None:
    assert refusals(network={field: text}) == [(code, f"network.{field}")]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["0.0.0.0/0"], [("open-gateway", "[0]")]),
        (["0.0.0.0/1", "128.0.0.0/1"], [("bad-range", "[0]"), ("bad-range", "[1]"), ("open-gateway", "")]),
        (["127.0.0.0/16"], [("bad-range", "[0]")]),
        (["10.64.1.0/24"], [("overlapping-ranges", "[0]")]),
        (["203.0.113.0/24", "203.0.113.0/25"], [("overlapping-ranges", "[1]")]),
        (["::ffff:203.0.113.0/120"], [("bad-range", "[0]")]),
        (["203.0.113.0/24"], []),
    ],
)
def test_a_gateway_leads_to_some_place_outside(addresses: list[str], expected: list[tuple[str, str]]) -> None:
    gateway = {"name": "g", "entity": "Example", "seat": "DE", "addresses": addresses, "zones": ["z"]}
    refused = [
        (code, field.removeprefix("gateways[0].addresses")) for code, field in refusals(gateways=[gateway])
    ]
    assert sorted(refused) == sorted(expected)


def test_nodes_times_pods_stay_within_the_published_limit() -> None:
    assert refusals(clusters={"nodes": 5_000, "pods_per_node": 31}) == [("out-of-range", "clusters")]
