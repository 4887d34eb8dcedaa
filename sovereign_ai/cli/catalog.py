"""`catalog`: hardware that descriptions can name, with the source of every figure; the user's own rows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sovereign_ai.cli.catalog_rows import read_row_file, read_rows
from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_listed_kind, complete_row, complete_row_kind
from sovereign_ai.cli.output import AsJson, Output, next_line, table, wrapped
from sovereign_ai.text import counted

Files = Annotated[
    list[Path] | None,
    typer.Option("--with", metavar="PATH", help="Rows of your own: a file with 'rows:'; may be repeated."),
]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Hardware with its sources; rows of your own.", no_args_is_help=True)

    @group.command("list", **example("sovereign-ai catalog list system"))
    def listed(
        kind: Annotated[
            str | None,
            typer.Argument(
                help="A kind of row, such as system, switch or nic, or design; left out, all kinds of row.",
                autocompletion=complete_listed_kind,
            ),
        ] = None,
        files: Files = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """List rows, and the results that each row's missing figures block."""
        run_command("catalog list", as_json, lambda output: _list(output, kind, files or []))

    @group.command("show", **example("sovereign-ai catalog show dgx-h100"))
    def show(
        name: Annotated[str, typer.Argument(help="A row's name.", autocompletion=complete_row)],
        files: Files = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show every figure of a row with source, day and grade, and what missing ones block."""
        run_command("catalog show", as_json, lambda output: _show(output, name, files or []))

    @group.command("compare", **example("sovereign-ai catalog compare dgx-h100 dgx-b200"))
    def compare(
        names: Annotated[
            list[str], typer.Argument(help="Two rows or more of one kind.", autocompletion=complete_row)
        ],
        files: Files = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Show the figures of rows side by side."""
        run_command("catalog compare", as_json, lambda output: _compare(output, names, files or []))

    @group.command("new", **example("sovereign-ai catalog new system our-server -o hardware.yaml"))
    def new(
        kind: Annotated[
            str,
            typer.Argument(
                help="A kind of row, such as system, switch or nic.", autocompletion=complete_row_kind
            ),
        ],
        name: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits and hyphens.")],
        out: Annotated[Path | None, typer.Option("--output", "-o", help="Write it to a new file.")] = None,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Write a row to fill in; for a file that a description names under 'catalog'."""
        run_command("catalog new", as_json, lambda output: _new(output, kind, name, out), outputs=out)

    @group.command("check", **example("sovereign-ai catalog check hardware.yaml"))
    def check(
        file: Annotated[Path, typer.Argument(help="A file with 'rows:'.")],
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Check rows of your own, each problem with its line, and show what they block."""
        run_command("catalog check", as_json, lambda output: _check(output, file))

    app.add_typer(group, name="catalog")


def _find_row(name: str, files: list[Path]) -> tuple[str, Any]:
    """Return the kind and the row of a name.

    Raises:
        UsageError: no row has the name.
    """
    from sovereign_ai.catalog import model_hint
    from sovereign_ai.errors import Problem, UsageError

    known = []
    for kind, rows in read_rows(files).items():
        for row in rows:
            if row.name == name:
                return kind, row
            known.append(row.name)
    message = f"the catalogue has no row called {name!r}"
    raise UsageError(Problem("unknown-name", message, hint=model_hint(name, sorted(known))))


def _require_kind(kind: str) -> str:
    """Return a kind of row.

    Raises:
        UsageError: there is no such kind.
    """
    from sovereign_ai.catalog import KINDS
    from sovereign_ai.errors import Problem, UsageError, nearest

    if kind not in KINDS:
        message = f"there is no kind of row called {kind!r}"
        raise UsageError(Problem("unknown-kind", message, hint=nearest(kind, sorted(KINDS))))
    return kind


_POWER_FIELDS = ("max_power", "tdp", "power")
"""The field that holds a row's power depends on its kind: systems, accelerators, and all others."""


def _list(output: Output, kind: str | None, files: list[Path]) -> None:
    from sovereign_ai.catalog import blocks

    # Designs are not rows: they have no figures.
    if kind == "design":
        _list_designs(output)
        return
    by_kind = read_rows(files)
    rows = []
    data = []
    for listed_kind in [_require_kind(kind)] if kind else list(by_kind):
        for row in by_kind.get(listed_kind, []):
            blocked = blocks(row)
            power = _power(row)
            data.append({"kind": listed_kind, "name": row.name, "power": power, "blocks": blocked})
            lacking = ", ".join(text.partition(":")[0] for text in blocked)
            rows.append((listed_kind, row.name, power, lacking))
    output.finish({"rows": data}, table(["kind", "name", "power", "lacks"], rows, wraps=True))


def _power(row: Any) -> str:
    """Return a row's power with its grade; empty if the row has none."""
    for figure in row.figures:
        if figure.field in _POWER_FIELDS:
            return f"{figure.extent} {figure.grade}"
    return ""


def _list_designs(output: Output) -> None:
    from sovereign_ai.catalog import designs

    rows = []
    data = []
    for design in designs():
        rows.append((design.name, design.about))
        data.append(
            {
                "name": design.name,
                "about": design.about,
                "fields": dict(design.fields),
                "source": design.source,
            }
        )
    output.finish({"rows": data}, table(["design", "description"], rows, wraps=True))


def _show(output: Output, name: str, files: list[Path]) -> None:
    from sovereign_ai.catalog import blocks

    kind, row = _find_row(name, files)
    blocked = blocks(row)
    lines = [f"{kind} {row.name}"]
    figures = []
    for figure in row.figures:
        figures.append(_figure_data(figure))
        note = f"; {figure.note}" if figure.note else ""
        lines += wrapped(f"{figure.field}: {figure}{note}", "  ")
    for text in blocked:
        lines += wrapped(f"lacks {text}", "  ")
    output.finish({"kind": kind, "name": row.name, "figures": figures, "blocks": blocked}, lines)


_FIGURE_FIELDS = ("field", "value", "unit", "low", "high", "grade", "source", "read", "note")


def _figure_data(figure: Any) -> dict[str, Any]:
    """Return a figure as plain data, without empty members."""
    data = {}
    for name in _FIGURE_FIELDS:
        value = getattr(figure, name)
        # Zero is a value: only None and the empty text are left out.
        if value not in (None, ""):
            data[name] = value
    return data


def _compare(output: Output, names: list[str], files: list[Path]) -> None:
    from sovereign_ai.errors import Problem, UsageError

    named = [_find_row(name, files) for name in names]
    kinds = {kind for kind, _ in named}
    if len(named) < 2 or len(kinds) > 1:
        message = "rows of one kind are compared, two at least"
        hint = "sovereign-ai catalog compare dgx-h100 dgx-b200"
        raise UsageError(Problem("bad-comparison", message, hint=hint))
    # A dictionary keeps the order of the first row that has a field.
    cells: dict[str, list[str]] = {}
    for column, (_, row) in enumerate(named):
        for figure in row.figures:
            line = cells.setdefault(figure.field, [""] * len(named))
            # A field that a row has twice is shown by its first figure.
            if not line[column]:
                line[column] = figure.extent
    head = ["figure", *names]
    rows = [(field, *line) for field, line in cells.items()]
    data = [dict(zip(head, row, strict=True)) for row in rows]
    output.finish({"rows": data}, table(head, rows))


def _new(output: Output, kind: str, name: str, out: Path | None) -> None:
    from sovereign_ai.catalog import new_name_problem, template
    from sovereign_ai.errors import Problem, UsageError
    from sovereign_ai.files.writing import create

    if (problem := new_name_problem(_require_kind(kind), name)) is not None:
        raise UsageError(problem)
    text = template(kind, name, datetime.now(UTC).date())
    if out is None:
        output.finish({"row": text}, text.rstrip().splitlines())
        return
    try:
        create(out, text.encode())
    except FileExistsError:
        message = f"{out}: the file exists already"
        hint = "name another, or add the printed row to it"
        raise UsageError(Problem("file-exists", message, hint=hint)) from None
    lines = [f"wrote {out}; fill it in", next_line("catalog", "check", out)]
    output.finish({"written": str(out)}, lines)


def _check(output: Output, file: Path) -> None:
    from sovereign_ai.catalog import KINDS, Row, blocks

    lines, data = [], []
    for raw in read_row_file(file):
        kind = raw["kind"]
        row = KINDS[kind].build(Row.of(raw))
        blocked = blocks(row)
        data.append({"kind": kind, "name": row.name, "blocks": blocked})
        lines.append(f"{kind} {row.name}: fine, {counted(len(row.figures), 'figure')}")
        lines += [f"  lacks {text}" for text in blocked]
    output.finish({"rows": data}, lines)
