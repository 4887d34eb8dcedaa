"""CEL for what the tables name in an object: its pod templates, and the values of its fields by condition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sovereign_ai.rules.addons.addon import Addon
from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.cel.field_paths import (
    joined_values,
    lists_of,
    named_values,
    nested,
    nested_pairs,
    template_of_container,
    template_of_specs,
)
from sovereign_ai.rules.cel.literals import is_one_of
from sovereign_ai.rules.places.fields import Field, Must

_MOST_PATHS = 16
_LONGEST_PIECE = 3_000
"""Characters of an expression that lists values of many kinds."""


def templates(key: str = "") -> str:
    """Return CEL for the pod templates of an object of an add-on's kind.

    Args:
        key: the kind. If empty, the expression is for every kind.
    """
    lists_by_kind = {}
    for addon in _addons_of(key):
        lists = []
        if addon.templates:
            lists.append(lists_of(*addon.templates))
        if addon.specs:
            lists.append(template_of_specs(*addon.specs))
        if addon.containers:
            lists += [template_of_container(*container) for container in addon.containers]
        lists_by_kind[addon.key] = lists
    found = _lists_of_kind(lists_by_kind, key)
    if found == "[]":
        return found
    # Schemas let a template lack its specification. What stands beside it is judged then all the same.
    metadata = "has(p.metadata) ? dyn(p.metadata) : dyn({})"
    empty = f'dyn({{"metadata": {metadata}, "spec": dyn({{}})}})'
    return f"({found}).map(p, has(p.spec) && dyn(p.spec) != null ? dyn(p) : {empty})"


def gathered(must: Must, key: str = "") -> list[str]:
    """Return CEL for the values of an object's fields under one long condition, as lists of values.

    The values are the sum of the expressions; each is short, as the API server needs the square of an
    expression's length to check its types.

    Args:
        must: the condition.
        key: the kind. If empty, the expressions are for every kind.
    """
    lists_by_kind = {}
    for addon in _addons_of(key):
        lists = []
        for paths in _batches(addon, must):
            lists.append(nested(*paths))
        named = [field.path for field in addon.fields if field.must == "named"]
        if must == "variable" and named:
            lists.append(named_values(*named))
        if must == "header":
            for paths in _batches(addon, "header-map"):
                lists.append(nested_pairs(*paths))
        if must == "text":
            for paths in _batches(addon, "command"):
                lists.append(joined_values(*paths))
        lists_by_kind[addon.key] = lists
    if key:
        return [_lists_of_kind(lists_by_kind, key)]
    return _pieces(_choices(lists_by_kind))


def _addons_of(key: str) -> Iterable[Addon]:
    """Return the add-on of a kind, none of a kind without one; all of them if the key is empty."""
    if not key:
        return ADDONS.values()
    return (ADDONS[key],) if key in ADDONS else ()


def _batches(addon: Addon, must: Must) -> Iterator[list[str]]:
    """Yield the paths of a kind's gathered fields under one condition, as short lists."""
    paths = [field.path for field in addon.fields if field.must == must and field.is_gathered]
    for at in range(0, len(paths), _MOST_PATHS):
        yield paths[at : at + _MOST_PATHS]


def _lists_of_kind(lists_by_kind: Mapping[str, list[str]], key: str) -> str:
    """Return CEL for the joined lists of an object's kind; an empty list for any other kind."""
    if key:
        return " + ".join(lists_by_kind.get(key, [])) or "[]"
    return " + ".join(_choices(lists_by_kind))


def _choices(lists_by_kind: Mapping[str, list[str]]) -> list[str]:
    """Return CEL for each list, which is empty for other kinds than those that have it."""
    kinds_by_list: dict[str, list[str]] = {}
    for name, lists in lists_by_kind.items():
        for values in lists:
            kinds_by_list.setdefault(values, []).append(name)
    return [f"(variables.key {is_one_of(names)} ? {values} : [])" for values, names in kinds_by_list.items()]


def _pieces(choices: Iterable[str]) -> list[str]:
    """Return sums of lists, none of them long."""
    pieces: list[str] = []
    for choice in choices:
        if pieces and len(pieces[-1]) + len(choice) <= _LONGEST_PIECE:
            pieces[-1] += f" + {choice}"
        else:
            pieces.append(choice)
    return pieces


def direct(addon: Addon) -> tuple[Field, ...]:
    """Return the fields of a kind whose conditions are checked one by one."""
    return tuple(field for field in addon.fields if not field.is_gathered)
