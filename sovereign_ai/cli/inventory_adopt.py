"""`inventory adopt`: read a standing site from files of other systems, and compare it with a stack."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.completion import complete_model
from sovereign_ai.cli.options import pairs
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.files import writing
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.adopt import Comparison, ReadSite

_QUIET_SECONDS = 2.0
"""Seconds without progress at the beginning: what ends before needs none."""


def _complete_format(incomplete: str) -> list[str]:
    """Return the formats whose names begin with a text, for the completion of shells."""
    from sovereign_ai.adopt import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def add(group: typer.Typer) -> None:
    """Add the command."""

    @group.command("adopt", **example("sovereign-ai inventory adopt slurm/ --model h100=dgx-h100"))
    def adopt(
        paths: Annotated[
            list[Path],
            typer.Argument(
                metavar="FILE",
                help="Files of one format, or a folder of them: NetBox's tables, Slurm's topology and nodes, "
                "topograph.yaml, NAME.clab.yml, ibnetdiscover's *.txt.",
            ),
        ],
        form: Annotated[
            str,
            typer.Option(
                "--format",
                metavar="FORMAT",
                help="netbox, slurm, topograph, ibnetdiscover or containerlab; left out, by file names.",
                autocompletion=_complete_format,
            ),
        ] = "",
        model: Annotated[
            list[str] | None,
            typer.Option(
                "--model",
                metavar="MODEL=SYSTEM",
                help="The catalogue's name of a model, or of the machines of a pool: train=dgx-h100.",
                autocompletion=complete_model,
            ),
        ] = None,
        site: Annotated[str, typer.Option("--site", metavar="NAME", help="Read this site only.")] = "",
        against: Annotated[
            Path | None,
            typer.Option(
                "--against",
                metavar="STACK",
                help="Compare with this stack in what the files can say; exit 1 where they differ.",
            ),
        ] = None,
        out: Annotated[
            Path | None, typer.Option("--output", "-o", help="File for the part; left out, it is printed.")
        ] = None,
        replace: Annotated[
            bool, typer.Option("--replace", help="Replace the file of --output where it exists.")
        ] = False,
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Read an existing site into a part of a description.

        Facts that files lack are questions above it, with what they have that no description says.
        """
        run_command(
            "inventory adopt",
            as_json,
            lambda output: _adopt(output, paths, form, model or [], site, against, out, replace=replace),
            outputs=out,
        )


def _adopt(
    output: Output,
    paths: Sequence[Path],
    form: str,
    named: Sequence[str],
    only: str,
    against: Path | None,
    out: Path | None,
    *,
    replace: bool,
) -> None:
    from sovereign_ai.adopt import adopt, read_site
    from sovereign_ai.errors import ExitCode

    models = pairs("--model", named, "MODEL=SYSTEM", "--model XE9680=dgx-h100")
    if out is not None and not replace:
        _refuse_existing(out)
    progress = _late(output.progress)
    seen = read_site(paths, form, progress)
    data: dict[str, Any] = {"format": seen.format.name, "files": list(seen.files)}
    progress("deriving pools and fabrics")
    part = adopt(seen.site, models, only)
    data |= {
        "part": part.to_data(),
        "questions": list(part.questions),
        "left_out": list(part.left_out),
        "cannot_say": list(seen.format.cannot_say),
    }
    notes = [f"{seen.format.name} has no place for: {text}" for text in seen.format.cannot_say]
    text = "".join(f"# {note}\n" for note in notes) + part.to_yaml()
    if out is None:
        lines = text.splitlines()
    else:
        writing.write(out, text)
        lines = [f"wrote {out}: {counted(len(part.pools), 'pool')}, {counted(len(part.fabrics), 'fabric')}"]
        lines += [*notes, *(f"left out: {text}" for text in part.left_out)]
    code = ExitCode.OK
    if against is not None:
        comparison = _compare(seen, against, progress)
        data["comparison"] = comparison.to_data()
        # After a part that is printed, the comparison is a comment, so that the whole stays YAML.
        lines += _marked(comparison.lines(), "# " if out is None else "")
        code = ExitCode.OK if comparison.equal else ExitCode.FINDINGS
    output.finish(data, lines, code)


def _marked(lines: Iterator[str], mark: str) -> list[str]:
    """Return lines with a mark before each."""
    return [f"{mark}{line}" for line in lines]


def _compare(seen: ReadSite, path: Path, progress: Callable[[str], None]) -> Comparison:
    """Compare what was read with a stack's plan."""
    from sovereign_ai.adopt import compare, planned_site
    from sovereign_ai.cli.stack import open_stack

    progress(f"planning {path}")
    stack = open_stack(path)
    planned = planned_site(seen.format.name, stack.factory, stack.plan, seen.site)
    progress("comparing")
    return compare(seen.site, planned)


def _refuse_existing(out: Path) -> None:
    """Refuse to write over a file, which may hold answers to the questions by now.

    Raises:
        UsageError: the file exists.
    """
    from sovereign_ai.errors import Problem, UsageError, Where

    if out.is_file():
        message = "the file exists"
        raise UsageError(Problem("file-exists", message, Where(str(out)), "name another, or add --replace"))


def _late(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that reports progress once the command has taken a while."""
    started = time.monotonic()

    def report(line: str) -> None:
        if time.monotonic() - started >= _QUIET_SECONDS:
            progress(line)

    return report
