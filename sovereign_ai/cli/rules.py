"""`rules`: the registry of what may never be, and where each rule is decided."""

from __future__ import annotations

from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("rules", **example("sovereign-ai rules --json"))
    def rules(as_json: Annotated[bool, AsJson] = False) -> None:
        """List every rule, and in which places it is decided."""
        speak("rules", as_json, _rules)


def _rules(output: Output) -> None:
    from textwrap import shorten

    from sovereign_ai.rules.places import PLACES, places_matrix, share_decided
    from sovereign_ai.rules.registry import REGISTRY, registry_data, registry_digest

    cells = places_matrix()
    decided = {(cell.rule, cell.place) for cell in cells if cell.decided}
    rows = [
        (
            rule.id,
            rule.severity,
            *("yes" if (rule.id, place) in decided else "-" for place in PLACES),
            shorten(rule.title, 26, placeholder=" …"),
        )
        for rule in REGISTRY
    ]
    head = ("rule", "severity", *(place if place != "admission" else "admit" for place in PLACES), "what must hold")
    matrix = [{"rule": cell.rule, "place": cell.place, "decided": cell.decided, "why": cell.why} for cell in cells]
    data = {"digest": registry_digest(), "rules": registry_data(), "matrix": matrix, "share_decided": round(share_decided(), 4)}
    objects = sum(bool(rule.checks) for rule in REGISTRY)
    closing = [
        "",
        f"{len(REGISTRY)} rules: {objects} on objects, {len(REGISTRY) - objects} on the description;",
        f"object rules are decided in {share_decided():.0%} of their places. `-`: undecidable there.",
    ]
    output.finish(data, [*table(head, rows), *closing])
