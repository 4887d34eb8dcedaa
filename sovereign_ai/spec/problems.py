"""Problems made from pydantic's errors: the actual value, the expected one, and what to write instead.

The codes are stable: `unknown-field`, `missing-field`, `wrong-type`, `not-allowed`, `out-of-range`,
`bad-quantity`, `bad-name`, `bad-country`, `bad-area`, `bad-text`, `bad-date`, `bad-value`; a type of text may
bring its own by a `Form`. No message repeats a value that may be a secret, and none repeats more than 40
characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from sovereign_ai.errors import Problem, SpecError, Where, closest, nearest
from sovereign_ai.files import Parsed, above, below, foreign, may_be_secret, shown
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.spec.field_location import (
    FieldLocation,
    adapter,
    advice_on,
    fields_of,
    full_type,
    locate_field,
    meant_field,
)
from sovereign_ai.text import counted
from sovereign_ai.units import Quantity, Ratio, Seconds

Part = TypeVar("Part", bound=BaseModel)

MOST_PROBLEMS = 100
"""Problems of one file that are reported; the others are counted."""
VALUE_SYNONYMS = {
    "ib": "infiniband",
    "eth": "ethernet",
    "oob": "out-of-band",
    "backend": "compute",
    "back-end": "compute",
    "scale-out": "compute",
    "frontend": "in-band",
    "front-end": "in-band",
    "lustre": "parallel",
    "gpfs": "parallel",
    "weka": "parallel",
    "beegfs": "parallel",
    "s3": "object",
    "direct-to-chip": "liquid",
    "dlc": "liquid",
    "rdhx": "rear-door",
    "hsm": "pkcs11",
    "flash": "nvme",
    "no": "none",
    "off": "none",
    "false": "none",
}
"""What people also call a value that is written as another word, which no spelling leads to."""
_SWITCHES = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
"""Words of YAML 1.1 for true and false."""
_AMOUNT = re.compile(r"([+-]?(?:[0-9]{1,3}(?:[ ,][0-9]{3})+|[0-9][0-9_]*)) ?([kM]?)")
_MOST_DIGITS = 18
_THOUSANDS = {"": 1, "k": 1_000, "M": 1_000_000}
# Errors that are sorted and worded, at most: a hostile file may have any number of them.
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
    """Return one problem for each wrong field, in the order of the text.

    Args:
        error: pydantic's errors.
        model: the part that was validated.
        where: maps a dotted field to the place of its value.
        key: maps a dotted field to the place of its name; without it, `where` is used.
        by_alias: whether the user writes `in` (YAML) or `within` (Python).
    """
    key = key or where
    placed: list[tuple[Where, Mapping[str, Any], FieldLocation]] = []
    given = error.errors(include_url=False)[:_MOST_SORTED]
    for items, written in _read_as_meant(given, model, by_alias=by_alias):
        for item, spot in _items_by_field(items, model, by_alias=by_alias):
            path = _as_written(spot.path, written)
            # An unknown field has no value worth pointing at, but a name.
            place = key(path) if item["type"] == "extra_forbidden" else where(path)
            placed.append((place, item, spot))
    placed.sort(key=lambda entry: _order(entry[0]))
    problems: list[Problem] = []
    for place, item, spot in placed[:MOST_PROBLEMS]:
        problems.append(_problem(place, item, spot))
        # The input of another error, such as that of a missing field, is the part around it.
        if item["type"] in _TYPES:
            problems += _inside(item["input"], spot, where, key)
    left = len(problems[MOST_PROBLEMS:])
    places = [problem.where for problem in problems[MOST_PROBLEMS:]]
    if len(placed) > MOST_PROBLEMS:
        left += max(len(placed), error.error_count()) - MOST_PROBLEMS
        places.append(placed[MOST_PROBLEMS][0])
    del problems[MOST_PROBLEMS:]
    if left:
        message = f"and {counted(left, 'more problem')}"
        problems.append(Problem("too-many-problems", message, places[0], "fix these first"))
    return problems


def _read_as_meant(
    items: Sequence[Mapping[str, Any]], model: type[BaseModel], *, by_alias: bool
) -> Iterator[tuple[Sequence[Mapping[str, Any]], Mapping[str, str]]]:
    """Yield pydantic's errors, and those of the values of misspelt fields, which it does not look at.

    A field that is spelt almost like one of its part is read as that one: it is not missing as well, and a
    mistake in its value does not wait for the next attempt.

    Args:
        items: pydantic's errors.
        model: the part that was validated.
        by_alias: whether the user writes aliases.

    Yields:
        Errors, first those given and then those of each misspelt field; and the paths in them that stand for
        a misspelt field, each with that field's own.
    """
    parts: list[tuple[Sequence[Mapping[str, Any]], Mapping[str, str]]] = [(items, {})]
    found: set[tuple[int | str, ...]] = set()
    # A misspelt field may hold misspelt ones, whose errors are appended in turn.
    for part, written in parts:
        missing = {item["loc"] for item in part if item["type"] == "missing"}
        for item in part:
            if item["type"] != "extra_forbidden" or len(found) == MOST_PROBLEMS:
                continue
            loc = item["loc"]
            spot = locate_field(model, loc, by_alias=by_alias)
            fields = fields_of(spot.parent, by_alias=by_alias) if spot.parent else {}
            # A required field that is not missing is there, and is not meant once more.
            free = [
                name
                for name, info in fields.items()
                if not info.is_required() or (*loc[:-1], name) in missing
            ]
            right = meant_field(spot.name, free)
            meant = (*loc[:-1], right)
            if not right or meant in found:
                continue
            found.add(meant)
            path = locate_field(model, meant, by_alias=by_alias).path
            inside = _errors_of(fields[right], item["input"], meant)
            parts.append((inside, {**written, path: spot.path}))
    for part, written in parts:
        yield [item for item in part if item["type"] != "missing" or item["loc"] not in found], written


def _errors_of(field: FieldInfo, value: object, loc: tuple[int | str, ...]) -> Sequence[Mapping[str, Any]]:
    """Return pydantic's errors of a value as that of a field at a place."""
    try:
        adapter(full_type(field)).validate_python(value)
    except ValidationError as error:
        items = error.errors(include_url=False)[:_MOST_SORTED]
        return [{**item, "loc": (*loc, *item["loc"])} for item in items]
    return ()


