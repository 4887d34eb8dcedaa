"""`audit`: every rule on the live objects, and who can read secrets; optionally published in the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.deployed_target import open_deployed
from sovereign_ai.cli.options import StackArgument
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import ClusterOption, KubeconfigOption, StackOption
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.api import Api
    from sovereign_ai.render.kubernetes import Bundle
    from sovereign_ai.verify import AuditResult


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("audit", **example("sovereign-ai audit stacks/lab"))
    def audit(
        stack: StackArgument = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        publish: Annotated[
            bool, typer.Option("--publish", help="Write the findings into a cluster that serves OpenReports.")
        ] = False,
        dry_run: Annotated[
            bool,
            typer.Option(
                "--dry-run", help="With --publish: let the server check the reports, and store none."
            ),
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge live objects and rights by the rules; exit 1 on a violation."""
        run_command(
            "audit",
            as_json,
            lambda output: _audit(output, stack, cluster, kubeconfig, name, publish, dry_run),
        )


def _audit(
    output: Output,
    path: Path,
    backend: Backend,
    kubeconfig: Path | None,
    name: str | None,
    publish: bool,
    dry_run: bool,
) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.verify import audit as audited

    stack = open_stack(path)
    bundle = stack.bundle(name)
    target = open_deployed(stack, bundle.cluster, backend, kubeconfig, output.progress)
    today = datetime.now(UTC).date()
    result = audited(target.api, stack.factory, stack.plan, bundle, cluster=bundle.cluster, now=today)
    data = result.to_data()
    text = lines(result)
    if publish:
        published = _publish(target.api, result, stack, bundle, dry_run)
        data = {**data, "published": published}
        word = "not stored, only tried" if dry_run else "published"
        text += [f"{word}: {report}" for report in published]
    output.finish(data, text, ExitCode.OK if result.verdict.ok else ExitCode.FINDINGS)


def _publish(api: Api, result: AuditResult, stack: Stack, bundle: Bundle, dry_run: bool) -> list[str]:
    """Write the reports into the cluster and return their names as `Kind/namespace/name`."""
    from sovereign_ai.verify import publish

    described = [obj for obj in bundle.objects if obj["kind"] == "Namespace"]
    namespaces = [str(namespace["metadata"]["name"]) for namespace in described]
    names = []
    for report in publish(api, result, stack.factory.name, namespaces, dry_run=dry_run):
        metadata = report["metadata"]
        parts = (report["kind"], metadata.get("namespace"), metadata["name"])
        # A ClusterReport has no namespace.
        names.append("/".join(filter(None, parts)))
    return names


def lines(result: AuditResult) -> list[str]:
    """Return an audit in 80 columns: who reads secrets, then findings, then the count."""
    from textwrap import wrap

    from sovereign_ai.attest import findings_lines

    text = ["Who can read secrets in this factory's namespaces"]
    for reader in result.readers:
        # Names of accounts contain hyphens, and are copied into `kubectl` as a whole.
        text += wrap(str(reader), 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    text += findings_lines(result.verdict)
    if result.unread:
        refused = f"not judged: annotations of Secrets, which you may not list in {', '.join(result.unread)}"
        text += wrap(refused, 80, subsequent_indent="  ", break_on_hyphens=False)
    text.append(f"{result.cluster}: {counted(result.judged, 'live object')} judged")
    return text
