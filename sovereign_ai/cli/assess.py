"""`assess`: goodput of the factory's jobs, its energy, cost and sovereignty."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_serving
from sovereign_ai.cli.options import DescriptionArgument, day, pairs
from sovereign_ai.cli.output import AsJson, Output, wrapped
from sovereign_ai.errors import ExitCode, results_of
from sovereign_ai.files.writing import write

if TYPE_CHECKING:
    from sovereign_ai.assess import GivenValue
    from sovereign_ai.assess.cost import Cost
    from sovereign_ai.assess.energy import Energy, EnergyStore, Hourly
    from sovereign_ai.assess.fit import Fit, InferenceService, TrainingJob
    from sovereign_ai.assess.goodput import Goodput
    from sovereign_ai.cli.stack import Stack

Figures = Annotated[
    Path | None,
    typer.Option(
        "--figures", "-f", help="Your own figures, in YAML or JSON: name to number; each replaces a default."
    ),
]
Why = Annotated[
    bool,
    typer.Option(
        "--why", help="Below each number its formula and inputs, and the source of each figure, once."
    ),
]
_MANIFEST = "Print its Kubernetes objects instead, for the platform's controllers, with this container image."
_FOR = "What the objects of a service are for: lws, kserve or dynamo; left out, platform.serving decides."
_For = Annotated[
    str | None, typer.Option("--for", metavar="FORM", help=_FOR, autocompletion=complete_serving)
]
On = Annotated[
    str | None,
    typer.Option(
        "--on", metavar="DAY", help="The day that is assessed, such as 2026-12-31; left out, today."
    ),
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Assess goodput, energy, cost and sovereignty; every number has a source.",
    )
    app.add_typer(group, name="assess")

    @group.command("goodput", **example("sovereign-ai assess goodput stacks/lab --figures figures.yaml"))
    def goodput(
        stack: DescriptionArgument = Path(),
        figures: Figures = None,
        runs: Annotated[
            int, typer.Option(min=0, max=100_000, metavar="N", help="Simulated runs of each job; 0 for none.")
        ] = 200,
        seed: Annotated[int, typer.Option(metavar="N", help="The simulation's seed.")] = 1,
        why: Why = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show how much of each job's time becomes progress, and the throughput of training and inference."""

        def work(output: Output) -> None:
            _print_assessment(output, _goodput(stack, figures, runs, seed), why=why)

        run_command("assess goodput", as_json, work)

    @group.command("energy", **example("sovereign-ai assess energy stacks/lab --wet-bulb fra1=wet-bulb.txt"))
    def energy(
        stack: DescriptionArgument = Path(),
        figures: Figures = None,
        wet_bulb: Annotated[
            list[str] | None,
            typer.Option(
                metavar="SITE=FILE",
                help="Hourly wet-bulb temperature in degrees Celsius, one number on each line.",
            ),
        ] = None,
        hourly: Annotated[
            list[str] | None,
            typer.Option(
                metavar="SITE=FILE",
                help="CSV of kilowatts, a row for each hour; a column for each contract, and `load`.",
            ),
        ] = None,
        store: Annotated[
            list[str] | None,
            typer.Option(
                metavar="SITE=KWH,KW", help="A battery for the hourly balance, such as fra1=4000,1000."
            ),
        ] = None,
        why: Why = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show power and its feeds; cooling, emissions, and the duties of law."""

        def work(output: Output) -> None:
            energy = _energy(stack, figures, wet_bulb or [], hourly or [], store or [])
            _print_assessment(output, energy, why=why)

        run_command("assess energy", as_json, work)

    @group.command("cost", **example("sovereign-ai assess cost stacks/lab --focus 2026-12 --output cost.csv"))
    def cost(
        stack: DescriptionArgument = Path(),
        figures: Figures = None,
        focus: Annotated[
            str | None,
            typer.Option(metavar="MONTH", help="A month to write as FOCUS 1.2 CSV, such as 2026-12."),
        ] = None,
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="File for the CSV; left out, standard output.")
        ] = None,
        why: Why = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show the cost to build and to run; for a GPU-hour and for useful work, and against renting."""
        run_command(
            "assess cost",
            as_json,
            lambda output: _cost(output, stack, figures, focus, out, why=why),
            outputs=out,
        )

    @group.command("job", **example("sovereign-ai assess job stacks/lab job.yaml --why"))
    def job(
        stack: DescriptionArgument,
        file: Annotated[
            Path, typer.Argument(help="A TrainingJob or an InferenceService, in YAML or JSON (docs/jobs.md).")
        ],
        figures: Figures = None,
        manifest: Annotated[str | None, typer.Option("--manifest", metavar="IMAGE", help=_MANIFEST)] = None,
        form: _For = None,
        why: Why = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show whether a job or service fits; exit code 0 if it does, 1 if not, 2 if a figure is missing."""
        run_command(
            "assess job",
            as_json,
            lambda output: _job(output, stack, file, figures, (manifest, form), why=why),
        )

    @group.command("figures", **example("sovereign-ai assess figures stacks/lab > figures.yaml"))
    def figures_(stack: DescriptionArgument = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """List every figure that you can give; with its default and source, as a file to edit."""
        run_command("assess figures", as_json, lambda output: _figures(output, stack))

    @group.command("sovereignty", **example("sovereign-ai assess sovereignty stacks/lab --on 2026-12-31"))
    def sovereignty(
        stack: DescriptionArgument = Path(), on: On = None, as_json: Annotated[bool, AsJson] = False
    ) -> None:
        """Show who can cut the factory off, who can compel it, and which level of sovereignty is proven."""
        run_command("assess sovereignty", as_json, lambda output: _sovereignty(output, stack, on))


def _open(path: Path, figures: Path | None, assessment: str) -> tuple[Stack, Mapping[str, GivenValue]]:
    """Read and plan a stack, and read the user's figures that an assessment uses.

    Args:
        path: the stack's folder, or the description's file.
        figures: the file of the user's figures.
        assessment: `goodput`, `energy` or `cost`; one file may hold the figures of all of them.
    """
    from sovereign_ai.assess import split
    from sovereign_ai.assess.sources import read_figures
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    if figures is None:
        return stack, {}
    given = split(stack.factory, stack.plan, read_figures(figures))
    return stack, given[assessment]


def _goodput(path: Path, figures: Path | None, runs: int, seed: int) -> Goodput:
    from sovereign_ai.assess.goodput import assess_goodput

    stack, given = _open(path, figures, "goodput")
    return assess_goodput(stack.factory, stack.plan, given, runs, seed)


def _energy(
    path: Path, figures: Path | None, wet_bulb: list[str], hourly: list[str], store: list[str]
) -> Energy:
    from sovereign_ai.assess.energy import assess_energy

    reads: list[Callable[[], Any]] = [
        partial(_open, path, figures, "energy"),
        partial(_temperatures, wet_bulb),
        partial(hours, hourly, store),
    ]
    (stack, given), temperatures, by_hour = results_of(reads)
    return assess_energy(stack.factory, stack.plan, given, temperatures, by_hour)


def _temperatures(wet_bulb: list[str]) -> dict[str, Any]:
    """Read wet-bulb temperatures by site.

    Args:
        wet_bulb: SITE=FILE, the file of a site's hours.

    Raises:
        UsageError: an option is malformed.
        SpecError: every problem of all files.
    """
    from sovereign_ai.assess.sources import read_series

    files = pairs("--wet-bulb", wet_bulb, "SITE=FILE", "fra1=wet-bulb.txt")
    read = results_of(partial(read_series, Path(file)) for file in files.values())
    return dict(zip(files, read, strict=True))


def hours(hourly: list[str], store: list[str]) -> dict[str, Hourly]:
    """Read hourly supply and load, and batteries, by site.

    Args:
        hourly: SITE=FILE, the CSV of a site's hours.
        store: SITE=KWH,KW, a site's battery.

    Raises:
        UsageError: an option is malformed, or a battery has no hours.
        SpecError: every problem of all files.
    """
    from sovereign_ai.assess.energy import Hourly

    stores = {}
    for site, text in pairs("--store", store, "SITE=KWH,KW", _STORE_EXAMPLE).items():
        stores[site] = _read_store(site, text)
    by_site: dict[str, Hourly] = {}
    files = pairs("--hourly", hourly, "SITE=FILE", "fra1=year.csv")
    read = results_of(partial(_read_hours, file) for file in files.values())
    for site, series in zip(files, read, strict=True):
        # One column is the load; every other is the supply of a contract.
        load = series.pop("load", None)
        by_site[site] = Hourly(series, load, stores.pop(site, None))
    if stores:
        message = f"--store {next(iter(stores))} has no hours to work in"
        _refuse("bad-option", message, "give the site's hours too: --hourly SITE=FILE")
    return by_site


def _read_hours(file: str) -> dict[str, Any]:
    """Read the columns of a file of hours, by their names.

    Raises:
        SpecError: every problem of the file.
    """
    from sovereign_ai.assess.sources import read_columns

    series = read_columns(Path(file))
    _require_header(file, series)
    return series


_STORE_EXAMPLE = "fra1=4000,1000"
_OF_REGISTRIES = "IMG-001"
"""The rule on the registries of images; who is refused by it asks which are declared."""


def _read_store(site: str, text: str) -> EnergyStore:
    """Read the capacity and power of a battery.

    Raises:
        UsageError: they are no two positive numbers.
    """
    from sovereign_ai.assess.energy import EnergyStore

    hint = f"write kilowatt-hours and kilowatts: {_STORE_EXAMPLE}"
    try:
        capacity, power = (float(part) for part in text.split(","))
    except ValueError:
        _refuse("bad-option", f"--store {site}={text}: two numbers are expected", hint)
    # Written so that NaN is refused too: every comparison with it is false.
    if not (0 < capacity < inf and 0 < power < inf):
        _refuse("bad-option", f"--store {site}={text}: capacity and power must be positive", hint)
    return EnergyStore(capacity, power)


def _require_header(file: str, series: Iterable[str]) -> None:
    """Refuse a file of hours whose first row is numbers: no contract's name is a number.

    Raises:
        SpecError: the header is missing.
    """
    from sovereign_ai.errors import Problem, SpecError, Where

    if any(_is_number(name) for name in series):
        message = "the first row is numbers, but a header with the contracts' names is expected"
        raise SpecError(Problem("bad-header", message, Where(file, 1), "such as hour,load,wind"))


def _is_number(text: str) -> bool:
    """Return whether a cell is a finite number; `inf` and `nan` may be names."""
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _cost(
    output: Output, path: Path, figures: Path | None, focus: str | None, out: Path | None, *, why: bool
) -> None:
    from sovereign_ai.assess.cost import assess_cost

    # The option is checked before the stack is planned, which takes longer.
    month = None if focus is None else _month(focus)
    stack, given = _open(path, figures, "cost")
    cost = assess_cost(stack.factory, stack.plan, given)
    if month is None:
        if out is not None:
            _refuse("bad-option", "--output needs --focus with a month", "add --focus 2026-12")
        _print_assessment(output, cost, why=why)
        return
    text, left_out = cost.focus(month)
    # FOCUS has no empty cost, so that items without a price are named instead.
    missing = f"left out, since no price is known: {', '.join(left_out)}"
    if out is None:
        if left_out:
            output.progress(missing)
        output.finish({"focus": text, "left_out": left_out}, text.splitlines())
        return
    write(out, text)
    lines = [f"wrote {out}"]
    if left_out:
        lines += wrapped(missing)
    output.finish({"wrote": str(out), "left_out": left_out}, lines)


def _job(
    output: Output,
    path: Path,
    file: Path,
    figures: Path | None,
    objects_for: tuple[str | None, str | None],
    *,
    why: bool,
) -> None:
    """Assess a job or service; with an image, print its objects in a form."""
    from sovereign_ai.assess.fit import FitVerdict, assess_fit, read_workload, split_figures
    from sovereign_ai.assess.sources import read_figures
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.render.kubernetes import yaml_stream

    image, form = objects_for
    _require_image(image, form)
    stack = open_stack(path)
    work = read_workload(file, stack.factory)
    given = {}
    if figures is not None:
        given = split_figures(stack.factory, stack.plan, work, read_figures(figures))
    fit = assess_fit(stack.factory, stack.plan, work, given)
    codes = {
        FitVerdict.FITS: ExitCode.OK,
        FitVerdict.DOES_NOT: ExitCode.FINDINGS,
        FitVerdict.UNKNOWN: ExitCode.BAD_INPUT,
    }
    if image is None:
        _print_assessment(output, fit, why=why, code=codes[fit.verdict])
        return
    objects = _permitted_objects(stack, work, image, form or "")
    first, _ = next(fit.lines_with_measures())
    output.progress(first)
    data = {"verdict": fit.verdict.value, "objects": objects}
    output.finish(data, yaml_stream(objects).splitlines(), codes[fit.verdict])


def _require_image(image: str | None, form: str | None) -> None:
    """Refuse a form of objects where none are asked for.

    Raises:
        UsageError: it is so.
    """
    from sovereign_ai.errors import Problem, UsageError

    if form is not None and image is None:
        message = f"--for {form[:40]}: it is for objects, and none are printed"
        raise UsageError(Problem("no-manifest", message, hint="add --manifest IMAGE"))


def _permitted_objects(
    stack: Stack, work: TrainingJob | InferenceService, image: str, chosen: str
) -> list[dict[str, Any]]:
    """Return the objects of a job or service.

    Raises:
        UsageError: a rule refuses one, as admission would, or there is no such form of objects.
    """
    from sovereign_ai.assess.fit import (
        InferenceService,
        ServingForm,
        manifests,
        serving_form,
        serving_manifests,
    )

    form = serving_form(stack.factory, work, chosen)
    if isinstance(work, InferenceService) and form is not ServingForm.LWS:
        objects = serving_manifests(stack.plan, work, image, form)
    else:
        objects = manifests(stack.factory, stack.plan, work, image)
    refuse_violations(stack, objects)
    return objects


def refuse_violations(stack: Stack, objects: list[dict[str, Any]]) -> None:
    """Refuse objects that violate a rule of a stack.

    Raises:
        UsageError: a rule refuses one, as admission would.
    """
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.rules import evaluate, factory_context

    problems = []
    for finding in evaluate(objects, factory_context(stack.factory, stack.plan)):
        if finding.status == "violation":
            hint = finding.remediation
            if finding.rule == _OF_REGISTRIES:
                hint = f"{hint}: {', '.join(stack.factory.images.registries)}"
            problems.append(Problem(finding.rule, f"{finding.resource}: {finding.message}", hint=hint))
    if problems:
        raise UsageError(problems)


def _sovereignty(output: Output, path: Path, on: str | None) -> None:
    from sovereign_ai.cli.stack import open_stack
    from sovereign_ai.sovereignty import assess_sovereignty, read_evidence

    now = day(on)
    stack = open_stack(path)
    evidence = read_evidence(stack.folder)
    assessment = assess_sovereignty(stack.factory, stack.plan, now=now, evidence=evidence)
    output.finish({"assessment": assessment.to_data()}, assessment.lines())


def _figures(output: Output, path: Path) -> None:
    from sovereign_ai.assess import template
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    lines = list(template(stack.factory, stack.plan))
    output.finish({"lines": lines}, lines)


def _print_assessment(
    output: Output, assessment: Goodput | Energy | Cost | Fit, *, why: bool, code: ExitCode = ExitCode.OK
) -> None:
    """Print an assessment; with `why`, each line is followed by the formulas and sources of its numbers.

    The source of a figure is printed once, below the first line that uses it.
    """
    lines: list[str] = []
    explained: set[str] = set()
    for line, names in assessment.lines_with_measures():
        text = line.lstrip()
        lines += wrapped(text, " " * (len(line) - len(text)))
        if not why:
            continue
        for reason in assessment.reasons(names, explained):
            lines += wrapped(reason, "    ")
    output.finish({"assessment": assessment.to_data()}, lines, code)


def _month(text: str) -> date:
    """Return the first day of a month of the calendar.

    Raises:
        UsageError: the text is no month.
    """
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        _refuse("bad-date", f"--focus: {text!r} is no month", "write year and month: --focus 2026-12")


def _refuse(code: str, message: str, hint: str) -> NoReturn:
    """Refuse an option.

    Raises:
        UsageError: always.
    """
    from sovereign_ai.errors import Problem, UsageError

    raise UsageError(Problem(code, message, hint=hint))
