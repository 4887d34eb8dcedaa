"""`platform`: the controllers that a factory runs, their objects, a check of manifests, and an SBOM."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli import worker_kubeconfig
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, table, wrapped
from sovereign_ai.files.writing import write
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sovereign_ai.plan import PlatformController

_MANIFESTS = "Files of Kubernetes objects, as `helm template` or `kustomize build` writes them."


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The controllers that a factory's clusters run.")
    app.add_typer(group, name="platform")

    @group.command("show", **example("sovereign-ai platform show stacks/lab"))
    def show(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """List each controller with version, licence, vendor, images, and what it reaches."""
        run_command("platform show", as_json, lambda output: _show(output, stack))

    @group.command("check", **example("sovereign-ai platform check stacks/lab kueue.yaml"))
    def check(
        stack: DescriptionArgument,
        manifests: Annotated[list[Path], typer.Argument(help=_MANIFESTS)],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge manifests of controllers before they are installed; exit 1 on a violation."""
        run_command("platform check", as_json, lambda output: _check(output, stack, manifests))

    @group.command("objects", **example("sovereign-ai platform objects stacks/lab"))
    def objects(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """List the controllers' objects in the order of deployment."""
        run_command("platform objects", as_json, lambda output: _objects(output, stack))

    @group.command("settings", **example("sovereign-ai platform settings stacks/lab gpu-operator"))
    def settings(
        stack: DescriptionArgument = Path(),
        controller: Annotated[
            str | None,
            typer.Argument(help="One controller; left out, all.", autocompletion=_complete_controller),
        ] = None,
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="Write it to a file instead.")
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print the GPU and Network Operator's objects, from the plan."""
        run_command(
            "platform settings",
            as_json,
            lambda output: _settings(output, stack, controller, out),
            outputs=out,
        )

    worker_kubeconfig.add(group)

    @group.command("sbom", **example("sovereign-ai platform sbom stacks/lab -o platform.cdx.json"))
    def sbom(
        stack: DescriptionArgument = Path(),
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="Write it to a file instead.")
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Print the CycloneDX bill of materials of the platform."""
        run_command("platform sbom", as_json, lambda output: _sbom(output, stack, out), outputs=out)


def _show(output: Output, path: Path) -> None:
    from dataclasses import asdict

    from sovereign_ai.cli.stack import open_stack

    controllers = open_stack(path).plan.platform
    data = [asdict(controller) for controller in controllers]
    output.finish({"controllers": data}, _lines(controllers))


def _lines(controllers: Iterable[PlatformController]) -> list[str]:
    """Return the controllers for a terminal: a table, then images and contacts of each."""
    rows: list[tuple[str, ...]] = []
    details: list[str] = []
    for controller in controllers:
        law = f"{controller.holder} ({controller.jurisdiction})"
        version = controller.version or "-"
        rows.append((controller.name, controller.function, version, controller.licence, law))
        details += _details(controller)
    if not rows:
        return ["the description names no controllers; write them under 'platform'"]
    return [*table(["controller", "function", "version", "licence", "under the law of"], rows), "", *details]


def _details(controller: PlatformController) -> list[str]:
    """Return a line for each image of a controller, and for each of its contacts."""
    lines: list[str] = []
    for image in controller.images:
        lines += wrapped(f"{controller.name}: image {image}")
    if not controller.images:
        lines.append(f"{controller.name}: no image is described")
    for contact in controller.contacts:
        state = contact.place if contact.used else "switched off"
        origin = "" if contact.described else ", as it is shipped"
        lines += wrapped(f"{controller.name}: {contact.kind} {contact.name}: {state}{origin}")
    return lines


def _objects(output: Output, path: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.names import KEYS
    from sovereign_ai.plan import plan_manifests
    from sovereign_ai.render.kubernetes import is_of_platform
    from sovereign_ai.spec import manifest_title

    stack = open_stack(path)
    # The manifests are those of every cluster.
    bundle = stack.bundle(stack.plan.clusters[0].name)
    places = {manifest.title: manifest.field for manifest in plan_manifests(stack.factory)}
    data: list[dict[str, str]] = []
    for obj in filter(is_of_platform, bundle.objects):
        title = manifest_title(obj)
        place = stack.factory.where(places[title])
        controller = obj["metadata"]["labels"][KEYS.component].partition(".")[2]
        data.append(
            {"object": title, "controller": controller, "from": f"{place.file or ''}:{place.line or ''}"}
        )
    lines = table(["object", "controller", "from"], [tuple(row.values()) for row in data])
    none = wrapped("no controller has manifests; write their files under 'platform.controllers[].manifests'")
    output.finish({"objects": data}, lines if data else none)


def _check(output: Output, path: Path, files: list[Path]) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode, Problem, UsageError, Where
    from sovereign_ai.rules import judge_manifests

    stack = open_stack(path)
    objects: list[dict[str, Any]] = []
    for file in files:
        held = _objects_in(file)
        if not held:
            # A render that failed leaves an empty file: it must not pass for one without violations.
            hint = "render it again, or leave it out"
            raise UsageError(Problem("no-objects", "it holds no object to judge", Where(str(file)), hint))
        objects += held
    verdict = judge_manifests(stack.factory, stack.plan, objects, now=datetime.now(UTC).date())
    data = merged({"objects": len(objects)}, verdict.to_data())
    lines = [counted(len(objects), "object"), *verdict.lines()]
    output.finish(data, lines, ExitCode.OK if verdict.ok else ExitCode.FINDINGS)


def _objects_in(file: Path) -> list[dict[str, Any]]:
    """Return the objects of a file.

    Raises:
        SovereignError: it cannot be read as Kubernetes objects.
    """
    from sovereign_ai.files import MANIFESTS, decode, parse_objects, read

    return parse_objects(decode(read(file, MANIFESTS), str(file), MANIFESTS), str(file), MANIFESTS)


def _complete_controller(incomplete: str) -> list[str]:
    """Return the controllers that have settings and begin with what was typed."""
    from sovereign_ai.render.kubernetes import WITH_SETTINGS

    return [name for name in WITH_SETTINGS if name.startswith(incomplete)]


def _settings(output: Output, path: Path, controller: str | None, out: Path | None) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.render.kubernetes import WITH_SETTINGS, controller_settings, yaml_stream

    stack = open_stack(path)
    chosen = controller_settings(stack.factory, stack.plan, controller)
    data: dict[str, Any] = {"controllers": [each.to_data() for each in chosen]}
    # What a person must know goes with the objects wherever the file is taken.
    lines: list[str] = []
    for each in chosen:
        for note in each.notes:
            lines.append(f"# {each.controller}: {note}")
    for each in chosen:
        if each.objects:
            lines += yaml_stream(each.objects).rstrip("\n").split("\n")
    if not chosen:
        lines.append(f"# the platform runs no controller with settings: {', '.join(WITH_SETTINGS)}")
    if out is not None:
        write(out, "\n".join((*lines, "")).encode())
        data["file"] = str(out)
        lines = [f"wrote {out}"]
    output.finish(data, lines)


def _sbom(output: Output, path: Path, out: Path | None) -> None:
    from sovereign_ai.attest import platform_sbom
    from sovereign_ai.cli.stack import open_stack

    document = platform_sbom(open_stack(path).plan)
    if out is None:
        # The bytes are written as they are: a digest of the file is a digest of what was printed.
        sys.stdout.buffer.write(document)
        return
    write(out, document)
    output.finish({"file": str(out)}, [f"wrote {out}"])
