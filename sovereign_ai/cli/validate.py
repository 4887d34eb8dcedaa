"""`validate`: every problem of a description, with its line and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sovereign_ai.cli.command import example, run_command
from sovereign_ai.cli.options import DescriptionArgument
from sovereign_ai.cli.output import AsJson, Output
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.spec import AIFactory

_LARGE_DESCRIPTION_BYTES = 1 << 16
"""Above this size an object that is rendered from the description may be too large for etcd."""
_MOST_PLANNED_NODES = 20_000
"""Above this number of nodes, a large description is not planned to check its objects' sizes.

Planning more nodes takes longer than a user waits for a validation; `plan` and `check` find the problem too.
"""


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("validate", **example("sovereign-ai validate stacks/lab --json"))
    def validate(
        stack: DescriptionArgument = Path(),
        as_json: Annotated[bool, AsJson] = False,
    ) -> None:
        """Check a description, and whether it can be built; it is not planned whole."""
        run_command("validate", as_json, lambda output: _validate(output, stack))


def _validate(output: Output, path: Path) -> None:
    from sovereign_ai.cli.description import read_description
    from sovereign_ai.cli.plan_text import wrapped
    from sovereign_ai.errors import SpecError
    from sovereign_ai.plan import draft, fair_sharing_notes, gate_notes, idle_operators, network_notes
    from sovereign_ai.plan.fabric import waste_notes

    factory = read_description(path)
    built, problems = draft(factory, factory.where)
    if problems:
        raise SpecError(problems)
    nodes = sum(shape.total for shape in built.shapes)
    if len(factory.canonical()) > _LARGE_DESCRIPTION_BYTES and nodes <= _MOST_PLANNED_NODES:
        from sovereign_ai.cli.stack import check_object_sizes
        from sovereign_ai.plan import plan

        check_object_sizes(factory, plan(factory, factory.where))
    notes = [*network_notes(factory, built.shapes, built.storage), *waste_notes(factory, built.sizes)]
    for note in (*gate_notes(factory), *fair_sharing_notes(factory), *idle_operators(factory)):
        notes.append(f"{factory.where(note.field)}: {note.text}")
    lines = [f"{factory.name}: fine; {_counts(factory)}", *wrapped(notes), f"digest {factory.digest}"]
    data = {"problems": [], "factory": factory.name, "digest": factory.digest, "notes": notes}
    output.finish(data, lines)


def _counts(factory: AIFactory) -> str:
    """Return the numbers of sites, pools and nodes in words."""
    counts = {
        "site": len(factory.sites),
        "pool": len(factory.pools),
        "node": sum(map(factory.standing, factory.pools)),
    }
    words = []
    for name, count in counts.items():
        words.append(counted(count, name))
    return ", ".join(words)