def _as_written(path: str, written: Mapping[str, str]) -> str:
    """Return a path with the names of misspelt fields as the user wrote them."""
    around = path
    while around and around not in written:
        around = above(around)
    # What is around a misspelt field may be misspelt too.
    return _as_written(written[around], written) + path[len(around) :] if around else path


def _inside(
    value: object, spot: FieldLocation, where: Callable[[str], Where], key: Callable[[str], Where]
) -> list[Problem]:
    """Return the problems inside of a mapping that stands where a list of parts belongs.

    It is read as the list that is meant: a file with this mistake has others, which would wait for the next
    attempt.
    """
    part = _part_of_list(spot)
    if part is None or not isinstance(value, dict) or not value:
        return []
    entries: dict[str, Any] = {"": value}
    if _is_by_name(value, part, by_alias=spot.by_alias):
        entries = {}
        for name, entry in value.items():
            entries[str(name)] = {"name": name, **entry} if isinstance(entry, dict) else entry
    problems: list[Problem] = []
    for name, entry in entries.items():
        at = below(spot.path, name) if name else spot.path
        try:
            part.model_validate(entry)
        except ValidationError as error:
            problems += from_validation(
                error, part, _under(at, where), _under(at, key), by_alias=spot.by_alias
            )
    return problems


def _under(around: str, where: Callable[[str], Where]) -> Callable[[str], Where]:
    """Return the function that maps a field of a part to its place in the whole."""
    return lambda path: where(below(around, path) if path else around)


def _part_of_list(spot: FieldLocation) -> type[BaseModel] | None:
    """Return the part of which a field is a list; None for another field."""
    if spot.shape != "list":
        return None
    entry = get_args(spot.type)[0]
    return entry if isinstance(entry, type) and issubclass(entry, BaseModel) else None


def _is_by_name(value: Mapping[Any, Any], part: type[BaseModel], *, by_alias: bool) -> bool:
    """Return whether a mapping holds parts by their names, `{fra1: {country: DE}}`."""
    fields = fields_of(part, by_alias=by_alias)
    holds_parts = any(isinstance(entry, dict) for entry in value.values())
    return holds_parts and "name" in fields and fields.keys().isdisjoint(value)


def _items_by_field(
    items: Sequence[Mapping[str, Any]], model: type[BaseModel], *, by_alias: bool
) -> list[tuple[Mapping[str, Any], FieldLocation]]:
    """Return the first of pydantic's errors for each field, without errors that only follow from others."""
    parents = {item["loc"][:-1] for item in items}
    by_path: dict[str, tuple[Mapping[str, Any], FieldLocation]] = {}
    for item in items:
        loc = item["loc"]
        if item["type"] == "too_short" and _has_inside(loc, parents):
            continue  # pydantic does not count wrong entries; these are reported by themselves
        is_list = isinstance(item["input"], list | tuple | dict)
        is_arm = bool(loc) and str(loc[-1]).startswith("literal[")
        if item["type"] == "literal_error" and is_arm and is_list and _has_beside(loc, items):
            continue  # the user meant a list, and its problems are reported
        spot = locate_field(model, loc, by_alias=by_alias)
        by_path.setdefault(spot.path, (item, spot))
    return list(by_path.values())


