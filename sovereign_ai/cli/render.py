"""`render`: write the objects of a cluster as files, for GitOps and for review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("render", **example("sovereign-ai render stacks/lab -o manifests"))
    def render(
        stack: Annotated[
            Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")
        ] = Path(),
        out: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="Folder for the files; left out, YAML goes to standard output."
            ),
        ] = None,
        cluster: Annotated[
            str | None, typer.Option("--stack", metavar="NAME", help="Which of the plan's clusters.")
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Render the Kubernetes objects of one cluster."""
        run_command("render", as_json, lambda output: _render(output, stack, out, cluster))


def _render(output: Output, path: Path, out: Path | None, cluster: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack

    bundle = open_stack(path).bundle(cluster)
    data: dict[str, Any] = {"cluster": bundle.cluster, "digest": bundle.digest}
    if out is None:
        text = bundle.to_yaml().rstrip("\n")
        data["objects"] = list(bundle.objects)
        output.finish(data, text.split("\n"))
        return
    files = bundle.write(out)
    paths = [str(file) for file in files]
    lines = [f"wrote {len(bundle.objects)} objects in {len(paths)} files to {out}"]
    lines.append(f"digest {bundle.digest}")
    output.finish({**data, "files": paths}, lines)
