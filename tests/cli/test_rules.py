"""`rules`: the registry and its matrix."""

from __future__ import annotations

import orjson
import typer
from typer.testing import CliRunner, Result

from sovereign_ai.cli import audit, check, explain, rules
from sovereign_ai.rules.coverage import PLACES
from sovereign_ai.rules.registry import REGISTRY


def call(*arguments: str) -> Result:
    app = typer.Typer(
        rich_markup_mode=None, pretty_exceptions_enable=False, context_settings={"max_content_width": 80}
    )
    for command in (check, rules, explain, audit):
        command.add(app)
    return CliRunner().invoke(app, list(arguments))


def test_rules_list_the_registry_and_its_matrix_of_places() -> None:
    data = orjson.loads(call("rules", "--json").stdout)
    assert [one["id"] for one in data["rules"]] == [one.id for one in REGISTRY]
    assert len(data["matrix"]) == 5 * len(REGISTRY)
    assert all(cell["why"] for cell in data["matrix"] if not cell["decided"])
    lines = call("rules").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    begins = [number for number, line in enumerate(lines) if line[:7] in {one.id for one in REGISTRY}]
    assert [lines[number][:7] for number in begins] == [one.id for one in REGISTRY]
    for one, begin, end in zip(REGISTRY, begins, [*begins[1:], lines.index("")], strict=True):
        assert " ".join(line[30:].strip() for line in lines[begin:end]) == one.title
        decided = {cell["place"] for cell in data["matrix"] if cell["rule"] == one.id and cell["decided"]}
        assert lines[begin][19:28].split() == ["+" if place in decided else "-" for place in PLACES]
