"""`rules`: the registry of what may never be, and where each rule is decided."""

from __future__ import annotations

from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, hanging


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("rules", **example("sovereign-ai rules --json"))
    def rules(as_json: Annotated[bool, AsJson] = False) -> None:
        """List every rule, and in which places it is decided."""
        speak("rules", as_json, _rules)


_HEAD = "rule     severity  P B U A L  what must hold"
"""A letter a place, in the order of `PLACES`; the last lines say which."""


def _rules(output: Output) -> None:
    from sovereign_ai.rules.places import PLACES, places_matrix, share_decided
    from sovereign_ai.rules.registry import REGISTRY, registry_data, registry_digest

    cells = places_matrix()
    decided = {(cell.rule, cell.place) for cell in cells if cell.decided}
    lines = [_HEAD]
    for rule in REGISTRY:
        marks = " ".join("+" if (rule.id, place) in decided else "-" for place in PLACES)
        lines += hanging(f"{rule.id}  {rule.severity:<8}  {marks}  ", rule.title)
    matrix = [{"rule": cell.rule, "place": cell.place, "decided": cell.decided, "why": cell.why} for cell in cells]
    data = {"digest": registry_digest(), "rules": registry_data(), "matrix": matrix, "share_decided": round(share_decided(), 4)}
    objects = sum(bool(rule.checks) for rule in REGISTRY)
    closing = [
        "",
        f"{len(REGISTRY)} rules: {objects} on objects, {len(REGISTRY) - objects} on the description;",
        f"object rules are decided in {share_decided():.0%} of their places.",
        "+ decided, - undecidable there: P plan, B rendered objects before Pulumi,",
        "U Pulumi's policy pack, A admission, L live objects.",
        "Next: `sovereign-ai explain RULE` says why, what to do and what it serves;",
        "`sovereign-ai check STACK` judges a stack; docs/controls.md goes by control.",
    ]
    output.finish(data, [*lines, *closing])
