"""`render`: write the objects of one cluster or of all as files, for GitOps and for review."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.render.kubernetes import Bundle


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
            str | None,
            typer.Option(
                "--stack",
                metavar="NAME",
                help="Which of the plan's clusters; left out, --output gets a folder for each.",
            ),
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Render the Kubernetes objects of one cluster, or of every cluster into a folder of its own."""
        run_command("render", as_json, lambda output: _render(output, stack, out, cluster))


def _render(output: Output, path: Path, out: Path | None, cluster: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    if out is None:
        _print(output, stack.bundle(cluster))
    elif cluster is None and len(stack.plan.clusters) > 1:
        _write_all(output, stack, out)
    else:
        _write_flat(output, stack.bundle(cluster), out)


def _print(output: Output, bundle: Bundle) -> None:
    """Print the objects of a cluster."""
    data: dict[str, Any] = {"cluster": bundle.cluster, "digest": bundle.digest}
    data["objects"] = list(bundle.objects)
    output.finish(data, bundle.to_yaml().rstrip("\n").split("\n"))


def _write_flat(output: Output, bundle: Bundle, out: Path) -> None:
    """Write the objects of one cluster into a folder."""
    files = bundle.write(out)
    paths = [str(file) for file in files]
    lines = [f"wrote {len(bundle.objects)} objects in {len(paths)} files to {out}"]
    lines.append(f"digest {bundle.digest}")
    output.finish({"cluster": bundle.cluster, "digest": bundle.digest, "files": paths}, lines)


def _write_all(output: Output, stack: Stack, out: Path) -> None:
    """Write the objects of every cluster, each into a folder of the cluster's name."""
    from sovereign_ai.render.kubernetes import write_clusters

    bundles = [stack.bundle(planned.name) for planned in stack.plan.clusters]
    files: dict[str, str] = {}
    for bundle in bundles:
        for name, text in bundle.files().items():
            files[f"{bundle.cluster}/{name}"] = text
    written = write_clusters(out, files, output.progress)
    clusters, lines = _summary(bundles, out)
    if written.removed:
        lines.append(f"removed {written.removed} files of an earlier run")
    paths = sorted(str(out / name) for name in files)
    output.finish({"clusters": clusters, "files": paths, "removed": written.removed}, lines)


def _summary(bundles: Sequence[Bundle], out: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what was written of each cluster, for a program and for a person."""
    data: list[dict[str, Any]] = []
    lines: list[str] = []
    for bundle in bundles:
        count, folder = len(bundle.objects), str(out / bundle.cluster)
        row = {"cluster": bundle.cluster, "digest": bundle.digest, "objects": count, "folder": folder}
        data.append(row)
        lines.append(f"wrote {count} objects to {folder}, digest {bundle.digest}")
    return data, lines
