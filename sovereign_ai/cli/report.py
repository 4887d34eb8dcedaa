"""`report`: a self-assessment of a factory for a reviewer, as one HTML file, as JSON, CSV or OSCAL."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument, day
from sovereign_ai.cli.output import AsJson, Output, indented_json
from sovereign_ai.errors import Problem, UsageError, results_of
from sovereign_ai.files.writing import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sovereign_ai.attest.report import Report, ReportedUsage

_FORMATS = (".html", ".oscal.json", ".json", ".csv")
"""Endings of file names. `.oscal.json` comes before `.json`, because the first ending that fits decides."""
_MOST_ROWS = 50_000
"""The most findings, and the most probes, of an observation: four for each machine of the largest stack."""
_MOST_PROBLEMS = 20
_LONGEST_NAME = 40
_FINDING_TEXTS = ("kind", "resource", "field", "message", "hint")
_PROBE_TEXTS = ("name", "expected", "status", "detail")


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(
        "report", **example("sovereign-ai report stacks/lab -o report.html -o report.csv --on 2026-12-31")
    )
    def report(
        stack: DescriptionArgument = Path(),
        out: Annotated[
            list[Path] | None,
            typer.Option(
                "--output",
                "-o",
                metavar="FILE",
                help="A file to write: .html, .json, .csv or .oscal.json; may be repeated.",
            ),
        ] = None,
        figures: Annotated[
            Path | None, typer.Option("--figures", "-f", help="Your own figures, in YAML or JSON.")
        ] = None,
        hourly: Annotated[
            list[str] | None,
            typer.Option(
                metavar="SITE=FILE", help="Hourly supply and load, as for `assess energy`; drawn and listed."
            ),
        ] = None,
        store: Annotated[
            list[str] | None,
            typer.Option(metavar="SITE=KWH,KW", help="A battery for the hours, such as fra1=4000,1000."),
        ] = None,
        observation: Annotated[
            Path | None, typer.Option("--observation", help="What `verify --json` printed, to be shown too.")
        ] = None,
        usage: Annotated[
            Path | None, typer.Option("--usage", help="What `jobs usage --json` printed, to be shown too.")
        ] = None,
        on: Annotated[
            str | None,
            typer.Option(
                "--on", metavar="DAY", help="The day of the report, such as 2026-12-31; left out, today."
            ),
        ] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write a self-assessment.

        It is one HTML file that loads nothing, JSON or CSV, or its controls as OSCAL.
        """
        series = (hourly or [], store or [])
        run_command(
            "report",
            as_json,
            lambda output: _report(output, stack, out or [], figures, (observation, usage), on, series),
            outputs=out,
        )


def _report(
    output: Output,
    path: Path,
    out: list[Path],
    figures: Path | None,
    observed: tuple[Path | None, Path | None],
    on: str | None,
    series: tuple[list[str], list[str]],
) -> None:
    now = day(on)
    if not out and not output.as_json:
        hint = "add --output report.html, or --json"
        raise UsageError(Problem("no-output", "no file was named", hint=hint))
    # Every wrong name is reported before the assessment, which takes longest.
    if problems := [_unknown_format(file) for file in out if not _format_of(file)]:
        raise UsageError(problems)
    output.progress("assessing")
    observation, usage = observed
    report = gathered(path, figures, observation, now, series, usage)
    for file in out:
        output.progress(f"writing {file}")
        write(file, _text(report, _format_of(file)))
    written = [str(file) for file in out]
    data: dict[str, Any] = {"wrote": written, "digests": report.digests()}
    if not out:
        data["report"] = report.to_data()
    output.finish(data, [f"wrote {file}" for file in written])


def _unknown_format(file: Path) -> Problem:
    """Return the problem of a file name whose ending is of no format."""
    message = f"{file}: unknown output format: use .html, .json, .csv or .oscal.json"
    return Problem("bad-output", message, hint="end it in .html, .json, .csv or .oscal.json")


def _format_of(file: Path) -> str:
    """Return the format of a file by the end of its name; empty if it is of no format."""
    for ending in _FORMATS:
        if file.name.endswith(ending):
            return ending
    return ""


