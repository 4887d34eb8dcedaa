"""`access`: break-glass access to a local control plane, for one person, with a reason and an end.

Three parties act: the approver signs an approval, the operator grants what was signed, and the control
plane's own operator process ends the access in time. Every grant and every revocation becomes a run of the
evidence log.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_access, complete_country
from sovereign_ai.cli.evidence import Log, Witnesses, places
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output, indented_json, table, wrapped
from sovereign_ai.cli.target import LocalClusterOption, StackOption
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.json_members import merged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster import ClusterDir
    from sovereign_ai.errors import UsageError
    from sovereign_ai.operate import AccessGrant
    from sovereign_ai.operate.records import GrantRecord

Key = Annotated[
    Path,
    typer.Option(
        "--key",
        help="The Ed25519 private key that signs the stack's evidence: PEM file, or pkcs11: URI.",
    ),
]
_APPROVE = (
    "sovereign-ai access approve stacks/lab --person on-call-1 --approver security-lead --from DE"
    ' --namespace research --reason "a job hangs" --key approver.pem -o approval.json'
)


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Break-glass access: for hours, for a reason, recorded, and reported while it is open.",
    )
    app.add_typer(group, name="access")

    @group.command("approve", **example(_APPROVE))
    def approve(
        person: Annotated[
            str, typer.Option("--person", metavar="NAME", help="Who gets access, as a DNS label.")
        ],
        approver: Annotated[
            str,
            typer.Option(
                "--approver", metavar="NAME", help="Who agrees: the owner of the key; never the person."
            ),
        ],
        reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in one line.")],
        seat: Annotated[
            str,
            typer.Option(
                "--from",
                metavar="COUNTRY",
                help="The country from which the person works.",
                autocompletion=complete_country,
            ),
        ],
        namespace: Annotated[
            str, typer.Option("--namespace", metavar="NAME", help="The tenant's namespace.")
        ],
        key: Annotated[
            Path,
            typer.Option(
                "--key", help="The approver's own Ed25519 private key: PEM file of mode 0600, or pkcs11: URI."
            ),
        ],
        out: Annotated[Path, typer.Option("--output", "-o", help="File for the approval.")],
        stack: StackArgument = Path(),
        kind: Annotated[
            str,
            typer.Option(
                "--kind",
                metavar="KIND",
                help="`look`, `shell` (look, and get into pods) or `repair` (look, scale, restart).",
                autocompletion=complete_access,
            ),
        ] = "look",
        lasting: Annotated[
            str, typer.Option("--for", metavar="TIME", help="For how long, at most 4 h.")
        ] = "1 h",
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Agree to access as its approver; the approval may be used once, within a day."""
        request = {
            "person": person,
            "approver": approver,
            "reason": reason,
            "seat": seat,
            "namespace": namespace,
            "kind": kind,
        }

        def work(output: Output) -> None:
            _approve(output, stack, name, request, lasting, key, out)

        run_command("access approve", as_json, work, outputs=out)

    @group.command(
        "grant", **example("sovereign-ai access grant stacks/lab --approval approval.json --key key.pem")
    )
    def grant(
        approval: Annotated[
            Path, typer.Option("--approval", help="The file that the approver's `access approve` wrote.")
        ],
        key: Key,
        stack: StackArgument = Path(),
        cluster: LocalClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        log: Log = None,
        witness: Witnesses = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Show what would be granted, and write nothing.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Grant what an approver signed: one person, one namespace, a limited time; the operator ends it."""
        run_command(
            "access grant",
            as_json,
            lambda output: _grant(output, stack, cluster, name, approval, key, log, witness, dry_run),
        )

    @group.command(
        "revoke",
        **example(
            'sovereign-ai access revoke 1f2e3d4c stacks/lab --reason "it was not needed" --key key.pem'
        ),
    )
    def revoke(
        id_: Annotated[str, typer.Argument(metavar="ID", help="The grant's id, as `access list` shows it.")],
        reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it ends early.")],
        key: Key,
        stack: StackArgument = Path(),
        cluster: LocalClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        log: Log = None,
        witness: Witnesses = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """End access now."""
        run_command(
            "access revoke",
            as_json,
            lambda output: _revoke(output, stack, cluster, name, id_, reason, key, log, witness),
        )

    @group.command("list", **example("sovereign-ai access list stacks/lab"))
    def listed(
        stack: StackArgument = Path(),
        cluster: LocalClusterOption = Backend.EMBEDDED,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """List all grants, closed ones too; exit 1 while one is open."""
        run_command("access list", as_json, lambda output: _list(output, stack, cluster, name))


def _cluster_dir(stack: Stack, backend: Backend, name: str | None) -> ClusterDir:
    """Return the state folder of a stack's local control plane.

    Raises:
        UsageError: the cluster is the user's own, or only one of another kind exists and the options do not
            name it.
    """
    from sovereign_ai.cluster.backends import control_plane, local_control_planes

    cluster = stack.bundle(name).cluster
    plane = control_plane(backend, cluster)
    if not plane.is_local:
        message = "break-glass access is granted on a local control plane only"
        raise _wrong_cluster(
            message, "on a cluster of yours its own identity provider grants and ends access"
        )
    # A user of another control plane may have left out the option, which then means the default.
    if plane.is_default and not plane.cluster_dir.record.exists():
        for other in local_control_planes(cluster):
            if other.cluster_dir.record.exists():
                message = f"the control plane of {cluster!r} is a {other.backend} cluster"
                raise _wrong_cluster(message, f"add --cluster {other.backend}")
    return plane.cluster_dir


def _wrong_cluster(message: str, hint: str) -> UsageError:
    """Return the error of a cluster that cannot be meant."""
    from sovereign_ai.errors import Problem, UsageError, Where

    return UsageError(Problem("no-plane", message, Where(field="cluster"), hint))


def _restart_hint(backend: Backend, cluster_dir: ClusterDir) -> str:
    """Return how to start a cluster's operator; empty where the usual command does."""
    from sovereign_ai.cluster.backends import control_plane

    return control_plane(backend, cluster_dir.name).operator_hint()


def _zones(stack: Stack, cluster: str) -> dict[str, str]:
    """Return the zone of each namespace of a cluster."""
    return {namespace.name: namespace.zone for namespace in stack.plan.cluster(cluster).namespaces}


def _approve(
    output: Output,
    path: Path,
    name: str | None,
    request: dict[str, str],
    lasting: str,
    key: Path,
    out: Path,
) -> None:
    from dataclasses import replace
    from datetime import UTC, datetime, timedelta

    from sovereign_ai.attest import base64_text, pae, signing_key
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cli.waiver import public_key_text, require_approver_key
    from sovereign_ai.files.writing import write
    from sovereign_ai.operate import grant_of, make_grant
    from sovereign_ai.rules import ACCESS_TYPE, access_payload

    stack = open_stack(path)
    cluster = stack.cluster(name)
    zones = _zones(stack, cluster)
    now = datetime.now(UTC)
    duration = timedelta(seconds=_seconds(lasting))
    grant = make_grant(stack.factory, zones, lasting=duration, now=now, **request)
    grant = replace(grant, cluster=cluster)
    signer = signing_key(key)
    public = public_key_text(signer)
    require_approver_key(stack.factory, grant.approver, public)
    signed = signer.sign(pae(ACCESS_TYPE, access_payload(grant.agreed)))
    approval = {"access": grant.agreed, "signature": f"{public}:{base64_text(signed)}"}
    # What `access grant` would refuse later is refused now, while the approver is still there.
    grant_of(stack.factory, zones, cluster, approval, now)
    write(out, f"{indented_json(approval)}\n".encode())
    agreed = (
        f"{grant.person} has {grant.kind} in {grant.namespace} of {cluster} for {lasting}, from {grant.seat}"
    )
    lines = [
        f"{grant.approver} agrees that {agreed}",
        f"wrote {out}, to be used once, until {grant.use_before}",
    ]
    output.finish(merged({"wrote": str(out)}, approval), lines)


def _grant(
    output: Output,
    path: Path,
    backend: Backend,
    name: str | None,
    approval: Path,
    key: Path,
    log: Path | None,
    witness: list[str] | None,
    dry_run: bool,
) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.attest import record, signing_key
    from sovereign_ai.attest.chain import set_aside_lines
    from sovereign_ai.cli.stack import evidence_log_path, open_stack
    from sovereign_ai.cluster import record_approvers
    from sovereign_ai.operate import grant_access, require_operator, require_unused

    stack = open_stack(path)
    cluster_dir = _cluster_dir(stack, backend, name)
    grant = _read_approval(stack, cluster_dir, approval)
    signer = signing_key(key)
    if dry_run:
        line = f"would give {grant.user} {grant.kind} until {grant.ends.isoformat()}"
        output.finish({"grant": grant.to_data(), "dry_run": True}, [line])
        return
    require_operator(cluster_dir, _restart_hint(backend, cluster_dir))
    require_unused(cluster_dir, grant)
    log_file = evidence_log_path(log, stack.factory.name)
    # The record comes before the access: access that is in no log must never be open, also after a crash.
    entry, _ = record(
        log_file,
        grant.to_data(),
        "granted",
        factory=stack.factory.name,
        cluster=cluster_dir.name,
        key=signer,
        now=grant.begins,
        witnesses=places(witness),
    )
    run = entry["n"] + 1
    output.progress(f"{cluster_dir.name}: recorded as run {run}; waiting for the operator")
    # By this description the approver was found, and the operator counts no other key.
    record_approvers(cluster_dir, stack.factory.name, stack.factory.approvers)
    opened, kubeconfig = grant_access(cluster_dir, grant, lambda: datetime.now(UTC))
    ends = grant.ends.isoformat()
    lines = wrapped(f"{grant.id}: {grant.user} has {grant.kind} in {grant.namespace} until {ends}")
    lines.append(f"export KUBECONFIG={kubeconfig}")
    lines += wrapped(f"recorded as run {run} in {log_file}; `verify` and `audit` report it while it is open")
    lines += set_aside_lines(log_file, entry)
    data = {
        "grant": opened.to_data(),
        "kubeconfig": str(kubeconfig),
        "log": str(log_file),
        "entry": entry,
    }
    output.finish(data, lines)


def _read_approval(stack: Stack, cluster_dir: ClusterDir, approval: Path) -> AccessGrant:
    """Return the grant that an approval allows from now on.

    Raises:
        UsageError: the file is no approval, the approval does not hold, or it was used already.
    """
    from datetime import UTC, datetime

    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.files import APPROVAL, parse_json, read
    from sovereign_ai.operate import grant_of
    from sovereign_ai.operate.records import is_known

    cluster = cluster_dir.name
    zones = _zones(stack, cluster)
    document = parse_json(read(approval, APPROVAL), str(approval), APPROVAL).data
    if not isinstance(document, dict):
        document = {}
    grant = grant_of(stack.factory, zones, cluster, document, datetime.now(UTC))
    if is_known(cluster_dir, grant.id):
        message = f"approval {grant.id} was used already"
        hint = "have it approved once more, if it is needed once more"
        raise UsageError(Problem("access-used", message, hint=hint))
    return grant


def _seconds(text: str) -> int:
    """Return a time span in seconds.

    Raises:
        UsageError: the text is no time span.
    """
    from sovereign_ai.errors import Problem, UsageError, Where
    from sovereign_ai.units import Seconds

    try:
        return Seconds.parse(text).count
    except ValueError as error:
        problem = Problem("bad-access", str(error), Where(field="for"), 'write a span such as "1 h"')
        raise UsageError(problem) from None


def _revoke(
    output: Output,
    path: Path,
    backend: Backend,
    name: str | None,
    id_: str,
    reason: str,
    key: Path,
    log: Path | None,
    witness: list[str] | None,
) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.attest import is_recorded, record, signing_key
    from sovereign_ai.attest.chain import set_aside_lines
    from sovereign_ai.cli.stack import evidence_log_path, open_stack
    from sovereign_ai.operate import end_access, records, require_operator

    stack = open_stack(path)
    cluster_dir = _cluster_dir(stack, backend, name)
    signer = signing_key(key)
    require_operator(cluster_dir, _restart_hint(backend, cluster_dir))
    log_file = evidence_log_path(log, stack.factory.name)
    closed = records.grant_record(cluster_dir, id_)
    # Access goes before its record. A command that died in between left the grant revoked and the log without
    # a run: then only the record is made up for. Otherwise `take` ends the access, or refuses a grant that is
    # closed.
    is_revoked = closed.closed and closed.revoked
    if not is_revoked or is_recorded(log_file, id_, "revoked"):
        closed = end_access(cluster_dir, id_, reason, lambda: datetime.now(UTC))
    facts = merged(closed.grant.to_data(), {"revoked": closed.revoked})
    entry, _ = record(
        log_file,
        facts,
        "revoked",
        factory=stack.factory.name,
        cluster=cluster_dir.name,
        key=signer,
        now=datetime.now(UTC),
        witnesses=places(witness),
    )
    lines = [f"{id_}: {closed.grant.user} has no access any more"]
    lines.append(f"recorded as run {entry['n'] + 1} in {log_file}")
    lines += set_aside_lines(log_file, entry)
    output.finish({"grant": closed.to_data(), "log": str(log_file), "entry": entry}, lines)


def _list(output: Output, path: Path, backend: Backend, name: str | None) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.cluster.backends import control_plane, local_control_planes
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.operate.records import read_records

    cluster_dir = _cluster_dir(open_stack(path), backend, name)
    grants, unreadable = read_records(cluster_dir)
    now = datetime.now(UTC)
    lines = ["no access was given"]
    if grants:
        rows = [_grant_row(record, now) for record in grants]
        lines = table(["id", "person", "kind", "namespace", "ends", "state"], rows)
    for line in unreadable:
        lines += wrapped(f"unreadable: {line}")
    if control_plane(backend, cluster_dir.name).is_default:
        for other in local_control_planes(cluster_dir.name):
            if other.is_default:
                continue
            if number := _count_open(read_records(other.cluster_dir)[0]):
                kind = other.backend
                lines += wrapped(f"{number} more open on the {kind} cluster of that name: --cluster {kind}")
    # An unreadable record may be of a grant that is open.
    is_open = unreadable or _count_open(grants)
    data = {"grants": [record.to_data() for record in grants], "unreadable": unreadable}
    output.finish(data, lines, ExitCode.FINDINGS if is_open else ExitCode.OK)


def _grant_row(record: GrantRecord, now: datetime) -> tuple[str, ...]:
    """Return the row of a grant in the list."""
    if record.closed:
        # One word, such as `ended`; after a colon the API server's own words, which are long.
        state = record.why.partition(":")[0]
    elif record.is_active(now):
        state = "open"
    else:
        state = "closing"
    grant = record.grant
    ends = grant.ends.strftime("%Y-%m-%d %H:%M:%SZ")
    return grant.id, grant.person, grant.kind, grant.namespace, ends, state


def _count_open(records: Iterable[GrantRecord]) -> int:
    """Return how many grants are not closed."""
    return sum(not record.closed for record in records)
