"""`check`: what may never be, decided before anything is deployed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.files import save
from sovereign_ai.cli.output import AsJson, Output, wrapped

if TYPE_CHECKING:
    from datetime import datetime

    from sovereign_ai.rules.judge import Verdict
    from sovereign_ai.spec.factory import AIFactory


class Format(StrEnum):
    """How a verdict is told."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    OSCAL = "oscal"


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("check", **example("sovereign-ai check stacks/lab --format sarif"))
    def check(
        stack: Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")] = Path(),
        form: Annotated[Format, typer.Option("--format", "-f", help="How the verdict is told.")] = Format.TEXT,
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="A file for it; with `oscal`, a folder for all of its documents.")
        ] = None,
        on: Annotated[str | None, typer.Option("--on", metavar="DAY", help="The day that is judged, 2026-12-31; left out, today.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Judge description, plan and objects by the rules; exit 1 on a violation."""
        form = Format.JSON if as_json and form is Format.TEXT else form
        speak("check", as_json or (form is Format.JSON and out is None), lambda output: _check(output, stack, form, out, on))


def _check(output: Output, path: Path, form: Format, out: Path | None, on: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.errors import ExitCode, Problem, UsageError
    from sovereign_ai.rules.check import check as judged
    from sovereign_ai.rules.judge import merged

    at = _time(on)
    if output.as_json and form is Format.JUNIT and out is None:
        hint = "leave out --json, or name a file for the XML with --output"
        raise UsageError(Problem("bad-option", "--json asks for JSON on standard output, and --format junit for XML", hint=hint))
    stack = open_stack(path)
    verdicts, clusters, lines = [], [], []
    for cluster in stack.plan.clusters:
        bundle = stack.bundle(cluster.name)
        verdict = judged(stack.factory, stack.plan, bundle.objects, now=at.date(), cluster=cluster.name, where=stack.factory.where)
        verdicts.append(verdict)
        clusters.append({"cluster": cluster.name, "objects": len(bundle.objects), **verdict.to_data()})
        lines.append(f"{cluster.name}: {len(bundle.objects)} objects")
    whole = merged(verdicts)
    code = ExitCode.OK if whole.ok else ExitCode.FINDINGS
    if out is None and form in (Format.TEXT, Format.JSON):
        from sovereign_ai.attest.controls import states
        from sovereign_ai.attest.text import text

        controls = [one.to_data() for one in states(whole)]
        missed = _missed(stack.factory, whole)
        *told, count = text(whole)
        output.finish({"clusters": clusters, "controls": controls, "waivers": missed}, [*lines, *told, *_beside(missed), count], code)
        return
    files = _told(whole, stack.factory, form, at, {"ok": whole.ok, "clusters": clusters})
    if out is None:
        # The document is all of standard output, beside --json too: SARIF and OSCAL are JSON themselves.
        Output(output.command).finish({}, [_chosen(files, form)], code)
    else:
        written = _written(files, form, out)
        output.finish({"files": written}, written, code)


def _missed(factory: AIFactory, verdict: Verdict) -> list[dict[str, Any]]:
    """Name the waivers whose rule is violated, though not on the resource that they are for: as a rule a name is wrong."""
    found = []
    for waiver in factory.waivers:
        on = sorted({one.resource for one in verdict.violations if one.rule == waiver.rule})
        used = any(one.rule == waiver.rule and one.resource == waiver.resource for one in verdict.findings)
        if on and not used:
            found.append({"waiver": waiver.id, "rule": waiver.rule, "resource": waiver.resource, "violated_on": on})
    return found


def _beside(missed: list[dict[str, Any]]) -> list[str]:
    """Say of each such waiver on what its rule is violated."""
    lines: list[str] = []
    for one in missed:
        more = f" and {len(one['violated_on']) - 3} more" if len(one["violated_on"]) > 3 else ""
        on = f"{', '.join(one['violated_on'][:3])}{more}"
        lines += [*wrapped(f"waiver {one['waiver']} covers nothing: {one['rule']} is not violated on {one['resource']}, but on {on}"), ""]
    return lines


def _time(on: str | None) -> datetime:
    """Give the time that is judged: the day's beginning in UTC, or now.

    Raises:
        UsageError: it is no day.
    """
    from datetime import UTC, datetime

    from sovereign_ai.errors import Problem, UsageError

    if on is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.strptime(on, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UsageError(Problem("bad-date", f"{on[:40]!r} is no day", hint="write it as 2026-12-31")) from None


def _told(verdict: Verdict, factory: AIFactory, form: Format, at: datetime, data: dict[str, Any]) -> dict[str, str]:
    """Give the documents of a format by their files' names."""
    import orjson

    def as_text(document: Any) -> str:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()

    if form is Format.SARIF:
        from sovereign_ai.attest.sarif import sarif

        return {"check.sarif": as_text(sarif(verdict, base=Path.cwd()))}
    if form is Format.JUNIT:
        from sovereign_ai.attest.junit import junit

        return {"check.xml": junit(verdict, name=factory.name).rstrip("\n")}
    if form is Format.OSCAL:
        from sovereign_ai.attest.oscal import documents

        return {name: as_text(document) for name, document in documents(verdict, factory, at).items()}
    if form is Format.JSON:
        return {"check.json": as_text({"command": "check", **data})}
    from sovereign_ai.attest.text import text

    return {"check.txt": "\n".join(text(verdict))}


def _chosen(files: dict[str, str], form: Format) -> str:
    """Give the document for standard output: OSCAL has several, of which a verdict is one."""
    from sovereign_ai.attest.oscal import RESULTS_FILE

    return files[RESULTS_FILE] if form is Format.OSCAL else next(iter(files.values()))


def _written(files: dict[str, str], form: Format, out: Path) -> list[str]:
    """Write the documents and name them."""
    places = {out / name if form is Format.OSCAL else out: text for name, text in files.items()}
    for place, text in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        save(place, text + "\n")
    return [str(place) for place in places]
