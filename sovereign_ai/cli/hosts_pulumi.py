"""`hosts preview`, `hosts up`, `hosts forget`: the hosts as a Pulumi resource, on the same state as `up`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output, wrapped
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.deploy import PulumiOutcome
    from sovereign_ai.deploy.hosts import HostsEngine

Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit", "-l", metavar="NAME", help="Only these: a host, unit or group, * allowed; may be repeated."
    ),
]
GivenFile = Annotated[
    Path | None,
    typer.Option(
        "--given", help="Settings that the plan does not have; left out, hosts.yaml in the stack's folder."
    ),
]
Forks = Annotated[
    int,
    typer.Option("--forks", metavar="N", min=1, max=500, help="Hosts that are configured at the same time."),
]


def add(group: typer.Typer) -> None:
    """Add the commands."""

    @group.command("preview", **example("sovereign-ai hosts preview stacks/lab --limit 'train-*'"))
    def preview(
        stack: DescriptionArgument = Path(),
        limit: Limit = None,
        given: GivenFile = None,
        forks: Forks = 50,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show what Pulumi would change on hosts, and change nothing.

        Exit 1 on drift, 4 if a host did not answer.
        """
        run_command(
            "hosts preview",
            as_json,
            lambda output: _preview(output, _engine(output, stack, limit, given, 0, forks)),
        )

    @group.command("up", **example("sovereign-ai hosts up stacks/lab --budget 1"))
    def up(
        stack: DescriptionArgument = Path(),
        limit: Limit = None,
        given: GivenFile = None,
        budget: Annotated[
            int,
            typer.Option(
                "--budget", metavar="N", min=0, help="Hosts that may fail before no further unit is started."
            ),
        ] = 0,
        forks: Forks = 50,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Configure hosts as planned through Pulumi, unit by unit; exit 4 names each host that failed."""
        run_command(
            "hosts up",
            as_json,
            lambda output: _up(output, _engine(output, stack, limit, given, budget, forks)),
        )

    @group.command("forget", **example("sovereign-ai hosts forget stacks/lab"))
    def forget(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """Remove the hosts from Pulumi's state; on the hosts themselves nothing is changed."""

        def work(output: Output) -> None:
            # Limit, budget and forks are of no account: no host is contacted.
            _forget(output, _engine(output, stack, None, None, 0, 50))

        run_command("hosts forget", as_json, work)


def _engine(
    output: Output, path: Path, limit: list[str] | None, given: Path | None, budget: int, forks: int
) -> HostsEngine:
    """Write the Pulumi program of the hosts and return its engine.

    Description and facts are read here too, so that an error in them is reported with its line; the program
    would report it in Pulumi's words.
    """
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.deploy.hosts import HostsEngine, HostsProgram, hosts_of
    from sovereign_ai.render.hosts import SiteFacts, read_site_facts

    factory = read_description(path)
    file = given
    if file is None:
        folder = path if path.is_dir() else path.parent
        default = folder / "hosts.yaml"
        file = default if default.is_file() else None
    facts = SiteFacts() if file is None else read_site_facts(file)
    names = tuple(limit or ())
    hosts_of(factory, facts, names)
    program = HostsProgram(factory.name, path, file, names, budget, forks)
    return HostsEngine(program, output.progress)


def _preview(output: Output, engine: HostsEngine) -> None:
    from sovereign_ai.errors import ExitCode

    outcome = engine.preview()
    if engine.failed:
        code = ExitCode.DEPLOYMENT
    elif outcome.changed:
        code = ExitCode.FINDINGS
    else:
        code = ExitCode.OK
    output.finish(_data(engine, outcome), _lines(engine, outcome), code)


def _up(output: Output, engine: HostsEngine) -> None:
    outcome = engine.up()
    output.finish(_data(engine, outcome), _lines(engine, outcome))


def _forget(output: Output, engine: HostsEngine) -> None:
    count = engine.forget()
    line = f"{counted(count, 'host is', 'hosts are')} removed from the state, and stay as they are"
    if not count:
        line = "the state holds no host"
    output.finish({"forgotten": count}, [line])


def _data(engine: HostsEngine, outcome: PulumiOutcome) -> dict[str, Any]:
    return merged(outcome.to_data(), {"drift": engine.drift, "failed": engine.failed})


def _lines(engine: HostsEngine, outcome: PulumiOutcome) -> list[str]:
    """Return the differences of each host, the hosts that did not answer, and what the engine did."""
    lines: list[str] = []
    for host, tasks in engine.drift.items():
        lines += wrapped(f"{'drift':<11} {host}")
        for task, diff in tasks.items():
            lines.append(f"    {task}")
            lines += [f"      {line}" for line in diff.splitlines()]
    for host, reason in engine.failed.items():
        lines += wrapped(f"{'not seen':<11} {host}: {reason}")
    counts = [f"{number} {operation}" for operation, number in sorted(outcome.changes.items())]
    lines.append(f"{outcome.verb}: {', '.join(counts) or 'nothing to do'}")
    lines.append(f"log: {outcome.log}")
    return lines
