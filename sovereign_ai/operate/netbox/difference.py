"""The difference between a plan and what a NetBox holds of it; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.netbox.cable_status import Ends, ends_of
from sovereign_ai.operate.netbox.held import Held, HeldValue, NetBoxObject, Owner, parts_of_others
from sovereign_ai.operate.netbox.planned import KINDS, OWNED, Key, Planned, PlannedObject, Reference, Value
from sovereign_ai.render.interop import OUTSIDE_PORT
from sovereign_ai.text import counted

CREATE, CHANGE, DELETE, LEAVE = "create", "change", "delete", "leave"
ACTIONS = (CREATE, CHANGE, DELETE, LEAVE)
_DECOMMISSIONING = "decommissioning"
"""NetBox's status of a cable that is to be taken out."""
_CABLE_KEY_PARTS = 6
"""Parts of the key of a cable between two interfaces: site, device and name of both."""


@frozen_dataclass
class NetBoxChange:
    """What is to be done about one object.

    Attributes:
        action: create, change, delete, or leave: an object that the plan no longer has, and others use.
        kind: its kind.
        key: its key.
        number: NetBox's number of it; 0 for one that is created.
        fields: names of the fields that change, each with the value before and after in words.
        planned: the plan's object; None where the plan has none.
        others: how many parts of others keep an object that is left.
    """

    action: str
    kind: str
    key: Key
    number: int = 0
    fields: tuple[tuple[str, str, str], ...] = ()
    planned: PlannedObject | None = None
    others: int = 0

    @property
    def line(self) -> str:
        """The change in words."""
        what = f"{self.action} {self.kind} {' '.join(self.key)}"
        if self.action == LEAVE:
            return f"{what}: {self._reason_to_leave}"
        changes = []
        for name, before, after in self.fields:
            changes.append(f"{name} {before or 'nothing'} -> {after or 'nothing'}")
        return f"{what}: {', '.join(changes)}" if changes else what

    @property
    def _reason_to_leave(self) -> str:
        """Why an object stays that the plan no longer has."""
        if self.others:
            parts = counted(self.others, "part of others is", "parts of others are")
            return f"{parts} in it"
        return "it is still seen" if self.kind == "cables" else "what is left belongs to it"

    def to_data(self) -> dict[str, Any]:
        """Return the members of the JSON document."""
        fields = [{"field": name, "before": old, "after": new} for name, old, new in self.fields]
        return {
            "action": self.action,
            "kind": self.kind,
            "name": " ".join(self.key),
            "id": self.number,
            "fields": fields,
            "others": self.others,
        }


@frozen_dataclass
class PushDifference:
    """Everything that is to be done.

    Attributes:
        changes: by kind and key.
        same: kind to the number of objects that are as planned.
        held: how many objects of the factory NetBox holds.
        is_marked: whether the custom field exists already.
    """

    changes: tuple[NetBoxChange, ...]
    same: Mapping[str, int]
    held: int
    is_marked: bool

    def of(self, action: str, kind: str = "") -> list[NetBoxChange]:
        """Return the changes of one sort, of one kind or all."""
        chosen = []
        for change in self.changes:
            if change.action == action and kind in {"", change.kind}:
                chosen.append(change)
        return chosen

    @property
    def writes(self) -> int:
        """How many objects are created, changed or deleted."""
        return len(self.changes) - len(self.of(LEAVE))

    def counts(self) -> dict[str, dict[str, int]]:
        """Return kind to the number of objects of each sort."""
        counted = Counter((change.kind, change.action) for change in self.changes)
        counts = {}
        for kind in KINDS:
            numbers = {action: counted[kind, action] for action in ACTIONS}
            counts[kind] = {**numbers, "same": self.same.get(kind, 0)}
        return counts


def compare(planned: Planned, held: Held, seen: Collection[Ends] = ()) -> PushDifference:
    """Return what makes NetBox hold the plan.

    Args:
        planned: what the plan wants.
        held: what NetBox holds.
        seen: cables at ports without a planned cable that were seen. They are marked to be taken out, and
            deleted by a later comparison, in which they are seen no more.
    """
    changes: list[NetBoxChange] = []
    same: Counter[str] = Counter()
    others = parts_of_others(held)
    for kind in KINDS:
        for key, wanted in planned[kind].items():
            if held.number(kind, key) is None:
                changes.append(NetBoxChange(CREATE, kind, key, planned=wanted))
                continue
            change = _changed(wanted, held, others)
            if change is None:
                same[kind] += 1
            else:
                changes.append(change)
    changes += _stale(planned, held, seen, others)
    count = sum(1 for _ in held.objects())
    return PushDifference(tuple(changes), same, count, held.is_marked)


