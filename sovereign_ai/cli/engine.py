"""`cluster engine`: the container engine of the kind plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output

if TYPE_CHECKING:
    from sovereign_ai.toolchain.engine.daemon import EngineState


def add(group: typer.Typer) -> None:
    """Add the commands."""
    engine = typer.Typer(no_args_is_help=True, help="Start, look at and end the container engine that kind needs.")
    group.add_typer(engine, name="engine")

    @engine.command("up", **example("sovereign-ai cluster engine up"))
    def up(as_json: Annotated[bool, AsJson] = False) -> None:
        """Use the engine that answers, or start Docker's as root; exit 3 where neither can be."""
        speak("cluster engine up", as_json, _up)

    @engine.command("status", **example("sovereign-ai cluster engine status"))
    def status(as_json: Annotated[bool, AsJson] = False) -> None:
        """Show which engine answers; exit 3 if none does."""
        speak("cluster engine status", as_json, _status)

    @engine.command("down", **example("sovereign-ai cluster engine down"))
    def down(as_json: Annotated[bool, AsJson] = False) -> None:
        """End the engine that `up` started; one that was there before stays."""
        speak("cluster engine down", as_json, _down)


def _up(output: Output) -> None:
    from sovereign_ai.toolchain.engine.daemon import ensure

    seen = ensure(progress=output.progress)
    output.finish(seen.to_data(), told(seen))


def _status(output: Output) -> None:
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.toolchain.engine.daemon import state

    seen = state()
    output.finish(seen.to_data(), told(seen), ExitCode.OK if seen.version else ExitCode.ENVIRONMENT)


def _down(output: Output) -> None:
    from sovereign_ai.toolchain.engine.daemon import stop

    had = stop()
    output.finish({"ended": had}, ["ended the engine" if had else "no engine of ours runs"])


def told(seen: EngineState) -> list[str]:
    """Say what there is of an engine."""
    if not seen.version:
        return ["no container engine answers"]
    lines = [f"Docker {seen.version}{f', started by us as process {seen.ours}' if seen.ours else ''}"]
    if seen.trims and seen.ours:
        lines.append(f"this machine withholds {', '.join(seen.trims)}: containers start through a runtime that does not ask for it")
    elif seen.trims:
        lines.append(f"this machine withholds {', '.join(seen.trims)}, and this engine is not ours: nodes may not start in it;")
        lines.append("end it and run `sovereign-ai cluster engine up` as root, whose engine does not ask for what is withheld")
    return lines
