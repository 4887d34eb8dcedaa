"""`hosts`: bring machines, servers and switches to the plan by Ansible, or see how far they are from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli import hosts_pulumi
from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.hosts_pulumi import Forks, GivenFile, Limit, Where
from sovereign_ai.cli.hosts_text import roles_of, told
from sovereign_ai.cli.output import AsJson, Output, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.deploy.host_events import HostResult
    from sovereign_ai.deploy.hosts import Wish
    from sovereign_ai.render.hosts.given import Given
    from sovereign_ai.render.hosts.inventory import Inventory

BmcFile = Annotated[Path | None, typer.Option("--bmc", help="The machines' controllers instead: file of user:password, mode 0600.")]
BmcCa = Annotated[Path | None, typer.Option("--bmc-ca", help="Certificates that may sign the controllers' own, with --bmc.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Bring machines, servers and switches to the plan, by Ansible.")
    app.add_typer(group, name="hosts")

    @group.command("prep", **example("sovereign-ai hosts prep stacks/lab -o hosts"))
    def prep(
        stack: Where = Path(),
        out: Annotated[Path, typer.Option("--output", "-o", help="Folder for one inventory a unit.")] = Path("hosts"),
        limit: Limit = None,
        given: GivenFile = None,
        forks: Forks = 50,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write inventory and variables, and see which hosts answer; exit 1 if one does not."""
        speak("hosts prep", as_json, lambda output: _prep(output, stack, out, limit or [], given, forks, dry_run))

    @group.command("check", **example("sovereign-ai hosts check stacks/lab --limit 'train-*'"))
    def check(
        stack: Where = Path(),
        limit: Limit = None,
        given: GivenFile = None,
        bmc: BmcFile = None,
        bmc_ca: BmcCa = None,
        forks: Forks = 50,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say how hosts differ from the plan, and change nothing; exit 1 on drift, 4 where a host could not be asked."""
        speak("hosts check", as_json, lambda output: _check(output, stack, limit or [], given, (bmc, bmc_ca), forks, dry_run))

    @group.command("configure", **example("sovereign-ai hosts configure stacks/lab --budget 1 --output hosts.json --key key.pem"))
    def configure(
        stack: Where = Path(),
        limit: Limit = None,
        given: GivenFile = None,
        bmc: BmcFile = None,
        bmc_ca: BmcCa = None,
        budget: Annotated[
            int, typer.Option("--budget", metavar="N", min=0, help="Hosts that may fail before no further unit is begun.")
        ] = 0,
        resume: Annotated[bool, typer.Option("--resume", help="Go on where the last run of the same plan ended.")] = False,
        out: Annotated[Path | None, typer.Option("--output", "-o", help="File for the results, host by host, as JSON.")] = None,
        key: Annotated[Path | None, typer.Option("--key", help="Sign the results, and add the run to the chain; with --output.")] = None,
        forks: Forks = 50,
        dry_run: DryRun = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Bring hosts to the plan, one scalable unit after the other; Ctrl-C ends it everywhere, and --resume goes on."""
        asked = _Asked(limit or [], given, (bmc, bmc_ca), budget, resume, out, key, forks, dry_run)
        speak("hosts configure", as_json, lambda output: _configure(output, stack, asked))

    hosts_pulumi.add(group)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `configure` was asked for."""

    limit: list[str]
    given: Path | None
    bmc: tuple[Path | None, Path | None]
    budget: int
    resume: bool
    out: Path | None
    key: Path | None
    forks: int
    dry_run: bool


def _open(path: Path, file: Path | None, limit: Sequence[str]) -> tuple[Stack, Given, Inventory]:
    """Read the stack and what is given, and choose the hosts.

    Raises:
        UsageError: no host is meant.
    """
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import Problem, UsageError, nearest
    from sovereign_ai.render.hosts.given import Given, read_given
    from sovereign_ai.render.hosts.hosts import inventory

    stack = open_stack(path)
    beside = stack.folder / "hosts.yaml"
    given = read_given(file) if file is not None else read_given(beside) if beside.is_file() else Given()
    whole = inventory(stack.factory, stack.plan, given)
    chosen = whole.matching(limit)
    if not chosen.hosts:
        known = [*(one.name for one in whole.hosts), *whole.units]
        raise UsageError(Problem("no-host", f"--limit {' '.join(limit)} means no host of the plan", hint=nearest(limit[0], known)))
    return stack, given, chosen


def _wish(chosen: Inventory, bmc: tuple[Path | None, Path | None], forks: int, *, check: bool, budget: int = 0) -> tuple[Inventory, Wish]:
    """Say what to run: the hosts' own playbook, or their controllers'.

    Raises:
        UsageError: one of the controllers' two files is missing, or none of the hosts has a controller.
    """
    from sovereign_ai.deploy.hosts import Wish
    from sovereign_ai.errors import Problem, UsageError

    credentials, authority = bmc
    if credentials is None and authority is None:
        return chosen, Wish("hosts.yml", check=check, budget=budget, forks=forks)
    if credentials is None or authority is None:
        raise UsageError(Problem("bmc-files", "--bmc and --bmc-ca belong together", hint="name both files"))
    part = chosen.matching(["role_bmc"])
    if not part.hosts:
        raise UsageError(Problem("no-bmc", "none of these hosts has a controller in the plan", hint="describe an out-of-band fabric"))
    files = {"bmc_credentials": str(credentials.resolve()), "bmc_authority": str(authority.resolve())}
    return part, Wish("bmc.yml", check=check, budget=budget, forks=forks, variables=files)


def _cancelling() -> Callable[[], bool]:
    """Let Ctrl-C and a request to end stop the run at its next breath, so that nothing is left running anywhere."""
    import signal
    import threading

    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: asked.set())
    return asked.is_set


def _prep(output: Output, path: Path, out: Path, limit: list[str], file: Path | None, forks: int, dry_run: bool) -> None:
    from sovereign_ai.cli.report import write
    from sovereign_ai.deploy.hosts import Wish, need, run
    from sovereign_ai.errors import ExitCode

    _, given, chosen = _open(path, file, limit)
    rows = [(unit, len(part.hosts), roles_of(part)) for unit, part in chosen.in_units()]
    data: dict[str, Any] = {
        "folder": str(out),
        "units": [{"unit": unit, "hosts": count, "roles": roles} for unit, count, roles in rows],
        "lacking": list(given.lacking()),
    }
    lines = [*table(("unit", "hosts", "roles"), rows), *(f"not given: {line}" for line in given.lacking())]
    if dry_run:
        output.finish(
            data, [*lines, f"would write {len(rows)} inventories to {out}, and ask {len(chosen.hosts):,} hosts whether they answer"]
        )
        return
    need()
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    for unit, part in chosen.in_units():
        write(out / f"{unit}.json", part.to_json())
    outcome = run(
        chosen,
        Wish("reach.yml", budget=len(chosen.hosts), forks=forks, changes_nothing=True),
        progress=output.progress,
        cancel=_cancelling(),
    )
    answered = len(chosen.hosts) - len(outcome.bad)
    lines += [f"wrote {len(rows)} inventories to {out}", *told(outcome), f"{answered:,} of {len(chosen.hosts):,} hosts answer"]
    output.finish({**data, "reach": outcome.to_data()}, lines, ExitCode.OK if outcome.whole else ExitCode.FINDINGS)


def _check(
    output: Output, path: Path, limit: list[str], file: Path | None, bmc: tuple[Path | None, Path | None], forks: int, dry_run: bool
) -> None:
    from sovereign_ai.deploy.hosts import run
    from sovereign_ai.errors import ExitCode

    _, given, chosen = _open(path, file, limit)
    part, wish = _wish(chosen, bmc, forks, check=True)
    if dry_run:
        output.finish({"hosts": [one.name for one in part.hosts]}, [f"would look at {len(part.hosts):,} hosts in {len(part.units)} units"])
        return
    outcome = run(part, wish, progress=output.progress, cancel=_cancelling())
    lines = [*(f"not given: {line}" for line in given.lacking()), *told(outcome)]
    code = ExitCode.DEPLOYMENT if not outcome.whole else ExitCode.FINDINGS if outcome.changed else ExitCode.OK
    output.finish(outcome.to_data(), lines, code)


def _configure(output: Output, path: Path, asked: _Asked) -> None:
    from sovereign_ai.deploy.host_journal import Journal
    from sovereign_ai.deploy.hosts import run
    from sovereign_ai.deploy.place import state_dir
    from sovereign_ai.errors import ExitCode, Problem, UsageError

    if asked.key is not None and asked.out is None:
        raise UsageError(Problem("no-output", "--key signs the results, and --output says where they go", hint="add --output hosts.json"))
    stack, given, chosen = _open(path, asked.given, asked.limit)
    part, wish = _wish(chosen, asked.bmc, asked.forks, check=asked.dry_run, budget=asked.budget)
    journal = Journal(state_dir() / "hosts" / f"{stack.factory.name}.{Path(wish.playbook).stem}.json", part.digest)
    done = journal.done() if asked.resume else frozenset()
    rest = part.of({one.name for one in part.hosts} - done)
    if not asked.resume and not asked.dry_run:
        journal.forget()

    def keep(_unit: str, results: Sequence[HostResult]) -> None:
        if not asked.dry_run:
            journal.add(results)

    outcome = run(rest, wish, progress=output.progress, cancel=_cancelling(), done=keep)
    if outcome.whole and not asked.dry_run:
        journal.forget()
    lines = [*(f"not given: {line}" for line in given.lacking()), *told(outcome)]
    lines += [f"{len(done):,} hosts were done before"] if done else []
    lines += ["go on with --resume"] if outcome.stopped and not asked.dry_run else []
    data = {**outcome.to_data(), "done_before": sorted(done)}
    if asked.out is not None:
        more, said = _keep(stack, asked.out, asked.key, data)
        data, lines = {**data, **more}, [*lines, *said]
    output.finish(data, lines, ExitCode.OK if outcome.whole else ExitCode.DEPLOYMENT)


def _keep(stack: Stack, out: Path, key: Path | None, data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Write the results, and where a key was named sign them and add the run to the chain."""
    import orjson

    from sovereign_ai.cli.evidence import record
    from sovereign_ai.cli.report import day, write

    text = orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    write(out, text)
    if key is None:
        return {"wrote": str(out)}, [f"wrote {out}"]
    signed, said = record(stack, {"hosts": text.encode()}, key, out.with_suffix(".evidence.json"), None, day(None))
    return {"wrote": str(out), "evidence": signed}, [f"wrote {out}", *said]