def gathered(
    path: Path,
    figures: Path | None,
    observation: Path | None,
    now: date,
    series: tuple[list[str], list[str]] = ([], []),
    usage: Path | None = None,
) -> Report:
    """Read a stack and return every assessment of it.

    Args:
        path: the stack's folder, or the description's file.
        figures: the file of the user's figures.
        observation: the file with the output of `verify --json`.
        now: the day of the report.
        series: the options `--hourly` and `--store`.
        usage: the file with the output of `jobs usage --json`.

    Raises:
        SpecError: every problem of the description, or of all files.
        UsageError: an option or the observation is wrong.
    """
    from sovereign_ai.assess import split
    from sovereign_ai.assess.sources import read_figures
    from sovereign_ai.attest.report import make_report
    from sovereign_ai.cli.assess import hours
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.sovereignty import read_evidence

    stack = open_stack(path)
    name = stack.factory.name
    reads: list[Callable[[], Any]] = [
        partial(read_evidence, stack.folder),
        lambda: split(stack.factory, stack.plan, read_figures(figures)) if figures else None,
        partial(_read_observation, observation, name),
        partial(hours, *series),
        partial(_read_usage, usage, name),
    ]
    evidence, given, observed, hourly, used = results_of(reads)
    return make_report(
        stack.factory,
        stack.plan,
        now=now,
        evidence=evidence,
        given=given,
        source=_description_text(stack.factory.where("name").file),
        observation=observed,
        hourly=hourly,
        usage=used,
    )


def _read_usage(path: Path | None, factory: str) -> ReportedUsage | None:
    """Return the output of `jobs usage --json` about a factory; None if no file is named.

    Raises:
        UsageError: the file holds something else, or is about another factory.
    """
    from sovereign_ai.attest.report import read_usage
    from sovereign_ai.files import USAGE, read

    return read_usage(read(path, USAGE), str(path), factory) if path else None


def _description_text(file: str | None) -> str:
    """Return the text of a description's file; empty for a program, which is no document to print."""
    from sovereign_ai.files import DESCRIPTION, decode, read

    if not file:
        return ""
    path = Path(file)
    if path.suffix not in {".yaml", ".yml", ".json"}:
        return ""
    return decode(read(path, DESCRIPTION), str(path))


def _read_observation(path: Path | None, factory: str) -> dict[str, Any]:
    """Return the output of `verify --json` about a factory; empty if no file is named.

    Raises:
        UsageError: the file holds something else, or is about another factory.
    """
    from sovereign_ai.files import OBSERVATION, parse_json, read, refuse_secrets

    if path is None:
        return {}
    parsed = parse_json(read(path, OBSERVATION), str(path), OBSERVATION)
    # The report prints texts of the observation, and is meant to be passed on.
    refuse_secrets(parsed.text, str(path), OBSERVATION, by_form=True)
    problems = []
    for field, expected in _observation_problems(parsed.data):
        message = f"it is not {OBSERVATION.noun}: {expected}"
        problems.append(Problem("bad-observation", message, parsed.where(field), OBSERVATION.hint))
    if problems:
        raise UsageError(problems[:_MOST_PROBLEMS])
    observation: dict[str, Any] = parsed.data
    if observation["factory"] != factory:
        name = observation["factory"][:_LONGEST_NAME]
        message = f"it is about factory {name!r}, not {factory!r}"
        raise UsageError(Problem("other-factory", message, parsed.where("factory"), OBSERVATION.hint))
    return observation


def _observation_problems(document: Any) -> Iterator[tuple[str, str]]:
    """Yield the fields that keep a document from being a live verdict, each with what is expected there."""
    if not isinstance(document, dict):
        yield "", "expected an object"
        return
    if not isinstance(document.get("factory"), str):
        yield "factory", "expected the factory's name"
    if not isinstance(document.get("counts"), dict):
        yield "counts", "expected numbers by kind"
    yield from _row_problems("findings", document.get("findings"), _FINDING_TEXTS)
    yield from _row_problems("probes", document.get("probes"), _PROBE_TEXTS)


def _row_problems(name: str, rows: Any, texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the problems of a list of findings or probes.

    Args:
        name: the list's member in the document.
        rows: the list, or whatever stands in its place.
        texts: members of each row that must be texts where they exist.
    """
    if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
        yield name, f"expected a list of at most {_MOST_ROWS:,} entries"
        return
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            yield f"{name}[{number}]", "expected an object"
            continue
        for text in texts:
            if not isinstance(row.get(text, ""), str):
                yield f"{name}[{number}].{text}", "expected a text"


def _text(report: Report, ending: str) -> str:
    """Return a report in the format of a file's ending."""
    if ending == ".oscal.json":
        from sovereign_ai.attest import assessment_results

        # OSCAL wants a time: the beginning of the report's day, so that the same day gives the same document.
        at = datetime.combine(report.now, datetime.min.time(), tzinfo=UTC)
        results = assessment_results(report.verdict, report.factory, at)
        return indented_json(results) + "\n"
    if ending == ".json":
        return indented_json(report.to_data()) + "\n"
    if ending == ".csv":
        from sovereign_ai.attest.report import report_csv

        return report_csv(report)
    from sovereign_ai.attest.report import page

    return page(report)
