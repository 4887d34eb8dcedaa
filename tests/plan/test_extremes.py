"""Figures at the limits of their fields: refused with place and hint, or planned.

The description is the one that holds every field (`tests/attest/mutation/full.yaml`). One figure at a time is
set to its least and its most, and to numbers that a wrong unit makes of a right one.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai import units
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.feasibility import MOST_CABLES
from sovereign_ai.plan.factory import Plan, feasible, plan
from sovereign_ai.plan.storage import MOST_SERVERS
from sovereign_ai.spec.reader import read_text

from .factories import factory, hall, only_problem, pool, power, site

Step = str | int
FULL: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[1] / "attest" / "mutation" / "full.yaml").read_text()
)
_KINDS = [
    kind
    for kind in vars(units).values()
    if isinstance(kind, type) and issubclass(kind, units.Quantity) and kind is not units.Quantity
]
_NUMBERS = (0, 1, 1024, 1_000_000, 2**31 - 1)
KEY = {"name": "k", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}


def _figures(data: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], list[Any]]]:
    """Give every figure of a description, and what it is tried with."""
    if isinstance(data, dict | list):
        for step, inner in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _figures(inner, (*path, step))
    elif isinstance(data, int) and not isinstance(data, bool):
        yield path, list(_NUMBERS)
    elif isinstance(data, str) and (kind := next((kind for kind in _KINDS if _reads(kind, data)), None)):
        yield path, [str(kind(count)) for count in (0, 1, 10**6, 2**63 - 1)]


def _reads(kind: type[units.Quantity], text: str) -> bool:
    try:
        kind.parse(text)
    except ValueError:
        return False
    return True


FIGURES = {".".join(map(str, path)): (path, values) for path, values in _figures(FULL)}


def _planned(path: tuple[Step, ...], value: Any) -> Plan:
    data: Any = copy.deepcopy(FULL)
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return plan(
        read_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False).encode(), "factory.yaml").factory
    )


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_at_its_limit_is_planned_or_refused(name: str) -> None:
    path, values = FIGURES[name]
    for value in values:
        try:
            found = _planned(path, value)
        except SpecError as error:
            for problem in error.problems:
                assert problem.where.field, value
                assert problem.hint, value
            continue
        assert sum(len(tier.servers) for tier in found.storage) <= MOST_SERVERS
        assert (
            sum(plane.node_leaf + plane.leaf_spine + plane.spine_core for plane in found.fabrics)
            <= MOST_CABLES
        )


def test_there_are_figures_of_every_sort() -> None:
    assert len(FIGURES) > 80
    assert {
        "storage.0.drive",
        "storage.0.server_read",
        "fabrics.0.radix",
        "pools.0.nodes",
        "sites.0.halls.0.rack_limit",
    } <= set(FIGURES)


@pytest.mark.parametrize(
    ("field", "value", "message", "hint"),
    [
        ("drive", "1 B", "1 B is the size of no drive", "write 100 GB to 1 PB"),
        ("drive", "15.36 MB", "15.36 MB is the size of no drive", "write 100 GB to 1 PB"),
        ("server_read", "1 B/s", "1 B/s is the rate of no storage server", "write 100 MB/s to 10 TB/s"),
        ("server_write", "20 kB/s", "20 kB/s is the rate of no storage server", "write 100 MB/s to 10 TB/s"),
    ],
)
def test_a_drive_or_server_of_a_wrong_unit_is_refused_with_what_exists(
    field: str, value: str, message: str, hint: str
) -> None:
    with pytest.raises(SpecError) as caught:
        factory(storage=[_tier(**{field: value})], keys=[KEY])
    (found,) = caught.value.problems
    assert (found.code, found.where.field, found.message, found.hint) == (
        "out-of-range",
        f"storage[0].{field}",
        message,
        hint,
    )


def _tier(**more: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "protocol": "parallel",
        "zone": "z",
        "capacity": "100 TB",
        "grade": "good",
        "encryption": {"key": "k"},
        **more,
    }


@pytest.mark.parametrize(
    ("field", "value"), [("capacity", "7 EB"), ("read", "9000 TB/s"), ("write", "9000 TB/s")]
)
def test_too_many_storage_servers_are_refused_at_the_field_that_requires_them(field: str, value: str) -> None:
    found = only_problem(factory(storage=[_tier(**{field: value})], keys=[KEY]))
    assert (found.code, found.where.field) == ("too-many-servers", f"storage[0].{field}")
    assert re.match(r"[0-9,]+ storage servers at a, for ", found.message)
    assert "at most 20,000" in found.message


def test_drives_beyond_what_a_plan_can_count_are_refused() -> None:
    found = only_problem(
        factory(storage=[_tier(capacity="7 EB", server_drives=128, parity_drives=16)], keys=[KEY])
    )
    assert (found.code, found.where.field) == ("too-much-storage", "storage[0].capacity")
    assert found.message.endswith("a tier is planned with at most 9 EB of raw capacity")


def test_tiers_that_are_too_many_together_are_refused_as_such() -> None:
    found = only_problem(
        factory(storage=[_tier(name=f"t{number}", capacity="4 EB") for number in range(2)], keys=[KEY])
    )
    assert (found.code, found.where.field) == ("too-many-servers", "storage")


def test_too_many_cables_are_refused_before_any_is_planned() -> None:
    wide = {
        "name": "compute",
        "kind": "roce",
        "radix": 1024,
        "breakout": 8,
        "planes": 8,
        "oversubscription": "1:64",
        "link": "400 Gbps",
    }
    many = {"it_budget": "900 GW", "feeds": {"A": "900 GW", "B": "900 GW", "C": "900 GW"}}
    wish = factory(
        sites=[site(power=power(**many), halls=[hall("ha", racks=1_000_000)])],
        pools=[pool(nodes=20_000)],
        fabrics=[wide],
        network={
            "pods": "10.0.0.0/9",
            "nodes": "172.16.0.0/12",
            "management": "192.168.0.0/17",
            "services": "192.168.128.0/17",
        },
    )
    [found] = [problem for problem in feasible(wish) if problem.code == "too-many-cables"]
    assert found.where.field == "fabrics[0]"
    assert "at most 10,000,000" in found.message


def test_power_beyond_every_site_is_refused_and_never_summed() -> None:
    with pytest.raises(SpecError) as caught:
        factory(sites=[site(power=power(feeds=dict.fromkeys("ABC", "9000000000 GW")))])
    assert {(problem.message, problem.hint) for problem in caught.value.problems} == {
        ("9000000000 GW is more than any site is supplied with", "write at most '1000 GW'")
    }


@pytest.mark.parametrize("share", ["0 %", "101 %", "92233720368547758 %"])
def test_nothing_is_concluded_from_a_derating_that_cannot_be(share: str) -> None:
    with pytest.raises(SpecError) as caught:
        factory(sites=[site(power=power(derating=share))])
    assert [problem.where.field for problem in caught.value.problems] == ["sites[0].power.derating"]