def _order(where: Where) -> tuple[str, int, int, str]:
    """Return the position of a place in the text, for sorting."""
    return where.file or "", where.line or 0, where.column or 0, where.field


def uncovered(problems: Iterable[Problem], before: Iterable[Problem]) -> list[Problem]:
    """Return the problems of fields that have none already, by themselves or by a part around them."""
    refused = {problem.where.field for problem in before}
    return [problem for problem in problems if not _is_covered(problem.where.field, refused)]


def _is_covered(field: str, refused: set[str]) -> bool:
    """Return whether this field or a part around it has a problem already."""
    while field:
        if field in refused:
            return True
        field = above(field)
    return False


def validated(model: type[Part], parsed: Parsed) -> Part:
    """Make a part from the content of a text.

    Raises:
        SpecError: every problem of the text, of its syntax and of its fields.
    """
    try:
        part = model.model_validate(parsed.data)
    except ValidationError as error:
        problems = from_validation(error, model, where=parsed.source.where, key=parsed.source.key)
        raise SpecError([*parsed.problems, *uncovered(problems, parsed.problems)]) from None
    if parsed.problems:
        raise SpecError(parsed.problems)
    return part


def _has_inside(loc: tuple[int | str, ...], parents: set[tuple[int | str, ...]]) -> bool:
    """Return whether another error is inside a place."""
    return any(parent[: len(loc)] == loc for parent in parents)


