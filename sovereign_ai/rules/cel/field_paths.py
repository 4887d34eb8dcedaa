"""Paths to the fields of an object, and CEL for the values at them.

A path names a field: a dot steps into a field, `[]` into every item of a list, `{}` into every value of a
mapping. A field that is left out passes. A field of another shape than its path fails to evaluate, and is
refused.

    >>> each([("a[].b", lambda value: f"{value} == 'x'")], "object")
    "(!has(object.a) || object.a == null || object.a.all(e0, (!has(e0.b) || e0.b == null || e0.b == 'x')))"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
Leaf = Callable[[str], str]
"""Returns the condition on a value, given the value's expression."""
_STEP = re.compile(r"\[\]|\{\}|[A-Za-z_][A-Za-z0-9_]*")


def steps_of(path: str) -> tuple[str, ...]:
    """Return the steps of a path.

    >>> steps_of("spec.sets{}.template")
    ('spec', 'sets', '{}', 'template')
    """
    return tuple(_STEP.findall(path))


def each(conditions: Iterable[tuple[str, Leaf]], base: str) -> str:
    """Return CEL that is true if a condition holds for every value at each of some paths.

    Args:
        conditions: each path with its condition.
        base: expression of the object that the paths start at.
    """
    branches = [(steps_of(path), leaf) for path, leaf in conditions]
    return _together(branches, base, 0)


def _together(branches: Iterable[tuple[tuple[str, ...], Leaf]], base: str, depth: int) -> str:
    """Return the conditions on the values that the steps of several paths lead to.

    Each step that paths have in common is written once. An API server compiles every expression several times
    when a policy is written, which costs in proportion to its length.
    """
    conditions: list[str] = []
    for first, below in _by_first_step(branches).items():
        if first:
            conditions.append(_behind(first, below, base, depth))
        else:
            conditions += [leaf(base) for _, leaf in below]
    return " && ".join(conditions)


def _behind(step: str, below: Iterable[tuple[tuple[str, ...], Leaf]], base: str, depth: int) -> str:
    """Return the conditions on the values that one step, and then the others of several paths, lead to."""
    item = f"e{depth}"
    if step == "[]":
        return f"{base}.all({item}, {_together(below, item, depth + 1)})"
    if step == "{}":
        # `all` over a mapping visits its keys.
        return f"{base}.all({item}, {_together(below, f'{base}[{item}]', depth + 1)})"
    field = f"{base}.{step}"
    # An object of a custom kind keeps an explicit null, which other kinds lose. It means that the field is
    # unset. `&&` binds closer than `||`.
    return f"(!has({field}) || {field} == null || {_together(below, field, depth)})"


def _by_first_step(
    branches: Iterable[tuple[tuple[str, ...], T]],
) -> dict[str, list[tuple[tuple[str, ...], T]]]:
    """Return what is behind each first step of some paths; paths that end here are below the empty step."""
    below: dict[str, list[tuple[tuple[str, ...], T]]] = {}
    for steps, value in branches:
        below.setdefault(steps[0] if steps else "", []).append((steps[1:], value))
    return below


def lists_of(*paths: str, base: str = "object") -> str:
    """Return CEL for the values at some paths as one list; at most one step of each is `[]` or `{}`.

    >>> lists_of("kind")
    '(has(object.kind) && object.kind != null ? [object.kind] : [])'
    """
    return _joined(paths, base, _listed)


def _listed(base: str, steps: tuple[str, ...]) -> str:
    """Return CEL for a value as a list, or for the values below each item of a list or mapping."""
    return _items(base, steps[0], steps[1:], "t") if steps else f"[{base}]"


def joined_values(*paths: str) -> str:
    """Return CEL for the lists of words at some paths, each as one text.

    >>> joined_values("a")
    '(has(object.a) && object.a != null ? [[object.a]] : []).map(l, l.map(v, v.join(" ")))'
    """
    return f'{_in_parentheses(nested(*paths))}.map(l, l.map(v, v.join(" ")))'


def named_values(*paths: str) -> str:
    """Return CEL for the entries of the mappings at some paths as variables, with name and value.

    >>> named_values("a")
    '(has(object.a) && object.a != null ? [object.a] : []).map(m, m.map(k, {"name": k, "value": m[k]}))'
    """
    return f'{_in_parentheses(lists_of(*paths))}.map(m, m.map(k, {{"name": k, "value": m[k]}}))'


def nested_pairs(*paths: str) -> str:
    """Return CEL for mappings at some paths as lists of `name` and `value`, in lists.

    >>> nested_pairs("a")[-55:]
    '.map(l, l.map(m, m.map(k, {"name": k, "value": m[k]})))'
    """
    return f'{_in_parentheses(nested(*paths))}.map(l, l.map(m, m.map(k, {{"name": k, "value": m[k]}})))'


