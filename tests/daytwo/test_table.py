"""The table of changes by itself: every field of the models is in it, and every change is what it says,
without a cluster.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any, get_args, get_origin

import pytest
import yaml

from sovereign_ai.deploy.components.rule_check import gate
from sovereign_ai.errors import SovereignError
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.spec.base import Model
from sovereign_ai.spec.checks.names import _DECLARED
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory
from tests.attest.mutation.fields import leaves
from tests.daytwo.edits import edited, general, value_at
from tests.daytwo.table import (
    FULL,
    LAB,
    Change,
    beside,
    changes,
    chosen,
    described,
    never,
    part_of,
    read_whole,
    written,
)

CHANGES = changes()
MADE_BY_THE_STACK = {"unknown-cluster", "api-refuses", "mass-deletion", "namespace-handed-on"}
"""Codes of what only a command says, which knows the stack and the cluster: the description by itself is
sound."""


@cache
def bundle_of(text: str, files: str = "{}") -> Bundle:
    """Return what is rendered for a description, with the files beside it, that passes the gate.

    Raises:
        SovereignError: it is refused.
    """
    factory = read_whole(text, files)
    derived = plan(factory, factory.where)
    bundle = render(factory, derived, derived.clusters[0].name)
    gate(factory, derived, bundle)
    return bundle


SHAPES = {f"fabrics[].{name}" for name, info in Fabric.model_fields.items() if info.exclude_if} | {"catalog"}
"""Fields that shape a fabric in ways that exclude each other, so that no description can have them all, and
rows of one's own."""


@cache
def codes_of(text: str, files: str = "{}") -> frozenset[str]:
    """Return the codes of the problems by which a description is refused."""
    try:
        bundle_of(text, files)
    except SovereignError as error:
        return frozenset(problem.code for problem in error.problems)
    return frozenset()


def test_every_field_of_the_models_has_a_change_or_a_reason_why_it_has_none() -> None:
    tried = Counter(change.field for change in CHANGES if change.field)
    assert sorted([*tried, *never()]) == sorted(leaves())
    assert all(reason.split() for reason in never().values())


def test_a_change_of_a_field_is_at_that_field() -> None:
    for change in CHANGES:
        if not change.field:
            continue
        edit = change.edits[-1]
        if "rename" in edit:
            assert written(change.before) != written(change.after)
            continue
        path = edit["set"]
        assert general(path) == change.field
        if change.field not in SHAPES:
            assert value_at(change.before, path) is not None, (
                f"{change.name}: the full description leaves it out"
            )
        assert value_at(change.before, path) != value_at(change.after, path)


def test_every_kind_of_name_is_renamed_and_every_list_of_parts_becomes_longer() -> None:
    renamed = {edit["rename"] for change in CHANGES for edit in change.edits if "rename" in edit}
    assert set(_DECLARED) <= renamed
    lists = {name for name, info in AIFactory.model_fields.items() if _holds_parts(info.annotation)}
    longer = set()
    for change in CHANGES:
        # Each is made anew where it is read.
        before, after = change.before, change.after
        longer |= {name for name in lists if _length(after, name) > _length(before, name)}
    assert longer == lists


def _holds_parts(annotation: Any) -> bool:
    """Return whether a field is a list of parts."""
    first = next(iter(get_args(annotation)), None)
    return get_origin(annotation) is tuple and isinstance(first, type) and issubclass(first, Model)


def _length(data: dict[str, Any], name: str) -> int:
    return len(data.get(name) or ())


def test_there_are_at_least_eighty_changes_of_more_than_a_field_and_their_names_are_their_own() -> None:
    names = Counter(change.name for change in CHANGES)
    assert names.most_common(1)[0][1] == 1
    assert sum(not change.field for change in CHANGES) >= 80


