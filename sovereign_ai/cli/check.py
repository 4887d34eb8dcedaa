"""`check`: what may never be, decided before anything is deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("check", **example("sovereign-ai check stacks/lab"))
    def check(
        stack: Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")] = Path(),
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge the description, the plan and every cluster's objects by the rules."""
        speak("check", as_json, lambda output: _check(output, stack))


def _check(output: Output, path: Path) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.rules.check import check as judged

    stack = open_stack(path)
    now = datetime.now(UTC).date()
    lines, clusters, ok = [], [], True
    for cluster in stack.plan.clusters:
        bundle = stack.bundle(cluster.name)
        verdict = judged(stack.factory, stack.plan, bundle.objects, now=now, cluster=cluster.name, where=stack.factory.where)
        ok = ok and verdict.ok
        clusters.append({"cluster": cluster.name, "objects": len(bundle.objects), **verdict.to_data()})
        lines += [f"{cluster.name}: {len(bundle.objects)} objects", *verdict.lines()]
    output.finish({"clusters": clusters}, lines, ExitCode.OK if ok else ExitCode.FINDINGS)
