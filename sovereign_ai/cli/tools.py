"""`tools`: install the pinned tools, list their materials (SBOM), rebuild one, and make kind's node image."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_built_tool, complete_tool
from sovereign_ai.cli.output import AsJson, Output, table
from sovereign_ai.errors import ExitCode
from sovereign_ai.files.writing import write
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.toolchain.node_image.build import NodeImage


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Install the pinned tools; list what they are made of.")
    app.add_typer(group, name="tools")

    @group.command("install", **example("sovereign-ai tools install"))
    def install(
        names: Annotated[
            list[str] | None,
            typer.Argument(help="Tools to install; left out, all.", autocompletion=complete_tool),
        ] = None,
        from_path: Annotated[
            bool,
            typer.Option(
                "--from-path", help="Use suitable tools that are on PATH; each is recorded with its digest."
            ),
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Find, download or build what is missing; an interrupted run continues where it was."""
        run_command("tools install", as_json, lambda output: _install(output, names, from_path))

    @group.command("sbom", **example("sovereign-ai tools sbom -o sbom.cdx.json"))
    def sbom(
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="Write it to a file instead.")
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print the CycloneDX bill of materials; it is read from the binaries' own build information."""
        run_command("tools sbom", as_json, lambda output: _sbom(output, out), outputs=out)

    @group.command("verify", **example("sovereign-ai tools verify etcd"))
    def verify(
        name: Annotated[
            str,
            typer.Argument(
                help="A tool that is built from source, such as etcd or kind.",
                autocompletion=complete_built_tool,
            ),
        ],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Build a tool twice in different folders and compare the bytes; exit 1 if they differ. Minutes."""
        run_command("tools verify", as_json, lambda output: _verify(output, name))

    @group.command("node-image", **example("sovereign-ai tools node-image"))
    def node(
        published: Annotated[
            bool,
            typer.Option(
                "--published", help="Pull kind's published image by digest, if a registry gives it."
            ),
        ] = False,
        again: Annotated[bool, typer.Option("--again", help="Build it even if it is there already.")] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Load kind's node image into the container engine: from the cache, else built from source."""
        run_command("tools node-image", as_json, lambda output: _node_image(output, published, again))


def _node_image(output: Output, published: bool, again: bool) -> None:
    from sovereign_ai.toolchain import KIND_NODE
    from sovereign_ai.toolchain.container_engine import Docker, prune
    from sovereign_ai.toolchain.node_image.build import RECIPE, node_image

    image = node_image(progress=output.progress, published=published, again=again)
    # No command uses the image of an older recipe any more.
    if removed := prune(Docker(), RECIPE):
        output.progress(f"node image: removed {counted(removed, 'older one')} from the container engine")
    lines = [f"{image.tag}: {image.identity} ({image.way})"]
    if published and image.recipe != KIND_NODE:
        lines.append(_why_not_published(image, again))
    output.finish(image.to_data(), lines)


def _why_not_published(image: NodeImage, again: bool) -> str:
    """Return why the image is not kind's published one, although that was requested."""
    if again:
        return "the published image was not pulled: --again builds the image from source"
    if image.way == "engine":
        remove = f"`docker image rm {image.tag}`"
        return f"the published image was not pulled: the built one is in the container engine; {remove} first"
    return "no registry gave the published image: this is the one that is built from source"


def _install(output: Output, names: list[str] | None, from_path: bool) -> None:
    from sovereign_ai.toolchain.install import install

    installed = install(names or None, progress=output.progress, from_path=from_path)
    data = {name: str(path) for name, path in installed.items()}
    output.finish({"tools": data}, table(["tool", "path"], sorted(installed.items())))


def _verify(output: Output, name: str) -> None:
    from sovereign_ai.toolchain.rebuild import rebuild

    rebuilt = rebuild(name, progress=output.progress)
    output.finish(rebuilt.to_data(), rebuilt.lines(), ExitCode.OK if rebuilt.same else ExitCode.FINDINGS)


def _sbom(output: Output, out: Path | None) -> None:
    from sovereign_ai.toolchain import sbom

    document = sbom()
    if out is None:
        # The bytes are written as they are: a digest of the file is a digest of what was printed.
        sys.stdout.buffer.write(document)
        return
    write(out, document)
    output.finish({"file": str(out)}, [f"wrote {out}"])
