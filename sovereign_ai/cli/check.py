"""`check`: judge a description, its plan and its rendered objects by the rules."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument, day
from sovereign_ai.cli.output import AsJson, Output, indented_json, wrapped
from sovereign_ai.files.writing import write
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from datetime import datetime

    from sovereign_ai.cli.stack import Stack
    from sovereign_ai.errors import ExitCode
    from sovereign_ai.rules import RuleVerdict
    from sovereign_ai.spec import AIFactory, Waiver

_MOST_RESOURCES = 3
"""Resources that a line about a waiver names; JSON has all of them."""


class Format(StrEnum):
    """The formats of a verdict."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    OSCAL = "oscal"


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("check", **example("sovereign-ai check stacks/lab --format sarif"))
    def check(
        stack: DescriptionArgument = Path(),
        form: Annotated[Format, typer.Option("--format", help="The format of the verdict.")] = Format.TEXT,
        out: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="A file for it; with `oscal`, a folder for all of its documents."
            ),
        ] = None,
        on: Annotated[
            str | None,
            typer.Option(
                "--on", metavar="DAY", help="The day that is judged, such as 2026-12-31; left out, today."
            ),
        ] = None,
        short: Annotated[Format | None, typer.Option("-f", hidden=True)] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge description, plan and objects by the rules; exit 1 on a violation."""
        # Pipelines have `-f sarif` from when the letter was not `--figures` everywhere else.
        form = short or form
        form = Format.JSON if as_json and form is Format.TEXT else form
        # Problems are JSON too where the verdict on standard output is.
        is_json = as_json or (form is Format.JSON and out is None)
        run_command("check", is_json, lambda output: _check(output, stack, form, out, on), folder=out)


def _check(output: Output, path: Path, form: Format, out: Path | None, on: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode, Problem, UsageError

    at = _time(on)
    if output.as_json and form is Format.JUNIT and out is None:
        message = "--json asks for JSON on standard output, and --format junit for XML"
        hint = "leave out --json, or name a file for the XML with --output"
        raise UsageError(Problem("bad-option", message, hint=hint))
    stack = open_stack(path)
    verdict, clusters = _judge(stack, at)
    code = ExitCode.OK if verdict.ok else ExitCode.FINDINGS
    if out is None and form in (Format.TEXT, Format.JSON):
        _print_verdict(output, stack, verdict, clusters, code)
        return
    documents = _documents(verdict, stack.factory, form, at, {"ok": verdict.ok, "clusters": clusters})
    if out is None:
        # The document is all of standard output, beside --json too: SARIF and OSCAL are JSON themselves.
        output.document(_main_document(documents, form), code)
        return
    written = _write(documents, form, out)
    output.finish({"files": written}, written, code)


def _judge(stack: Stack, at: datetime) -> tuple[RuleVerdict, list[dict[str, Any]]]:
    """Judge every cluster of a stack; return the verdict of all, and the verdict of each as plain data."""
    from sovereign_ai.rules import check, merge_verdicts

    verdicts, clusters = [], []
    for cluster in stack.plan.clusters:
        bundle = stack.bundle(cluster.name)
        verdict = check(
            stack.factory,
            stack.plan,
            bundle.objects,
            now=at.date(),
            cluster=cluster.name,
            where=stack.factory.where,
        )
        verdicts.append(verdict)
        facts = {"cluster": cluster.name, "objects": len(bundle.objects)}
        clusters.append(merged(facts, verdict.to_data()))
    return merge_verdicts(verdicts), clusters


def _print_verdict(
    output: Output, stack: Stack, verdict: RuleVerdict, clusters: list[dict[str, Any]], code: ExitCode
) -> None:
    """Print a verdict as text or as this program's own JSON, and exit with the code."""
    from sovereign_ai.attest import control_states, verdict_lines

    missed = _unused_waivers(stack.factory, verdict)
    # The count is the last line, where a reader of a long report looks.
    *findings, count = verdict_lines(verdict)
    lines = [f"{cluster['cluster']}: {counted(cluster['objects'], 'object')}" for cluster in clusters]
    lines += [*findings, *_waiver_lines(missed), count]
    controls = [control.to_data() for control in control_states(verdict)]
    output.finish({"clusters": clusters, "controls": controls, "waivers": missed}, lines, code)


