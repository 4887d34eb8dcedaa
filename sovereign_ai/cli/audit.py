"""`audit`: every rule on what is live, and who can read what; published in the cluster where that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, running

if TYPE_CHECKING:
    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.cluster.access import Api
    from sovereign_ai.render.kubernetes.bundle import Bundle
    from sovereign_ai.verify.audit import Audit


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("audit", **example("sovereign-ai audit stacks/lab --publish"))
    def audit(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        publish: Annotated[bool, typer.Option("--publish", help="Write the findings into the cluster, as OpenReports.")] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="With --publish: let the server judge the reports, and store none.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge live objects and rights by the rules; exit 1 on a violation."""
        speak("audit", as_json, lambda output: _audit(output, stack, cluster, kubeconfig, name, publish, dry_run))


def _audit(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None, publish: bool, dry_run: bool) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.verify.audit import audit as audited

    stack = open_stack(path)
    bundle = stack.bundle(name)
    target = running(bundle.cluster, backend, kubeconfig)
    found = audited(target.api, stack.factory, stack.plan, bundle, cluster=bundle.cluster, now=datetime.now(UTC).date())
    published = _publish(target.api, found, stack, bundle, dry_run) if publish else []
    said = [f"published: {one}" for one in published] if not dry_run else [f"not stored, only tried: {one}" for one in published]
    data = found.to_data() | ({"published": published} if publish else {})
    output.finish(data, [*lines(found), *said], ExitCode.OK if found.verdict.ok else ExitCode.FINDINGS)


def _publish(api: Api, found: Audit, stack: Stack, bundle: Bundle, dry_run: bool) -> list[str]:
    """Write the reports, and name them."""
    from sovereign_ai.verify.openreports import publish

    namespaces = [str(obj["metadata"]["name"]) for obj in bundle.objects if obj["kind"] == "Namespace"]
    objects = publish(api, found, stack.factory.name, namespaces, dry_run=dry_run)
    return ["/".join(filter(None, (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"]))) for obj in objects]


def lines(found: Audit) -> list[str]:
    """Say what was found in 80 columns: who reads secrets, then findings, then the count."""
    from textwrap import wrap

    from sovereign_ai.attest.text import told

    said = ["Who can read secrets in our namespaces"]
    for one in found.readers:
        said += wrap(str(one), 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return [*said, *told(found.verdict), f"{found.cluster}: {found.judged} live objects judged"]
