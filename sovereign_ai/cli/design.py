"""`design`: complete descriptions for a number of GPUs, side by side, and the chosen one as a stack."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import day
from sovereign_ai.cli.output import AsJson, Output, next_line
from sovereign_ai.json_members import merged
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sovereign_ai.assess import GivenValue
    from sovereign_ai.catalog.system import System
    from sovereign_ai.design import Design, DesignRequest
    from sovereign_ai.errors import Problem
    from sovereign_ai.units import BitsPerSecond, Ratio

Objective = Literal["cost", "power", "headroom", "sovereign"]
FabricKind = Literal["any", "infiniband", "roce"]
_MANAGER = "r660"
"""The model of management machines where none is named."""
_MOST_BORDER_PORTS = 4_096
_MOST_MANAGERS = 1_000
_QUIET_SECONDS = 2.0
"""Seconds without progress at the beginning: what ends before needs none."""
_STEP_SECONDS = 1.0
"""Seconds between two lines of progress."""


def _complete_system(incomplete: str) -> list[str]:
    """Return the systems with GPUs whose names begin with a text, for the completion of shells."""
    from sovereign_ai.catalog.system import systems

    return [system.name for system in systems() if system.gpus and system.name.startswith(incomplete)]


def _complete_border(incomplete: str) -> list[str]:
    """Return numbers of links to the outside at the usual rates, for the completion of shells."""
    number, at, _ = incomplete.partition("@")
    begun = f"{number}@" if at or number.isdecimal() else "8@"
    return [f"{begun}{rate} Gbps" for rate in (100, 400) if f"{begun}{rate} Gbps".startswith(incomplete)]


def _complete_manager(incomplete: str) -> list[str]:
    """Return numbers of management machines with each model without GPUs, for the completion of shells."""
    from sovereign_ai.catalog.system import systems

    number, at, name = incomplete.partition("@")
    begun = number if at or number.isdecimal() else "5"
    return [f"{begun}@{model.name}" for model in systems() if not model.gpus and model.name.startswith(name)]


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("design", **example("sovereign-ai design --gpus 64 --system dgx-h100 --site DE"))
    def design(
        gpus: Annotated[
            int, typer.Option(metavar="N", help="Least number of GPUs; rounded up to whole machines.")
        ],
        system: Annotated[
            str,
            typer.Option(
                metavar="NAME",
                help="The machine, as in `catalog list system`.",
                autocompletion=_complete_system,
            ),
        ],
        site: Annotated[
            str,
            typer.Option(
                metavar="PLACE",
                help="A country's code, which has a site sized for each design; or a file with a site or a "
                "description with one, whose limits hold.",
            ),
        ],
        oversubscription: Annotated[
            str,
            typer.Option(
                metavar="RATIO", help="Highest oversubscription of the compute fabric, such as 2:1."
            ),
        ] = "1:1",
        fabric: Annotated[FabricKind, typer.Option(help="Technology of the compute fabric.")] = "any",
        storage: Annotated[
            str, typer.Option(metavar="CAPACITY", help="A storage tier, such as '2 PB'; left out, none.")
        ] = "",
        border_ports: Annotated[
            str,
            typer.Option(
                metavar="N[@LINK]",
                help="Least number of links to the outside, such as '8@100 Gbps'; left out, none.",
                autocompletion=_complete_border,
            ),
        ] = "",
        management: Annotated[
            str,
            typer.Option(
                metavar="N[@MODEL]",
                help="Management machines, such as '5@r660'; left out, none.",
                autocompletion=_complete_manager,
            ),
        ] = "",
        objective: Annotated[Objective, typer.Option(help="What the chosen design is best for.")] = "cost",
        figures: Annotated[
            Path | None,
            typer.Option("--figures", "-f", help="Your own prices and figures, as for `assess cost`."),
        ] = None,
        on: Annotated[
            str | None,
            typer.Option(
                "--on", metavar="DAY", help="The day that is assessed, such as 2026-12-31; left out, today."
            ),
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option("--output", "-o", metavar="FOLDER", help="Write the chosen design as a stack."),
        ] = None,
        choose: Annotated[
            int | None,
            typer.Option(metavar="N", help="Number of the design to write; left out, by --objective."),
        ] = None,
        name: Annotated[
            str, typer.Option(metavar="NAME", help="The factory's name, where it is not the folder's.")
        ] = "",
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Propose designs for a number of GPUs: least cost, power, most headroom, most sovereign."""

        def work(output: Output) -> None:

            factory_name = name or (out.resolve().name if out is not None else "design")
            _check_folder(out, choose, factory_name)
            kinds = ("infiniband", "roce") if fabric == "any" else (fabric,)
            wishes = (border_ports, management)
            request = _request(factory_name, gpus, system, site, oversubscription, kinds, storage, wishes)
            _design(output, request, _given(figures), objective, (day(on), out, choose))

        run_command("design", as_json, work, folder=out)


