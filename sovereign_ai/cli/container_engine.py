"""`cluster engine`: the container engine that kind clusters run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.output import AsJson, Output, wrapped

if TYPE_CHECKING:
    from sovereign_ai.toolchain.container_engine import EngineState


def add(group: typer.Typer) -> None:
    """Add the commands."""
    engine = typer.Typer(
        no_args_is_help=True, help="Start, show and stop the container engine that kind needs."
    )
    group.add_typer(engine, name="engine")

    @engine.command("up", **example("sovereign-ai cluster engine up"))
    def up(as_json: Annotated[bool, AsJson] = False) -> None:
        """Use the container engine that answers, or start Docker's as root; exit 3 where neither can be."""
        run_command("cluster engine up", as_json, _up)

    @engine.command("status", **example("sovereign-ai cluster engine status"))
    def status(as_json: Annotated[bool, AsJson] = False) -> None:
        """Show which container engine answers; exit 3 if none does."""
        run_command("cluster engine status", as_json, _status)

    @engine.command("down", **example("sovereign-ai cluster engine down"))
    def down(as_json: Annotated[bool, AsJson] = False) -> None:
        """Stop the container engine that `up` started; an engine that ran before stays."""
        run_command("cluster engine down", as_json, _down)


def _up(output: Output) -> None:
    from sovereign_ai.toolchain.container_engine import ensure

    engine = ensure(progress=output.progress)
    output.finish(engine.to_data(), _engine_lines(engine))


def _status(output: Output) -> None:
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.toolchain.container_engine import state

    engine = state()
    code = ExitCode.OK if engine.version else ExitCode.ENVIRONMENT
    output.finish(engine.to_data(), _engine_lines(engine), code)


def _down(output: Output) -> None:
    from sovereign_ai.toolchain.container_engine import stop

    was_running = stop()
    line = "no container engine that sovereign-ai started is running"
    if was_running:
        line = "stopped the container engine"
    output.finish({"ended": was_running}, [line])


def _engine_lines(engine: EngineState) -> list[str]:
    """Return the state of the container engine as lines.

    On many virtual machines the host withholds a capability such as CAP_SYS_RESOURCE from everything that
    runs on it. Containers that request it do not start there, unless the engine uses a runtime that leaves
    the request out.
    """
    if not engine.version:
        return ["no container engine answers"]
    process = f", started by sovereign-ai as process {engine.ours}" if engine.ours else ""
    lines = [f"Docker {engine.version}{process}"]
    if not engine.trims:
        return lines
    withheld = f"this computer withholds {', '.join(engine.trims)}"
    if engine.ours:
        lines += wrapped(f"{withheld}: containers start through a runtime that does not request it")
    else:
        lines += wrapped(
            f"{withheld}, and sovereign-ai did not start this engine: nodes may not start in it;"
            " stop it and run `sovereign-ai cluster engine up` as root,"
            " whose engine does not request what is withheld"
        )
    return lines
