"""`rules`: the registry of rules, and the places where each rule is decided."""

from __future__ import annotations

from typing import Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output, hanging
from sovereign_ai.text import counted


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("rules", **example("sovereign-ai rules --json"))
    def rules(as_json: Annotated[bool, AsJson] = False) -> None:
        """List every rule, and in which places it is decided."""
        run_command("rules", as_json, _rules)


_HEAD = "rule     severity  P B U A L  what must hold"
"""A letter for each place, in the order of `PLACES`; the last lines of the output explain them."""


def _rules(output: Output) -> None:
    from sovereign_ai.rules import (
        PLACES,
        REGISTRY,
        decided_share,
        places_matrix,
        registry_data,
        registry_digest,
    )

    decided = set()
    matrix = []
    for cell in places_matrix():
        matrix.append({"rule": cell.rule, "place": cell.place, "decided": cell.decided, "why": cell.why})
        if cell.decided:
            decided.add((cell.rule, cell.place))
    lines = [_HEAD]
    on_objects = 0
    for rule in REGISTRY:
        marks = " ".join("+" if (rule.id, place) in decided else "-" for place in PLACES)
        lines += hanging(f"{rule.id}  {rule.severity:<8}  {marks}  ", rule.title)
        # A rule without checks on objects is decided on the description alone.
        if rule.checks:
            on_objects += 1
    share = decided_share()
    rules_text = counted(len(REGISTRY), "rule")
    lines += [
        "",
        f"{rules_text}: {on_objects} on objects, {len(REGISTRY) - on_objects} on the description;",
        f"object rules are decided in {share:.0%} of their places.",
        "+ decided, - undecidable there: P plan, B rendered objects before Pulumi,",
        "U Pulumi's policy pack, A admission, L live objects.",
        "Next: `sovereign-ai explain RULE` explains a rule and what to do about it;",
        "`sovereign-ai check STACK` judges a stack; docs/controls.md goes by control.",
    ]
    data = {
        "digest": registry_digest(),
        "rules": registry_data(),
        "matrix": matrix,
        "share_decided": round(share, 4),
    }
    output.finish(data, lines)
