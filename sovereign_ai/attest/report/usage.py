"""What tenants and teams used, as `jobs usage --json` printed it, for a report.

The document is a file from outside: every field that is read is checked, and fields that a later program adds
are passed over. Nothing of it is calculated again, so a report shows what was printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sovereign_ai.attest.report.markup import Markup, tag
from sovereign_ai.attest.report.numbers import table
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.files import USAGE, parse_json, refuse_secrets
from sovereign_ai.spec import from_validation

_LONGEST_NAME = 40
_Text = Annotated[str, StringConstraints(max_length=253)]
_Amount = Annotated[float, Field(ge=0, le=1e15)]
_Count = Annotated[int, Field(ge=0, le=10**9)]


class _Read(BaseModel):
    """A part of the document; there may be other fields."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class UsagePrice(_Read):
    """What a GPU-hour costs."""

    euro: _Amount
    """EUR."""
    is_lower_bound: bool
    """Whether it has the known part of the cost alone."""


class UsageSum(_Read):
    """What a tenant or a team used."""

    tenant: _Text
    """The tenant."""
    team: _Text = ""
    """The team; empty for all of the tenant's work, or for that of no team."""
    works: _Count
    """Pieces of work."""
    gpu_hours: _Amount
    """GPUs times hours."""
    kwh: _Amount
    """Energy, in kWh."""


class UsedByWork(_Read):
    """What a piece of work used."""

    tenant: _Text
    """The tenant."""
    team: _Text = ""
    """The team; empty for none."""
    namespace: _Text
    """Its namespace."""
    name: _Text
    """Its name."""
    gpu_hours: _Amount
    """GPUs times hours."""
    kwh: _Amount
    """Energy, in kWh."""


class ReportedUsage(_Read):
    """The document."""

    factory: _Text
    """The factory."""
    cluster: _Text
    """The cluster."""
    price: UsagePrice | None
    """What a GPU-hour costs; None where nothing of it is known."""
    tenants: Annotated[list[UsageSum], Field(max_length=10_000)]
    """What each tenant used."""
    teams: Annotated[list[UsageSum], Field(max_length=10_000)] = []
    """What each team used."""
    works: Annotated[list[UsedByWork], Field(max_length=50_000)]
    """What each piece of work used."""

    def to_data(self) -> dict[str, Any]:
        """Return plain data that is ready for JSON."""
        return self.model_dump(mode="json")


def read_usage(raw: bytes, name: str, factory: str) -> ReportedUsage:
    """Return the document in the bytes of a file.

    Args:
        raw: the bytes.
        name: the file's name, for messages.
        factory: the factory that the report is about.

    Raises:
        UsageError: they hold something else, or it is about another factory.
    """
    parsed = parse_json(raw, name, USAGE)
    # The report prints its texts, and is meant to be passed on.
    refuse_secrets(parsed.text, name, USAGE, by_form=True)
    try:
        usage = ReportedUsage.model_validate(parsed.data)
    except ValidationError as error:
        raise UsageError(from_validation(error, ReportedUsage, where=parsed.where)) from None
    if usage.factory != factory:
        message = f"it is about factory {usage.factory[:_LONGEST_NAME]!r}, not {factory!r}"
        raise UsageError(Problem("other-factory", message, parsed.where("factory"), USAGE.hint))
    return usage


def used(usage: ReportedUsage) -> Iterator[Markup]:
    """Yield what tenants, teams and pieces of work used."""
    yield tag("h3", f"What was used in cluster {usage.cluster}")
    yield table(("tenant", "works", *_HEAD), [_sum(usage, each, each.tenant) for each in usage.tenants])
    if any(each.team for each in usage.teams):
        rows = [_sum(usage, each, f"{each.tenant}/{each.team or '-'}") for each in usage.teams]
        yield table(("team", "works", *_HEAD), rows)
    works = []
    for work in usage.works:
        figures = _figures(usage, work.gpu_hours, work.kwh)
        works.append((f"{work.namespace}/{work.name}", work.team or "-", *figures))
    yield table(("work", "team", *_HEAD), works)
    notes = ["kWh: machines at full load, without cooling and switches; calculated, not measured."]
    if usage.price is not None:
        bound = ", a lower bound" if usage.price.is_lower_bound else ""
        notes.append(f" EUR: {usage.price.euro:.2f} for a GPU-hour{bound}.")
    yield tag("p", *notes, class_="soft")


_HEAD = ("GPU-h", "kWh", "EUR")


def _sum(usage: ReportedUsage, each: UsageSum, name: str) -> tuple[str, ...]:
    """Return the row of a tenant or a team."""
    return (name, f"{each.works:,}", *_figures(usage, each.gpu_hours, each.kwh))


def _figures(usage: ReportedUsage, gpu_hours: float, kwh: float) -> tuple[str, str, str]:
    """Return GPU-hours, energy and cost of a row."""
    euro = f"{gpu_hours * usage.price.euro:,.2f}" if usage.price is not None else "-"
    return f"{gpu_hours:,.2f}", f"{kwh:,.1f}", euro