def _changed(wanted: PlannedObject, held: Held, others: Mapping[Owner, int]) -> NetBoxChange | None:
    """Return the change of an object that exists; None where it is as planned."""
    current = held.own.get(wanted.kind, {}).get(wanted.key)
    if current is None:
        # What is shared is used as it is.
        return None
    wanted = replace(wanted, kept=_kept_fields(wanted, current, others))
    fields = []
    for name, value in wanted.kept.items():
        before = current.values[name]
        if before != _resolved(value, held):
            fields.append((name, _in_words(value, before, held), _planned_word(value)))
    if not fields:
        return None
    return NetBoxChange(CHANGE, wanted.kind, wanted.key, current.number, tuple(fields), wanted)


def _kept_fields(
    wanted: PlannedObject, current: NetBoxObject, others: Mapping[Owner, int]
) -> Mapping[str, Value]:
    """Return the fields that are put back, with those of a port that has changed its purpose.

    A port to the outside is its user's from the day on which it is described otherwise, or has a cable or an
    address of others. One that is bare was a port within the fabric, and is shut; one with our description
    that leads into the fabric was a port to the outside, and is opened.
    """
    if wanted.kind != "interfaces":
        return wanted.kept
    described = current.values["description"]
    if wanted.is_outside and not described and not others.get((current.kind, current.number)):
        return {name: wanted.initial[name] for name in ("type", "enabled", "description")}
    if not wanted.is_outside and described == OUTSIDE_PORT:
        return {**wanted.kept, "enabled": True, "description": ""}
    return wanted.kept


def _resolved(value: Value, held: Held) -> HeldValue:
    """Return a planned value as NetBox holds it; 0 for an object that does not exist yet."""
    if isinstance(value, Reference):
        return held.number(value.kind, value.key) or 0
    return value


def _planned_word(value: Value) -> str:
    return "" if value is None else str(value)


def _in_words(value: Value, before: HeldValue, held: Held) -> str:
    """Return what is there now in words, with the name of an object."""
    if before is None:
        return ""
    if not isinstance(value, Reference) or not isinstance(before, int):
        return str(before)
    if value.kind not in held.shared:
        return " ".join(held.key_of(value.kind, before))
    for key, number in held.shared[value.kind].items():
        if number == before:
            return " ".join(key)
    return f"#{before}"


def _stale(
    planned: Planned, held: Held, seen: Collection[Ends], others: Mapping[Owner, int]
) -> Iterator[NetBoxChange]:
    """Yield what the plan no longer has, parts first; what others use stays, and so does what it is in."""
    kept: set[Owner] = set()
    for kind in reversed(OWNED):
        for current in _superfluous(kind, planned, held):
            place = (kind, current.number)
            count = others.get(place, 0)
            action = LEAVE if count or place in kept else DELETE
            if kind == "cables" and _is_seen(current, seen):
                action = LEAVE
            if action == LEAVE:
                kept.update(current.owners)
            if kind == "cables" and action == LEAVE and current.values["status"] != _DECOMMISSIONING:
                yield _decommissioned(current)
            else:
                yield NetBoxChange(action, kind, current.key, current.number, others=count)


def _is_seen(cable: NetBoxObject, seen: Collection[Ends]) -> bool:
    """Return whether a cable that the plan does not have was seen."""
    if len(cable.key) != _CABLE_KEY_PARTS:
        return False
    return ends_of((cable.key[:3], cable.key[3:])) in seen


def _decommissioned(cable: NetBoxObject) -> NetBoxChange:
    """Return the change that marks a cable as one that is to be taken out."""
    fields = (("status", str(cable.values["status"]), _DECOMMISSIONING),)
    wanted = PlannedObject("cables", cable.key, {"status": _DECOMMISSIONING})
    return NetBoxChange(CHANGE, "cables", cable.key, cable.number, fields, wanted)


def _superfluous(kind: str, planned: Planned, held: Held) -> Iterator[NetBoxObject]:
    """Yield the factory's objects of a kind that the plan does not have, or not twice."""
    for key, current in held.own[kind].items():
        if key not in planned[kind]:
            yield current
    for current in held.surplus:
        if current.kind == kind:
            yield current
