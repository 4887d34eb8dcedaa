"""Holds the parts of a factory against each other: names that must exist, ranges that must not meet.

Each module gives generators; a check yields problems whose place holds only the dotted field, and
`check` turns fields into places. A check never derives a number of the plan: it refuses what no
plan could mend. The table says which fields of the factory a check reads, so that the checks on
the right half of a description still run when the other half is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec.checks.access import check_flows, check_isolation, check_tenants, check_workloads
from sovereign_ai.spec.checks.hardware import check_fabrics, check_media, check_pools, check_sites, check_storage
from sovereign_ai.spec.checks.names import check_names
from sovereign_ai.spec.checks.network import check_clusters, check_network
from sovereign_ai.spec.checks.services import check_services
from sovereign_ai.spec.checks.values import check_shares, check_values
from sovereign_ai.spec.checks.waivers import check_waivers
from sovereign_ai.spec.problems import MOST_PROBLEMS
from sovereign_ai.spec.source import of_python

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

_CHECKS: tuple[tuple[Callable[[AIFactory], Iterator[Problem]], frozenset[str]], ...] = (
    (check_shares, frozenset({"operator"})),
    (check_sites, frozenset({"sites"})),
    (check_pools, frozenset({"pools", "sites"})),
    (check_fabrics, frozenset({"fabrics", "pools"})),
    (check_media, frozenset({"storage"})),
    (check_storage, frozenset({"storage", "pools", "zones"})),
    (check_network, frozenset({"network", "gateways"})),
    (check_clusters, frozenset({"clusters"})),
    (check_flows, frozenset({"zones"})),
    (check_isolation, frozenset({"zones", "pools", "fabrics"})),
    (check_tenants, frozenset({"tenants", "zones"})),
    (check_workloads, frozenset({"workloads", "pools", "zones", "tenants", "images"})),
    (check_services, frozenset({"services"})),
    (check_waivers, frozenset({"waivers"})),
)
"""Each check, and the fields of the factory that it reads."""


def check(factory: AIFactory, where: Callable[[str], Where] | None = None) -> list[Problem]:
    """Give every problem of the whole, in the order of the text; at most a hundred and a last one that says so.

    Args:
        factory: the description, each part right by itself.
        where: turns a dotted field into its place; left out, the line of the Python call that made the part.
    """
    data = factory.model_dump(by_alias=True)
    found = list(islice(_all(factory, data, frozenset(data)), MOST_PROBLEMS + 1))
    return _placed(found, where or of_python(factory).where) if found else []


def check_part(right: AIFactory, data: Mapping[str, Any], fields: Iterable[str], where: Callable[[str], Where]) -> list[Problem]:
    """Give the problems that can be told although some fields are wrong.

    Args:
        right: the factory with its right fields alone.
        data: what the file holds, right or wrong.
        fields: the names of the right fields.
        where: turns a dotted field into its place.
    """
    return _placed(list(islice(_all(right, data, frozenset(fields)), MOST_PROBLEMS + 1)), where)


def _all(factory: AIFactory, data: Mapping[str, Any], fields: frozenset[str]) -> Iterator[Problem]:
    """Give the problems of every check whose fields are right."""
    yield from check_names(data)
    yield from check_values(factory, fields)
    for one, needs in _CHECKS:
        if needs <= fields:
            yield from one(factory)


def _placed(found: list[Problem], place: Callable[[str], Where]) -> list[Problem]:
    """Give the problems their places and their order."""
    placed = sorted((replace(problem, where=place(problem.where.field)) for problem in found), key=lambda problem: problem.order)
    if len(placed) > MOST_PROBLEMS:
        last = Problem("too-many-problems", "and more problems", placed[-1].where, "mend these first")
        return [*placed[:MOST_PROBLEMS], last]
    return placed
