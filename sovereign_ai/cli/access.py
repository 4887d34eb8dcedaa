"""`access`: break-glass access to a plane of ours: for one person, with a reason and an end, recorded and told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output, table
from sovereign_ai.cli.target import Backend, StackOption

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.state import Place

StackArgument = Annotated[Path, typer.Argument(help="The stack's folder.")]
ClusterOption = Annotated[Backend, typer.Option("--cluster", help="Which local plane: `embedded` or `kind`.")]
Key = Annotated[Path, typer.Option("--key", help="An Ed25519 private key, in PEM, mode 0600: the one that signs the stack's evidence.")]
Log = Annotated[Path | None, typer.Option("--log", help="The chain of all runs; left out, the factory's own in the state folder.")]
_GRANT = 'sovereign-ai access grant stacks/lab --person on-call-1 --approver security-lead --from DE --namespace research --for "1 h" '


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Break-glass access: for hours, for a reason, recorded, and told while it is open.")
    app.add_typer(group, name="access")

    @group.command("grant", **example(_GRANT + '--reason "a job hangs" --key key.pem'))
    def grant(
        person: Annotated[str, typer.Option("--person", metavar="NAME", help="Who gets it, as a DNS label.")],
        approver: Annotated[str, typer.Option("--approver", metavar="NAME", help="Who agreed; never the person.")],
        reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in one line.")],
        seat: Annotated[str, typer.Option("--from", metavar="COUNTRY", help="The country from which the person works.")],
        namespace: Annotated[str, typer.Option("--namespace", metavar="NAME", help="The tenant's namespace.")],
        key: Key,
        stack: StackArgument = Path(),
        kind: Annotated[
            str, typer.Option("--kind", metavar="KIND", help="`look`, `shell` (look, and get into pods) or `repair` (look, and mend).")
        ] = "look",
        lasting: Annotated[str, typer.Option("--for", metavar="TIME", help="For how long, at most 4 h.")] = "1 h",
        cluster: ClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        log: Log = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be given, and write nothing.")] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Give one person access to one namespace until a moment; the operator ends it."""
        wish = {"person": person, "approver": approver, "reason": reason, "seat": seat, "namespace": namespace, "kind": kind}
        speak("access grant", as_json, lambda output: _grant(output, stack, cluster, name, wish, lasting, key, log, dry_run))

    @group.command("revoke", **example('sovereign-ai access revoke 1f2e3d4c stacks/lab --reason "it was not needed" --key key.pem'))
    def revoke(
        id_: Annotated[str, typer.Argument(metavar="ID", help="The grant's id, as `access list` shows it.")],
        reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it ends early.")],
        key: Key,
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        log: Log = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """End access now."""
        speak("access revoke", as_json, lambda output: _revoke(output, stack, cluster, name, id_, reason, key, log))

    @group.command("list", **example("sovereign-ai access list stacks/lab"))
    def listed(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """List all grants, closed ones too; exit 1 while one is open."""
        speak("access list", as_json, lambda output: _list(output, stack, cluster, name))


def _place(stack: Stack, backend: Backend, name: str | None) -> Place:
    """Give the plane of a stack.

    Raises:
        UsageError: the cluster is none of our planes, or only the kind plane is there and was not named.
    """
    from sovereign_ai.cluster.kind.status import folder_of
    from sovereign_ai.cluster.state import place
    from sovereign_ai.errors import Problem, UsageError, Where

    cluster = stack.bundle(name).cluster
    if backend is Backend.KUBECONFIG:
        hint = "on a cluster of yours its own identity provider gives and ends access"
        raise UsageError(Problem("no-plane", "break-glass access is given on a plane of ours", Where(field="cluster"), hint))
    kind, embedded = folder_of(cluster), place(cluster)
    if backend is Backend.EMBEDDED and kind.record.exists() and not embedded.record.exists():
        hint = "add --cluster kind"
        raise UsageError(Problem("no-plane", f"the plane of {cluster!r} that is there is the kind plane", Where(field="cluster"), hint))
    return kind if backend is Backend.KIND else embedded


def _again(backend: Backend, where: Place) -> str:
    """Say how a plane comes to an operator that runs; empty for the usual plane."""
    from sovereign_ai.cluster.kind.operator import again

    return again(where) if backend is Backend.KIND else ""


def _grant(
    output: Output,
    path: Path,
    backend: Backend,
    name: str | None,
    wish: dict[str, str],
    lasting: str,
    key: Path,
    log: Path | None,
    dry_run: bool,
) -> None:
    from datetime import UTC, datetime, timedelta

    from sovereign_ai.attest.access import record
    from sovereign_ai.attest.chain import noted
    from sovereign_ai.attest.signing import private_key
    from sovereign_ai.cli.stack import chain_of, open_stack
    from sovereign_ai.operate.access import give, ours
    from sovereign_ai.operate.grants import make_grant

    stack = open_stack(path)
    where = _place(stack, backend, name)
    zones = {one.name: one.zone for one in stack.plan.cluster(where.name).namespaces}
    grant = make_grant(stack.factory, zones, lasting=timedelta(seconds=_seconds(lasting)), now=datetime.now(UTC), **wish)
    signer = private_key(key)
    if dry_run:
        output.finish({"grant": grant.to_data(), "dry_run": True}, [f"would give {grant.user} {grant.kind} until {grant.ends.isoformat()}"])
        return
    ours(where, _again(backend, where))
    place = chain_of(log, stack.factory.name)
    entry, _ = record(place, grant.to_data(), "granted", factory=stack.factory.name, cluster=where.name, key=signer, now=grant.begins)
    output.progress(f"{where.name}: recorded as run {entry['n'] + 1}; waiting for the operator")
    opened, kubeconfig = give(where, grant, lambda: datetime.now(UTC))
    lines = [
        f"{grant.id}: {grant.user} has {grant.kind} in {grant.namespace} until {grant.ends.isoformat()}",
        f"export KUBECONFIG={kubeconfig}",
        f"recorded as run {entry['n'] + 1} in {place}; `verify` and `audit` tell of it while it is open",
        *noted(place, entry),
    ]
    output.finish({"grant": opened.to_data(), "kubeconfig": str(kubeconfig), "log": str(place), "entry": entry}, lines)


def _seconds(text: str) -> int:
    """Read a time span.

    Raises:
        UsageError: it is none.
    """
    from sovereign_ai.errors import Problem, UsageError, Where
    from sovereign_ai.units import Seconds

    try:
        return Seconds.parse(text).count
    except ValueError as error:
        raise UsageError(Problem("bad-access", str(error), Where(field="for"), 'write a span such as "1 h"')) from None


def _revoke(output: Output, path: Path, backend: Backend, name: str | None, id_: str, reason: str, key: Path, log: Path | None) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.attest.access import is_recorded, record
    from sovereign_ai.attest.chain import noted
    from sovereign_ai.attest.signing import private_key
    from sovereign_ai.cli.stack import chain_of, open_stack
    from sovereign_ai.operate import records
    from sovereign_ai.operate.access import ours, take

    stack = open_stack(path)
    where = _place(stack, backend, name)
    signer = private_key(key)
    ours(where, _again(backend, where))
    place = chain_of(log, stack.factory.name)
    closed = records.record(where, id_)
    if not (closed.closed and closed.revoked) or is_recorded(place, id_, "revoked"):
        closed = take(where, id_, reason, lambda: datetime.now(UTC))
    facts = {**closed.grant.to_data(), "revoked": closed.revoked}
    entry, _ = record(place, facts, "revoked", factory=stack.factory.name, cluster=where.name, key=signer, now=datetime.now(UTC))
    lines = [f"{id_}: {closed.grant.user} has no access any more", f"recorded as run {entry['n'] + 1} in {place}"]
    lines += noted(place, entry)
    output.finish({"grant": closed.to_data(), "log": str(place), "entry": entry}, lines)


def _list(output: Output, path: Path, backend: Backend, name: str | None) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.kind.status import folder_of
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate.records import records

    where = _place(open_stack(path), backend, name)
    found, broken = records(where)
    now = datetime.now(UTC)
    rows = []
    for one in found:
        state = one.why.partition(":")[0] if one.closed else "open" if one.stands(now) else "closing"
        rows.append(
            (one.grant.id, one.grant.person, one.grant.kind, one.grant.namespace, one.grant.ends.strftime("%Y-%m-%d %H:%M:%SZ"), state)
        )
    lines = table(["id", "person", "kind", "namespace", "ends", "state"], rows) if rows else ["no access was given"]
    lines += [f"unreadable: {line}" for line in broken]
    if backend is Backend.EMBEDDED and (beside := sum(not one.closed for one in records(folder_of(where.name))[0])):
        lines.append(f"{beside} more open on the kind plane of that name: --cluster kind")
    is_open = broken or any(not one.closed for one in found)
    data = {"grants": [one.to_data() for one in found], "unreadable": broken}
    output.finish(data, lines, ExitCode.FINDINGS if is_open else ExitCode.OK)
