"""Edits of a description in plain data: a field set, a part added or dropped, a name given up for another.

A path names list members by what they are called: `pools[train].nodes`, `sites[fra1].power.feeds{A}.ups`,
`zones[restricted].allow[0].ports`. An edit is a mapping with one of these keys:

    set PATH, to VALUE          write a field, or leave it out where the value is null
    add PATH, entry VALUE       append to a list
    drop PATH                   take a member out of its list, or a field away
    rename KIND, of NAME, to X  give a part another name, where it is declared and wherever it is used
    exchange KIND, names [A, B] let two parts exchange their names, everywhere
    move PATH, to NUMBER        give a member another place in its list
    fill PATH, with TEXT, count N   write a list of so many texts, each with its number
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.spec.checks.names import _DECLARED, _USED

Data = dict[str, Any]
Edit = Mapping[str, Any]

_CALLED = ("name", "id", "data", "buyer", "scheme")
"""Fields by which a path may call a member of a list."""
_STEP = re.compile(r"([a-z_]+)(?:\[([^\]]*)\]|\{([^}]*)\})?")
_MORE_USES = {"pools[].hall": "hall", "sites[].campus.buildings[].halls[]": "hall"}
"""Uses of names that are checked apart from the table of the package."""
_DECLARED_PER_SITE = {"contract": "sites[].contracts[].name", "uplink": "sites[].uplinks[].name"}
_MISSING = object()


def edited(data: Data, edits: Iterable[Edit]) -> Data:
    """Return a copy of a description with every edit made, in their order."""
    fresh = copy.deepcopy(data)
    for edit in edits:
        verb = next(iter(edit))
        _VERBS[verb](fresh, edit)
    return fresh


def value_at(data: Data, path: str) -> Any:
    """Return the value at a path; None where a field is left out."""
    parent, last = _way(data, path)
    return parent[last] if isinstance(last, int) else parent.get(last)


def general(path: str) -> str:
    """Return a path without the places in it: `pools[train].nodes` is a `pools[].nodes`."""
    return re.sub(r"\{[^}]*\}", "{}", re.sub(r"\[[^\]]*\]", "[]", path))


def _set(data: Data, edit: Edit) -> None:
    parent, last = _way(data, edit["set"])
    value = edit["to"]
    before = parent[last] if isinstance(last, int) else parent.get(last)
    assert before != value, f"{edit['set']} is {value!r} already"
    if value is None:
        del parent[last]
    else:
        parent[last] = copy.deepcopy(value)


def _add(data: Data, edit: Edit) -> None:
    parent, last = _way(data, edit["add"])
    entries = parent.setdefault(last, []) if isinstance(parent, dict) else parent[last]
    entries.append(copy.deepcopy(edit["entry"]))


def _drop(data: Data, edit: Edit) -> None:
    parent, last = _way(data, edit["drop"])
    del parent[last]


def _move(data: Data, edit: Edit) -> None:
    parent, last = _way(data, edit["move"])
    assert last != edit["to"], f"{edit['move']} is at {last} already"
    parent.insert(edit["to"], parent.pop(last))


def _fill(data: Data, edit: Edit) -> None:
    parent, last = _way(data, edit["fill"])
    parent[last] = [edit["with"].format(number) for number in range(edit["count"])]


def _rename(data: Data, edit: Edit) -> None:
    kind, before, after = edit["rename"], edit["of"], edit["to"]
    _replace_names(data, kind, {before: after})


def _exchange(data: Data, edit: Edit) -> None:
    first, second = edit["names"]
    _replace_names(data, edit["exchange"], {first: second, second: first})


_VERBS: Mapping[str, Callable[[Data, Edit], None]] = {
    "set": _set,
    "add": _add,
    "drop": _drop,
    "fill": _fill,
    "move": _move,
    "rename": _rename,
    "exchange": _exchange,
}


def _replace_names(data: Data, kind: str, names: Mapping[str, str]) -> None:
    """Replace names of a kind where they are declared and used."""
    patterns = [pattern for noun, pattern in {**_DECLARED, **_DECLARED_PER_SITE}.items() if noun == kind]
    patterns += [pattern for pattern, noun in {**_USED, **_MORE_USES}.items() if noun == kind]
    assert patterns, f"nothing is a {kind}"
    changed = 0
    for pattern in patterns:
        for holder, key in list(_holders(data, pattern)):
            if holder[key] in names:
                holder[key] = names[holder[key]]
                changed += 1
    assert changed, f"no {kind} is called {sorted(names)}"


def _holders(data: Any, pattern: str) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key that a pattern such as `zones[].tenants[]` means."""
    step, _, rest = pattern.partition(".")
    name = step.removesuffix("[]")
    if not isinstance(data, dict) or data.get(name) is None:
        return
    if not step.endswith("[]"):
        if rest:
            yield from _holders(data[name], rest)
        else:
            yield data, name
        return
    for index, member in enumerate(data[name]):
        if rest:
            yield from _holders(member, rest)
        else:
            yield data[name], index


def _way(data: Data, path: str) -> tuple[Any, Any]:
    """Return the container that a path leads into and the key in it."""
    steps = list(_steps(data, path))
    inner: Any = data
    for step in steps[:-1]:
        if isinstance(inner, dict) and step not in inner:
            inner[step] = {}
        inner = inner[step]
    return inner, steps[-1]


def _steps(data: Data, path: str) -> Iterator[Any]:
    """Yield the keys of a path, with list members' names replaced by their places."""
    inner: Any = data
    for text in path.split("."):
        match = _STEP.fullmatch(text)
        assert match, f"{path}: {text} is no step"
        name, member, key = match.groups()
        yield name
        inner = inner.get(name, _MISSING) if isinstance(inner, dict) else _MISSING
        if member is not None:
            place = _place(inner, member, path)
            yield place
            inner = inner[place]
        if key is not None:
            yield key
            inner = inner[key]


def _place(members: Any, called: str, path: str) -> int:
    """Return the place of a list member by its number or its name."""
    if called.isdigit():
        return int(called)
    for place, member in enumerate(members):
        names = [member.get(field) for field in _CALLED] if isinstance(member, dict) else [member]
        if called in names:
            return place
    raise AssertionError(f"{path}: nothing is called {called!r}")
