"""The watcher sees what it is there to see: each of its invariants broken by hand, and a clean change taken
as clean.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from tests.daytwo.probes import Described, Probe, probes
from tests.daytwo.reach import State
from tests.daytwo.table import changes, described
from tests.daytwo.watcher import _WATCHED, Event, openings

CHANGES = {change.name: change for change in changes()}
KINDS = {kind for _, kind in _WATCHED}
LAB = Described.of(described("lab"))


def events_of(objects: Any, *, first: bool = True, start: int = 1) -> list[Event]:
    """Return the events of objects that appear one after another."""
    kept = [obj for obj in objects if obj["kind"] in KINDS]
    return [
        Event(
            start + number,
            obj["kind"],
            obj["metadata"].get("namespace", ""),
            obj["metadata"]["name"],
            "ADDED",
            obj,
            is_first=first,
        )
        for number, obj in enumerate(kept)
    ]


def seen(*more: Event, new: Described = LAB) -> list[str]:
    """Return what is found in a lab that stands and to which more happens."""
    return list(openings([*events_of(LAB.bundle.objects), *more], LAB, new))


def later(obj: dict[str, Any], verb: str = "MODIFIED", number: int = 1_000) -> Event:
    return Event(
        number, obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"], verb, obj
    )


def rendered(kind: str, namespace: str, name: str, described_by: Described = LAB) -> dict[str, Any]:
    """Return a copy of a rendered object."""
    for obj in described_by.bundle.objects:
        meta = obj["metadata"]
        if (obj["kind"], meta.get("namespace", ""), meta["name"]) == (kind, namespace, name):
            return copy.deepcopy(obj)
    raise AssertionError(f"{kind} {namespace}/{name}")


def test_a_lab_that_stands_opens_nothing_that_it_should_not() -> None:
    assert seen() == []


def test_a_policy_that_opens_more_than_either_description_is_seen() -> None:
    policy = rendered("NetworkPolicy", "research", "to-open")
    policy["spec"]["egress"][0]["ports"].append({"protocol": "TCP", "port": 22})
    assert any("opens" in line for line in seen(later(policy)))


def test_a_policy_of_the_new_description_is_none_and_both_ends_of_a_way_count() -> None:
    new = Described.of(CHANGES["a flow is opened the other way"].after)
    outward = rendered("NetworkPolicy", "startups", "to-restricted", new)
    inward = rendered("NetworkPolicy", "research", "from-open", new)
    assert seen(later(outward, "ADDED"), later(inward, "ADDED", 1_001), new=new) == []
    assert seen(later(outward, "ADDED"), later(inward, "ADDED", 1_001)) != []


def test_a_namespace_that_loses_the_policy_that_denies_is_seen() -> None:
    found = seen(later(rendered("NetworkPolicy", "research", "default-deny"), "DELETED"))
    assert any("no policy that denies by default" in line for line in found)


def test_rights_before_limits_are_seen_and_limits_before_rights_are_not() -> None:
    new = Described.of(CHANGES["a tenant is added"].after)
    fresh = [
        obj
        for obj in new.bundle.objects
        if "guests" in (obj["metadata"]["name"], obj["metadata"].get("namespace"))
    ]
    in_order = sorted(fresh, key=lambda obj: (obj["kind"] != "Namespace", obj["kind"] == "RoleBinding"))
    assert seen(*events_of(in_order, first=False, start=1_000), new=new) == []
    wrong = sorted(fresh, key=lambda obj: (obj["kind"] != "Namespace", obj["kind"] != "RoleBinding"))
    assert any("has rights" in line for line in seen(*events_of(wrong, first=False, start=1_000), new=new))


def test_a_namespace_that_gets_into_a_zone_with_the_policies_of_another_is_seen() -> None:
    namespace = rendered("Namespace", "", "startups")
    namespace["metadata"]["labels"][KEYS.namespace_zone] = "restricted"
    inward = rendered("NetworkPolicy", "startups", "from-restricted")
    inward["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchLabels"][KEYS.namespace_zone] = (
        "restricted"
    )
    outward = rendered("NetworkPolicy", "research", "to-open")
    outward["spec"]["egress"][0]["to"][0]["namespaceSelector"]["matchLabels"][KEYS.namespace_zone] = (
        "restricted"
    )
    new = Described.of(CHANGES["a flow is closed"].after)
    found = list(
        openings(
            [
                *events_of(new.bundle.objects),
                later(namespace),
                later(inward, "ADDED", 1_001),
                later(outward, "ADDED", 1_002),
            ],
            new,
            new,
        )
    )
    assert any("('research', 'startups', ('TCP', 8443)) is open" in line for line in found)


def test_a_validating_policy_that_goes_is_seen() -> None:
    policy = rendered("ValidatingAdmissionPolicy", "", "sovereign-pods")
    assert any("was deleted" in line for line in seen(later(policy, "DELETED")))


def test_what_neither_permits_holds_mixtures_of_both() -> None:
    change = CHANGES["a registry is replaced"]
    old, new = Described.of(change.before), Described.of(change.after)
    found = probes(old, new)
    by = {
        answer: [one for one in found if one.permitted_by == answer] for answer in ("neither", "old", "new")
    }
    assert by["old"]
    assert by["new"]
    assert len(by["neither"]) >= 20
    kinds = {one.obj["kind"] for one in by["neither"]}
    assert {
        "Pod",
        "NetworkPolicy",
        "RoleBinding",
        "PersistentVolumeClaim",
        "Service",
        "StorageClass",
        "Namespace",
    } <= kinds
    assert all(isinstance(one, Probe) and one.name for one in found)


@pytest.mark.parametrize("source", ["research", "startups"])
def test_a_way_is_open_where_both_ends_allow_it(source: str) -> None:
    state = State.of(LAB.bundle.objects)
    ways = {
        way
        for way in state.ways(state.ports(), state.blocks())
        if way[0] == source and way[1] in {"research", "startups"}
    }
    assert ways == ({("research", "startups", ("TCP", 8443))} if source == "research" else set())