def _has_beside(loc: tuple[int | str, ...], items: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether another of the types that a place allows has an error too."""
    around = loc[:-1]
    return any(item["loc"] != loc and item["loc"][: len(around)] == around for item in items)


@frozen_dataclass
class _Wrong:
    """One of pydantic's errors, at its place.

    Attributes:
        where: its place.
        kind: pydantic's name for it.
        value: the actual value.
        seen: the actual value, for a message.
        context: pydantic's details.
        spot: the field.
    """

    where: Where
    kind: str
    value: object
    seen: str
    context: Mapping[str, Any]
    spot: FieldLocation

    def problem(self, code: str, message: str, hint: str = "") -> Problem:
        """Return the problem; without a hint, the hint is the expected value."""
        return Problem(code, message, self.where, hint or f"write {self.spot.expected}")


def _problem(where: Where, item: Mapping[str, Any], spot: FieldLocation) -> Problem:
    """Return the problem of one error."""
    kind, value = item["type"], item.get("input")
    wrong = _Wrong(where, kind, value, shown(value, spot.path), item.get("ctx", {}), spot)
    allows_words = bool(spot.literals) and (kind == "literal_error" or spot.is_union)
    if allows_words and kind not in ("too_short", "too_long"):
        return _not_allowed(wrong)
    wording = _WORDING.get(kind)
    if wording is None:
        wording = _wrong_type if kind in _TYPES else _bad_value
    return wording(wrong)


def _unknown_field(wrong: _Wrong) -> Problem:
    """Return the problem of a field that does not exist."""
    spot = wrong.spot
    owner, hint = _owner_words(spot), ""
    if spot.parent:
        fields = sorted(fields_of(spot.parent, by_alias=spot.by_alias))
        right = meant_field(spot.name, fields)
        hint = f"did you mean {right!r}?" if right else advice_on(spot.name, fields)
        hint = hint or nearest(spot.name, fields)
    message = f"{owner} has no field {shown(spot.name)}"
    letter = foreign(spot.name)
    if letter:
        message += f", which holds {letter.say}"
    return wrong.problem("unknown-field", message, hint or "remove it")


_ENTRY = re.compile(r"\[[^\]]*\]$")


def _owner_words(spot: FieldLocation) -> str:
    """Return what the user calls the part that a field is in: its field in a file, its class in Python."""
    if spot.parent and not spot.by_alias:
        return str(spot.parent.__name__)
    if not spot.path.endswith(spot.name):
        return "this part"
    inside = spot.path.removesuffix(spot.name).rstrip(".")
    part = _ENTRY.sub("", inside)
    name = part.rpartition(".")[2]
    if not name:
        return "a description" if spot.parent is None or spot.parent.__name__ == "AIFactory" else "this file"
    return f"an entry of {shown(name)}" if part != inside else shown(name)


def _missing_field(wrong: _Wrong) -> Problem:
    """Return the problem of a required field that is missing."""
    name = wrong.spot.name
    hint = f"write {name!r} with {wrong.spot.expected}"
    return wrong.problem("missing-field", f"the field {name!r} is missing", hint)


def _too_small(wrong: _Wrong) -> Problem:
    """Return the problem of a number below its range."""
    least = _bound(wrong, "ge", "gt")
    allowed = f"it is more than {least}" if "gt" in wrong.context else f"the least is {least}"
    return wrong.problem("out-of-range", f"{wrong.seen} is too small; {allowed}")


def _too_large(wrong: _Wrong) -> Problem:
    """Return the problem of a number above its range."""
    most = _bound(wrong, "le", "lt")
    allowed = f"it is less than {most}" if "lt" in wrong.context else f"the most is {most}"
    return wrong.problem("out-of-range", f"{wrong.seen} is too large; {allowed}")


def _bound(wrong: _Wrong, *names: str) -> str:
    """Return the bound that a number exceeds; pydantic gives it one of several names."""
    given = [name for name in names if name in wrong.context]
    bound = wrong.context[given[0]]
    return f"{bound:,.10g}" if isinstance(bound, float) else f"{bound:,}"


def _wrong_type(wrong: _Wrong) -> Problem:
    """Return the problem of a value of another type."""
    message = f"found {wrong.seen}, expected {wrong.spot.expected}"
    return wrong.problem("wrong-type", message, _retype(wrong.value, wrong.spot))


def _bad_value(wrong: _Wrong) -> Problem:
    """Return the problem of an error without a wording of its own."""
    return wrong.problem("bad-value", f"{wrong.seen} will not do; expected {wrong.spot.expected}")


def _not_allowed(wrong: _Wrong) -> Problem:
    """Return the problem of a value that is not one of a few words."""
    spot, value = wrong.spot, wrong.value
    hint = ""
    if isinstance(value, str) and not may_be_secret(value, spot.path):
        word = value[:40].casefold()
        meant = VALUE_SYNONYMS.get(word, "")
        if meant not in spot.literals:
            # A switch is no misspelling: `on` is spelt almost like `none`.
            meant = "" if word in _SWITCHES else closest(value, spot.literals)
        # The message has just listed all of them.
        hint = "" if spot.is_union else f"write one of the {counted(len(spot.literals), 'word')}"
        if meant:
            hint = f"did you mean {meant!r}?" if spot.accepts(meant) else f"write {meant}"
    return wrong.problem("not-allowed", f"{wrong.seen} is not allowed here; expected {spot.expected}", hint)


def _length(wrong: _Wrong) -> Problem:
    """Return the problem of a list or mapping with too few or too many entries."""
    least, actual = wrong.context.get("min_length"), wrong.context.get("actual_length")
    limit = f"at least {least}"
    if least is None:
        limit = f"at most {wrong.context.get('max_length')}"
    # pydantic stops counting beyond the limit.
    entries = "too many entries" if actual is None else counted(actual, "entry", "entries")
    if actual == 0:
        entries = "nothing"
    return wrong.problem("out-of-range", f"found {entries}, expected {limit}")


def _text(wrong: _Wrong) -> Problem:
    """Return the problem of text of the wrong form or length."""
    spot = wrong.spot
    code = spot.form.code if spot.form else "bad-text"
    text = wrong.value if isinstance(wrong.value, str) else ""
    if not text:
        return wrong.problem(code, f"the text is empty; expected {spot.expected}")
    if wrong.kind == "string_too_long":
        message = f"the text has {len(text):,} characters; the most is {wrong.context['max_length']:,}"
        return wrong.problem(code, message, "shorten it")
    letter = foreign(text)
    if letter is not None:
        code = "look-alike" if letter.is_look_alike else code
        return wrong.problem(code, f"{wrong.seen} holds {letter.say}; only plain letters are allowed here")
    hint = ""
    if spot.form and not may_be_secret(text, spot.path):
        hint = spot.form.advice(text)
    return wrong.problem(code, f"{wrong.seen} is not {spot.expected}", hint)


def _refused(wrong: _Wrong) -> Problem:
    """Return the problem of a value that a quantity or one of our validators refused."""
    spot = wrong.spot
    if isinstance(spot.type, type) and issubclass(spot.type, Quantity | Ratio):
        return _bad_quantity(wrong, spot.type)
    error = wrong.context.get("error")
    code = spot.form.code if spot.form else "bad-value"
    message = str(error or "") or f"{wrong.seen} will not do"
    return wrong.problem(getattr(error, "code", code), message)


def _bad_quantity(wrong: _Wrong, quantity: type[Quantity | Ratio]) -> Problem:
    """Return the problem of a quantity without a unit, with a wrong one, or of another form."""
    expected, value = wrong.spot.expected, wrong.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        unit = quantity.example.partition(" ")[2]
        hint = "put it in quotation marks, such as '1:1'"
        spans = _time_spans(wrong) if quantity is Seconds else []
        if len(spans) > 1:
            hint = f"write {', '.join(spans[:-1])} or {spans[-1]}, whichever is meant"
        elif unit and wrong.spot.accepts(f"{wrong.seen} {unit}"):
            hint = f"write '{wrong.seen} {unit}', if that is what is meant"
        elif unit:
            hint = f"write {quantity.example!r}, or another amount with its unit"
        return wrong.problem("bad-quantity", f"{wrong.seen} has no unit; expected {expected}", hint)
    hint = f"write {quantity.example!r}, or another amount with its unit"
    # A value that is not shown as it is may be a secret, which the quantity's own message would repeat.
    if not isinstance(value, str) or wrong.seen != f"'{value}'":
        return wrong.problem("bad-quantity", f"{wrong.seen} is not {expected}", hint)
    error = str(wrong.context.get("error", ""))
    message, _, advice = error.partition("; write ")
    if not all(map(wrong.spot.accepts, re.findall("'([^']*)'", advice))):
        advice = ""
    return wrong.problem("bad-quantity", message, f"write {advice}" if advice else hint)


def _time_spans(wrong: _Wrong) -> list[str]:
    """Return the time spans that a number without a unit may mean: a timeout is no number of days."""
    spans = [f"{wrong.seen} {unit}" for unit in reversed(Seconds.shown)]
    return [repr(span) for span in spans if wrong.spot.accepts(span)]


def _retype(value: object, spot: FieldLocation) -> str:
    """Return how to write the value so that it has the right type."""
    expected = f"write {spot.expected}"
    if value is None:
        return expected if spot.required else "write a value, or remove the field"
    if spot.shape == "text" and isinstance(value, int | float):
        return "put it in quotation marks" if spot.accepts(str(value)) else expected
    if spot.shape == "number" and isinstance(value, str | float):
        return _as_number(value, spot) or expected
    if spot.shape == "bool":
        meant = _SWITCHES.get(str(value)[:40].casefold(), "true or false")
        return f"write {meant}, without quotation marks"
    return _as_list(value, spot) or expected


def _as_number(value: str | float, spot: FieldLocation) -> str:
    """Return how to write a value as the number that belongs there; empty where it is none."""
    if isinstance(value, float):
        return f"write {value:.0f}" if value.is_integer() and spot.accepts(int(value)) else ""
    amount = _AMOUNT.fullmatch(value[:40].strip())
    if amount is not None:
        digits = re.sub("[_, ]", "", amount[1])
        number = int(digits) * _THOUSANDS[amount[2]]
        marks = ", without quotation marks" if value.isdigit() else ""
        return f"write {number}{marks}" if spot.accepts(number) else ""
    if not any(map(str.isdigit, value[:40])):
        return ""
    return "write decimal digits alone: no quotation marks, separators or unit"


def _as_list(value: object, spot: FieldLocation) -> str:
    """Return how to write a value as the list that belongs there; empty where it holds no entry."""
    if spot.shape != "list":
        return ""
    if isinstance(value, dict):
        return _as_parts(value, spot)
    if isinstance(value, BaseModel):
        return "put it in a list"
    if spot.accepts([value]):
        return "put it in brackets, as a list of one"
    entries: list[str | int] = []
    for word in re.split("[,; ]+", value[:400].strip()) if isinstance(value, str) else ():
        entries.append(int(word) if word.isdecimal() and len(word) <= _MOST_DIGITS else word)
    return f"write [{', '.join(map(str, entries))}]" if len(entries) > 1 and spot.accepts(entries) else ""


def _as_parts(value: Mapping[Any, Any], spot: FieldLocation) -> str:
    """Return how to write a mapping as the list of parts that belongs there; empty where it is none."""
    part = _part_of_list(spot)
    if part is None or not value:
        return ""
    if _is_by_name(value, part, by_alias=spot.by_alias):
        return "write each as an entry of a list that begins with '- name:' and its name"
    return "write '- ' before its first field and indent the others as far, as a list of one"


# pydantic's error types, and the function for each; errors about types are in `_TYPES`.
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
