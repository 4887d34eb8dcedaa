"""`evidence`: sign a run's inputs and verdict with the user's key, verify them, and rotate the key."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from errno import EISDIR
from pathlib import Path
from stat import S_IMODE
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument, day
from sovereign_ai.cli.output import AsJson, Output, wrapped
from sovereign_ai.files import COVERED, read
from sovereign_ai.files.writing import destination, prepare, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from sovereign_ai.attest import TimeStampService, Witness
    from sovereign_ai.cli.stack import Stack

ReportFile = Annotated[Path | None, typer.Option("--report", help="The report's file, signed with it.")]
Observation = Annotated[
    Path | None, typer.Option("--observation", help="What `verify --json` printed, signed with it.")
]
HostsFile = Annotated[
    Path | None, typer.Option("--hosts", help="What `hosts configure --output` wrote, signed with it.")
]
Log = Annotated[
    Path | None,
    typer.Option("--log", help="The log of all runs; left out, the factory's own in the state folder."),
]
Witnesses = Annotated[
    list[str] | None,
    typer.Option(
        "--witness",
        metavar="PLACE",
        help="A second place for the log's head: a folder, or exec: and a program; may be repeated;"
        " left out, SOVEREIGN_AI_WITNESS.",
    ),
]
TsaCertificate = Annotated[
    Path | None,
    typer.Option(
        "--tsa-cert",
        help="Certificate of the time stamp authority that you trust, or of its issuer, in PEM.",
    ),
]
TsaPolicy = Annotated[
    str,
    typer.Option(
        "--tsa-policy", metavar="OID", help="The authority's policy that the time stamp must be under."
    ),
]
WITNESS = "SOVEREIGN_AI_WITNESS"
"""Environment variable that names the second place of the log's head, so that no run leaves it out."""


