"""The offline evaluator of object rules: one CEL program for each kind, run once for each object.

All expressions of a kind are compiled into one program that returns the list of their answers, since
converting the object costs more than evaluating it: a refused object costs as much as a good one. Only a
program that fails is split in quarters, down to the expression that fails. Whatever goes wrong in an
evaluation is a violation of the rule in which it went wrong.

An admission policy holds the factory's constants as literals; here they are variables of the evaluation. So a
program is the same for every factory, and a list of constants is converted once instead of at every use. The
same text is matched with the same regular expression once.

    findings = evaluate(bundle.objects, context)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from threading import Lock
from typing import Any, Literal

from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.cel.library import Context as CelContext
from sovereign_ai.rules.cel.library import Program, compile_program
from sovereign_ai.rules.context import Context
from sovereign_ai.rules.defaulting import admitted, as_stored
from sovereign_ai.rules.expressions import (
    as_evaluated,
    list_of,
    named_constants,
    variables_in,
    variables_of,
    with_constants,
)
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.kinds import OTHER, ResourceKind, find_kind, kind_named
from sovereign_ai.rules.normalization import Path, to_plain
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule, RuleCheck

ObjectPlace = Literal["bundle", "pulumi", "live"]
_WORD = re.compile(r"""\.([A-Za-z_]\w*)|"([^"]*)" in |\["([^"]*)"\]""")
"""What an expression reads: a field, a key that it looks for, a key that it reads."""
_UNREADABLE = "it cannot be read as a Kubernetes object"
_UNKNOWN = "its value is not known yet, so it cannot be decided"
_LONGEST_NAME = 100
"""Characters of the name of a missing field in a message."""
_TYPE_ERROR = re.compile(
    r"^Undefined |^Unexpected type|^Unsupported operation|cannot be used as a map key"
    r"|: (Type|Attribute)Error:"
)
"""How the evaluator says that a value is of another type than an operation takes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """The checks of one kind.

    Attributes:
        kind: the kind.
        checks: each rule and check, in the order of `expressions`.
        expressions: each check's own expression, its named parts and constants unresolved.
        parts: the named parts, constants unresolved.
        words: for each check every field name and literal that its expression reads.
        facts: what every evaluation knows: the constants and the functions. Each adds its object.
        in_use: held while an evaluation uses `facts`.
    """

    kind: ResourceKind
    checks: tuple[tuple[Rule, RuleCheck], ...]
    expressions: tuple[str, ...]
    parts: Mapping[str, str]
    words: tuple[frozenset[str], ...]
    facts: CelContext
    in_use: Lock = field(default_factory=Lock)


def evaluate(
    objects: Iterable[Mapping[str, Any]], context: Context, place: ObjectPlace = "bundle"
) -> list[RuleFinding]:
    """Return the findings of every object rule on every object, sorted.

    There is one `undecidable` finding for each object rule that cannot be decided in this place, but where it
    refuses nothing anyway.

    Args:
        objects: Kubernetes objects; values that are not known yet are `plain.UNKNOWN`.
        context: the factory's constants.
        place: where the objects are. Pods that are not live are judged as the bundle's mutating policy would
            store them. For live objects the old object is the object itself.
    """
    findings: set[RuleFinding] = set()
    for rule in REGISTRY:
        is_applicable = rule.checks and not context.is_empty(rule.only_with)
        if is_applicable and place not in rule.places:
            findings.add(_undecidable(rule, place))
    for obj in _unpacked(objects):
        findings.update(_decide_object(obj, context, place))
    return sorted(findings, key=lambda finding: finding.order)


def _unpacked(objects: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield each object, and each item of a list in place of the list."""
    for obj in objects:
        kind = obj.get("kind") if isinstance(obj, Mapping) else None
        items = obj.get("items") if isinstance(obj, Mapping) else None
        is_list = isinstance(kind, str) and kind.endswith("List") and isinstance(items, Sequence)
        if not is_list:
            yield obj
            continue
        # Items of a typed list, such as a PodList, may leave out their kind. Those of a plain List may not.
        type_of_items: dict[str, Any] = {}
        if kind != "List":
            type_of_items["apiVersion"] = obj.get("apiVersion")
            type_of_items["kind"] = str(kind).removesuffix("List")
        for item in items or ():
            typed_item = {**type_of_items, **item} if isinstance(item, Mapping) else item
            yield from _unpacked([typed_item])


def _undecidable(rule: Rule, place: ObjectPlace) -> RuleFinding:
    """Return the finding that a rule is not decided in a place."""
    message = f"undecidable here ({place})"
    # Who reads an audit learns what is judged instead without looking the rule up.
    if reason := dict(rule.elsewhere).get(place):
        message = f"{message}: {reason}"
    return RuleFinding(rule.id, rule.severity, "", "", message, rule.remediation, status="undecidable")


def _decide_object(obj: Mapping[str, Any], context: Context, place: ObjectPlace) -> Iterator[RuleFinding]:
    """Yield the findings on one object."""
    try:
        name = str(obj["kind"])
        api_version = str(obj["apiVersion"])
        resource = resource_name(name, obj.get("metadata") or {})
    except (KeyError, TypeError, AttributeError):
        # Nothing shows which rules apply to it, so it violates every one.
        yield from _unreadable()
        return
    kind = find_kind(api_version, name)
    # A kind that is listed by itself has one program; any other has one for its API group and kind.
    key = _group_and_kind(api_version, name) if kind is OTHER else ""
    compiled = _compiled(context, kind.name, place, key)
    if compiled is None:
        return
    try:
        data, unknown_paths = to_plain(obj)
        is_defaulted = place != "live" and compiled.kind.name == "Pod"
        stored = as_stored(data)
        judged = admitted(stored, context) if is_defaulted else stored
    except (TypeError, AttributeError, RecursionError) as error:
        for rule, check in compiled.checks:
            yield _violation(rule, resource, check.field, str(error))
        return
    if compiled.kind is OTHER:
        yield from _decide_by_shape(obj, resource, context, place)
    undecided = list(_unknown_values(compiled, resource, unknown_paths))
    yield from undecided
    # An unknown value is judged as an empty text. What a rule answers on that says nothing.
    refused = {finding.rule for finding in undecided}
    for finding in _run(compiled, resource, judged, place):
        if finding.rule not in refused:
            yield finding


def _unreadable() -> Iterator[RuleFinding]:
    """Yield a violation of every object rule, for what is no Kubernetes object."""
    for rule in REGISTRY:
        if rule.checks:
            yield _violation(rule, "", "", _UNREADABLE)


def _decide_by_shape(
    obj: Mapping[str, Any], resource: str, context: Context, place: ObjectPlace
) -> Iterator[RuleFinding]:
    """Yield findings on every pod in an object of a kind whose templates no table names.

    It is recognised by its shape, as a template or as a bare specification. At admission it is decided when
    its pods are created.
    """
    addon = ADDONS.get(_group_and_kind(str(obj["apiVersion"]), str(obj["kind"])))
    has_table = addon is not None and bool(addon.templates or addon.specs)
    namespace = str((obj.get("metadata") or {}).get("namespace") or "")
    if has_table or namespace not in dict(context.namespaces):
        return
    for path, template in _pod_templates(obj, ()):
        is_bare = not _is_template(template)
        holder = {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": {"name": "x", "namespace": namespace},
            "template": {"spec": template} if is_bare else template,
        }
        within = "template.spec" if is_bare else "template"
        for finding in _decide_object(holder, context, place):
            # The finding is about the template in the holder, and must point into the user's object.
            field = ".".join(path) + finding.field.removeprefix(within)
            yield replace(finding, resource=resource, field=field)


def _pod_templates(value: Any, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield path and content of each mapping in the shape of a pod template, or of its specification."""
    if isinstance(value, Mapping):
        # The object itself, with an empty path, is no template inside an object.
        if path and (_is_template(value) or _is_specification(value)):
            yield path, value
            return
        for key, item in value.items():
            yield from _pod_templates(item, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for item in value:
            yield from _pod_templates(item, path)


def _is_template(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping has the shape of a pod template: its `spec` lists containers."""
    spec = value.get("spec")
    return isinstance(spec, Mapping) and isinstance(spec.get("containers"), Sequence)


def _is_specification(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping lists containers with an image, as the specification of a pod does."""
    containers = value.get("containers")
    if not isinstance(containers, Sequence):
        return False
    return any(isinstance(one, Mapping) and "image" in one for one in containers)


def _run(
    compiled: _Compiled, resource: str, judged: dict[str, Any], place: ObjectPlace
) -> Iterator[RuleFinding]:
    """Evaluate every check, and yield a finding for each answer that is not true."""
    # Expressions allow some fields only while they do not change. A live object shows no change.
    old_object = judged if place == "live" else None
    with compiled.in_use:
        compiled.facts.update({"object": judged, "oldObject": old_object, "request": {}})
        answers = _answers(compiled, 0, len(compiled.checks), compiled.facts)
    for (rule, check), answer in zip(compiled.checks, answers, strict=True):
        if answer is True:
            continue
        message = check.message if answer is False else f"cannot be decided: {answer}"
        yield _violation(rule, resource, _field_path(compiled.kind, check), message)


def _answers(compiled: _Compiled, begin: int, end: int, context: CelContext) -> list[object]:
    """Return the answers of the checks from `begin` up to, not including, `end`.

    An answer is a truth value, or an error as text. A program that fails is quartered until the failing check
    is alone: quarters are as many evaluations as halves, and half as many programs to compile.
    """
    try:
        answers = _program(_text(compiled, begin, end)).execute(context)
    except (KeyboardInterrupt, SystemExit):
        raise
    # A panic of the evaluator is a BaseException, and no check may pass by it.
    except BaseException as error:  # noqa: BLE001
        if end - begin == 1:
            return [_in_words(error)]
        found: list[object] = []
        length = (end - begin + 3) // 4
        for start in range(begin, end, length):
            found += _answers(compiled, start, min(start + length, end), context)
        return found
    return [_truth_or_error(answer) for answer in answers]


def _truth_or_error(answer: object) -> object:
    """Return an answer that is a truth value, and an error for any other."""
    return answer if isinstance(answer, bool) else f"the answer is a {type(answer).__name__}"


@lru_cache(maxsize=8192)
def _text(compiled: _Compiled, begin: int, end: int) -> str:
    """Return the expression that evaluates to the answers of some checks."""
    return list_of(compiled.expressions[begin:end], compiled.parts)


def _unknown_values(compiled: _Compiled, resource: str, unknown_paths: list[Path]) -> Iterator[RuleFinding]:
    """Yield a violation for each rule whose expressions read a field with an unknown value."""
    for path in unknown_paths:
        field = ".".join(path)
        for (rule, check), words in zip(compiled.checks, compiled.words, strict=True):
            # Every step of the path must occur, so that `image` of a volume is not that of a container.
            if not check.late and words.issuperset(path):
                yield _violation(rule, resource, field, _UNKNOWN)


@lru_cache(maxsize=512)
def _compiled(context: Context, kind_name: str, place: str, key: str) -> _Compiled | None:
    """Return every check of one kind, ready to run; None if no rule applies to it.

    A kind that is not listed by itself has a program of its own too, without the checks on other add-ons.
    """
    kind = kind_named(kind_name)
    constants = context.constants()
    parts = variables_of(kind, key)
    if key in constants["known_kinds"]:
        # Only kinds that no rule knows are judged by the shape of their fields, which takes time.
        parts["leaves"] = '""'
    literal_parts = {name: with_constants(text, constants) for name, text in parts.items()}
    pairs: list[tuple[Rule, RuleCheck]] = []
    for rule in REGISTRY:
        if place in rule.places and not context.is_empty(rule.only_with):
            pairs += [(rule, check) for check in rule.checks_on(kind)]
    if kind is OTHER:
        # A check on the items of a list that is always empty for this kind always passes.
        empty = tuple(f"variables.{name}." for name, text in literal_parts.items() if text == "[]")
        pairs = [pair for pair in pairs if _can_fail(pair[1], key, empty)]
    if not pairs:
        return None
    expressions = [check.on_key(key) if kind is OTHER else check.expression for _, check in pairs]
    words = tuple(_words_of(with_constants(text, constants), literal_parts) for text in expressions)
    return _Compiled(
        kind,
        tuple(pairs),
        tuple(as_evaluated(text) for text in expressions),
        {name: as_evaluated(text) for name, text in parts.items()},
        words,
        facts(named_constants([*expressions, *parts.values()], constants)),
    )


def _can_fail(check: RuleCheck, key: str, empty: tuple[str, ...]) -> bool:
    """Return whether a check on add-ons can fail for a kind, whose named parts in `empty` are empty lists."""
    return check.on_key(key) != "true" and not check.expression.startswith(empty)


def _words_of(expression: str, parts: Mapping[str, str]) -> frozenset[str]:
    """Return every field name and literal that an expression reads, also through its named parts."""
    words: set[str] = set()
    unread, read = [expression], set[str]()
    while unread:
        own, names = _own_words(unread.pop())
        words |= own
        unread += [parts[name] for name in names - read]
        read |= names
    return frozenset(words)


@lru_cache(maxsize=8192)
def _own_words(expression: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return every field name and literal that stands in an expression, and the named parts that it uses."""
    text, names = variables_in(expression)
    words: set[str] = set()
    for match in _WORD.findall(text):
        words.update(match)
    # Of the three groups of the pattern only one matches; the others are empty.
    words.discard("")
    return frozenset(words), names


@lru_cache(maxsize=8192)
def _program(text: str) -> Program:
    """Return the program of one expression."""
    return compile_program(text)


def clear_caches() -> None:
    """Clear the compiled programs, after a test has changed the registry."""
    _compiled.cache_clear()
    _text.cache_clear()


def _group_and_kind(api_version: str, kind: str) -> str:
    """Return API group and kind, as the tables of add-ons name a kind."""
    return f"{api_version.rpartition('/')[0]}/{kind}"


def _violation(rule: Rule, resource: str, field: str, message: str) -> RuleFinding:
    """Return one violation."""
    return RuleFinding(rule.id, rule.severity, resource, field, message, rule.remediation)


def resource_name(kind: str, metadata: Mapping[str, Any]) -> str:
    """Return an object's name as findings write it: `Kind/namespace/name` or `Kind/name`.

    A name that the API server generates is written as its prefix and a star. No waiver can name that: it
    would cover many objects.
    """
    prefix = metadata.get("generateName")
    generated_name = f"{prefix}*" if prefix else ""
    name = metadata.get("name") or generated_name
    parts = (kind, metadata.get("namespace"), name)
    return "/".join(str(part) for part in parts if part)


def _field_path(kind: ResourceKind, check: RuleCheck) -> str:
    """Return the path of a check's field in the object."""
    # A field without a dot is one of the pod's specification, which each kind holds elsewhere.
    if kind.pod and "." not in check.field:
        return f"{kind.pod_field}.{check.field}"
    return check.field


def _in_words(error: BaseException) -> str:
    """Return why an expression has no answer.

    The evaluator's own words are for who writes rules, and may repeat a value of the object, as a secret.
    """
    if isinstance(error, KeyError):
        return f"it lacks the field `{str(error.args[0])[:_LONGEST_NAME]}`"
    if isinstance(error, IndexError):
        return "a list in it is shorter than any that Kubernetes takes"
    if isinstance(error, TypeError) or _TYPE_ERROR.search(str(error)):
        return "a field of it has a value of another type than Kubernetes takes"
    return "a value in it cannot be read as what its field holds"