def test_each_run_by_another_way_has_a_dozen_changes_and_all_are_in_the_table() -> None:
    runs = yaml.load(
        (LAB.parents[2] / "tests" / "daytwo" / "table.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
    )["runs"]
    for run, names in runs.items():
        assert len(names) >= (6 if run == "always" else 12)
        assert sorted(change.name for change in chosen(run)) == sorted(names)


@pytest.mark.parametrize("base", ["lab", "full"])
def test_what_a_change_starts_from_is_sound(base: str) -> None:
    assert codes_of(written(described(base))) == frozenset()


def test_the_full_description_has_the_parts_of_the_lab() -> None:
    lab, full = described("lab"), described("full")
    assert LAB.is_file()
    assert FULL.is_file()
    for kind in ("sites", "pools", "fabrics", "storage", "keys", "zones", "tenants"):
        assert {part["name"] for part in lab[kind]} <= {part["name"] for part in full[kind]}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_is_refused_as_it_says_or_leads_to_other_objects(change: Change) -> None:
    after = change.after
    found = codes_of(written(after), beside(after))
    if change.refused and change.refused not in MADE_BY_THE_STACK:
        assert change.refused in found
        return
    assert found == frozenset()
    bundle = bundle_of(written(after), beside(after))
    names = Counter(
        (obj["apiVersion"], obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        for obj in bundle.objects
    )
    assert [name for name, count in names.items() if count > 1] == []
    if not change.refused:
        before = change.before
        assert bundle_of(written(before), beside(before)).digest != bundle.digest


@pytest.mark.parametrize("base", ["lab", "full"])
def test_fields_in_another_order_are_the_same_description(base: str) -> None:
    data = described(base)
    assert list(_reversed(data)) != list(data)
    assert bundle_of(written(_reversed(data))).digest == bundle_of(written(data)).digest


@pytest.mark.parametrize("base", ["lab", "full"])
def test_lists_in_another_order_change_nothing_but_what_is_recorded_of_the_description(base: str) -> None:
    data = described(base)
    before, after = bundle_of(written(data)), bundle_of(written(_turned(data)))
    assert len(before.objects) == len(after.objects)
    changed = []
    for old, new in zip(before.objects, after.objects, strict=True):
        if old != new:
            changed.append((old["kind"], old["metadata"]["name"]))
    assert changed == [("ConfigMap", "factory")]


@pytest.mark.parametrize("base", ["lab", "full"])
def test_comments_are_no_change_of_a_description(base: str) -> None:
    text = written(described(base))
    commented = "".join(f"# a comment\n{line}" for line in text.splitlines(keepends=True))
    assert bundle_of(commented).digest == bundle_of(text).digest


@pytest.mark.parametrize("base", ["lab", "full"])
def test_a_description_in_python_is_the_same_as_in_yaml(base: str) -> None:
    data = described(base)
    factory = AIFactory.model_validate(data)
    derived = plan(factory)
    assert render(factory, derived, derived.clusters[0].name).digest == bundle_of(written(data)).digest


def _turned(data: Any) -> Any:
    """Return plain data with the members of each list in the opposite order."""
    if isinstance(data, dict):
        return {key: _turned(value) for key, value in data.items()}
    return [_turned(member) for member in reversed(data)] if isinstance(data, list) else data


def _reversed(data: Any) -> Any:
    """Return plain data with the fields of each mapping in the opposite order; lists keep theirs."""
    if isinstance(data, dict):
        return {key: _reversed(data[key]) for key in reversed(data)}
    return [_reversed(member) for member in data] if isinstance(data, list) else data


def test_names_are_exchanged_where_they_are_used_and_nowhere_else() -> None:
    data = edited(described("lab"), [{"rename": "fabric", "of": "compute", "to": "weave"}])
    assert (data["fabrics"][0]["name"], data["fabrics"][0]["role"]) == ("weave", "compute")
    swapped = edited(described("lab"), [{"exchange": "zone", "names": ["restricted", "open"]}])
    assert [zone["name"] for zone in swapped["zones"]] == ["open", "restricted"]
    assert [pool["zone"] for pool in swapped["pools"]] == ["open", "restricted"]
    assert swapped["zones"][0]["allow"][0]["to"] == "restricted"


def test_the_parts_of_the_table_are_together_the_whole_table() -> None:
    parts = [change.name for k in range(1, 9) for change in part_of(CHANGES, f"{k}/8")]
    assert sorted(parts) == sorted(change.name for change in CHANGES)
    assert part_of(CHANGES, "") == CHANGES


@pytest.mark.parametrize("part", ["0/8", "9/8", "1", "/", "1/0", "-1/8", "a/b"])
def test_a_part_that_is_none_is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="such as PART=1/8"):
        part_of(CHANGES, part)