def places(named: list[str] | None) -> tuple[Witness, ...]:
    """Return the second places of the log's head: those of the options, else that of the environment.

    Raises:
        UsageError: a name is no place.
    """
    from sovereign_ai.attest import witnesses

    if named:
        return witnesses(named)
    ambient = os.environ.get(WITNESS, "")
    return witnesses([ambient] if ambient else [])


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Sign evidence of a run with your own key, and check it offline."
    )
    app.add_typer(group, name="evidence")

    @group.command(
        "sign",
        **example(
            "sovereign-ai evidence sign stacks/lab --key key.pem --report report.html -o evidence.json"
        ),
    )
    def sign_statement(
        key: Annotated[
            Path,
            typer.Option("--key", help="Your Ed25519 private key: PEM file of mode 0600, or pkcs11: URI."),
        ],
        out: Annotated[Path, typer.Option("--output", "-o", help="File for the signed evidence.")],
        stack: DescriptionArgument = Path(),
        report: ReportFile = None,
        observation: Observation = None,
        hosts: HostsFile = None,
        log: Log = None,
        witness: Witnesses = None,
        on: Annotated[
            str | None,
            typer.Option(
                "--on", metavar="DAY", help="The day of the run, such as 2026-12-31; left out, today."
            ),
        ] = None,
        timestamp_url: Annotated[
            str | None,
            typer.Option("--timestamp-url", metavar="URL", help="A time stamp service (RFC 3161) to ask."),
        ] = None,
        tsa_cert: TsaCertificate = None,
        tsa_policy: TsaPolicy = "",
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Sign the digests of description, plan, rules, objects and verdict, and add the run to the log."""

        def work(output: Output) -> None:
            service = _service(timestamp_url, tsa_cert, tsa_policy)
            _sign(output, stack, key, out, _files(report, observation, hosts), log, on, witness, service)

        run_command("evidence sign", as_json, work, outputs=out)

    @group.command(
        "verify",
        **example(
            "sovereign-ai evidence verify evidence.json stacks/lab --key public.pem --report report.html"
        ),
    )
    def verify(
        evidence: Annotated[
            Path, typer.Argument(help="What `evidence sign` wrote, or a statement of `access grant`.")
        ],
        key: Annotated[
            Path, typer.Option("--key", help="The signer's Ed25519 public key, in PEM, from the signer.")
        ],
        stack: DescriptionArgument = Path(),
        report: ReportFile = None,
        observation: Observation = None,
        hosts: HostsFile = None,
        log: Log = None,
        witness: Witnesses = None,
        without_log: Annotated[
            bool,
            typer.Option(
                "--no-log", help="Do not check the log; lines that were removed from its end go unnoticed."
            ),
        ] = False,
        run_program: Annotated[
            bool,
            typer.Option(
                "--run-program",
                help="Run the description's own program, if it is one; it can do all that you can.",
            ),
        ] = False,
        tsa_cert: TsaCertificate = None,
        tsa_policy: TsaPolicy = "",
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show what changed since the signature; exit 1 on a finding.

        It also lists who had break-glass access, and what was not checked.
        """
        from sovereign_ai.attest import checked_policy
        from sovereign_ai.cli.evidence_verify import Question, check_evidence

        def work(output: Output) -> None:
            files = _files(report, observation, hosts)
            question = Question(
                evidence,
                key,
                stack,
                files,
                log,
                places(witness),
                without_log,
                run_program,
                tsa_cert,
                checked_policy(tsa_policy),
            )
            check_evidence(output, question)

        run_command("evidence verify", as_json, work)

    @group.command(
        "rotate",
        **example("sovereign-ai evidence rotate stacks/lab --key old.pem --next new.pem --until 2027-12-31"),
    )
    def rotate(
        key: Annotated[
            Path,
            typer.Option(
                "--key", help="The Ed25519 private key that signs the log now: PEM file, or pkcs11: URI."
            ),
        ],
        following: Annotated[
            Path,
            typer.Option(
                "--next",
                help="The private key that signs it from here on; the same one, to change its last day.",
            ),
        ],
        stack: DescriptionArgument = Path(),
        until: Annotated[
            str | None,
            typer.Option("--until", metavar="DAY", help="The last day of that key; left out, none."),
        ] = None,
        log: Log = None,
        witness: Witnesses = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Continue the log with another key; both keys sign the change."""
        run_command(
            "evidence rotate",
            as_json,
            lambda output: _rotate(output, stack, key, following, until, log, witness),
        )


def _files(report: Path | None, observation: Path | None, hosts: Path | None) -> dict[str, bytes]:
    """Return the contents of the files that the evidence covers, by name."""
    named = (("hosts", hosts), ("observation", observation), ("report", report))
    return {name: read(path, COVERED) for name, path in named if path is not None}


def _service(url: str | None, certificates: Path | None, policy: str) -> TimeStampService | None:
    """Return the time stamp service to ask; None without an address.

    Raises:
        UsageError: the address, the file or the policy is wrong, or is there without an address.
    """
    from sovereign_ai.attest import TimeStampService, checked_policy, parse_url, read_authorities
    from sovereign_ai.errors import Problem, UsageError

    if url is None:
        if certificates is None and not policy:
            return None
        message = "--tsa-cert and --tsa-policy say which time stamp is wanted, and none is asked for"
        raise UsageError(Problem("no-timestamp", message, hint="name the service with --timestamp-url"))
    authorities = read_authorities(certificates) if certificates else []
    return TimeStampService(parse_url(url), tuple(authorities), checked_policy(policy))


def _sign(
    output: Output,
    path: Path,
    key: Path,
    out: Path,
    files: Mapping[str, bytes],
    log: Path | None,
    on: str | None,
    witness: list[str] | None,
    service: TimeStampService | None,
) -> None:
    from sovereign_ai.cli.stack import open_stack

    data, lines = record(open_stack(path), files, key, out, log, day(on), places(witness), service)
    output.finish(data, lines)


def record(
    stack: Stack,
    files: Mapping[str, bytes],
    key: Path,
    out: Path,
    log: Path | None,
    now: date,
    witnesses: tuple[Witness, ...] = (),
    service: TimeStampService | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Sign a run's inputs and verdict, and add the run to the log.

    The evidence is on the disk before the log grows, and in its place only after that.

    Args:
        stack: the description with its plan.
        files: `hosts`, `observation` and `report` to the bytes of their files, where there are any.
        key: the private key's file.
        out: where the signed evidence goes.
        log: the log's file; None for the factory's own.
        now: the day of the run.
        witnesses: the second places of the log's head.
        service: the time stamp service that stamps the signature; None for no stamp.

    Returns:
        Data for a program and lines for a person.

    Raises:
        UsageError: the file holds no key, the log is broken, or the observation is of another stack.
        EnvironmentLacksError: a file cannot be read or written.
    """
    from sovereign_ai.attest import (
        bind,
        chain,
        description_data,
        key_id,
        parts_and_verdict,
        sign_statement,
        signing_key,
        statement,
        verdict_counts,
    )
    from sovereign_ai.cli.stack import evidence_log_path

    factory = stack.factory.name
    signer = signing_key(key)
    log_file = evidence_log_path(log, factory)
    clock = datetime.now(tz=UTC)
    parts, verdict = parts_and_verdict(stack.factory, stack.plan, files, now=now)
    subjects = {part.name: part.digest for part in parts}
    facts: dict[str, Any] = {
        "description": description_data(stack.factory),
        "verdict": verdict_counts(verdict),
    }
    lines = [f"{part.digest[:12]}  {part.name}" for part in parts]
    if "observation" in files:
        # The binding states which cluster was observed, against which plan and when.
        objects = _object_digests(subjects)
        binding = bind(files["observation"], "observation", factory, stack.plan, objects, now, clock)
        facts["observation"] = binding.to_data()
        lines += wrapped(binding.line)
    previous = chain.head(log_file)
    envelope = sign_statement(
        statement(parts, factory=factory, now=now, previous=previous, facts=facts), signer
    )
    notes: dict[str, str] = {}
    if service is not None:
        # Before the log grows: its line notes the token, so that nobody takes it out or exchanges it.
        envelope, notes, line = service.stamp(envelope)
        lines += wrapped(line)
    text = orjson.dumps(envelope, option=orjson.OPT_SORT_KEYS) + b"\n"
    with _prepared(out, text, lambda: chain.holds(log_file, envelope)):
        at = datetime.now(tz=UTC).isoformat(timespec="seconds")
        entry = chain.append(log_file, envelope, signer, at=at, witnesses=witnesses, extra=notes)
    signer_id = key_id(signer.public_key())
    second_places = [witness.text for witness in witnesses]
    word = "passed" if verdict.ok else "did NOT pass"
    lines.append(f"`check` {word}: {verdict.lines()[-1]}")
    lines.append(f"wrote {out}, signed by key {signer_id[:12]}")
    lines += wrapped(f"added as run {entry['n'] + 1} to {log_file}")
    lines += [f"its head is kept in {place}, too" for place in second_places]
    for line in chain.set_aside_lines(log_file, entry):
        lines += wrapped(line)
    data = {
        "wrote": str(out),
        "key": signer_id,
        "log": str(log_file),
        "entry": entry,
        "subjects": subjects,
        "verdict": facts["verdict"],
        "witnesses": second_places,
    }
    return data, lines


def _object_digests(subjects: Mapping[str, str]) -> dict[str, str]:
    """Return the digest of each cluster's rendered objects."""
    digests = {}
    for name, digest in subjects.items():
        if name.startswith("objects/"):
            digests[name.removeprefix("objects/")] = digest
    return digests


def _rotate(
    output: Output,
    path: Path,
    key: Path,
    following: Path,
    until: str | None,
    log: Path | None,
    witness: list[str] | None,
) -> None:
    from sovereign_ai.attest import chain, handover, handover_file, key_id, sign_statement, signing_key
    from sovereign_ai.cli.stack import evidence_log_path, open_stack
    from sovereign_ai.errors import Problem, UsageError

    factory = open_stack(path).factory.name
    old_key, new_key = signing_key(key), signing_key(following)
    log_file = evidence_log_path(log, factory)
    now = datetime.now(tz=UTC)
    last = day(until, "--until") if until is not None else None
    if last is not None and last < now.date():
        message = f"--until: {last} has passed"
        raise UsageError(Problem("bad-date", message, hint="write a day that is still to come"))
    head = chain.head(log_file)
    statement = handover(
        old_key.public_key(), new_key.public_key(), factory=factory, until=last, at=now, log=head
    )
    # Both keys sign: the old key's owner gives the log away, and the new key's owner accepts it.
    envelope = sign_statement(statement, old_key, new_key)
    new_id = key_id(new_key.public_key())
    statement_file = handover_file(log_file, int(head["entries"]), new_id)
    entry = chain.append_with_statement(
        statement_file,
        log_file,
        envelope,
        old_key,
        at=now.isoformat(timespec="seconds"),
        witnesses=places(witness),
    )
    end = f" until {last}" if last else ""
    # `n` counts from 0, and the line after the handover is the first one of the new key.
    first_line = entry["n"] + 2
    lines = wrapped(f"key {new_id[:12]} signs {log_file} from line {first_line} on{end}")
    lines += wrapped(f"wrote {statement_file}; keep it beside the log")
    lines += chain.set_aside_lines(log_file, entry)
    data = {
        "log": str(log_file),
        "key": new_id,
        "statement": str(statement_file),
        "until": str(last or ""),
        "entry": entry,
    }
    output.finish(data, lines)


@contextmanager
def _prepared(out: Path, data: bytes, is_logged: Callable[[], bool]) -> Iterator[None]:
    """Write a file beside its place, and move it there after the block.

    If the block fails, the file is moved only if the run is in the log by then; otherwise nothing is left.
    """
    place = destination(out)
    if place.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(out))
    if place.exists() and not place.is_file():
        # A terminal or a pipe: no file can be moved in its place.
        yield
        write(out, data)
        return
    mode = S_IMODE(place.stat().st_mode) if place.exists() else None
    try:
        prepared = prepare(place, data, mode=mode)
    except OSError as error:
        # The error names the temporary file, which the user did not name.
        raise type(error)(error.errno, error.strerror, str(out)) from None
    try:
        yield
    except BaseException:
        if is_logged():
            prepared.replace(place)
        prepared.unlink(missing_ok=True)
        raise
    prepared.replace(place)
