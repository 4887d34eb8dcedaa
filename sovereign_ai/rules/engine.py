"""Decides object rules offline: one CEL program a kind, run once an object.

All expressions of a kind are compiled into one program that gives the list of their answers, since
converting the object costs more than evaluating it: a refused object costs what a good one does.
Only where that program fails is it split in halves, down to the expression that fails. Whatever
goes wrong in an evaluation is a violation of the rule it went wrong in.

    findings = evaluate(bundle.objects, context)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import cel

from sovereign_ai.rules.admitted import admitted
from sovereign_ai.rules.context import Context
from sovereign_ai.rules.expressions import bake, list_of, spell_out, variables_of
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.kinds import KINDS, Kind, find
from sovereign_ai.rules.plain import Path, plain
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Check, Rule

ObjectPlace = Literal["bundle", "pulumi", "live"]
_WORD = re.compile(r"""\.([A-Za-z_]\w*)|"([^"]*)" in |\["([^"]*)"\]""")
"""What an expression reads: a field, a key that it asks for, a key that it takes."""
_UNREADABLE = "it cannot be read as a Kubernetes object"


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """The checks of one kind.

    Attributes:
        kind: the kind.
        checks: each rule and check, in the order of `single`.
        expressions: each check's own expression, its named parts unresolved.
        parts: the named parts, constants baked in.
        words: for each check every field name and literal that its expression reads.
    """

    kind: Kind
    checks: tuple[tuple[Rule, Check], ...]
    expressions: tuple[str, ...]
    parts: Mapping[str, str]
    words: tuple[frozenset[str], ...]


def evaluate(objects: Iterable[Mapping[str, Any]], context: Context, place: ObjectPlace = "bundle") -> list[Finding]:
    """Decide every object rule on every object.

    Args:
        objects: Kubernetes objects; values that are not known yet are `plain.UNKNOWN`.
        context: the factory's constants.
        place: where they stand. Pods that are not live are judged as the bundle's mutating policy
            would store them; live objects are their own old selves.

    Returns:
        The findings, sorted; also one `undecidable` for each object rule that this place cannot decide.
    """
    found: set[Finding] = set()
    for rule in REGISTRY:
        if rule.checks and place not in rule.places:
            found.add(_undecidable(rule, place))
    for obj in _unpacked(objects):
        found.update(_of_object(obj, context, place))
    return sorted(found, key=lambda finding: finding.order)


def _unpacked(objects: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Give each object, and each item of a list in place of the list."""
    for obj in objects:
        kind, items = (obj.get("kind"), obj.get("items")) if isinstance(obj, Mapping) else (None, None)
        if not isinstance(kind, str) or not kind.endswith("List") or not isinstance(items, Sequence):
            yield obj
            continue
        of = {} if kind == "List" else {"apiVersion": obj.get("apiVersion"), "kind": kind.removesuffix("List")}
        yield from _unpacked({**of, **item} if isinstance(item, Mapping) else item for item in items)


def _undecidable(rule: Rule, place: str) -> Finding:
    """Say that a rule is not decided here."""
    return Finding(rule.id, rule.severity, "", "", f"undecidable here ({place})", rule.remediation, status="undecidable")


def _of_object(obj: Mapping[str, Any], context: Context, place: ObjectPlace) -> Iterator[Finding]:
    """Decide one object."""
    try:
        name, kind = str(obj["kind"]), find(str(obj["apiVersion"]), str(obj["kind"]))
        resource = _resource(name, obj.get("metadata") or {})
    except (KeyError, TypeError, AttributeError):
        yield from (_finding(rule, "", "", _UNREADABLE) for rule in REGISTRY if rule.checks)
        return
    compiled = kind and _compiled(context, kind.name, place)
    if not compiled:
        return
    try:
        data, unknown = plain(obj)
        judged = data if place == "live" or compiled.kind.name != "Pod" else admitted(data, context)
    except (TypeError, AttributeError, RecursionError) as error:
        yield from (_finding(rule, resource, check.field, str(error)) for rule, check in compiled.checks)
        return
    undecided = list(_unknowns(compiled, resource, unknown))
    yield from undecided
    refused = {finding.rule for finding in undecided}
    yield from (finding for finding in _run(compiled, resource, judged, place) if finding.rule not in refused)


def _run(compiled: _Compiled, resource: str, judged: dict[str, Any], place: ObjectPlace) -> Iterator[Finding]:
    """Ask every check, and make a finding of each answer that is not yes."""
    context = cel.Context({"object": judged, "oldObject": judged if place == "live" else None, "request": {}})
    answers = _answers(compiled, 0, len(compiled.checks), context)
    for (rule, check), answer in zip(compiled.checks, answers, strict=True):
        if answer is not True:
            message = check.message if answer is False else f"cannot be decided: {answer}"
            yield _finding(rule, resource, _field(compiled.kind, check), message)


def _answers(compiled: _Compiled, begin: int, end: int, context: cel.Context) -> list[object]:
    """Give the answers of some checks; where their program fails, halve it until the check that fails stands alone.

    An answer is a truth value, or what went wrong as text. A panic of the evaluator is no `Exception` and yet no yes.
    """
    try:
        answers = _program(_text(compiled, begin, end)).execute(context)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001
        if end - begin == 1:
            return [_first_line(error)]
        middle = (begin + end) // 2
        return [*_answers(compiled, begin, middle, context), *_answers(compiled, middle, end, context)]
    return [answer if isinstance(answer, bool) else f"the answer is a {type(answer).__name__}" for answer in answers]


@lru_cache(maxsize=8192)
def _text(compiled: _Compiled, begin: int, end: int) -> str:
    """Write the expression that gives the answers of some checks."""
    return list_of(compiled.expressions[begin:end], compiled.parts)


def _unknowns(compiled: _Compiled, resource: str, unknown: list[Path]) -> Iterator[Finding]:
    """An unknown value in a field that a rule's expressions read is a violation of that rule."""
    for path in unknown:
        for (rule, _), words in zip(compiled.checks, compiled.words, strict=True):
            if words.issuperset(path):
                yield _finding(rule, resource, ".".join(path), "its value is not known yet, so it cannot be decided")


@lru_cache(maxsize=256)
def _compiled(context: Context, kind_name: str, place: str) -> _Compiled | None:
    """Compile every check of one kind; None where no rule looks at it."""
    kind = KINDS[kind_name]
    pairs = tuple((rule, check) for rule in REGISTRY if place in rule.places for check in rule.checks if kind.name in check.kinds)
    if not pairs:
        return None
    constants = context.constants()
    parts = {name: bake(text, constants) for name, text in variables_of(kind).items()}
    expressions = tuple(bake(check.expression, constants) for _, check in pairs)
    words = tuple(frozenset(word for match in _WORD.findall(spell_out(text, parts)) for word in match if word) for text in expressions)
    return _Compiled(kind, pairs, expressions, parts, words)


@lru_cache(maxsize=8192)
def _program(text: str) -> cel.Program:
    """Compile one expression."""
    return cel.compile(text)


def forget() -> None:
    """Drop what was compiled, after the registry has been changed for a trial."""
    _compiled.cache_clear()
    _text.cache_clear()


def _finding(rule: Rule, resource: str, field: str, message: str) -> Finding:
    """Make one violation."""
    return Finding(rule.id, rule.severity, resource, field, message, rule.remediation)


def _resource(kind: str, metadata: Mapping[str, Any]) -> str:
    """Name an object, `Kind/namespace/name` or `Kind/name`.

    One whose name the server makes is named by its beginning and a star, which no waiver can name: it would cover many.
    """
    beginning = metadata.get("generateName")
    name = metadata.get("name") or (f"{beginning}*" if beginning else "")
    return "/".join(str(part) for part in (kind, metadata.get("namespace"), name) if part)


def _field(kind: Kind, check: Check) -> str:
    """Give the decided field's path in the object."""
    return f"{kind.pod_field}.{check.field}" if kind.pod and "." not in check.field else check.field


def _first_line(error: BaseException) -> str:
    """Give an error's first sentence."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text.split(". ", 1)[0][:200]
