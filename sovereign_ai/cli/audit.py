"""`audit`: every rule on what is live, and who can read what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.cli.target import Backend, ClusterOption, KubeconfigOption, StackOption, running

if TYPE_CHECKING:
    from sovereign_ai.verify.audit import Audit


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("audit", **example("sovereign-ai audit stacks/lab --json"))
    def audit(
        stack: Annotated[Path, typer.Argument(help="The stack's folder.")] = Path(),
        cluster: ClusterOption = Backend.EMBEDDED,
        kubeconfig: KubeconfigOption = None,
        name: StackOption = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge live objects and rights by the rules; exit 1 on a violation."""
        speak("audit", as_json, lambda output: _audit(output, stack, cluster, kubeconfig, name))


def _audit(output: Output, path: Path, backend: Backend, kubeconfig: Path | None, name: str | None) -> None:
    from datetime import UTC, datetime

    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.verify.audit import audit as audited

    stack = open_stack(path)
    bundle = stack.bundle(name)
    target = running(bundle.cluster, backend, kubeconfig)
    found = audited(target.api, stack.factory, stack.plan, bundle, cluster=bundle.cluster, now=datetime.now(UTC).date())
    output.finish(found.to_data(), lines(found), ExitCode.OK if found.verdict.ok else ExitCode.FINDINGS)


def lines(found: Audit) -> list[str]:
    """Say what was found in 80 columns: who reads secrets, then findings, then the count."""
    from textwrap import wrap

    from sovereign_ai.attest.text import told

    said = ["Who can read secrets in our namespaces"]
    for one in found.readers:
        said += wrap(str(one), 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return [*said, *told(found.verdict), f"{found.cluster}: {found.judged} live objects judged"]
