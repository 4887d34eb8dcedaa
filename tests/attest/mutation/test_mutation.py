"""One field of the description changed: exactly the outputs change that `table.yaml` declares for it, over
every field there is.

`full.yaml` is a description in which every field stands. An entry of the table says what a field is changed
to, one after the other (`to`), where (`at`; left out, in the first part that has it), what is set beforehand
(`given`) or must change beside it (`with`), and which outputs change (`changes`). A field that changes
nothing says why it stands in the model (`why`).

A number that follows from others is in no entry: it may only change when one of its inputs does. After a
rule, a number or a field came or went, `pytest tests/attest/mutation --update-golden` writes `changes`; look
at every line of the difference.
"""

from __future__ import annotations

import fcntl
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.spec.reader import read_text
from tests.attest.mutation.fields import RENAME, Data, changed, general, leaves, prepared, renamed, value_at
from tests.attest.mutation.outputs import Outputs, outputs, unexplained
from tests.support.approvals import signature

HERE = Path(__file__).parent
TABLE: dict[str, dict[str, Any]] = yaml.load(
    (HERE / "table.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
)


@cache
def _full() -> bytes:
    return orjson.dumps(yaml.load((HERE / "full.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader))


def _data() -> Data:
    data: Data = orjson.loads(_full())
    return data


@cache
def _outputs(data: bytes) -> Outputs:
    """What follows from a description; from one that is refused, the refusals."""
    try:
        return outputs(read_text(data, "full.json").factory)
    except SpecError as error:
        return Outputs({f"problem.{one.code}": str(one.where.field) for one in error.problems}, {})


def _signed_anew(data: Data) -> Data:
    """Sign the waivers of a description, each by the approver that it names."""
    waivers = [{**waiver, "signature": signature(waiver, str(data["name"]))} for waiver in data["waivers"]]
    return {**data, "waivers": waivers}


def _cases(field: str) -> list[tuple[Data, Data, Any]]:
    """Give what is held against each other: before, after, and the new value."""
    entry = TABLE[field]
    before = prepared(_data(), entry.get("given", {}))
    beside = entry.get("with", {})
    return [
        (before, changed(prepared(before, beside), entry.get("at", field), value), value)
        for value in entry["to"]
    ]


def test_every_field_of_the_models_has_an_entry_and_there_is_no_other() -> None:
    assert sorted(TABLE) == sorted(leaves())
    assert all(general(entry.get("at", field)) == field and entry["to"] for field, entry in TABLE.items())


def test_every_field_stands_in_the_full_description_and_nothing_in_it_is_refused() -> None:
    data = _data()
    missing = [
        field
        for field, entry in TABLE.items()
        if "given" not in entry and value_at(data, entry.get("at", field)) is None
    ]
    assert not missing
    assert not [name for name in _outputs(_full()).named if name.startswith("problem.")]


@pytest.mark.parametrize("field", sorted(leaves()))
def test_a_changed_field_changes_exactly_what_is_declared_for_it(
    field: str, pytestconfig: pytest.Config
) -> None:
    found: set[str] = set()
    for before, after, value in _cases(field):
        if value == RENAME:
            continue
        one, other = _outputs(orjson.dumps(before)), _outputs(orjson.dumps(after))
        assert one.measures, "what is changed must not be refused before"
        assert not list(unexplained(one, other))
        found |= one.changed(other) if other.measures else set(other.named)
    if pytestconfig.getoption("--update-golden"):
        _write(field, sorted(found))
        return
    assert sorted(found) == sorted(TABLE[field]["changes"]), (
        f"{field} changes other outputs; if that is right: --update-golden"
    )
    silent = not found and RENAME not in TABLE[field]["to"]
    assert silent == ("why" in TABLE[field]), (
        "a field that changes nothing says why it is there, and no other does"
    )


@pytest.mark.parametrize("field", sorted(field for field, entry in TABLE.items() if RENAME in entry["to"]))
def test_another_name_changes_that_name_and_nothing_else(field: str) -> None:
    name = value_at(_data(), TABLE[field].get("at", field))
    assert _full().count(f'"{name}"'.encode()) >= 1
    for before, after, value in _cases(field):
        assert value == RENAME
        # Who renames what a waiver's signature covers has it signed once more.
        one, other = _outputs(orjson.dumps(before)), _outputs(orjson.dumps(_signed_anew(after)))
        back = {key: text.replace(renamed(name), name) for key, text in other.named.items()}
        assert {key for key in {*one.named, *back} if one.named.get(key) != back.get(key)} == set()
        assert one.named != other.named
        numbers = {
            key.replace(renamed(name), name): (found.value, found.low, found.high)
            for key, found in other.measures.items()
        }
        assert numbers == {key: (found.value, found.low, found.high) for key, found in one.measures.items()}


def _write(field: str, changes: list[str]) -> None:
    """Write one entry's outputs; workers of one run wait for each other."""
    with (HERE / "table.yaml").open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        table = yaml.load(file, yaml.CSafeLoader)
        table[field]["changes"] = changes
        file.seek(0)
        file.truncate()
        for name in leaves():
            if name in table:
                entry = {name: table[name]}
                yaml.dump(
                    entry,
                    file,
                    yaml.CSafeDumper,
                    default_flow_style=None,
                    width=140,
                    sort_keys=False,
                    allow_unicode=True,
                )
        file.flush()
