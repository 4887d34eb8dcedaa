"""`report`: everything that is found about a factory, as one file that a reviewer reads, or as JSON or CSV."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.files import save
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError

if TYPE_CHECKING:
    from sovereign_ai.attest.report.gather import Report

_KINDS = (".html", ".oscal.json", ".json", ".csv")


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("report", **example("sovereign-ai report stacks/lab -o report.html -o report.csv --on 2026-12-31"))
    def report(
        stack: Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")] = Path(),
        out: Annotated[
            list[Path] | None,
            typer.Option(
                "--output", "-o", metavar="FILE", help="A file to write: .html, .json, .csv or .oscal.json; may be given several times."
            ),
        ] = None,
        figures: Annotated[Path | None, typer.Option("--figures", "-f", help="Your own figures, in YAML or JSON.")] = None,
        hourly: Annotated[
            list[str] | None, typer.Option(metavar="SITE=FILE", help="Hourly supply and load, as for `assess energy`; drawn and listed.")
        ] = None,
        store: Annotated[
            list[str] | None, typer.Option(metavar="SITE=KWH,KW", help="A battery for the hours, such as fra1=4000,1000.")
        ] = None,
        observation: Annotated[Path | None, typer.Option("--observation", help="What `verify --json` printed, to be shown too.")] = None,
        on: Annotated[str | None, typer.Option("--on", metavar="DAY", help="The day of the report, 2026-12-31; left out, today.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write a self-assessment: one HTML file that loads nothing, the same as JSON or CSV, or its controls as OSCAL."""
        series = (hourly or [], store or [])
        speak("report", as_json, lambda output: _report(output, stack, out or [], figures, observation, on, series))


def _report(
    output: Output,
    path: Path,
    out: list[Path],
    figures: Path | None,
    observation: Path | None,
    on: str | None,
    series: tuple[list[str], list[str]],
) -> None:
    now = day(on)
    if not out and not output.as_json:
        raise UsageError(Problem("no-output", "no file was named", hint="add --output report.html, or --json"))
    problems = [
        Problem(
            "bad-output",
            f"{file}: what is to be written is told by the end of the name",
            hint="end it in .html, .json, .csv or .oscal.json",
        )
        for file in out
        if not _kind(file)
    ]
    if problems:
        raise UsageError(problems)
    output.progress("assessing")
    found = gathered(path, figures, observation, now, series)
    for file in out:
        output.progress(f"writing {file}")
        write(file, _text(found, _kind(file)))
    data: dict[str, Any] = {"wrote": [str(file) for file in out], "digests": found.digests()}
    output.finish(data if out else {**data, "report": found.to_data()}, [f"wrote {file}" for file in out])


def _kind(file: Path) -> str:
    """Tell by the end of its name what a file is to hold; empty if nothing that is written here."""
    return next((kind for kind in _KINDS if file.name.endswith(kind)), "")


def gathered(
    path: Path, figures: Path | None, observation: Path | None, now: date, series: tuple[list[str], list[str]] = ([], [])
) -> Report:
    """Read a stack and assess everything about it."""
    from sovereign_ai.assess.figures import split
    from sovereign_ai.assess.sources import given_by
    from sovereign_ai.assess.sovereignty.evidence import read_evidence
    from sovereign_ai.attest.report.gather import gather
    from sovereign_ai.cli.assess import hours
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    return gather(
        stack.factory,
        stack.plan,
        now=now,
        evidence=read_evidence(stack.folder),
        given=split(stack.factory, stack.plan, given_by(figures)) if figures else None,
        source=_source(stack.factory.where("name").file),
        observation=_observed(observation, stack.factory.name),
        hourly=hours(*series),
    )


def _source(file: str | None) -> str:
    """Give a description's text; that of a program is not printed."""
    path = Path(file) if file else None
    return path.read_text(encoding="utf-8") if path is not None and path.suffix in {".yaml", ".yml", ".json"} else ""


def _observed(path: Path | None, factory: str) -> dict[str, Any]:
    """Read what `verify --json` printed about this factory."""
    import orjson

    if path is None:
        return {}
    try:
        found = orjson.loads(read(path))
    except orjson.JSONDecodeError:
        found = None
    hint = "sovereign-ai verify --json > verdict.json"
    if not isinstance(found, dict) or not _is_verdict(found):
        raise UsageError(Problem("bad-observation", f"{path} is not what `verify --json` prints", hint=hint))
    if found["factory"] != factory:
        raise UsageError(Problem("other-factory", f"{path} is about factory {found['factory']!r}, not {factory!r}", hint=hint))
    return found


def _is_verdict(found: dict[str, Any]) -> bool:
    """Tell whether a document has the members of a live verdict."""
    lists = [found.get("findings"), found.get("probes")]
    rows = all(isinstance(one, list) and all(isinstance(row, dict) for row in one) for one in lists)
    return rows and isinstance(found.get("counts"), dict) and isinstance(found.get("factory"), str)


def _text(found: Report, suffix: str) -> str:
    """Write a report in one form."""
    if suffix == ".oscal.json":
        import orjson

        from sovereign_ai.attest.oscal import assessment_results

        at = datetime.combine(found.now, datetime.min.time(), tzinfo=UTC)
        results = assessment_results(found.verdict, found.factory, at)
        return orjson.dumps(results, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    if suffix == ".json":
        import orjson

        return orjson.dumps(found.to_data(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    if suffix == ".csv":
        from sovereign_ai.attest.report.tables import csv_text

        return csv_text(found)
    from sovereign_ai.attest.report.page import page

    return page(found)


def day(text: str | None) -> date:
    """Read a day of the calendar; left out, today.

    Raises:
        UsageError: it is none.
    """
    if text is None:
        return datetime.now(tz=UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(Problem("bad-date", f"--on: {text!r} is no day of the calendar", hint="write --on 2026-12-31")) from None


def read(path: Path) -> bytes:
    """Read a file that the user named.

    Raises:
        EnvironmentLacksError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise EnvironmentLacksError(Problem("no-file", f"{path}: {error.strerror}", hint="name a file that can be read")) from None


def write(path: Path, text: str) -> None:
    """Write a file that the user named, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    save(path, text)
