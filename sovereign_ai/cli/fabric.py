"""`fabric`: what the plan's networks carry, their configuration, and a twin of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table, wrapped

if TYPE_CHECKING:
    from sovereign_ai.sim.twin.sample import Sample

Stack = Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")]
Plane = Annotated[
    str | None, typer.Option("--plane", metavar="NAME", help="One plane alone; left out, as many side by side as show what one loses.")
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Judge, configure and twin the networks of a plan.")
    app.add_typer(group, name="fabric")

    @group.command("check", **example("sovereign-ai fabric check stacks/lab"))
    def check(stack: Stack = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Tell what each plane carries, and what is lost with each part of it; exit 1 if a cable does not reach."""
        speak("fabric check", as_json, lambda output: _check(output, stack))

    @group.command("render", **example("sovereign-ai fabric render stacks/lab -o fabric"))
    def render(
        stack: Stack = Path(),
        out: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")] = Path("fabric"),
        boot: Annotated[
            str, typer.Option("--boot-server", metavar="ADDRESS", help="IPv4 address from which machines boot; left out, none do.")
        ] = "",
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write files for switches and other systems: configuration, cable lists, rack fronts, DHCP, PXE, bare-metal, NetBox, Topograph."""
        speak("fabric render", as_json, lambda output: _render(output, stack, out, boot))

    twin = typer.Typer(no_args_is_help=True, help="Build a plane from namespaces and real routing daemons; needs root and FRR.")
    group.add_typer(twin, name="twin")

    @twin.command("up", **example("sovereign-ai fabric twin up stacks/lab"))
    def up(stack: Stack = Path(), plane: Plane = None, as_json: Annotated[bool, AsJson] = False) -> None:
        """Build the twin and leave it standing."""
        speak("fabric twin up", as_json, lambda output: _up(output, stack, plane))

    @twin.command("test", **example("sovereign-ai fabric twin test stacks/lab"))
    def test(stack: Stack = Path(), plane: Plane = None, as_json: Annotated[bool, AsJson] = False) -> None:
        """Build a twin, test it and tear it down; one that stands already is tested and left; exit 1 if a check fails."""
        speak("fabric twin test", as_json, lambda output: _test(output, stack, plane))

    @twin.command("down", **example("sovereign-ai fabric twin down stacks/lab"))
    def down(stack: Stack = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Remove the twin's processes, namespaces and files; also what a crash left."""
        speak("fabric twin down", as_json, lambda output: _down(output, stack))


def _check(output: Output, path: Path) -> None:
    from sovereign_ai.assess.cables import lengths
    from sovereign_ai.assess.fabric import check
    from sovereign_ai.assess.planes import plane_losses
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.units import BitsPerSecond

    lines: list[str] = []
    stack = open_stack(path)
    reports, cabling = check(stack.plan), {one.plane: one for one in lengths(stack.factory, stack.plan)}
    lost = {one.plane: one for one in plane_losses(stack.plan, reports)}
    for one in reports:
        switches = ", ".join(f"{count:,} {tier}" for tier, count in one.switches.items() if count)
        cables = sum(one.cables.values())
        lines += wrapped(f"{one.plane}: {one.kind}, {one.endpoints:,} endpoints, {switches}, {cables:,} cables")
        lines += [f"  bisection {BitsPerSecond(one.bisection)}, oversubscription {one.oversubscription}"]
        below, above = min(one.rails)
        rails = f"{len(one.rails)} rails, the least {BitsPerSecond(below)} from machines and {BitsPerSecond(above)} to spines"
        lines += wrapped(rails, "  ")
        lines += wrapped(f"cables {cabling[one.plane].said}", "  ")
        mine = lost[one.plane]
        if mine.planes > 1:
            left = (
                f"{mine.share} of {mine.fabric}'s bisection stays without it; {mine.dark:,} of {mine.nodes:,} hosts lose every port of it"
            )
            lines += wrapped(f"one of {mine.planes} planes: {left}", "  ")
        lines += [""]
        rows = [(loss.kind, f"{loss.parts:,}", f"{loss.endpoints:,}", f"{loss.gpus:,}", f"{float(loss.share):.4%}") for loss in one.losses]
        lines += [f"  {line}" for line in table(["if this fails", "of", "ports lost", "GPUs", "bisection left"], rows)] + [""]
    more = {one.plane: {"cabling": cabling[one.plane].to_data(), "lost": lost[one.plane].to_data()} for one in reports}
    short = any(one.holds is False for one in cabling.values())
    data = {"planes": [one.to_data() | more[one.plane] for one in reports]}
    output.finish(data, lines[:-1], ExitCode.FINDINGS if short else ExitCode.OK)


def _render(output: Output, path: Path, out: Path, boot: str) -> None:
    from ipaddress import AddressValueError, IPv4Address

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.render.folder import write
    from sovereign_ai.render.interop.files import Known, files

    try:
        server = str(IPv4Address(boot)) if boot else ""
    except AddressValueError:
        raise UsageError(Problem("bad-address", f"{boot[:60]!r} is no IPv4 address", hint="write it as 10.0.0.5")) from None
    stack = open_stack(path)

    def made() -> Iterator[tuple[str, bytes]]:
        for name, text in files(stack.factory, stack.plan, Known(boot=server)):
            yield name, text.encode()

    done = write(out, "fabric render", made, output.progress)
    lines = [f"wrote {done.files:,} files to {out}"]
    lines += [f"removed {done.removed:,} files of an earlier run"] if done.removed else []
    output.finish({"folder": str(out), "files": done.files, "bytes": done.size, "removed": done.removed}, lines)


def _sample(path: Path, plane: str | None) -> tuple[Sample, Any]:
    """Give what is twinned, and what the plan foretells of it."""
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.sim.twin.sample import predicted, sample

    stack = open_stack(path)
    found = sample(stack.factory, stack.plan, plane)
    return found, predicted(found, stack.plan)


def _end_on_terminate() -> None:
    """Let a request to end do what Ctrl-C does, so that the twin is torn down."""
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _up(output: Output, path: Path, plane: str | None) -> None:
    from sovereign_ai.deploy.hosts import configure_twin
    from sovereign_ai.sim.twin.twin import Twin, need

    need()
    found, _ = _sample(path, plane)
    output.progress(found.said)
    _end_on_terminate()
    twin = Twin.up(found, output.progress, configure_twin)
    data = {"planes": found.planes, "sample": found.said, "prefix": twin.prefix, "folder": str(twin.folder), "seconds": twin.seconds}
    output.finish(data, [found.said, f"converged in {twin.seconds['converged']:.1f} s; namespaces {twin.prefix}<device>"])


def _test(output: Output, path: Path, plane: str | None) -> None:
    from sovereign_ai.deploy.hosts import configure_twin
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.sim.twin.checks import check
    from sovereign_ai.sim.twin.twin import Twin, need
    from sovereign_ai.sim.twin.twin import down as end

    need()
    found, foretold = _sample(path, plane)
    output.progress(found.said)
    stands = Twin.found(found).stands
    _end_on_terminate()
    results = []
    try:
        twin = Twin.found(found) if stands else Twin.up(found, output.progress, configure_twin)
        for one in check(twin, foretold):
            output.progress(f"{one}: {'as it should be' if one.passed else 'WRONG'}")
            results.append(one)
    finally:
        if not stands:
            end(found.factory)
    good = all(one.passed for one in results)
    lines = [found.said, *(f"{'ok   ' if one.passed else 'WRONG'} {one}: {one.said}" for one in results)]
    data = {"planes": found.planes, "sample": found.said, "seconds": twin.seconds, "results": [one.to_data() for one in results]}
    output.finish(data, lines, ExitCode.OK if good else ExitCode.FINDINGS)


def _down(output: Output, path: Path) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.sim.twin.twin import down

    had = down(open_stack(path).factory.name)
    output.finish(had, [f"removed {had['processes']} processes, {had['namespaces']} namespaces and {had['files']} files"])
