"""A whole small subnet of two zones under the real OpenSM; without root, ibsim and OpenSM these fail and say
what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.assess.fabric import assess_fabrics as foretell
from sovereign_ai.fabric_twin.infiniband.checks import run_checks, separation, wrong_keys
from sovereign_ai.fabric_twin.infiniband.ibsim_net import net
from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet
from sovereign_ai.fabric_twin.namespace import list_namespaces
from sovereign_ai.fabric_twin.result import Result
from sovereign_ai.fabric_twin.twin import STATE, down
from tests.fabric_twin.infiniband.small import small

pytestmark = pytest.mark.twin
CHECKS = (
    "cabling",
    "partitions",
    "paths within zones and none across",
    "routes",
    "a wrong P_Key is found",
    "a miswire is found",
    "a link lost",
    "a spine lost",
    "a leaf lost",
)


@pytest.fixture(scope="module")
def subnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningSubnet, list[Result]]]:
    factory, plan = small(tmp_path_factory.mktemp("small"))
    plane = plan.fabrics[0]
    twin = RunningSubnet.of(net(factory, plan, plane))
    down(factory.name)
    twin.up(print)
    try:
        report = next(one for one in foretell(plan) if one.plane == plane.name)
        yield twin, list(run_checks(twin, report))
    finally:
        down(factory.name)


def test_every_check_is_made_and_what_it_says_is_right(subnet: tuple[RunningSubnet, list[Result]]) -> None:
    assert [one.name for one in subnet[1]] == list(CHECKS)
    assert [str(one) + ": " + one.message for one in subnet[1] if not one.passed] == []


def test_the_sample_has_pairs_within_zones_and_across(subnet: tuple[RunningSubnet, list[Result]]) -> None:
    figures = next(one.figures for one in subnet[1] if one.name.startswith("paths"))
    assert figures["within asked"] >= 20
    assert figures["across asked"] >= 20


def test_without_partitions_the_finders_see_that_every_zone_is_open(
    subnet: tuple[RunningSubnet, list[Result]],
) -> None:
    twin = subnet[0]
    twin.partitions("Default=0x7fff, ipoib, defmember=full : ALL=full;\n")
    try:
        twin.sweep()
        assert len(wrong_keys(twin)) == len(twin.net.adapters) - 1
        assert not separation(twin)[0]
    finally:
        twin.partitions(twin.net.partitions)
        twin.sweep()
    assert not wrong_keys(twin)


def test_a_line_longer_than_opensm_reads_opens_every_zone_and_is_found(
    subnet: tuple[RunningSubnet, list[Result]],
) -> None:
    twin = subnet[0]
    guid = f"{next(iter(twin.net.adapters.values())):#018x}"
    twin.partitions(
        f"Default=0x7fff, defmember=limited : ALL=limited, SELF=full;\nlong=0x1, defmember=full : {', '.join([guid] * 1_000)};\n"  # noqa: E501 - one literal text
    )
    try:
        twin.sweep()
        assert wrong_keys(twin)
    finally:
        twin.partitions(twin.net.partitions)
        twin.sweep()


def test_nothing_is_left_of_a_twin(subnet: tuple[RunningSubnet, list[Result]]) -> None:
    name = subnet[0].net.factory
    assert list_namespaces(f"twin-{name}.")
    down(name)
    assert not list_namespaces(f"twin-{name}.")
    assert not Path(STATE, name).exists()
