"""Decisions on the small factory, for tests of single rules: on its description, and on one object of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cel

from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.cel.bindings import OUTSIDE
from sovereign_ai.rules.cel.functions import facts
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import ObjectPlace, evaluate
from sovereign_ai.rules.expressions import with_constants, without_variables
from sovereign_ai.rules.places.fields import Field, permitted
from sovereign_ai.rules.whole_check import decide
from tests.rules import subject, test_described

Object = dict[str, Any]
_PARTS = {
    "known": "true",
    "own_domains": '["research", "workers", "media"]',
    "public_domains": '" com media "',
    "foreign": "false",
}


@cache
def small_context() -> Context:
    """Return the context of the small factory."""
    factory = subject.factory_of()
    return factory_context(factory, subject.plan_of(factory))


def refused_by(obj: Object, place: ObjectPlace = "bundle") -> set[str]:
    """Return the rules that refuse an object of the small factory."""
    findings = evaluate([obj], small_context(), place)
    return {finding.rule for finding in findings if finding.status == "violation"}


def messages_of(rule: str, **changes: Any) -> list[str]:
    """Return the messages of a rule on the small factory's description, with whole fields replaced."""
    factory = test_described.factory_of(**changes)
    findings = decide(factory, plan(factory), test_described.TODAY)
    return [finding.message for finding in findings if finding.rule == rule]


def obj(kind: str, version: str = "v1", namespace: str = "research", **fields: Any) -> Object:
    """Return a Kubernetes object; without a namespace, one of the cluster."""
    metadata: Object = {"name": "x", **({"namespace": namespace} if namespace else {})}
    metadata.update(fields.pop("metadata", {}))
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


_program = cache(cel.compile)


def evaluated(expression: str, value: object, zone: str = "open") -> Any:
    """Return what an expression gives on an object of a zone whose field `a` has a value."""
    constants = small_context().constants()
    parts = {"zone": f'"{zone}"', "outside": with_constants(OUTSIDE, constants), **_PARTS}
    text = without_variables(with_constants(expression, constants), parts)
    return _program(text).execute(facts({"object": {"a": value, "metadata": {"namespace": "n"}}}))


def is_permitted(field: Field, value: object, zone: str = "open") -> bool:
    """Return whether a field is permitted on such an object."""
    answer = evaluated(permitted(field), value, zone)
    assert isinstance(answer, bool)
    return answer
