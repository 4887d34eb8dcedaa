"""`evidence`: sign what a run rested on with a key of one's own, and check it offline later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.report import day, read, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sovereign_ai.cli.stack import Stack

Where = Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="The report's file, to be covered too.")]
Observation = Annotated[Path | None, typer.Option("--observation", help="What `verify --json` printed, to be covered too.")]
HostsFile = Annotated[Path | None, typer.Option("--hosts", help="What `hosts configure --output` wrote, to be covered too.")]
Log = Annotated[Path | None, typer.Option("--log", help="The chain of all runs; left out, the factory's own in the state folder.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Sign evidence of a run with your own key, and check it offline.")
    app.add_typer(group, name="evidence")

    @group.command("sign", **example("sovereign-ai evidence sign stacks/lab --key key.pem --report report.html -o evidence.json"))
    def sign(
        key: Annotated[Path, typer.Option("--key", help="Your Ed25519 private key, in PEM, mode 0600.")],
        out: Annotated[Path, typer.Option("--output", "-o", help="Where the signed evidence goes.")],
        stack: Where = Path(),
        report: ReportFile = None,
        observation: Observation = None,
        hosts: HostsFile = None,
        log: Log = None,
        on: Annotated[str | None, typer.Option("--on", help="The day of the run, 2026-12-31; left out, today.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Sign the digests of description, plan, rules and objects, and add the run to the chain."""
        speak("evidence sign", as_json, lambda output: _sign(output, stack, key, out, _files(report, observation, hosts), log, on))

    @group.command("verify", **example("sovereign-ai evidence verify evidence.json stacks/lab --key public.pem --report report.html"))
    def verify(
        evidence: Annotated[Path, typer.Argument(help="What `evidence sign` wrote.")],
        key: Annotated[Path, typer.Option("--key", help="The signer's Ed25519 public key, in PEM, from the signer.")],
        stack: Where = Path(),
        report: ReportFile = None,
        observation: Observation = None,
        hosts: HostsFile = None,
        log: Log = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say whether anything changed since it was signed, and what first; nothing but these files is asked."""
        speak("evidence verify", as_json, lambda output: _verify(output, evidence, key, stack, _files(report, observation, hosts), log))


def _files(report: Path | None, observation: Path | None, hosts: Path | None) -> dict[str, bytes]:
    """Read the files that are covered."""
    named = (("hosts", hosts), ("observation", observation), ("report", report))
    return {name: read(path) for name, path in named if path is not None}


def _sign(output: Output, path: Path, key: Path, out: Path, files: Mapping[str, bytes], log: Path | None, on: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack

    data, lines = record(open_stack(path), files, key, out, log, day(on))
    output.finish(data, lines)


def record(stack: Stack, files: Mapping[str, bytes], key: Path, out: Path, log: Path | None, now: date) -> tuple[dict[str, Any], list[str]]:
    """Sign what a run rested on and what it gave, and add it to the chain; give it as data and as lines for a person.

    Args:
        stack: the description with its plan.
        files: `hosts`, `observation` and `report` to the bytes of their files, where there are any.
        key: the private key's file.
        out: where the signed evidence goes.
        log: the chain's file; None for the factory's own.
        now: the day of the run.

    Raises:
        UsageError: the key is none, or the chain is broken.
        EnvironmentLacksError: a file cannot be read or written.
    """
    import orjson

    from sovereign_ai.attest import chain
    from sovereign_ai.attest.evidence import parts_of, sign, statement
    from sovereign_ai.attest.signing import key_id, private_key
    from sovereign_ai.cli.stack import chain_of

    signer = private_key(key)
    place = chain_of(log, stack.factory.name)
    parts = parts_of(stack.factory, stack.plan, files)
    envelope = sign(statement(parts, factory=stack.factory.name, now=now, previous=chain.head(place)), signer)
    write(out, orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS).decode() + "\n")
    entry = chain.append(place, envelope, signer, at=datetime.now(tz=UTC).isoformat(timespec="seconds"))
    lines = [f"{part.digest[:12]}  {part.name}" for part in parts]
    lines += [f"wrote {out}, signed by key {key_id(signer.public_key())[:12]}", f"added as run {entry['n'] + 1} to {place}"]
    subjects = {part.name: part.digest for part in parts}
    return {"wrote": str(out), "key": key_id(signer.public_key()), "log": str(place), "entry": entry, "subjects": subjects}, lines


def _verify(output: Output, evidence: Path, key: Path, path: Path, files: Mapping[str, bytes], log: Path | None) -> None:
    from sovereign_ai.attest import chain
    from sovereign_ai.attest.evidence import envelope_of, opened, parts_of, verify
    from sovereign_ai.attest.signing import public_key
    from sovereign_ai.cli.stack import chain_of, open_stack
    from sovereign_ai.errors import ExitCode

    envelope, signer = envelope_of(evidence), public_key(key)
    said, problems = opened(envelope, signer)
    checked: list[str] = []
    if not problems:
        stack = open_stack(path)
        parts = parts_of(stack.factory, stack.plan, files)
        problems = verify(envelope, signer, parts)
        place = chain_of(log, stack.factory.name)
        if place.exists() or log is not None:
            problems += chain.verify(place, signer, said)
            checked.append(f"log {place}")
        checked = [*(part.name for part in parts), *checked]
    if problems:
        lines = [f"first: {problems[0]}", *(str(problem) for problem in problems[1:])]
        output.finish({"checked": checked, "problems": [problem.to_data() for problem in problems]}, lines, ExitCode.FINDINGS)
        return
    unlogged = [] if any(one.startswith("log ") for one in checked) else ["no log was there to check; name it with --log"]
    output.finish({"checked": checked, "problems": []}, [f"unchanged since it was signed: {', '.join(checked)}", *unlogged])
