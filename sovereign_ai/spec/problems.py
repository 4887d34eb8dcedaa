"""Turns pydantic's errors into problems that say what was found, what was expected, and what to write instead.

The codes are stable: `unknown-field`, `missing-field`, `wrong-type`, `not-allowed`, `out-of-range`,
`bad-quantity`, `bad-name`, `bad-country`, `bad-area`, `bad-text`, `bad-date`, `bad-value`; a type of
text may bring its own by a `Form`. No message repeats a value that may be a secret, and none repeats
more than 40 characters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.spec.letters import foreign
from sovereign_ai.spec.secrets import may_be_secret, shown
from sovereign_ai.spec.spots import Spot, fields_of, locate
from sovereign_ai.units import Quantity, Ratio

MOST_PROBLEMS = 100
"""So many problems of one file are told; the rest is counted."""
_MOST_SORTED = 1_000

_TYPES = frozenset(
    [
        "string_type",
        "string_sub_type",
        "string_unicode",
        "int_type",
        "int_from_float",
        "int_parsing",
        "int_parsing_size",
        "float_type",
        "float_parsing",
        "bool_type",
        "bool_parsing",
        "tuple_type",
        "list_type",
        "dict_type",
        "mapping_type",
        "model_type",
        "model_attributes_type",
        "dataclass_type",
        "date_type",
        "date_from_datetime_inexact",
        "none_required",
        "is_instance_of",
        "iterable_type",
    ]
)


def from_validation(
    error: ValidationError,
    model: type[BaseModel],
    where: Callable[[str], Where],
    key: Callable[[str], Where] | None = None,
    *,
    by_alias: bool = True,
) -> list[Problem]:
    """Give one problem for each wrong field, in the order of the text.

    Args:
        error: what pydantic found.
        model: the part that was validated.
        where: turns a dotted field into the place of its value.
        key: turns a dotted field into the place of its name; without it, `where` is asked.
        by_alias: whether the user writes `in` (YAML) or `within` (Python).
    """
    spots: dict[str, tuple[Mapping[str, Any], Spot]] = {}
    items = error.errors(include_url=False)[:_MOST_SORTED]
    inner = {item["loc"][:-1] for item in items}
    for item in items:
        if item["type"] == "too_short" and _has_inside(item["loc"], inner):
            continue  # entries that are wrong are not counted by pydantic; they are told by themselves
        spot = locate(model, item["loc"], by_alias=by_alias)
        spots.setdefault(spot.path, (item, spot))
    key = key or where
    placed = [(key(path) if item["type"] == "extra_forbidden" else where(path), item, spot) for path, (item, spot) in spots.items()]
    placed.sort(key=lambda entry: (entry[0].file or "", entry[0].line or 0, entry[0].column or 0, entry[0].field))
    problems = [_problem(place, item, spot) for place, item, spot in placed[:MOST_PROBLEMS]]
    if len(placed) > MOST_PROBLEMS:
        left = max(len(placed), error.error_count()) - MOST_PROBLEMS
        problems.append(Problem("too-many-problems", f"and {left:,} more problems", placed[MOST_PROBLEMS][0], "mend these first"))
    return problems


def _has_inside(loc: tuple[int | str, ...], parents: set[tuple[int | str, ...]]) -> bool:
    """Tell whether another error lies inside a place."""
    return any(parent[: len(loc)] == loc for parent in parents)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """One error of pydantic's, at its place.

    Attributes:
        where: its place.
        kind: pydantic's name for it.
        value: what was found.
        seen: what was found, for a message.
        context: pydantic's details.
        spot: the field.
    """

    where: Where
    kind: str
    value: object
    seen: str
    context: Mapping[str, Any]
    spot: Spot

    def problem(self, code: str, message: str, hint: str = "") -> Problem:
        """Make the problem; without a hint, what is expected."""
        return Problem(code, message, self.where, hint or f"write {self.spot.expected}")


def _problem(where: Where, item: Mapping[str, Any], spot: Spot) -> Problem:
    """Word one error."""
    kind, value = item["type"], item.get("input")
    wrong = _Wrong(where, kind, value, shown(value, spot.path), item.get("ctx", {}), spot)
    if spot.literals and (kind == "literal_error" or spot.is_union):
        return _not_allowed(wrong)
    return _WORDING.get(kind, _wrong_type if kind in _TYPES else _bad_value)(wrong)


def _unknown_field(wrong: _Wrong) -> Problem:
    """Word a field that does not exist."""
    spot = wrong.spot
    owner = spot.parent.__name__ if spot.parent else "this part"
    hint = nearest(spot.name, sorted(fields_of(spot.parent, by_alias=spot.by_alias))) if spot.parent else ""
    letter = foreign(spot.name)
    look = f", which holds {letter.say}" if letter else ""
    return wrong.problem("unknown-field", f"{owner} has no field {shown(spot.name)}{look}", hint or "remove it")


def _missing_field(wrong: _Wrong) -> Problem:
    """Word a field that is not there."""
    name = wrong.spot.name
    return wrong.problem("missing-field", f"the field {name!r} is missing", f"write {name!r} with {wrong.spot.expected}")


def _too_small(wrong: _Wrong) -> Problem:
    """Word a number below its range."""
    return wrong.problem("out-of-range", f"{wrong.seen} is too small; the least is {_bound(wrong, 'ge', 'gt')}")


def _too_large(wrong: _Wrong) -> Problem:
    """Word a number above its range."""
    return wrong.problem("out-of-range", f"{wrong.seen} is too large; the most is {_bound(wrong, 'le', 'lt')}")


def _bound(wrong: _Wrong, *names: str) -> str:
    """Write the bound that a number passes."""
    bound = next(wrong.context[name] for name in names if name in wrong.context)
    return f"{bound:,.10g}" if isinstance(bound, float) else f"{bound:,}"


def _wrong_type(wrong: _Wrong) -> Problem:
    """Word a value of another type."""
    return wrong.problem("wrong-type", f"found {wrong.seen}, expected {wrong.spot.expected}", _retype(wrong.value, wrong.spot))


def _bad_value(wrong: _Wrong) -> Problem:
    """Word what no other wording is for."""
    return wrong.problem("bad-value", f"{wrong.seen} will not do; expected {wrong.spot.expected}")


def _not_allowed(wrong: _Wrong) -> Problem:
    """Word a value that is none of a few words."""
    spot, value = wrong.spot, wrong.value
    hint = nearest(value, spot.literals) if isinstance(value, str) and not may_be_secret(value, spot.path) else ""
    return wrong.problem("not-allowed", f"{wrong.seen} is not allowed here; expected {spot.expected}", hint)


def _length(wrong: _Wrong) -> Problem:
    """Word a list or mapping with too few or too many entries."""
    least, actual = wrong.context.get("min_length"), wrong.context.get("actual_length")
    limit = f"at least {least}" if least is not None else f"at most {wrong.context.get('max_length')}"
    found = "nothing" if actual == 0 else f"{actual} entries" if actual is not None else "too many entries"
    return wrong.problem("out-of-range", f"found {found}, expected {limit}")


def _text(wrong: _Wrong) -> Problem:
    """Word text of the wrong form or length."""
    spot, value = wrong.spot, wrong.value
    code = spot.form.code if spot.form else "bad-text"
    text = value if isinstance(value, str) else ""
    if not text:
        return wrong.problem(code, f"the text is empty; expected {spot.expected}")
    if wrong.kind == "string_too_long":
        return wrong.problem(code, f"the text has {len(text):,} characters; the most is {wrong.context['max_length']:,}", "shorten it")
    letter = foreign(text)
    if letter is not None:
        code = "look-alike" if letter.is_look_alike else code
        return wrong.problem(code, f"{wrong.seen} holds {letter.say}; only plain letters are allowed here")
    hint = spot.form.advice(text) if spot.form and not may_be_secret(text, spot.path) else ""
    return wrong.problem(code, f"{wrong.seen} is not {spot.expected}", hint)


def _refused(wrong: _Wrong) -> Problem:
    """Word what a quantity or a check of ours refused."""
    spot, value, said = wrong.spot, wrong.value, str(wrong.context.get("error", ""))
    if not (isinstance(spot.type, type) and issubclass(spot.type, Quantity | Ratio)):
        code = spot.form.code if spot.form else "bad-value"
        return wrong.problem(getattr(wrong.context.get("error"), "code", code), said or f"{wrong.seen} will not do")
    example = f"write {spot.type.example!r}, or another amount with its unit"
    if isinstance(value, int | float) and not isinstance(value, bool):
        unit = spot.type.example.partition(" ")[2]
        example = f"write '{wrong.seen} {unit}', if that is what is meant" if unit else "put it in quotation marks, such as '1:1'"
        return wrong.problem("bad-quantity", f"{wrong.seen} has no unit; expected {spot.expected}", example)
    if not isinstance(value, str) or wrong.seen != f"'{value}'":
        return wrong.problem("bad-quantity", f"{wrong.seen} is not {spot.expected}", example)
    message, _, advice = said.partition("; write ")
    return wrong.problem("bad-quantity", message, f"write {advice}" if advice else example)


def _retype(value: object, spot: Spot) -> str:
    """Say how to write the value so that it has the right type."""
    wanted = spot.shape
    if value is None:
        return "write a value, or remove the field"
    if wanted == "text" and isinstance(value, int | float):
        return "put it in quotation marks" if spot.form is None or spot.form.digits else f"write {spot.form.words}"
    if wanted == "number" and isinstance(value, str):
        return "write decimal digits alone: no quotation marks, separators or unit"
    if wanted == "bool":
        return "write true or false, without quotation marks"
    if wanted == "list" and not isinstance(value, list | tuple | dict):
        return "put it in brackets, as a list of one" if not isinstance(value, BaseModel) else "put it in a list"
    return f"write {spot.expected}"


_WORDING: Mapping[str, Callable[[_Wrong], Problem]] = {
    "extra_forbidden": _unknown_field,
    "missing": _missing_field,
    "greater_than_equal": _too_small,
    "greater_than": _too_small,
    "less_than_equal": _too_large,
    "less_than": _too_large,
    "too_short": _length,
    "too_long": _length,
    "string_too_short": _text,
    "string_too_long": _text,
    "string_pattern_mismatch": _text,
    "value_error": _refused,
}
"""pydantic's error types, and who words them; a type of value that is wrong is in `_TYPES`."""
