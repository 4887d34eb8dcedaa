"""Recognise which places are renamed, and which components really move, where both change the same names.

Sites, halls, fabrics, keys and regions have no objects of their own: a new name shows only in the objects
that name them, in the same way as a move of those objects to another place. The description decides:

- a place whose name is still described was not renamed: what was there has moved;
- a place whose name is not described any more was renamed, if what was there is now somewhere that was not
  described and where the cluster had nothing before.

What was there before is what was deployed as a whole, as the record on the cluster has it (`as_deployed`). A
run that was cut short leaves objects in a new place beside those in the old one, and real machines show the
place that they were configured for, until their hosts are configured anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import product

from sovereign_ai.deploy.live.deployed_record import DeployedRecord
from sovereign_ai.deploy.moves.component_places import Places, as_labelled
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.render.kubernetes import Parts, parts
from sovereign_ai.spec import AIFactory

_ALIKE = 0.5
"""Share of a part's fields that must be the same, since a renamed part may change as well."""
_OF_MACHINES = ("zone", "site", "hall", "region")
"""Kinds of place that are recorded of the machines of a pool."""
RenamedPlaces = dict[tuple[str, str], str]
"""(kind of place, old name) to the new name."""


@frozen_dataclass
class Relocation:
    """A component that is in other places than before.

    Attributes:
        component: its component label before, such as `pool.train`.
        kind: the kind of place, such as `zone`.
        old: the places that it leaves.
        new: the places in which it was not before.
    """

    component: str
    kind: str
    old: frozenset[str]
    new: frozenset[str]


def as_deployed(before: Places, record: DeployedRecord, factory: AIFactory) -> Places:
    """Return where components were when they were deployed last, by their live places and the record.

    Args:
        before: where components are on the cluster, by their objects.
        record: what was deployed last; an empty one changes nothing.
        factory: the new description.
    """
    deployed: dict[tuple[str, str], AbstractSet[str]] = {}
    for (component, kind), live in before.items():
        prefix, _, name = component.partition(".")
        names = set(live)
        if prefix == "pool" and kind in _OF_MACHINES and (known := record.machines.get(name, {}).get(kind)):
            names = {as_labelled(kind, known)}
        elif kind in record.parts:
            names &= record.parts[kind].keys()
        elif kind == "region":
            names -= _new_regions(record, factory)
        if names:
            deployed[component, kind] = names
    return deployed


def _new_regions(record: DeployedRecord, factory: AIFactory) -> set[str]:
    """Return the regions of a description that nothing of its last deployment was in.

    Regions have no names of their own in the record, but the sites have that are in them.
    """
    recorded_sites = record.parts.get("site", {})
    new: set[str] = set()
    known = {facts.get("region", "") for facts in record.machines.values()}
    fingerprints = parts(factory)["site"] if recorded_sites else {}
    for site in factory.sites if recorded_sites else ():
        region, before = site.region or site.name, recorded_sites.get(site.name)
        is_same = before is not None and before.get("region") == fingerprints[site.name].get("region")
        (known if is_same else new).add(region)
    return new - known


def changed_places(before: Places, after: Places, renamed: Mapping[str, str]) -> list[Relocation]:
    """Return the components whose places have other names than before, whatever the reason.

    Args:
        before: where components are on the cluster.
        after: where they will be.
        renamed: each component that goes, and the one that takes its place.
    """
    changes: list[Relocation] = []
    for (component, kind), old in sorted(before.items()):
        new = after.get((renamed.get(component) or component, kind))
        # A component that goes is in no place, and its removal is reported already.
        if new is not None and new != old:
            changes.append(Relocation(component, kind, frozenset(old - new), frozenset(new - old)))
    return changes


def zones_renamed_by_pools(
    renamed: Mapping[str, str], before: Places, after: Places, known: Collection[str] = ()
) -> dict[str, str]:
    """Return the zones that go and come again under another name, as the pools in them show.

    A zone's own objects are its flows, which lie in the namespaces of its tenants: where all of these change
    too, its objects show nothing. Its machines do, where all that stay are in one zone that is new.

    Args:
        renamed: each component that goes, and the one that takes its place; empty where none is alike enough.
        before: where components are on the cluster.
        after: where they will be.
        known: component labels of what was described before.

    Returns:
        Component labels, `zone.restricted` to `zone.citadel`.
    """
    occupied: set[str] = set()
    heirs: dict[str, set[str]] = defaultdict(set)
    for (component, kind), zones in before.items():
        if kind != "zone":
            continue
        occupied |= zones
        successor = after.get((renamed.get(component) or component, kind))
        if component.startswith("pool.") and successor is not None:
            for zone in zones:
                heirs[zone] |= successor
    taken = set(renamed.values())
    pairs: dict[str, str] = {}
    for component, successor_zone in sorted(renamed.items()):
        kind, _, name = component.partition(".")
        names = heirs[name]
        if kind != "zone" or successor_zone or len(names) != 1 or names <= occupied:
            continue
        heir = f"zone.{next(iter(names))}"
        if heir not in taken and heir not in known:
            pairs[component] = heir
            taken.add(heir)
    return pairs


