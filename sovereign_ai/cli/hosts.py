"""`hosts`: configure machines, servers and switches by Ansible, or show how they differ from the plan."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli import hosts_pulumi
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.hosts_pulumi import Forks, GivenFile, Limit
from sovereign_ai.cli.hosts_text import result_lines, roles_of
from sovereign_ai.cli.interrupt import stopping_at_interrupt
from sovereign_ai.cli.options import DescriptionArgument, day
from sovereign_ai.cli.output import AsJson, Output, indented_json, table, wrapped
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.deploy.hosts import HostResult, RunRequest
    from sovereign_ai.render.hosts import HostInventory, SiteFacts

BmcFile = Annotated[
    Path | None,
    typer.Option(
        "--bmc", help="Work on the BMCs of the machines instead; a file of user:password, mode 0600."
    ),
]
BmcCa = Annotated[
    Path | None, typer.Option("--bmc-ca", help="Certificates that may sign the controllers' own, with --bmc.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Configure hosts and switches as planned, by Ansible.")
    app.add_typer(group, name="hosts")

    @group.command("prep", **example("sovereign-ai hosts prep stacks/lab -o hosts"))
    def prep(
        stack: DescriptionArgument = Path(),
        out: Annotated[Path, typer.Option("--output", "-o", help="Folder for one inventory a unit.")] = Path(
            "hosts"
        ),
        limit: Limit = None,
        given: GivenFile = None,
        forks: Forks = 50,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write inventory and variables, and check which hosts answer; exit 1 if one does not."""
        run_command(
            "hosts prep",
            as_json,
            lambda output: _prep(output, stack, out, limit or [], given, forks, dry_run),
            folder=out,
        )

    @group.command("check", **example("sovereign-ai hosts check stacks/lab --limit 'train-*'"))
    def check(
        stack: DescriptionArgument = Path(),
        limit: Limit = None,
        given: GivenFile = None,
        bmc: BmcFile = None,
        bmc_ca: BmcCa = None,
        forks: Forks = 50,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show how hosts differ from the plan, and change nothing.

        Exit 1 on drift, 4 if a host did not answer.
        """
        run_command(
            "hosts check",
            as_json,
            lambda output: _check(output, stack, limit or [], given, (bmc, bmc_ca), forks, dry_run),
        )

    @group.command(
        "configure",
        **example("sovereign-ai hosts configure stacks/lab --budget 1 --output hosts.json --key key.pem"),
    )
    def configure(
        stack: DescriptionArgument = Path(),
        limit: Limit = None,
        given: GivenFile = None,
        bmc: BmcFile = None,
        bmc_ca: BmcCa = None,
        budget: Annotated[
            int,
            typer.Option(
                "--budget", metavar="N", min=0, help="Hosts that may fail before no further unit is started."
            ),
        ] = 0,
        resume: Annotated[
            bool, typer.Option("--resume", help="Continue where the last run of the same plan ended.")
        ] = False,
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="File for the results, host by host, as JSON.")
        ] = None,
        key: Annotated[
            Path | None,
            typer.Option("--key", help="Sign the results, and add the run to the log; with --output."),
        ] = None,
        forks: Forks = 50,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Configure hosts as planned, one scalable unit after the other.

        Ctrl-C stops it, and --resume continues.
        """
        options = _Options(limit or [], given, (bmc, bmc_ca), budget, resume, out, key, forks, dry_run)
        run_command(
            "hosts configure", as_json, lambda output: _configure(output, stack, options), outputs=out
        )

    hosts_pulumi.add(group)


@frozen_dataclass
class _Options:
    """The options of `configure`.

    Attributes:
        limit: names of hosts, units and groups; empty for all hosts.
        given: file with facts that no plan has; None for hosts.yaml in the stack's folder.
        bmc: the controllers' account and their certificate authority; both None for the hosts themselves.
        budget: hosts that may fail before no further unit is started.
        resume: whether to leave out hosts that the last run configured.
        out: file for the results.
        key: private key that signs the results.
        forks: hosts that are configured at the same time.
        dry_run: whether to change nothing.
    """

    limit: list[str]
    given: Path | None
    bmc: tuple[Path | None, Path | None]
    budget: int
    resume: bool
    out: Path | None
    key: Path | None
    forks: int
    dry_run: bool


def _open(path: Path, file: Path | None, limit: Sequence[str]) -> tuple[Stack, SiteFacts, HostInventory]:
    """Read the stack and the facts that no plan has, and choose the hosts.

    Raises:
        UsageError: no host has one of the names.
    """
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import Problem, UsageError, nearest
    from sovereign_ai.render.hosts import SiteFacts, inventory, read_site_facts

    stack = open_stack(path)
    default = stack.folder / "hosts.yaml"
    if file is not None:
        given = read_site_facts(file)
    elif os.path.lexists(default):
        # `lexists`: a link that leads nowhere is reported as an error, and not ignored.
        given = read_site_facts(default)
    else:
        given = SiteFacts()
    whole = inventory(stack.factory, stack.plan, given)
    chosen = whole.matching(limit)
    if not chosen.hosts:
        known = [*(host.name for host in whole.hosts), *whole.units]
        message = f"--limit {' '.join(limit)} means no host of the plan"
        raise UsageError(Problem("no-host", message, hint=nearest(limit[0], known)))
    return stack, given, chosen


def _run_of(
    chosen: HostInventory, bmc: tuple[Path | None, Path | None], forks: int, *, check: bool, budget: int = 0
) -> tuple[HostInventory, RunRequest]:
    """Return the hosts and the playbook to run: that of the hosts themselves, or of their controllers.

    Raises:
        UsageError: one of the controllers' two files is missing, or no host has a controller.
    """
    from sovereign_ai.deploy.hosts import RunRequest
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.render.hosts import check_account, check_authority

    credentials, authority = bmc
    if credentials is None and authority is None:
        return chosen, RunRequest("hosts.yml", check=check, budget=budget, forks=forks)
    if credentials is None or authority is None:
        raise UsageError(Problem("bmc-files", "--bmc and --bmc-ca belong together", hint="name both files"))
    part = chosen.matching(["role_bmc"])
    if not part.hosts:
        message = "none of these hosts has a controller in the plan"
        raise UsageError(Problem("no-bmc", message, hint="describe an out-of-band fabric"))
    check_account(credentials)
    check_authority(authority)
    # Ansible runs in a folder of its own, where a relative path would lead nowhere.
    files = {"bmc_credentials": str(credentials.resolve()), "bmc_authority": str(authority.resolve())}
    return part, RunRequest("bmc.yml", check=check, budget=budget, forks=forks, variables=files)


@contextmanager
def _cancelling() -> Iterator[Callable[[], bool]]:
    """Yield a function that reports whether Ctrl-C, SIGTERM or SIGHUP requested an end within the block.

    The run checks it regularly, and then stops Ansible on every host, so that nothing is left running
    anywhere.
    """
    stop = threading.Event()
    with stopping_at_interrupt(stop):
        yield stop.is_set


def _missing_lines(given: SiteFacts) -> list[str]:
    """Return a line for each fact that is in no plan and was not given."""
    lines: list[str] = []
    for fact in given.lacking():
        lines += wrapped(f"not given: {fact}")
    return lines


def _prep(
    output: Output, path: Path, out: Path, limit: list[str], file: Path | None, forks: int, dry_run: bool
) -> None:
    from sovereign_ai.deploy.hosts import RunRequest, require_ansible, run
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.files.writing import write_private

    _, given, chosen = _open(path, file, limit)
    number = len(chosen.hosts)
    rows = []
    units = []
    for unit, part in chosen.in_units():
        roles = roles_of(part)
        rows.append((unit, len(part.hosts), roles))
        units.append({"unit": unit, "hosts": len(part.hosts), "roles": roles})
    data: dict[str, Any] = {"folder": str(out), "units": units, "lacking": list(given.lacking())}
    lines = [*table(("unit", "hosts", "roles"), rows, wraps=True), *_missing_lines(given)]
    if dry_run:
        inventories_text = counted(len(rows), "inventory", "inventories")
        hosts_text = counted(number, "host")
        lines += wrapped(f"would write {inventories_text} to {out}, and ask {hosts_text} whether they answer")
        output.finish(data, lines)
        return
    require_ansible()
    # Only the user may read it: an inventory holds addresses and accounts of management networks.
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    for unit, part in chosen.in_units():
        write_private(out / f"{unit}.json", part.to_json().encode())
    # With a budget of all hosts, no unit is left out because hosts of another did not answer.
    reach = RunRequest("reach.yml", budget=number, forks=forks, changes_nothing=True)
    with _cancelling() as cancel:
        outcome = run(chosen, reach, progress=output.progress, cancel=cancel)
    answered = number - len(outcome.bad)
    lines.append(f"wrote {counted(len(rows), 'inventory', 'inventories')} to {out}")
    lines += result_lines(outcome)
    lines.append(f"{answered:,} of {counted(number, 'host')} answer")
    code = ExitCode.OK if outcome.complete else ExitCode.FINDINGS
    output.finish(merged(data, {"reach": outcome.to_data()}), lines, code)


def _check(
    output: Output,
    path: Path,
    limit: list[str],
    file: Path | None,
    bmc: tuple[Path | None, Path | None],
    forks: int,
    dry_run: bool,
) -> None:
    from sovereign_ai.deploy.hosts import run
    from sovereign_ai.errors import ExitCode

    _, given, chosen = _open(path, file, limit)
    part, playbook_run = _run_of(chosen, bmc, forks, check=True)
    if dry_run:
        names = [host.name for host in part.hosts]
        hosts_text = counted(len(names), "host")
        units_text = counted(len(part.units), "unit")
        line = f"would look at {hosts_text} in {units_text}"
        output.finish({"hosts": names}, [line])
        return
    with _cancelling() as cancel:
        outcome = run(part, playbook_run, progress=output.progress, cancel=cancel)
    # A host that did not answer may differ too, so it weighs more than the drift of others.
    if not outcome.complete:
        code = ExitCode.DEPLOYMENT
    elif outcome.changed:
        code = ExitCode.FINDINGS
    else:
        code = ExitCode.OK
    output.finish(outcome.to_data(), [*_missing_lines(given), *result_lines(outcome)], code)


def _configure(output: Output, path: Path, options: _Options) -> None:
    from sovereign_ai.deploy import state_dir
    from sovereign_ai.deploy.hosts import Journal, run
    from sovereign_ai.errors import ExitCode, Problem, UsageError

    dry_run = options.dry_run
    if options.key is not None and options.out is None:
        message = "--key signs the results, and --output names their file"
        raise UsageError(Problem("no-output", message, hint="add --output hosts.json"))
    stack, given, chosen = _open(path, options.given, options.limit)
    part, playbook_run = _run_of(chosen, options.bmc, options.forks, check=dry_run, budget=options.budget)
    name = f"{stack.factory.name}.{Path(playbook_run.playbook).stem}.json"
    # The journal belongs to the digest of these hosts: after a change of the plan, no host counts as
    # configured.
    journal = Journal(state_dir() / "hosts" / name, part.digest)
    done_before = journal.done() if options.resume else frozenset()
    rest = part.of({host.name for host in part.hosts} - done_before)
    if not options.resume and not dry_run:
        journal.forget()

    def note_results(_unit: str, results: Sequence[HostResult]) -> None:
        if not dry_run:
            journal.add(results)

    with _cancelling() as cancel:
        outcome = run(rest, playbook_run, progress=output.progress, cancel=cancel, done=note_results)
    if outcome.complete and not dry_run:
        journal.forget()
    lines = [*_missing_lines(given), *result_lines(outcome)]
    if done_before:
        lines.append(f"{counted(len(done_before), 'host was', 'hosts were')} configured by an earlier run")
    if outcome.stopped and not dry_run:
        lines.append("continue with --resume")
    data = merged(outcome.to_data(), {"done_before": sorted(done_before)})
    if options.out is not None:
        written, written_lines = _write_results(stack, options.out, options.key, data)
        data = merged(data, written)
        lines += written_lines
    output.finish(data, lines, ExitCode.OK if outcome.complete else ExitCode.DEPLOYMENT)


def _write_results(
    stack: Stack, out: Path, key: Path | None, data: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Write the results; with a key, sign them and add the run to the evidence log.

    Returns:
        Data for a program and lines for a person.
    """
    from sovereign_ai.cli.evidence import places, record
    from sovereign_ai.files.writing import write

    text = indented_json(data) + "\n"
    write(out, text)
    lines = [f"wrote {out}"]
    if key is None:
        return {"wrote": str(out)}, lines
    evidence_file = out.with_suffix(".evidence.json")
    files = {"hosts": text.encode()}
    signed, signed_lines = record(stack, files, key, evidence_file, None, day(None), places(None))
    return {"wrote": str(out), "evidence": signed}, [*lines, *signed_lines]
