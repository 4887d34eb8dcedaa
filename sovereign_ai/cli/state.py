"""`state`: check the Pulumi state of a stack, restore its last good copy, release its lock, or move it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, hanging, next_line, wrapped
from sovereign_ai.cli.target import ClusterOption, StackOption
from sovereign_ai.cluster.backends import control_plane
from sovereign_ai.cluster.control_plane import Backend, state_option
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.deploy import StackFiles, StateReport

HostsOption = Annotated[bool, typer.Option("--hosts", help="The state of the stack's hosts instead.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Check the state of a stack; repair, unlock or move it.")
    app.add_typer(group, name="state")

    @group.command("check", **example("sovereign-ai state check stacks/lab"))
    def check(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        hosts: HostsOption = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show lock, epochs, copies and pending operations; exit 1 if the state cannot be used as it is."""
        run_command(
            "state check", as_json, lambda output: _check(output, _files(stack, cluster, name, hosts))
        )

    @group.command("repair", **example("sovereign-ai state repair stacks/lab --dry-run"))
    def repair(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        hosts: HostsOption = False,
        epoch: Annotated[
            int | None, typer.Option("--epoch", metavar="N", help="Restore this copy, whatever is there.")
        ] = None,
        accept: Annotated[
            bool, typer.Option("--accept", help="Continue with what is there, older or gone.")
        ] = False,
        dry_run: DryRun = False,
        yes: Yes = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Restore the last good copy of a bad, lost or rolled-back state; a sound one is left alone."""

        def work(output: Output) -> None:
            files = _files(stack, cluster, name, hosts)
            _repair(output, files, epoch, accept, dry_run, yes)

        run_command("state repair", as_json, work)

    @group.command("unlock", **example("sovereign-ai state unlock stacks/lab"))
    def unlock(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        hosts: HostsOption = False,
        end_owner: Annotated[
            bool,
            typer.Option(
                "--end-owner", help="End the command that holds the lock, running or stopped, and its engine."
            ),
        ] = False,
        other_host: Annotated[
            bool, typer.Option("--other-host", help="Remove Pulumi's locks of other computers, too.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Release a stack from dead commands; exit 3 names one that runs, which only --end-owner ends."""
        run_command(
            "state unlock",
            as_json,
            lambda output: _unlock(output, _files(stack, cluster, name, hosts), end_owner, other_host),
        )

    @group.command("move", **example("sovereign-ai state move stacks/lab --to /srv/state"))
    def move(
        to: Annotated[
            Path,
            typer.Option(
                "--to", metavar="FOLDER", help="The new state home; set XDG_STATE_HOME to it afterwards."
            ),
        ],
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        hosts: HostsOption = False,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Move the state to another state home: copy, compare, then remove.

        A local cluster stays where it is.
        """
        run_command(
            "state move",
            as_json,
            lambda output: _move(output, _files(stack, cluster, name, hosts), to, dry_run),
        )


def _files(folder: Path, backend: Backend, name: str | None, hosts: bool) -> StackFiles:
    """Return the files of a stack's state.

    The description is not read unless it has to be: it may be what cannot be read.

    Args:
        folder: the stack's folder, or the description's file.
        backend: the kind of cluster; a kind cluster has a state of its own.
        name: the stack's name; None for the only one.
        hosts: whether the state of the stack's hosts is meant.

    Raises:
        SpecError: the folder holds no project, or it has several stacks and none is named.
    """
    from sovereign_ai.deploy import StackFiles, project_of, pulumi_state

    if hosts:
        from sovereign_ai.cli.description import read_description

        factory = read_description(folder).name
        arguments = f"{shlex.quote(str(folder))} --hosts"
        return StackFiles(pulumi_state(), f"{factory}-hosts", f"{factory}.hosts", arguments)
    project = project_of((folder if folder.is_dir() else folder.parent).resolve())
    plane = control_plane(backend, name or "")
    state = pulumi_state(plane.state_key)
    stack = name or _only_stack(state, project) or _described_stack(folder)
    arguments = f"{shlex.quote(str(folder))} --stack {stack}{state_option(plane.state_key)}"
    return StackFiles(state, project, stack, arguments)


def _only_stack(state: Path, project: str) -> str:
    """Return the only stack of a project that has a checkpoint or a record.

    Empty if there is none, or several.
    """
    names: set[str] = set()
    # A checkpoint is `NAME.json`, or `NAME.json.gz` where Pulumi compresses it; `.bak` is Pulumi's copy of
    # the one before.
    for checkpoint in (state / ".pulumi" / "stacks" / project).glob("*.json*"):
        names.add(checkpoint.name.partition(".json")[0])
    # A stack whose checkpoint is lost still has its record of epochs.
    records = state / "epochs" / project
    if records.is_dir():
        names.update(record.name for record in records.iterdir())
    return names.pop() if len(names) == 1 else ""


def _described_stack(folder: Path) -> str:
    """Return the only stack that a description plans.

    Raises:
        SpecError: the description cannot be read, or plans several.
    """
    from sovereign_ai.cli.stack import open_stack

    return open_stack(folder).cluster()


def _check(output: Output, files: StackFiles) -> None:
    from sovereign_ai.deploy import inspect_state
    from sovereign_ai.errors import ExitCode

    report = inspect_state(files)
    problems = [problem.to_data() for problem in report.problems]
    lines = _report_lines(report)
    lines += map(str, report.problems)
    code = ExitCode.FINDINGS if problems else ExitCode.OK
    output.finish(merged(report.to_data(), {"problems": problems}), lines, code)


def _report_lines(report: StateReport) -> list[str]:
    """Return a report about a state as lines for a person."""
    data = report.to_data()
    lines = [
        f"{report.files.project}/{report.files.stack}: {_STATES[data['state']]}",
        f"  file       {data['file']}",
    ]
    if report.checkpoint:
        objects_text = counted(data["objects"], "Kubernetes object")
        counts = f"{counted(data['resources'], 'resource')}, {objects_text}"
        lines.append(f"  holds      {counts}, {data['bytes']:,} bytes")
    if report.last:
        lines.append(f"  epoch      {report.last} by sovereign-ai {report.last.tool}")
    for copy in report.copies:
        lines += hanging("  copy       ", f"{copy.name}: {copy.path}")
    for operation in data["pending_operations"]:
        text = f"{operation['op']} {operation['resource']}"
        lines.append(f"  pending    {text}")
    if report.is_locked:
        lines += wrapped(f"locked by {report.owner or 'an unknown process'}", "  ")
    for lock in report.pulumi_locks:
        lines.append(f"  pulumi     locked by {lock}")
    for pid in report.left:
        lines.append(f"  left       process {pid} of a dead command")
    if report.moved:
        lines.append(f"  moved to   {report.moved}")
    return lines


_STATES = {
    "none": "there is no state",
    "current": "sound, and the newest that was written",
    "arrived": "sound; the record of its last write is finished by the next command",
    "unfinished": "a write was cut short, and is finished by the next command",
    "adopted": "sound, from before there were records",
    "pulumi": "sound, and written by a plain `pulumi` since",
    "refused": "it cannot be used",
}


def _repair(
    output: Output, files: StackFiles, epoch: int | None, accept: bool, dry_run: bool, yes: bool
) -> None:
    from sovereign_ai.deploy import inspect_state, plan_repair, repair

    planned = plan_repair(files, epoch, accept=accept)
    if planned is None:
        state = _STATES[inspect_state(files).to_data()["state"]]
        output.finish({"repaired": False, "does": None}, [f"{state}; nothing to repair"])
        return
    data = {"does": planned.text, "file": str(files.checkpoint)}
    if dry_run:
        output.finish({**data, "repaired": False}, [f"would {planned.text}"])
        return
    _confirm(f"{planned.text}?", yes, output)
    repair(files, planned, output.progress)
    lines = [f"done: {planned.text}", _next_after_repair(files)]
    output.finish({**data, "repaired": True}, lines)


def _next_after_repair(files: StackFiles) -> str:
    """Return the line that names the command which reads the repaired state and changes nothing."""
    words = shlex.split(files.arguments)
    if "--hosts" not in words:
        return next_line("preview", *words)
    # The hosts' own preview takes no such option.
    words.remove("--hosts")
    return next_line("hosts", "preview", *words)


def _confirm(question: str, yes: bool, output: Output) -> None:
    """Ask before the state is changed.

    Raises:
        UsageError: the answer was no, or there is no terminal to ask on.
    """
    from sovereign_ai.errors import Problem, UsageError

    if yes:
        return
    if output.as_json or not typer.get_text_stream("stdin").isatty():
        message = f"standard input is no terminal to ask on: {question}"
        raise UsageError(Problem("unconfirmed", message, hint="add --yes, or look first by --dry-run"))
    if not typer.confirm(question, err=True):
        raise UsageError(Problem("unconfirmed", "nothing was changed"))


def _unlock(output: Output, files: StackFiles, end_owner: bool, other_host: bool) -> None:
    from sovereign_ai.deploy import Unlocking, unlock

    done = unlock(files, Unlocking(end_owner, other_host), output.progress)
    output.finish({"done": done}, done or ["the stack is free"])


def _move(output: Output, files: StackFiles, home: Path, dry_run: bool) -> None:
    from sovereign_ai.deploy import inspect_state, move

    new_folder = home.absolute() / "sovereign-ai" / files.folder.name
    data = {"from": str(files.folder), "to": str(new_folder)}
    if dry_run:
        report = inspect_state(files)
        line = f"would move {report.files.stack} from {data['from']} to {data['to']}"
        output.finish({**data, "moved": False}, [line])
        return
    move(files, home, output.progress)
    lines = [
        f"moved the state of {files.stack} to {data['to']}",
        f"from now on: export XDG_STATE_HOME={shlex.quote(str(home.absolute()))}",
        "a local cluster is not moved: name it by --cluster kubeconfig --kubeconfig FILE",
    ]
    output.finish({**data, "moved": True}, lines)