def renamed_places(
    factory: AIFactory,
    renamed: Mapping[str, str],
    before: Places,
    changes: Iterable[Relocation],
    recorded: Mapping[str, Collection[str]] | None = None,
    noted: RenamedPlaces | None = None,
) -> RenamedPlaces:
    """Return the places that are renamed.

    Args:
        factory: the new description.
        renamed: each component that goes, and the one that takes its place; zones are components too.
        before: where components are on the cluster.
        changes: the components whose places have other names.
        recorded: kind of place to the names that were described before, whatever was there.
        noted: what a run that was cut short took for renamed, which decides where it still can be so.
    """
    described = _described_places(factory)
    occupied: dict[str, set[str]] = defaultdict(set)
    for (_, kind), names in before.items():
        occupied[kind] |= names
    for kind, recorded_names in (recorded or {}).items():
        occupied[kind] |= set(recorded_names)
    pairs = _renamed_zones(renamed)
    taken = {(kind, new) for (kind, _), new in pairs.items()}
    for (kind, old), new in (noted or {}).items():
        names = described.get(kind, set())
        if old not in names and new in names and (kind, new) not in taken:
            pairs.setdefault((kind, old), new)
    # First the components that leave one place only, which leave no doubt.
    for change in sorted(changes, key=lambda change: len(change.old)):
        if change.kind in described:
            _pair_names(pairs, change, described[change.kind], occupied[change.kind])
    return pairs


def recorded_renames(before: Parts, after: Parts, pairs: RenamedPlaces) -> RenamedPlaces:
    """Return the parts without objects that are renamed, by what the last deployment recorded of them.

    Args:
        before: the parts as they were deployed last.
        after: the parts of the new description.
        pairs: the renames that objects show, which decide where the two differ.
    """
    found: RenamedPlaces = {}
    for kind, old_parts in before.items():
        new_parts = after.get(kind, {})
        paired = {old: new for (place, old), new in pairs.items() if place == kind}
        gone = old_parts.keys() - new_parts.keys() - paired.keys()
        came = new_parts.keys() - old_parts.keys() - set(paired.values())
        matches = []
        for old, new in product(gone, came):
            likeness = _likeness(old_parts[old], new_parts[new])
            if likeness >= _ALIKE:
                matches.append((-likeness, old, new))
        # The best match first; among equal ones by name, so that no order decides.
        for _, old, new in sorted(matches):
            if old in gone and new in came:
                found[kind, old] = new
                gone.discard(old)
                came.discard(new)
    return found


def _likeness(old: Mapping[str, str], new: Mapping[str, str]) -> float:
    """Return the share of the fields of two parts that are the same; parts without fields are alike."""
    same = sum(new.get(field) == value for field, value in old.items())
    fields = len(old.keys() | new.keys())
    return same / fields if fields else 1.0


def _described_places(factory: AIFactory) -> dict[str, set[str]]:
    """Return the names in a description by kind of place, of the kinds that can be renamed."""
    described: dict[str, set[str]] = {"site": set(), "region": set(), "hall": set()}
    described["zone"] = {zone.name for zone in factory.zones}
    described["key"] = {key.name for key in factory.keys}
    described["fabric"] = {fabric.name for fabric in factory.fabrics}
    for site in factory.sites:
        described["site"].add(site.name)
        described["region"].add(site.region or site.name)
        described["hall"].update(hall.name for hall in site.halls)
    return described


def _renamed_zones(renamed: Mapping[str, str]) -> RenamedPlaces:
    """Return the zones that are renamed as components."""
    pairs: RenamedPlaces = {}
    for component, successor in renamed.items():
        kind, _, name = component.partition(".")
        if kind == "zone" and successor:
            pairs["zone", name] = successor.partition(".")[2]
    return pairs


def _pair_names(
    pairs: RenamedPlaces, change: Relocation, described: AbstractSet[str], occupied: AbstractSet[str]
) -> None:
    """Add the pairs of an old and a new name that the change of one component shows.

    Args:
        pairs: the pairs so far, to which these are added.
        change: the component's change.
        described: the names of this kind of place in the new description.
        occupied: the names of this kind of place in which anything was before.
    """
    known = {old: new for (kind, old), new in pairs.items() if kind == change.kind}
    gone = change.old - described - known.keys()
    fresh = change.new - occupied - set(known.values())
    # Where a component leaves two places for two new ones, nothing says which became which: the order of
    # their names decides, so that the same change is always reported in the same words.
    for old, new in zip(sorted(gone), sorted(fresh), strict=False):
        pairs[change.kind, old] = new


def moved_components(changes: Iterable[Relocation], pairs: RenamedPlaces) -> Iterator[Relocation]:
    """Yield the components that are in other places, and not in the same ones under other names."""
    for change in changes:
        left = set()
        still_there = set()
        for old in change.old:
            name = pairs.get((change.kind, old), old)
            still_there.add(name)
            if name not in change.new:
                left.add(old)
        if left:
            yield Relocation(change.component, change.kind, frozenset(left), change.new - still_there)
