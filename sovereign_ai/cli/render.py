"""`render`: the objects of a cluster as files, for GitOps and for review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("render", **example("sovereign-ai render stacks/lab -o manifests"))
    def render(
        stack: Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")] = Path(),
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="Folder for the files; left out, YAML goes to standard output.")
        ] = None,
        cluster: Annotated[str | None, typer.Option("--stack", metavar="NAME", help="Which of the plan's clusters.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Render the Kubernetes objects of one cluster."""
        speak("render", as_json, lambda output: _render(output, stack, out, cluster))


def _render(output: Output, path: Path, out: Path | None, cluster: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack

    bundle = open_stack(path).bundle(cluster)
    if out is None:
        output.finish(
            {"cluster": bundle.cluster, "digest": bundle.digest, "objects": list(bundle.objects)}, [bundle.to_yaml().rstrip("\n")]
        )
        return
    files = bundle.write(out)
    data = {"cluster": bundle.cluster, "digest": bundle.digest, "files": [str(file) for file in files]}
    output.finish(data, [f"wrote {len(bundle.objects)} objects in {len(files)} files to {out}", f"digest {bundle.digest}"])
