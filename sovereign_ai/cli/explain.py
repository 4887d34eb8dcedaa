"""`explain`: one rule with its reasons, its remedy, the controls that it serves and where it is decided."""

from __future__ import annotations

import re
from functools import partial
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_rule
from sovereign_ai.cli.output import AsJson, Output

if TYPE_CHECKING:
    from sovereign_ai.rules import Cell, Rule


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("explain", **example("sovereign-ai explain RES-001"))
    def explain(
        rule: Annotated[
            str,
            typer.Argument(
                help="A rule's id, as `sovereign-ai rules` lists it.", autocompletion=complete_rule
            ),
        ],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Explain why a rule exists and what to do; and which controls it serves."""
        run_command("explain", as_json, lambda output: _explain(output, rule))


def _explain(output: Output, rule_id: str) -> None:
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.rules import find_rule, places_matrix

    # A message ends with its code in brackets, a finding with its severity.
    name = rule_id.strip().strip("[]")
    if _CODE.fullmatch(name):
        message = f"{name!r} is the code of a message, and no rule"
        hint = "the line below that message says what to write; `sovereign-ai rules` lists the rules"
        raise UsageError(Problem("unknown-rule", message, hint=hint))
    explained = find_rule(name.upper())
    cells = [cell for cell in places_matrix() if cell.rule == explained.id]
    places = {cell.place: "decided" if cell.decided else cell.why for cell in cells}
    output.finish({"rule": explained.to_data(), "places": places}, _lines(explained, cells))


_CODE = re.compile("[a-z]+(-[a-z]+)+")
"""The code of a problem, for programs; a rule's id has digits."""
_wrap_item = partial(wrap, width=80, initial_indent="  ", subsequent_indent="    ")


def _lines(rule: Rule, cells: list[Cell]) -> list[str]:
    """Return a rule as text in 80 columns."""
    title = f"{rule.id} [{rule.severity}] {rule.title}"
    lines = wrap(title, 80)
    lines.append("")
    lines += wrap(rule.rationale, 80)
    lines.append("")
    lines += wrap(rule.remediation, 80, initial_indent="> ", subsequent_indent="  ")
    lines += ["", "Serves"]
    for control in sorted(rule.controls):
        source = f"{control.status}, {control.version}, {control.date}"
        name = f"{control.framework} {control.id}"
        lines += _wrap_item(f"{name} ({source}): {control.summary}")
    lines += ["", "Decided"]
    for cell in cells:
        answer = "yes" if cell.decided else cell.why
        lines += _wrap_item(f"{cell.place}: {answer}")
    if rule.checks:
        lines += ["", "Denies where"]
        for check in rule.checks:
            kinds = ", ".join(check.kinds)
            lines += _wrap_item(f"{check.field}: {check.message} ({kinds})")
    return lines
