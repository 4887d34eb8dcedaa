"""`explain`: one rule with its reasons, its remedy, what it serves and where it is decided."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output

if TYPE_CHECKING:
    from sovereign_ai.rules.places import Cell
    from sovereign_ai.rules.rule import Rule


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("explain", **example("sovereign-ai explain RES-001"))
    def explain(
        rule: Annotated[str, typer.Argument(help="A rule's id, as `sovereign-ai rules` lists it.")],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say why a rule exists, what to do, and what it serves."""
        speak("explain", as_json, lambda output: _explain(output, rule))


def _explain(output: Output, rule_id: str) -> None:
    from sovereign_ai.rules.places import places_matrix
    from sovereign_ai.rules.registry import rule

    found = rule(rule_id.strip().upper())
    cells = [cell for cell in places_matrix() if cell.rule == found.id]
    places = {cell.place: "decided" if cell.decided else cell.why for cell in cells}
    output.finish({"rule": found.to_data(), "places": places}, _lines(found, cells))


def _lines(rule: Rule, cells: list[Cell]) -> list[str]:
    """Write a rule in 80 columns."""
    lines = [*wrap(f"{rule.id} [{rule.severity}] {rule.title}", 80), ""]
    lines += [*wrap(rule.rationale, 80), "", *wrap(rule.remediation, 80, initial_indent="> ", subsequent_indent="  "), ""]
    lines.append("Serves")
    for control in sorted(rule.controls):
        told = f"{control.framework} {control.id} ({control.status}, {control.version}, {control.date}): {control.summary}"
        lines += wrap(told, 80, initial_indent="  ", subsequent_indent="    ")
    lines += ["", "Decided"]
    for cell in cells:
        lines += wrap(f"{cell.place}: {'yes' if cell.decided else cell.why}", 80, initial_indent="  ", subsequent_indent="    ")
    if rule.checks:
        lines += ["", "Denies where"]
        for check in rule.checks:
            lines += wrap(f"{check.field}: {check.message} ({', '.join(check.kinds)})", 80, initial_indent="  ", subsequent_indent="    ")
    return lines
