"""Objects that lack a field, or whose field holds nothing or something else, are decided in words.

Admission shows a user the whole expression that could not be evaluated, and the evaluator's own text may
repeat a value. So each field that is optional is asked for before it is read, and what the evaluator says
reaches nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from sovereign_ai.rules.context import Context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.kinds import OTHER, find_kind
from sovereign_ai.rules.registry import REGISTRY
from tests.rules import test_residency_by_default
from tests.rules.cases import cases, lab_context
from tests.rules.deciding import refused_by
from tests.rules.places import test_sent_work
from tests.rules.subject import pod

Object = dict[str, Any]
Path = tuple[str | int, ...]
Subject = tuple[Object, Path, Context]
NOTHING: dict[str, Any] = {"null": None, "list": [], "mapping": {}, "text": "", "zero": 0}
_OWN_WORDS = re.compile(
    r"cannot be decided: (it lacks the field `[A-Za-z]+`"
    r"|a list in it is shorter than any that Kubernetes takes"
    r"|a field of it has a value of another type than Kubernetes takes"
    r"|a value in it cannot be read as what its field holds)"
)


def paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of each value in an object, but not those of its type."""
    if path:
        yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        if path or key not in {"apiVersion", "kind"}:
            yield from paths_in(item, (*path, key))


def without(obj: Object, path: Path) -> Object:
    """Return a copy of an object without the value at a path."""
    copy = deepcopy(obj)
    holder: Any = copy
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    return copy


def replaced(obj: Object, path: Path, new: Any) -> Object:
    """Return a copy of an object with another value at a path."""
    copy = deepcopy(obj)
    holder: Any = copy
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = deepcopy(new)
    return copy


@cache
def subjects() -> tuple[Subject, ...]:
    """Return each field of each kind once, in the first object that has it."""
    described = test_residency_by_default.described()[2]
    objects = [(case.obj, lab_context()) for case in cases()]
    objects += [(row.object, described) for row in test_residency_by_default.ROWS]
    sent = (test_sent_work.PERMITTED, test_sent_work.REFUSED)
    for table in sent:
        objects += [(obj, test_sent_work.context()) for obj in table.values()]
    found: dict[tuple[Any, ...], Subject] = {}
    for obj, context in objects:
        for path in paths_in(obj):
            shape = tuple("*" if isinstance(step, int) else step for step in path)
            found.setdefault((obj["apiVersion"], obj["kind"], shape), (obj, path, context))
    return tuple(found.values())


@cache
def messages() -> frozenset[str]:
    """Return every sentence that a rule may say."""
    return frozenset(check.message for rule in REGISTRY for check in rule.checks)


def said_otherwise(obj: Object, context: Context) -> set[str]:
    """Return what is said of an object that is neither a rule's sentence nor one of ours on what it lacks."""
    said = {finding.message for finding in evaluate([obj], context)}
    return {message for message in said - messages() if not _OWN_WORDS.fullmatch(message)}


def test_each_object_without_one_of_its_fields_is_decided_in_words() -> None:
    # All of them take minutes: what the evaluator says has a dozen forms, and every third field has all.
    for obj, path, context in subjects()[::3]:
        assert said_otherwise(without(obj, path), context) == set(), (obj, path)


@pytest.mark.parametrize("name", NOTHING)
def test_each_object_with_nothing_in_one_of_its_fields_is_decided_in_words(name: str) -> None:
    for obj, path, context in subjects()[list(NOTHING).index(name) :: 30]:
        assert said_otherwise(replaced(obj, path, NOTHING[name]), context) == set(), (obj, path)


def test_what_an_evaluator_says_of_a_value_reaches_nobody() -> None:
    claim = pod(containers=[{"name": "a", "image": {"password": "hunter2"}}])
    for finding in evaluate([claim], lab_context()):
        assert "hunter2" not in finding.message
        assert "Python" not in finding.message


def undecided(obj: Object, context: Context) -> set[str]:
    """Return the rules that have no answer on an object, and are violated by that."""
    findings = evaluate([obj], context)
    return {finding.rule for finding in findings if finding.message.startswith("cannot be decided")}


OPTIONAL = {
    "AdmissionCheck": ("spec", "parameters"),
    "ClusterQueue": ("spec", "namespaceSelector", "matchExpressions", 0, "values"),
    "Application": ("spec", "destination"),
    "ApplicationSet": ("spec", "template", "spec", "destination", "name"),
}
"""Fields that the kinds' own schemas let out (Kueue 0.17 and Argo CD 3), and that a condition reads."""


@pytest.mark.parametrize("kind", OPTIONAL)
def test_a_rule_decides_where_an_optional_field_is_left_out(kind: str) -> None:
    path = OPTIONAL[kind]
    asked = [subject for subject in subjects() if subject[0]["kind"] == kind and subject[1] == path]
    assert asked
    for obj, _, context in asked:
        incomplete = without(obj, path)
        assert undecided(incomplete, context) == set()
        assert "RES-012" in {finding.rule for finding in evaluate([incomplete], context)}


def test_a_template_without_a_specification_is_judged_by_what_stands_beside_it() -> None:
    count = 0
    for obj, path, context in subjects():
        is_template = path[-2:] == ("template", "spec") or path[-1:] == ("podTemplate",)
        if is_template and find_kind(obj["apiVersion"], obj["kind"]) is OTHER:
            count += 1
            assert undecided(without(obj, path), context) == set(), (obj, path)
    assert count > 20
    annotated = {"metadata": {"annotations": {"k8s.v1.cni.cncf.io/networks": "x"}}}
    job: Object = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "x", "namespace": "research"},
        "spec": {"replicatedJobs": [{"name": "a", "template": {"spec": {"template": annotated}}}]},
    }
    assert refused_by(job) == {"PLC-011"}
    annotated["metadata"]["annotations"] = {}
    assert refused_by(job) == set()


def test_a_name_that_the_api_server_makes_is_judged_as_it_will_be() -> None:
    role: Object = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": []}
    assert refused_by({**role, "metadata": {"generateName": "viewer-"}}) == set()
    assert refused_by({**role, "metadata": {"name": "viewer-abcde"}}) == set()
    named = {**role, "metadata": {"name": "system:node-abcde"}}
    assert refused_by({**role, "metadata": {"generateName": "system:node-"}}) == refused_by(named)
