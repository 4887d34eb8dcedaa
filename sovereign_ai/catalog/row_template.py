"""A row to fill in, with every figure that its kind may have, its unit, and whether it is required."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sovereign_ai.catalog.row_figures import RULES
from sovereign_ai.catalog.user_rows import KINDS, UNFILLED


def template(kind: str, name: str, read: date) -> str:
    """Return the text of a file with one row of a kind to fill in; everything but its sources is right.

    Args:
        kind: the kind of the row, one of `kinds()`.
        name: the row's name.
        read: the day on which the sources are read, which is the day of writing.

    >>> print(template("optic", "our-optic", date(2026, 12, 31)).splitlines()[2])
      - kind: optic
    """
    return "\n".join(_lines(kind, name, read)) + "\n"


def _lines(kind: str, name: str, read: date) -> Iterator[str]:
    """Yield the lines of the file."""
    yield "# Name this file in the description: catalog: [hardware.yaml]"
    yield "rows:"
    yield f"  - kind: {kind}"
    yield f"    name: {name}"
    yield from _member_lines(kind, name)
    yield (
        "    # Each figure: value, unit, source, the day it was read, and how far it can be trusted:"
        " official, datasheet, quote,"
    )
    yield "    # measured, secondary, calculated (say how in 'note') or estimate (give 'low' and 'high')."
    yield "    figures:"
    # Mappings of figures come last, because YAML allows each of their keys once.
    nested: dict[str, list[str]] = {}
    for field, rule in RULES[kind].items():
        if not rule.example:
            continue
        comment = "" if rule.is_needed else "  # may be left out"
        outer, _, inner = field.partition(".")
        figure = f"{_figure(rule.example, read)}{comment}"
        if inner := inner or rule.inner:
            nested.setdefault(outer, []).append(f"        {inner}: {figure}")
        else:
            yield f"      {outer}: {figure}"
    for outer, lines in nested.items():
        yield f"      {outer}:"
        yield from lines


def _member_lines(kind: str, name: str) -> Iterator[str]:
    """Yield the members of a row that are no figures."""
    if kind == "supplier":
        yield f"    title: {name}"
        yield "    makes: [machines]"
    else:
        vendor = "a supplier of the catalogue, or one that a row of kind supplier before this one brings"
        yield f"    vendor: supermicro  # {vendor}"
    if kind == "controller":
        yield f"    title: {name}"
    if kind == "system":
        accelerator = "an accelerator of the catalogue, or one that a row before this one brings"
        yield f"    accelerator: h100-sxm  # {accelerator}"


def _figure(example: str, read: date) -> str:
    """Return a figure as YAML; its source is in quotes, for what is filled in may have a comma."""
    value, _, unit = example.partition(" ")
    if unit:
        value += f", unit: {unit}"
    return f'{{value: {value}, source: "{UNFILLED}", read: {read}, grade: datasheet}}'


def kinds() -> list[str]:
    """Return every kind that a template can be written for."""
    return sorted(KINDS)
