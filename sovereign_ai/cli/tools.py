"""`tools`: install the pinned tools, and the bill of their materials."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.files import save
from sovereign_ai.cli.output import AsJson, Output, table

if TYPE_CHECKING:
    from sovereign_ai.toolchain.node_image.build import NodeImage


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Install the pinned tools; say what they are made of.")
    app.add_typer(group, name="tools")

    @group.command("install", **example("sovereign-ai tools install"))
    def install(
        names: Annotated[list[str] | None, typer.Argument(help="Tools to install; left out, all.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Find, download or build what is missing; an interrupted run goes on where it was."""
        speak("tools install", as_json, lambda output: _install(output, names))

    @group.command("sbom", **example("sovereign-ai tools sbom -o sbom.cdx.json"))
    def sbom(
        out: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to a file instead.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print the CycloneDX bill of materials; it is read from the binaries' own build information."""
        speak("tools sbom", as_json, lambda output: _sbom(output, out))

    @group.command("node-image", **example("sovereign-ai tools node-image"))
    def node(
        published: Annotated[
            bool, typer.Option("--published", help="Pull kind's published image by digest, if a registry gives it.")
        ] = False,
        again: Annotated[bool, typer.Option("--again", help="Build it even if one is there.")] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Put the kind plane's node image into the container engine: from the cache, else built from source."""
        speak("tools node-image", as_json, lambda output: _node_image(output, published, again))


def _node_image(output: Output, published: bool, again: bool) -> None:
    from sovereign_ai.toolchain.engine.docker import Docker
    from sovereign_ai.toolchain.engine.prune import prune
    from sovereign_ai.toolchain.node_image.build import RECIPE, node_image
    from sovereign_ai.toolchain.table import KIND_NODE

    image = node_image(progress=output.progress, published=published, again=again)
    if gone := prune(Docker(), RECIPE):
        output.progress(f"node image: removed {gone} older ones from the engine")
    said = [f"{image.tag}: {image.identity} ({image.way})"]
    if published and image.recipe != KIND_NODE:
        said.append(_why_ours(image, again))
    output.finish(image.to_data(), said)


def _why_ours(image: NodeImage, again: bool) -> str:
    """Say why the published image is not the one that stands there, though it was asked for."""
    if again:
        return "the published image was not asked for: --again builds our own"
    if image.way == "engine":
        return f"the published image was not asked for: our own is there; `docker image rm {image.tag}` first"
    return "no registry gave the published image: this is our own"


def _install(output: Output, names: list[str] | None) -> None:
    from sovereign_ai.toolchain.install import install

    found = install(names or None, progress=output.progress)
    output.finish({"tools": {name: str(path) for name, path in found.items()}}, table(["tool", "path"], sorted(found.items())))


def _sbom(output: Output, out: Path | None) -> None:
    from sovereign_ai.toolchain.sbom import sbom

    text = sbom()
    if out is None:
        sys.stdout.buffer.write(text)
        return
    save(out, text)
    output.finish({"file": str(out)}, [f"wrote {out}"])
