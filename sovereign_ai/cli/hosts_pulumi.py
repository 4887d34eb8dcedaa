"""`hosts preview`, `hosts up`, `hosts forget`: the hosts as a Pulumi resource, on the same state as `up`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, wrapped

if TYPE_CHECKING:
    from sovereign_ai.deploy.engine import Outcome
    from sovereign_ai.deploy.host_program import HostsEngine

Where = Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")]
Limit = Annotated[
    list[str] | None, typer.Option("--limit", "-l", metavar="NAME", help="Only these: a host, unit or group, * allowed; may be repeated.")
]
GivenFile = Annotated[Path | None, typer.Option("--given", help="What a plan cannot know; left out, hosts.yaml in the stack's folder.")]
Forks = Annotated[int, typer.Option("--forks", metavar="N", min=1, max=500, help="Hosts worked on at the same time.")]


def add(group: typer.Typer) -> None:
    """Add the commands."""

    @group.command("preview", **example("sovereign-ai hosts preview stacks/lab --limit 'train-*'"))
    def preview(
        stack: Where = Path(), limit: Limit = None, given: GivenFile = None, forks: Forks = 50, as_json: Annotated[bool, AsJson] = False
    ) -> None:
        """Show what Pulumi would change on hosts, and change nothing; exit 1 on drift, 4 where a host could not be asked."""
        speak("hosts preview", as_json, lambda output: _preview(output, _engine(output, stack, limit, given, 0, forks)))

    @group.command("up", **example("sovereign-ai hosts up stacks/lab --budget 1"))
    def up(
        stack: Where = Path(),
        limit: Limit = None,
        given: GivenFile = None,
        budget: Annotated[
            int, typer.Option("--budget", metavar="N", min=0, help="Hosts that may fail before no further unit is begun.")
        ] = 0,
        forks: Forks = 50,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Bring hosts to the plan through Pulumi; one scalable unit after the other, exit 4 names each host that failed."""
        speak("hosts up", as_json, lambda output: _up(output, _engine(output, stack, limit, given, budget, forks)))

    @group.command("forget", **example("sovereign-ai hosts forget stacks/lab"))
    def forget(stack: Where = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Remove the hosts from Pulumi's state; on the hosts themselves nothing is changed."""
        speak("hosts forget", as_json, lambda output: _forget(output, _engine(output, stack, None, None, 0, 50)))


def _engine(output: Output, path: Path, limit: list[str] | None, given: Path | None, budget: int, forks: int) -> HostsEngine:
    """Read what is described and given, so that a mistake is told with its line, and write the program."""
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.deploy.host_configuration import hosts_of
    from sovereign_ai.deploy.host_program import HostsEngine, HostsProgram
    from sovereign_ai.render.hosts.given import Given, read_given

    factory = read_description(path)
    beside = (path if path.is_dir() else path.parent) / "hosts.yaml"
    file = given if given is not None else beside if beside.is_file() else None
    hosts_of(factory, read_given(file) if file is not None else Given(), limit or ())
    return HostsEngine(HostsProgram(factory.name, path, file, tuple(limit or ()), budget, forks), output.progress)


def _preview(output: Output, engine: HostsEngine) -> None:
    from sovereign_ai.errors import ExitCode

    outcome = engine.preview()
    code = ExitCode.DEPLOYMENT if engine.failed else ExitCode.FINDINGS if outcome.changed else ExitCode.OK
    output.finish(_data(engine, outcome), [*_told(engine), _line(outcome), f"log: {outcome.log}"], code)


def _up(output: Output, engine: HostsEngine) -> None:
    outcome = engine.up()
    output.finish(_data(engine, outcome), [*_told(engine), _line(outcome), f"log: {outcome.log}"])


def _forget(output: Output, engine: HostsEngine) -> None:
    count = engine.forget()
    output.finish(
        {"forgotten": count}, [f"{count:,} hosts are forgotten, and stay as they are" if count else "no host was known to Pulumi"]
    )


def _data(engine: HostsEngine, outcome: Outcome) -> dict[str, Any]:
    return {**outcome.to_data(), "drift": engine.drift, "failed": engine.failed}


def _told(engine: HostsEngine) -> list[str]:
    """Say what the look before found: a line a host, and below it what differs."""
    lines: list[str] = []
    for host, tasks in engine.drift.items():
        lines += wrapped(f"{'drift':<11} {host}")
        for task, diff in tasks.items():
            lines += [f"    {task}", *(f"      {line}" for line in diff.splitlines())]
    for host, reason in engine.failed.items():
        lines += wrapped(f"{'not seen':<11} {host}: {reason}")
    return lines


def _line(outcome: Outcome) -> str:
    """Say what the engine did in one line."""
    changes = ", ".join(f"{number} {op}" for op, number in sorted(outcome.changes.items())) or "nothing to do"
    return f"{outcome.verb}: {changes}"