def _unused_waivers(factory: AIFactory, verdict: RuleVerdict) -> list[dict[str, Any]]:
    """Return the waivers whose rule is violated, but not on the resource that they name.

    In most cases the name of the resource is wrong.
    """
    unused = []
    for waiver in factory.waivers:
        violated_on = set()
        for violation in verdict.violations:
            if violation.rule == waiver.rule:
                violated_on.add(violation.resource)
        if violated_on and not _is_used(waiver, verdict):
            unused.append(
                {
                    "waiver": waiver.id,
                    "rule": waiver.rule,
                    "resource": waiver.resource,
                    "violated_on": sorted(violated_on),
                }
            )
    return unused


def _is_used(waiver: Waiver, verdict: RuleVerdict) -> bool:
    """Return whether a finding is of the rule and the resource that a waiver names."""
    for finding in verdict.findings:
        if finding.rule == waiver.rule and finding.resource == waiver.resource:
            return True
    return False


def _waiver_lines(unused: list[dict[str, Any]]) -> list[str]:
    """Return a paragraph for each waiver that covers nothing: where its rule is violated."""
    lines: list[str] = []
    for waiver in unused:
        violated_on = waiver["violated_on"]
        names = ", ".join(violated_on[:_MOST_RESOURCES])
        if len(violated_on) > _MOST_RESOURCES:
            names += f" and {len(violated_on) - _MOST_RESOURCES} more"
        lines += wrapped(
            f"waiver {waiver['waiver']} covers nothing: {waiver['rule']} is not violated on"
            f" {waiver['resource']}, but on {names}"
        )
        lines.append("")
    return lines


def _time(on: str | None) -> datetime:
    """Return the time that is judged: the beginning of a day in UTC; the present time if none is named.

    Raises:
        UsageError: the text is no day.
    """
    from datetime import UTC, datetime, time

    if on is None:
        return datetime.now(UTC).replace(microsecond=0)
    return datetime.combine(day(on), time(), UTC)


def _documents(
    verdict: RuleVerdict, factory: AIFactory, form: Format, at: datetime, data: dict[str, Any]
) -> dict[str, str]:
    """Return the documents of a format by their file names."""
    if form is Format.SARIF:
        from sovereign_ai.attest import sarif

        return {"check.sarif": indented_json(sarif(verdict, base=Path.cwd()))}
    if form is Format.JUNIT:
        from sovereign_ai.attest import junit

        return {"check.xml": junit(verdict, name=factory.name).rstrip("\n")}
    if form is Format.OSCAL:
        from sovereign_ai.attest import documents

        texts = {}
        for name, document in documents(verdict, factory, at).items():
            texts[name] = indented_json(document)
        return texts
    if form is Format.JSON:
        return {"check.json": indented_json({"command": "check", **data})}
    from sovereign_ai.attest import verdict_lines
    from sovereign_ai.text import clean

    return {"check.txt": "\n".join(clean(line) for line in verdict_lines(verdict))}


def _main_document(documents: dict[str, str], form: Format) -> str:
    """Return the document for standard output: of OSCAL's documents, the one with the results."""
    from sovereign_ai.attest import RESULTS_FILE

    return documents[RESULTS_FILE] if form is Format.OSCAL else next(iter(documents.values()))


def _write(documents: dict[str, str], form: Format, out: Path) -> list[str]:
    """Write the documents and return their paths.

    `out` is a folder for OSCAL, and a file for every other format.
    """
    paths = []
    for name, text in documents.items():
        path = out / name if form is Format.OSCAL else out
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, text + "\n")
        paths.append(str(path))
    return paths
