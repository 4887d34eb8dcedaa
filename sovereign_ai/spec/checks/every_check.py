"""Checks of the parts of a factory against each other: names that must exist, ranges that must not overlap.

Each module has generators. A check yields problems whose place holds only the dotted field, and `check` turns
fields into places. A check never derives a number of the plan: it refuses what no plan could fix. The table
lists the fields of the factory that a check reads, so that the checks of the correct half of a description
still run when the other half is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec.checks.access import (
    check_flows,
    check_isolation,
    check_signers,
    check_tenants,
    check_workloads,
)
from sovereign_ai.spec.checks.cabling import check_cabling
from sovereign_ai.spec.checks.campus import check_campuses
from sovereign_ai.spec.checks.disruption import check_disruption_budgets
from sovereign_ai.spec.checks.dns import check_dns
from sovereign_ai.spec.checks.fair_sharing import check_fair_sharing
from sovereign_ai.spec.checks.hardware import (
    check_fabrics,
    check_media,
    check_pools,
    check_sites,
    check_storage,
)
from sovereign_ai.spec.checks.limits import check_limits
from sovereign_ai.spec.checks.names import check_names
from sovereign_ai.spec.checks.network import check_clusters, check_network
from sovereign_ai.spec.checks.phases import check_phases
from sovereign_ai.spec.checks.platform import (
    check_lending,
    check_network_accounts,
    check_platform,
    check_workers,
)
from sovereign_ai.spec.checks.repeats import check_repeats
from sovereign_ai.spec.checks.services import check_services
from sovereign_ai.spec.checks.values import check_alone, check_shares, check_values
from sovereign_ai.spec.checks.waivers import check_approvers, check_waivers
from sovereign_ai.spec.partial import MissingValueError
from sovereign_ai.spec.problems import MOST_PROBLEMS
from sovereign_ai.spec.source import of_python

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

_CHECKS: tuple[tuple[Callable[[AIFactory], Iterator[Problem]], frozenset[str]], ...] = (
    (check_shares, frozenset({"operator"})),
    (check_sites, frozenset({"sites"})),
    (check_pools, frozenset({"pools", "sites"})),
    (check_phases, frozenset({"phases", "pools"})),
    (check_fabrics, frozenset({"fabrics", "pools"})),
    (check_cabling, frozenset({"cabling"})),
    (check_campuses, frozenset({"sites", "pools", "fabrics"})),
    (check_media, frozenset({"storage"})),
    (check_storage, frozenset({"storage", "pools", "zones"})),
    (check_network, frozenset({"network", "gateways"})),
    (check_dns, frozenset({"dns", "network"})),
    (check_clusters, frozenset({"clusters"})),
    (check_flows, frozenset({"zones"})),
    (check_isolation, frozenset({"zones", "pools", "fabrics"})),
    (check_tenants, frozenset({"tenants", "zones"})),
    (
        check_workloads,
        frozenset({"workloads", "pools", "phases", "phase", "zones", "tenants", "images"}),
    ),
    (check_signers, frozenset({"images"})),
    (check_services, frozenset({"services"})),
    (check_platform, frozenset({"platform"})),
    (check_network_accounts, frozenset({"platform", "zones", "tenants"})),
    (check_workers, frozenset({"platform", "zones"})),
    (check_lending, frozenset({"platform", "zones"})),
    (check_fair_sharing, frozenset({"platform", "zones", "tenants"})),
    (check_disruption_budgets, frozenset({"disruption_budgets", "pools", "zones", "tenants"})),
    (check_waivers, frozenset({"waivers"})),
    (check_approvers, frozenset({"approvers"})),
)
"""Each check, and the fields of the factory that it reads."""


def check(factory: AIFactory, where: Callable[[str], Where] | None = None) -> list[Problem]:
    """Return every problem of the whole, in the order of the text; after a hundred a last one reports more.

    Args:
        factory: the description, each part correct by itself.
        where: maps a dotted field to its place; without it, problems point at the line of the Python call
            that made the part.
    """
    data = factory.model_dump(by_alias=True)
    # All fields: the dump leaves later ones out where they hold their default, and a default is right.
    fields = frozenset(type(factory).model_fields)
    problems = list(islice(_run_checks(factory, data, fields), MOST_PROBLEMS + 1))
    return _place_problems(problems, where or of_python(factory).where) if problems else []


def check_part(
    right: AIFactory, data: Mapping[str, Any], fields: Iterable[str], where: Callable[[str], Where]
) -> list[Problem]:
    """Return the problems of the correct fields although other fields are wrong.

    A check that needs a partly wrong field runs until it asks for a value that is wrong.

    Args:
        right: the factory with its correct fields, and what is correct of the others (`partial.py`).
        data: the content of the file, correct or wrong.
        fields: the names of the fields of the factory that are correct as a whole.
        where: maps a dotted field to its place.
    """
    problems = list(islice(_run_checks(right, data, frozenset(fields)), MOST_PROBLEMS + 1))
    return _place_problems(problems, where)


def _run_checks(factory: AIFactory, data: Mapping[str, Any], fields: frozenset[str]) -> Iterator[Problem]:
    """Yield the problems of every check whose fields are correct."""
    too_long = list(check_limits(factory, fields))
    yield from too_long
    if too_long:
        return  # checks that compare each entry with each other would not end
    reported: list[str] = []
    for problem in _run_special_checks(factory, data, fields):
        reported.append(problem.where.field)
        yield problem
    yield from check_repeats(factory, fields, reported)


def _run_special_checks(
    factory: AIFactory, data: Mapping[str, Any], fields: frozenset[str]
) -> Iterator[Problem]:
    """Yield the problems of the checks that each know some fields."""
    if "catalog" in fields and data.get("catalog"):
        from sovereign_ai.catalog import add_rows  # noqa: PLC0415 - only checks need it

        # Rows come first: pools and fabrics may name them.
        yield from add_rows(data["catalog"])
    yield from check_names(data)
    yield from check_values(factory, fields)
    for name in sorted(factory.model_fields_set - fields):
        yield from check_alone(getattr(factory, name), name)
    for run, needs in _CHECKS:
        if needs <= fields:
            yield from run(factory)
        elif needs <= factory.model_fields_set:
            # Functions in C, as that which normalises a text, ask for a type before they ask the value.
            with suppress(MissingValueError, TypeError):
                yield from run(factory)


def _place_problems(problems: list[Problem], place: Callable[[str], Where]) -> list[Problem]:
    """Return the problems with their places, in the order of the text."""
    placed = [replace(problem, where=place(problem.where.field)) for problem in problems]
    placed.sort(key=lambda problem: problem.order)
    if len(placed) > MOST_PROBLEMS:
        last = Problem("too-many-problems", "and more problems", placed[-1].where, "fix these first")
        return [*placed[:MOST_PROBLEMS], last]
    return placed
