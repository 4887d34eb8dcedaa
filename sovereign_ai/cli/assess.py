"""`assess`: what the factory means: goodput of its jobs, energy, cost and sovereignty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from sovereign_ai.cli.command import example, speak
from sovereign_ai.cli.files import save
from sovereign_ai.cli.output import AsJson, Output, wrapped

if TYPE_CHECKING:
    from sovereign_ai.assess.cost.report import Cost
    from sovereign_ai.assess.energy.report import Energy, Hourly
    from sovereign_ai.assess.goodput.report import Goodput
    from sovereign_ai.assess.sheet import Given
    from sovereign_ai.cli.stack import Stack

Where = Annotated[Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")]
Figures = Annotated[
    Path | None, typer.Option("--figures", "-f", help="Your own figures, in YAML or JSON: name to number; each replaces ours.")
]
Why = Annotated[bool, typer.Option("--why", help="Below each number its formula and inputs, and the source of each figure, once.")]
On = Annotated[str | None, typer.Option("--on", metavar="DAY", help="The day that is assessed, 2026-12-31; left out, today.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Assess goodput, energy, cost and sovereignty; every number says where it comes from.")
    app.add_typer(group, name="assess")

    @group.command("goodput", **example("sovereign-ai assess goodput stacks/lab --figures figures.yaml"))
    def goodput(
        stack: Where = Path(),
        figures: Figures = None,
        runs: Annotated[int, typer.Option(min=0, max=100_000, metavar="N", help="Simulated runs of each job; 0 for none.")] = 200,
        seed: Annotated[int, typer.Option(metavar="N", help="The simulation's seed.")] = 1,
        why: Why = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say how much of each job's time becomes progress, and what training and inference come to."""
        speak("assess goodput", as_json, lambda output: _told(output, _goodput(stack, figures, runs, seed), why=why))

    @group.command("energy", **example("sovereign-ai assess energy stacks/lab --wet-bulb fra1=wet-bulb.txt"))
    def energy(
        stack: Where = Path(),
        figures: Figures = None,
        wet_bulb: Annotated[
            list[str] | None, typer.Option(metavar="SITE=FILE", help="Hourly wet bulb in degrees Celsius, a number a line.")
        ] = None,
        hourly: Annotated[
            list[str] | None,
            typer.Option(metavar="SITE=FILE", help="CSV of kilowatts, a row an hour; a column a contract, and `load` for what is drawn."),
        ] = None,
        store: Annotated[
            list[str] | None, typer.Option(metavar="SITE=KWH,KW", help="A battery for the hourly balance, such as fra1=4000,1000.")
        ] = None,
        why: Why = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say what is drawn and survives; how it is cooled, what it emits, and what law asks."""
        speak(
            "assess energy",
            as_json,
            lambda output: _told(output, _energy(stack, figures, wet_bulb or [], hourly or [], store or []), why=why),
        )

    @group.command("cost", **example("sovereign-ai assess cost stacks/lab --focus 2026-12 --output cost.csv"))
    def cost(
        stack: Where = Path(),
        figures: Figures = None,
        focus: Annotated[str | None, typer.Option(metavar="MONTH", help="A month, 2026-12, to write as FOCUS 1.2 CSV.")] = None,
        out: Annotated[Path | None, typer.Option("--output", "-o", help="Where the CSV goes; left out, standard output.")] = None,
        why: Why = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Say what it costs to build and to run; for a GPU-hour and for useful work, and against renting."""
        speak("assess cost", as_json, lambda output: _cost(output, stack, figures, focus, out, why=why))

    @group.command("figures", **example("sovereign-ai assess figures stacks/lab > figures.yaml"))
    def figures_(stack: Where = Path(), as_json: Annotated[bool, AsJson] = False) -> None:
        """List every figure that you can give; with ours and its source, as a file to edit."""
        speak("assess figures", as_json, lambda output: _figures(output, stack))

    @group.command("sovereignty", **example("sovereign-ai assess sovereignty stacks/lab --on 2026-12-31"))
    def sovereignty(stack: Where = Path(), on: On = None, as_json: Annotated[bool, AsJson] = False) -> None:
        """Say who can cut it off, who can compel it, and which level of sovereignty is proven."""
        speak("assess sovereignty", as_json, lambda output: _sovereignty(output, stack, on))


def _opened(path: Path, figures: Path | None, what: str) -> tuple[Stack, Mapping[str, Given]]:
    """Read and plan a stack, and read the user's figures that an assessment takes."""
    from sovereign_ai.assess.figures import split
    from sovereign_ai.assess.sources import given_by
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    return stack, split(stack.factory, stack.plan, given_by(figures))[what] if figures else {}


def _goodput(path: Path, figures: Path | None, runs: int, seed: int) -> Goodput:
    from sovereign_ai.assess.goodput.report import assess

    stack, given = _opened(path, figures, "goodput")
    return assess(stack.factory, stack.plan, given, runs, seed)


def _energy(path: Path, figures: Path | None, wet_bulb: list[str], hourly: list[str], store: list[str]) -> Energy:
    from sovereign_ai.assess.energy.report import assess
    from sovereign_ai.assess.sources import series

    stack, given = _opened(path, figures, "energy")
    found = {site: series(Path(file)) for site, file in _by_site("--wet-bulb", wet_bulb, "fra1=wet-bulb.txt")}
    return assess(stack.factory, stack.plan, given, found, hours(hourly, store))


def hours(hourly: list[str], store: list[str]) -> dict[str, Hourly]:
    """Read hourly supply and load, and batteries."""
    from sovereign_ai.assess.energy.balance import Store
    from sovereign_ai.assess.energy.report import Hourly
    from sovereign_ai.assess.sources import columns

    stores: dict[str, Store] = {}
    for site, text in _by_site("--store", store, "fra1=4000,1000"):
        try:
            capacity, power = (float(part) for part in text.split(","))
        except ValueError:
            _refuse("bad-option", f"--store {site}={text}: two numbers are expected", "write kilowatt-hours and kilowatts: fra1=4000,1000")
        if not (0 < capacity < float("inf") and 0 < power < float("inf")):
            _refuse(
                "bad-option",
                f"--store {site}={text}: a battery holds and gives something",
                "write kilowatt-hours and kilowatts: fra1=4000,1000",
            )
        stores[site] = Store(capacity, power)
    found: dict[str, Hourly] = {}
    for site, file in _by_site("--hourly", hourly, "fra1=year.csv"):
        series = columns(Path(file))
        _headed(file, series)
        load = series.pop("load", None)
        found[site] = Hourly(series, load, stores.pop(site, None))
    if stores:
        _refuse("bad-option", f"--store {next(iter(stores))} has no hours to work in", "give the site's hours too: --hourly SITE=FILE")
    return found


def _headed(file: str, series: Iterable[str]) -> None:
    """Refuse a file of hours whose first row is numbers: no contract's name is one.

    Raises:
        SpecError: the header is missing.
    """
    from sovereign_ai.errors import Problem, SpecError, Where

    if any(_is_number(name) for name in series):
        message = "the first row is numbers, and a header of the contracts' names is to stand there"
        raise SpecError(Problem("bad-header", message, Where(file, 1), "such as hour,load,wind"))


def _is_number(text: str) -> bool:
    """Tell whether a cell reads as a number."""
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _by_site(option: str, texts: list[str], example_text: str) -> Iterator[tuple[str, str]]:
    """Split SITE=REST."""
    for text in texts:
        site, _, rest = text.partition("=")
        if not site or not rest:
            _refuse("bad-option", f"{option} {text!r} is no SITE=…", f"such as {example_text}")
        yield site, rest


def _cost(output: Output, path: Path, figures: Path | None, focus: str | None, out: Path | None, *, why: bool) -> None:
    from sovereign_ai.assess.cost.report import assess

    month = None if focus is None else _month(focus)
    stack, given = _opened(path, figures, "cost")
    found = assess(stack.factory, stack.plan, given)
    if month is None:
        if out is not None:
            _refuse("bad-option", "--output needs --focus with a month", "add --focus 2026-12")
        _told(output, found, why=why)
        return
    text = found.focus(month)
    if out is None:
        output.finish({"focus": text}, text.splitlines())
        return
    save(out, text)
    output.finish({"wrote": str(out)}, [f"wrote {out}"])


def _sovereignty(output: Output, path: Path, on: str | None) -> None:
    from sovereign_ai.assess.sovereignty.evidence import read_evidence
    from sovereign_ai.assess.sovereignty.report import assess
    from sovereign_ai.cli.stack import open_stack

    now = datetime.now(tz=UTC).date() if on is None else _day(on)
    stack = open_stack(path)
    found = assess(stack.factory, stack.plan, now=now, evidence=read_evidence(stack.folder))
    output.finish({"assessment": found.to_data()}, found.lines())


def _figures(output: Output, path: Path) -> None:
    from sovereign_ai.assess.figures import template
    from sovereign_ai.cli.stack import open_stack

    stack = open_stack(path)
    lines = list(template(stack.factory, stack.plan))
    output.finish({"lines": lines}, lines)


def _told(output: Output, found: Goodput | Energy | Cost, *, why: bool) -> None:
    """Print an assessment; with `why`, below each line where its numbers come from, each of them once."""
    lines: list[str] = []
    told: set[str] = set()
    for line, names in found.said():
        lines += wrapped(line.lstrip(), " " * (len(line) - len(line.lstrip())))
        if why:
            lines += [part for reason in found.reasons(names, told) for part in wrapped(reason, "    ")]
    output.finish({"assessment": found.to_data()}, lines)


def _day(text: str) -> date:
    """Read a day of the calendar."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        _refuse("bad-date", f"--on: {text!r} is no day of the calendar", "write --on 2026-12-31")


def _month(text: str) -> date:
    """Read a month of the calendar; give its first day."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        _refuse("bad-date", f"--focus: {text!r} is no month", "write --focus 2026-12")


def _refuse(code: str, message: str, hint: str) -> NoReturn:
    """Refuse an option."""
    from sovereign_ai.errors import Problem, UsageError

    raise UsageError(Problem(code, message, hint=hint))
