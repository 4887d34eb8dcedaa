"""The table of changes as data: what a change starts from, what it leads to, and what is expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import yaml

from sovereign_ai.catalog.figures import clear_description_rows
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import read_text
from tests.daytwo.edits import Data, Edit, edited
from tests.support.approvals import signed_data

HERE = Path(__file__).parent
LAB = HERE.parents[1] / "stacks" / "lab" / "factory.yaml"
FULL = HERE / "full.yaml"
_FILES = {"lab": LAB, "full": FULL}
_Each = TypeVar("_Each")
_SIGNATURES = ("approvers[].name", "approvers[].key", "approvers[].until", "waivers[].signature")


@dataclass(frozen=True)
class Change:
    """One change of a standing lab.

    Attributes:
        name: what changes, in words; a field's path where one field changes by itself.
        base: the description that it starts from, `lab` or `full`.
        edits: what is edited, in order.
        refused: the code of the problem by which it is refused before the first write; empty where it
            converges.
        field: the field that it is about; empty where it is about more than one.
        first: edits of that description before the lab stands at it.
    """

    name: str
    base: str
    edits: tuple[Edit, ...]
    refused: str = ""
    field: str = ""
    first: tuple[Edit, ...] = ()

    @property
    def before(self) -> Data:
        """The description before the change."""
        return edited(_parsed(self.base), self.first)

    @property
    def after(self) -> Data:
        """The description after the change."""
        if self.edits and "replace" in self.edits[0]:
            return described(str(self.edits[0]["replace"]))
        after = edited(self.before, self.edits)
        # Whoever changes a waiver has it signed once more; a change of the signature or of the key itself is
        # what is tried.
        return after if self.field in _SIGNATURES or not after.get("waivers") else signed_data(after)


def described(base: str) -> Data:
    """Return one of the two descriptions as plain data of its own."""
    return deepcopy(_parsed(base))


BESIDE = "beside"
"""The member of plain data that holds files beside the description: name to content."""


def written(data: Data) -> str:
    """Return the text of a description."""
    described_alone = {name: value for name, value in data.items() if name != BESIDE}
    return _dumped(described_alone)


def beside(data: Data) -> str:
    """Return the text of the files beside a description."""
    return _dumped(data.get(BESIDE, {}))


def write_files(data: Data, folder: Path) -> None:
    """Write the files that lie beside a description."""
    for name, content in data.get(BESIDE, {}).items():
        (folder / name).write_text(_dumped(content), encoding="utf-8")


def read_data(data: Data) -> AIFactory:
    """Read a description with the files beside it.

    Raises:
        SpecError: it has problems.
    """
    return read_whole(written(data), beside(data))


def read_whole(text: str, files: str) -> AIFactory:
    """Read the text of a description with those of the files beside it, as a command of its own does.

    Raises:
        SpecError: it has problems.
    """
    # The rows of one description stay known in a process, and another may have other figures for them.
    clear_description_rows()
    with TemporaryDirectory() as folder:
        write_files({BESIDE: yaml.load(files, yaml.CSafeLoader)}, Path(folder))
        return read_text(text.encode(), "factory.yaml", Path(folder)).factory


class _Dumper(yaml.CSafeDumper):
    """Writes each value out: a description takes no aliases."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _dumped(data: Any) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000)


def changes() -> tuple[Change, ...]:
    """Return every change of the table, those of single fields last."""
    return (*_named(), *_of_fields())


def part_of(everything: Sequence[_Each], part: str) -> tuple[_Each, ...]:
    """Return every n-th thing, from the k-th on, for `k/n`; all of them where no part is named.

    So n runs of a bounded time try together what one run of hours does.

    Raises:
        ValueError: it is no such part.
    """
    if not part:
        return tuple(everything)
    k, _, n = part.partition("/")
    if not (k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise ValueError(f"PART={part}: write k/n with k from 1 to n, such as PART=1/8")
    return tuple(everything[int(k) - 1 :: int(n)])


def never() -> Mapping[str, str]:
    """Return the fields that cannot change on a standing factory, and why."""
    reasons: dict[str, str] = _table()["never"]
    return reasons


def chosen(run: str) -> tuple[Change, ...]:
    """Return the changes of a run, in the order of the table: `always`, `pulumi` or `kind`."""
    names = set(_table()["runs"][run])
    return tuple(change for change in changes() if change.name in names)


def _named() -> Iterator[Change]:
    """Yield the changes that have a name."""
    rows: dict[str, dict[str, Any]] = _table()["changes"]
    for name, row in rows.items():
        parts = [rows[other] for other in row.get("then", ())]
        edits = tuple(edit for part in (*parts, row) for edit in part.get("do", ()))
        first = tuple(row.get("first", ()))
        yield Change(name, row.get("base", "lab"), edits, row.get("refused", ""), first=first)


def _of_fields() -> Iterator[Change]:
    """Yield the changes of one field each."""
    rows: dict[str, dict[str, Any]] = _table()["fields"]
    for field, row in rows.items():
        if "rename" in row:
            edit: Edit = {"rename": row["rename"], "of": row["of"], "to": row["to"]}
        else:
            edit = {"set": row.get("at", _first(field)), "to": row["to"]}
        first = tuple(row.get("first", ()))
        yield Change(field, "full", (*row.get("also", ()), edit), row.get("refused", ""), field, first)


def _first(field: str) -> str:
    """Return the path of the first part that has a field."""
    return field.replace("[]", "[0]").replace("{}", "{A}")


@cache
def _parsed(base: str) -> Data:
    data: Data = yaml.load(_FILES[base].read_text(encoding="utf-8"), yaml.CSafeLoader)
    return data


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = yaml.load((HERE / "table.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return table