def _request(
    name: str,
    gpus: int,
    system: str,
    site: str,
    ratio: str,
    kinds: tuple[str, ...],
    storage: str,
    wishes: tuple[str, str],
) -> DesignRequest:
    """Read the options, with every problem at once.

    Args:
        name: the factory's name.
        gpus: GPUs at least.
        system: the machine.
        site: a country or a file.
        ratio: the most oversubscription.
        kinds: technologies of the compute fabric.
        storage: capacity of a storage tier.
        wishes: links to the outside, and management machines.

    Raises:
        UsageError: an option is wrong.
        SpecError: the file of the site is wrong.
    """
    from sovereign_ai.design import DesignRequest, read_site
    from sovereign_ai.errors import Problem, SovereignError, SpecError, UsageError

    problems: list[Problem] = []
    source = machine = most = None
    failed: type[SovereignError] = UsageError
    if gpus < 1:
        gpus_text = counted(gpus, "GPU is", "GPUs are")
        problems.append(Problem("bad-option", f"--gpus: {gpus_text} no factory", hint="write 1 or more"))
    try:
        # The file may bring rows of hardware, so it is read before the system is looked up.
        source = read_site(site)
    except SovereignError as error:
        failed = type(error)
        problems += error.problems
    try:
        machine = _system(system)
    except UsageError as error:
        problems += error.problems
    try:
        most = _ratio(ratio)
    except UsageError as error:
        problems += error.problems
    border: tuple[int, BitsPerSecond | None] = (0, None)
    managers: tuple[int, System | None] = (0, None)
    try:
        border = _border(wishes[0])
    except UsageError as error:
        problems += error.problems
    try:
        managers = _managers(wishes[1])
    except UsageError as error:
        problems += error.problems
    problems += _capacity_problems(storage)
    if problems or source is None or machine is None or most is None:
        raise SpecError(problems) if failed is SpecError else UsageError(problems)
    return DesignRequest(
        name=name,
        gpus=gpus,
        system=machine,
        country=source.country,
        ratio=most,
        kinds=kinds,
        storage=storage,
        border_ports=border[0],
        border_link=border[1],
        managers=managers[0],
        manager=managers[1],
        site=source.site,
        context=source.context,
    )


def _system(name: str) -> System:
    """Return a system of the catalogue.

    Raises:
        UsageError: there is none of that name.
    """
    from sovereign_ai.catalog import UnknownNameError
    from sovereign_ai.catalog.system import system
    from sovereign_ai.errors import Problem, UsageError

    try:
        return system(name)
    except UnknownNameError as error:
        message = f"--system: no system is called {name!r}"
        raise UsageError(Problem("unknown-system", message, hint=error.hint)) from None


def _border(text: str) -> tuple[int, BitsPerSecond | None]:
    """Return the number and rate of links to the outside; no rate where none is written.

    Raises:
        UsageError: the text is no number, or its rate none.
    """
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.units import BitsPerSecond

    if not text:
        return 0, None
    number, at, rate = text.partition("@")
    count = _number("--border-ports", number, _MOST_BORDER_PORTS, "'8' or '8@100 Gbps'")
    if not at:
        return count, None
    try:
        link = BitsPerSecond.parse(rate.strip())
    except ValueError as error:
        raise UsageError(
            Problem("bad-option", f"--border-ports: {error}", hint="such as '8@100 Gbps'")
        ) from None
    if not link.count:
        message = "--border-ports: a link carries more than nothing"
        raise UsageError(Problem("bad-option", message, hint="such as '8@100 Gbps'"))
    return count, link


def _managers(text: str) -> tuple[int, System | None]:
    """Return the number and model of management machines; no model where none are wanted.

    Raises:
        UsageError: the text is no number, or its model no system without GPUs.
    """
    from sovereign_ai.catalog import model_hint
    from sovereign_ai.catalog.system import systems
    from sovereign_ai.errors import Problem, UsageError

    if not text:
        return 0, None
    number, at, name = text.partition("@")
    models = {model.name: model for model in systems() if not model.gpus}
    count = _number("--management", number, _MOST_MANAGERS, "'5' or '5@r660'")
    name = name.strip() if at else _MANAGER
    if name not in models:
        message = f"--management: no system without GPUs is called {name!r}"
        raise UsageError(Problem("unknown-system", message, hint=model_hint(name, models)))
    return count, models[name]


def _number(option: str, text: str, most: int, example: str) -> int:
    """Return a whole number of at least one.

    Raises:
        UsageError: the text is none.
    """
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.files import shown

    plain = text.strip()
    if plain.isdecimal() and plain.isascii() and len(plain) <= len(str(most)) and 1 <= int(plain) <= most:
        return int(plain)
    message = f"{option}: {shown(plain)} is no whole number from 1 to {most:,}"
    raise UsageError(Problem("bad-option", message, hint=f"such as {example}"))


