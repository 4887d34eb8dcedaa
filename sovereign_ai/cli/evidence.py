"""`evidence`: sign what a run rested on with a key of one's own, and check it offline later."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from errno import EISDIR
from pathlib import Path
from stat import S_IMODE
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.report import day, read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.errors import Problem

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
        on: Annotated[str | None, typer.Option("--on", metavar="DAY", help="The day of the run, 2026-12-31; left out, today.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Sign the digests of description, plan, rules and objects, and add the run to the chain."""
        speak("evidence sign", as_json, lambda output: _sign(output, stack, key, out, _files(report, observation, hosts), log, on))

    @group.command("verify", **example("sovereign-ai evidence verify evidence.json stacks/lab --key public.pem --report report.html"))
    def verify(
        evidence: Annotated[Path, typer.Argument(help="What `evidence sign` wrote, or a statement of `access grant`.")],
        key: Annotated[Path, typer.Option("--key", help="The signer's Ed25519 public key, in PEM, from the signer.")],
        stack: Where = Path(),
        report: ReportFile = None,
        observation: Observation = None,
        hosts: HostsFile = None,
        log: Log = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say whether anything changed since it was signed, and what first, and who had break-glass access; only these files are asked."""
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

    The evidence is on the disk before the chain grows, and in its place only after that.

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
    with _ready(out, orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS) + b"\n", lambda: chain.holds(place, envelope)):
        entry = chain.append(place, envelope, signer, at=datetime.now(tz=UTC).isoformat(timespec="seconds"))
    lines = [f"{part.digest[:12]}  {part.name}" for part in parts]
    lines += [f"wrote {out}, signed by key {key_id(signer.public_key())[:12]}", f"added as run {entry['n'] + 1} to {place}"]
    lines += chain.noted(place, entry)
    subjects = {part.name: part.digest for part in parts}
    return {"wrote": str(out), "key": key_id(signer.public_key()), "log": str(place), "entry": entry, "subjects": subjects}, lines


@contextmanager
def _ready(out: Path, data: bytes, is_logged: Callable[[], bool]) -> Iterator[None]:
    """Have a file ready beside its place, and put it there at the end; where that is not reached, nor its run logged, nothing is left."""
    place = out.resolve()
    if place.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(out))
    if place.exists() and not place.is_file():  # a terminal, in whose place nothing can be put
        yield
        write(out, data.decode())
        return
    beside = place.with_name(f".{place.name[:200]}.{os.getpid()}")
    try:
        _settled(beside, data, out)
        if place.exists():
            beside.chmod(S_IMODE(place.stat().st_mode))
        yield
    except BaseException:
        if beside.exists() and is_logged():
            beside.replace(place)
        beside.unlink(missing_ok=True)
        raise
    beside.replace(place)


def _settled(beside: Path, data: bytes, out: Path) -> None:
    """Write a file and wait until it is on the disk, naming in an error the file that the user named."""
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(out)) from None


def _verify(output: Output, evidence: Path, key: Path, path: Path, files: Mapping[str, bytes], log: Path | None) -> None:
    from sovereign_ai.attest.access import ACCESS
    from sovereign_ai.attest.access import lines as access_lines
    from sovereign_ai.attest.evidence import PREDICATE, envelope_of, opened
    from sovereign_ai.attest.signing import public_key
    from sovereign_ai.errors import ExitCode

    envelope, signer = envelope_of(evidence), public_key(key)
    said, wrong = opened(envelope, signer, (PREDICATE, ACCESS))
    found = _Found(problems=wrong)
    if not wrong and said["predicateType"] == ACCESS:
        found.checked.append(said["subject"][0]["name"])
        _chained(found, log or evidence.parent / f"{said['predicate']['factory']}.jsonl", signer, said, named=log is not None)
        found.access = [said["predicate"]]
    elif not wrong:
        _compared(found, envelope, path, files, log, signer, said)
    told = [*found.aside, *(line for one in found.access for line in access_lines(one))]
    problems = [problem.to_data() for problem in found.problems]
    data = {"checked": found.checked, "access": found.access, "set_aside": found.aside, "problems": problems}
    if found.problems:
        first, *rest = found.problems
        output.finish(data, [f"first: {first}", *(str(problem) for problem in rest), *told], ExitCode.FINDINGS)
        return
    unlogged = [] if found.logged else ["no log was there to check; name it with --log"]
    output.finish(data, [f"unchanged since it was signed: {', '.join(found.checked)}", *told, *unlogged])


@dataclass
class _Found:
    """What came of looking at signed evidence.

    Attributes:
        problems: what is wrong, the cause first.
        checked: what was held against it.
        access: what statements of break-glass access say, in the order of the chain.
        aside: what was cut off of the chain and set aside.
        logged: whether a chain was there to check.
    """

    problems: list[Problem]
    checked: list[str] = field(default_factory=list)
    access: list[dict[str, Any]] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    logged: bool = False


def _compared(
    found: _Found,
    envelope: Mapping[str, Any],
    path: Path,
    files: Mapping[str, bytes],
    log: Path | None,
    key: Ed25519PublicKey,
    said: Mapping[str, Any],
) -> None:
    """Hold evidence against the description, the files and the chain that are there now."""
    from sovereign_ai.attest.evidence import parts_of, verify
    from sovereign_ai.cli.stack import chain_of, open_stack

    stack = open_stack(path)
    parts = parts_of(stack.factory, stack.plan, files)
    found.problems += verify(envelope, key, parts)
    found.checked += [part.name for part in parts]
    _chained(found, chain_of(log, stack.factory.name), key, said, named=log is not None)


def _chained(found: _Found, log: Path, key: Ed25519PublicKey, said: Mapping[str, Any], *, named: bool) -> None:
    """Hold a statement against the chain, and open every statement of break-glass access in that; nothing where none is there or named."""
    from sovereign_ai.attest import chain
    from sovereign_ai.attest.access import statements

    if not (named or log.exists()):
        return
    found.logged = True
    found.checked.append(f"log {log}")
    problems = chain.verify(log, key, said)
    if not problems:
        found.access, problems = statements(log, key)
        found.aside, lost = chain.set_aside(log)
        problems += lost
    found.problems += problems