def template_of_specs(*paths: str) -> str:
    """Return CEL for the bare pod specifications at some paths as templates without metadata."""
    return f'{_in_parentheses(lists_of(*paths))}.map(s, {{"spec": s}})'


def template_of_container(path: str, name: str) -> str:
    """Return CEL for the containers beside the lists of pod specifications, as templates of a pod each.

    Args:
        path: path of the specifications, whose `securityContext` counts.
        name: the field of the container.
    """
    has_container = f"has(c.{name}) && c.{name} != null"
    holders = f"{_in_parentheses(lists_of(path))}.filter(c, {has_container})"
    context = "has(c.securityContext) && c.securityContext != null ? dyn(c.securityContext) : dyn({})"
    spec = f'{{"securityContext": {context}, "containers": dyn([c.{name}])}}'
    return f'{holders}.map(c, {{"spec": {spec}}})'


def nested(*paths: str, base: str = "object") -> str:
    """Return CEL for the values at some paths as lists of values; at most two steps of each are `[]` or `{}`.

    The condition on a place is long. Values of many fields are gathered, so that it is written once.

    >>> nested("a[].b")
    '(has(object.a) && object.a != null ? [object.a.filter(t, has(t.b) && t.b != null).map(t, t.b)] : [])'
    """
    return _joined(paths, base, _nested)


def _nested(base: str, steps: tuple[str, ...]) -> str:
    """Return CEL for a value, or for the values below a list or mapping, as lists of values."""
    if not steps:
        return f"[[{base}]]"
    mark, after = steps[0], steps[1:]
    if not {"[]", "{}"} & set(after):
        return f"[{_items(base, mark, after, 't')}]"
    item = "t" if mark == "[]" else f"{base}[t]"
    inner, inner_mark, last = _split_at_mark(after)
    inner_exists = " && ".join(_exist(item, inner)) or "true"
    inner_values = _items(".".join((item, *inner)), inner_mark, last, "u")
    return f"{base}.map(t, {inner_exists} ? {inner_values} : [])"


def _joined(paths: Iterable[str], base: str, at_end: Callable[[str, tuple[str, ...]], str]) -> str:
    """Return CEL for the joined lists of the values at some paths.

    Args:
        paths: the paths.
        base: expression of the object that they start at.
        at_end: returns the list at the end of a path, given the expression of the value before its first list
            or mapping, and the steps from there.
    """
    branches = []
    for path in paths:
        before, mark, after = _split_at_mark(steps_of(path))
        rest = (mark, *after) if mark else ()
        branches.append((before, rest))
    return _lists_below(branches, base, at_end)


def _lists_below(
    branches: Iterable[tuple[tuple[str, ...], tuple[str, ...]]],
    base: str,
    at_end: Callable[[str, tuple[str, ...]], str],
) -> str:
    """Return CEL for the joined lists below a value; a field that paths have in common is tested once."""
    lists: list[str] = []
    for step, below in _by_first_step(branches).items():
        if not step:
            lists += [at_end(base, rest) for _, rest in below]
            continue
        common, behind = _common_steps(step, below)
        exists = " && ".join(_exist(base, common))
        values = _lists_below(behind, ".".join((base, *common)), at_end)
        lists.append(f"({exists} ? {values} : [])")
    return " + ".join(lists)


def _common_steps(
    step: str, branches: Sequence[tuple[tuple[str, ...], T]]
) -> tuple[tuple[str, ...], Sequence[tuple[tuple[str, ...], T]]]:
    """Return a step with those that all paths behind it have in common, and what is behind these."""
    common, behind = [step], branches
    while True:
        by_step = _by_first_step(behind)
        if len(by_step) != 1 or "" in by_step:
            return tuple(common), behind
        ((following, behind),) = by_step.items()
        common.append(following)


def _in_parentheses(lists: str) -> str:
    """Return a sum of lists in parentheses, so that a call applies to all of it."""
    return f"({lists})" if " + " in lists else lists


def _items(outer: str, mark: str, after: tuple[str, ...], name: str) -> str:
    """Return CEL for the values below each item of a list or mapping."""
    item = name if mark == "[]" else f"{outer}[{name}]"
    value = ".".join((item, *after))
    if not after:
        return f"{outer}.map({name}, {value})"
    exists = " && ".join(_exist(item, after))
    return f"{outer}.filter({name}, {exists}).map({name}, {value})"


def _split_at_mark(steps: tuple[str, ...]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return the steps before the first list or mapping, its mark, and the steps after it."""
    for number, step in enumerate(steps):
        if step in {"[]", "{}"}:
            return steps[:number], step, steps[number + 1 :]
    return steps, "", ()


def _exist(base: str, steps: tuple[str, ...]) -> Iterator[str]:
    """Yield CEL for each step of a path: it exists and is not null."""
    path = base
    for step in steps:
        path = f"{path}.{step}"
        yield f"has({path}) && {path} != null"