def _ratio(text: str) -> Ratio:
    """Return an oversubscription.

    Raises:
        UsageError: the text is no ratio, or one below 1:1.
    """
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.units import Ratio

    try:
        ratio = Ratio.parse(text)
    except ValueError as error:
        raise UsageError(Problem("bad-option", f"--oversubscription: {error}")) from None
    if ratio.fraction < 1:
        message = f"--oversubscription: {text} has more above a leaf than below it"
        raise UsageError(Problem("bad-option", message, hint="write 1:1 or more, such as 2:1"))
    return ratio


def _capacity_problems(text: str) -> list[Problem]:
    """Return the problem of a capacity that is none."""
    from sovereign_ai.errors import Problem
    from sovereign_ai.units import Bytes

    if not text:
        return []
    try:
        Bytes.parse(text)
    except ValueError as error:
        return [Problem("bad-option", f"--storage: {error}", hint="such as '2 PB'")]
    return []


def _given(path: Path | None) -> Mapping[str, GivenValue]:
    """Read the user's figures.

    Raises:
        SpecError: every problem of the file.
    """
    from sovereign_ai.assess.sources import read_figures
    from sovereign_ai.errors import SpecError

    if path is None:
        return {}
    file = read_figures(path)
    if file.problems:
        raise SpecError(list(file.problems))
    return file.figures


def _check_folder(out: Path | None, choose: int | None, name: str) -> None:
    """Refuse a folder that cannot be written before the search, which takes longer.

    Raises:
        UsageError: the name is not allowed, a file exists, or the choice is no number or has no folder.
    """
    from sovereign_ai.deploy import scaffold
    from sovereign_ai.errors import Problem, UsageError

    if choose is not None and choose < 1:
        message = f"--choose: {choose} is no number of a design"
        raise UsageError(Problem("bad-option", message, hint="designs are numbered from 1"))
    if out is None and choose is not None:
        hint = "add -o FOLDER, or leave --choose out"
        raise UsageError(Problem("bad-option", "--choose writes a design into a folder", hint=hint))
    scaffold(out if out is not None else Path("design-is-not-written"), name, dry_run=True)


def _progress(output: Output) -> Callable[[str], None]:
    """Return what reports progress: nothing in the first seconds, then a line a second."""
    last = time.monotonic() + _QUIET_SECONDS - _STEP_SECONDS

    def report(line: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _STEP_SECONDS:
            last = now
            output.progress(line)

    return report


def _design(
    output: Output,
    request: DesignRequest,
    given: Mapping[str, GivenValue],
    objective: Objective,
    rest: tuple[date, Path | None, int | None],
) -> None:
    """Search, print and, where a folder is named, write.

    Args:
        output: the command's output.
        request: what is wanted.
        given: the user's figures.
        objective: what the chosen design is the best for.
        rest: the day, the folder, and the number of the chosen design.
    """
    from sovereign_ai.design import design, lines, notes

    now, out, choose = rest
    proposed = design(request, given, now, _progress(output))
    number = proposed.best(objective) if choose is None else _chosen(proposed, choose)
    written = _written(proposed, number, out)
    proposals = []
    for position, proposal in enumerate(proposed.proposals, start=1):
        proposals.append(merged({"number": position}, proposal.to_data()))
    data = {
        "gpus": request.machines * request.system.gpus,
        "machines": request.machines,
        "proposals": proposals,
        "chosen": number,
        "notes": notes(proposed),
        "files": written,
    }
    messages = [f"wrote {file}" for file in written]
    if out is not None:
        messages += ["", next_line("plan", out)]
    else:
        messages.append(f"best by {objective}: {number}; write it with -o FOLDER")
    output.finish(data, [*lines(proposed), *messages])


def _chosen(proposed: Design, number: int) -> int:
    """Return the number of a proposal.

    Raises:
        UsageError: there is no such proposal.
    """
    from sovereign_ai.errors import Problem, UsageError

    if not 1 <= number <= len(proposed.proposals):
        message = f"--choose: there is no design {number}"
        hint = f"write 1 to {len(proposed.proposals)}"
        raise UsageError(Problem("bad-option", message, hint=hint))
    return number


def _written(proposed: Design, number: int, out: Path | None) -> list[str]:
    """Write a proposal as a stack, and return the paths of its files; none without a folder."""
    from sovereign_ai.deploy import scaffold

    if out is None:
        return []
    proposal = proposed.proposals[number - 1]
    files = scaffold(out, proposal.factory.name, description=proposal.to_yaml())
    return [str(file) for file in files]
