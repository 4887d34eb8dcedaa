"""Writes a difference to NetBox: in batches, parts after what they are in, and again from where it ended.

NetBox carries out a batch as a whole or not at all. One that it refuses is halved until the objects are known
that it refuses, so that the others are written. What refers to an object that does not exist waits for the
next run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sovereign_ai.errors import Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.netbox.answers import PATHS, bad_answer, rows_of
from sovereign_ai.operate.netbox.connection import LostAnswerError, NetBoxConnection, RefusedWriteError
from sovereign_ai.operate.netbox.difference import CHANGE, CREATE, DELETE, NetBoxChange, PushDifference
from sovereign_ai.operate.netbox.held import CONTENT_TYPES, MARK, Held
from sovereign_ai.operate.netbox.planned import KINDS, OWNED, SHARED, Key, PlannedObject, Reference, Value
from sovereign_ai.text import counted

_BATCH = 100
_CABLES = 25
"""Cables of a batch: NetBox traces the path of each, and its usual server ends a request after 120 s."""
_MOST_REFUSED = 20
"""Refused objects of a kind after which its rest is left: the reason is the same for all."""
_PORT = CONTENT_TYPES["interfaces"]
_PLACE = frozenset({"rack", "position", "face"})
_UNRACKED = {"rack": None, "position": None, "face": ""}
_UNASSIGNED = {"assigned_object_type": None, "assigned_object_id": None}
_METHODS = {CREATE: "POST", CHANGE: "PATCH", DELETE: "DELETE"}
_DONE = {CREATE: "created", CHANGE: "changed", DELETE: "deleted"}


@dataclass(slots=True)
class PushOutcome:
    """What was written.

    Attributes:
        done: number of objects by kind and action.
        problems: what NetBox refused, and what got no answer.
        waiting: objects that wait for one that was refused, or that came after it.
    """

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    waiting: int = 0

    @property
    def written(self) -> int:
        """How many objects were written."""
        return self.done.total()


class _StoppedPushError(Exception):
    """A write got no answer: only another look can say what NetBox holds."""


@frozen_dataclass
class _Write:
    """One object of a batch: the change, and what is sent of it."""

    change: NetBoxChange
    payload: dict[str, Any]


class Push:
    """One run of writes.

    Args:
        connection: the NetBox.
        held: what it holds; learns the numbers of what is created.
        progress: is told what was written.
    """

    def __init__(
        self, connection: NetBoxConnection, held: Held, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        self._connection = connection
        self._held = held
        self._progress = progress
        self._created: dict[tuple[str, Key], int] = {}
        self._refused: Counter[tuple[str, str]] = Counter()
        self.outcome = PushOutcome()

    def apply(self, difference: PushDifference) -> PushOutcome:
        """Write a difference.

        Raises:
            EnvironmentLacksError: NetBox can no longer be used; what was written stays, and another run goes
                on from there.
        """
        try:
            if not difference.is_marked and difference.writes:
                self._create_mark()
            # NetBox deletes an address with its port, and no rack with a machine in it: both leave first.
            # That also lets two machines change places.
            self._leave(difference.of(CHANGE, "ip-addresses"), {"interface"}, _UNASSIGNED)
            self._leave(difference.of(CHANGE, "devices"), _PLACE, _UNRACKED)
            # Cables have to be gone before another one can have their ports.
            for kind in reversed(OWNED):
                self._delete(difference.of(DELETE, kind))
            for kind in KINDS:
                self._write(difference.of(CREATE, kind))
                self._write(difference.of(CHANGE, kind))
        except _StoppedPushError:
            self.outcome.waiting = difference.writes - self.outcome.written
        return self.outcome

    def _create_mark(self) -> None:
        """Create the custom field that says whose an object is."""
        body = {
            "name": MARK,
            "label": "AI factory",
            "type": "text",
            "object_types": sorted(CONTENT_TYPES.values()),
            "description": "Name of the factory whose description this object comes from (sovereign-ai)",
            "filter_logic": "exact",
        }
        change = NetBoxChange(CREATE, "custom-fields", (MARK,))
        self._send_batch("POST", [_Write(change, body)])

    def _delete(self, changes: Sequence[NetBoxChange]) -> None:
        self._send([_Write(change, {"id": change.number}) for change in changes])

    def _leave(
        self, changes: Iterable[NetBoxChange], place: AbstractSet[str], nowhere: Mapping[str, str | None]
    ) -> None:
        """Take objects that move out of their places."""
        moving = []
        for change in changes:
            if place & {name for name, _, _ in change.fields}:
                moving.append(_Write(change, {"id": change.number, **nowhere}))
        for batch in _batches(moving):
            self._send_batch("PATCH", batch, counts=False)

    def _write(self, changes: Sequence[NetBoxChange]) -> None:
        """Create or change the objects whose references exist."""
        writes = []
        for change in changes:
            payload = self._payload(change)
            if payload is None:
                self.outcome.waiting += 1
            else:
                writes.append(_Write(change, payload))
        self._send(writes)

    def _send(self, writes: Sequence[_Write]) -> None:
        """Send the writes of one kind and one action, in batches."""
        sent = 0
        for batch in _batches(writes):
            action, kind = batch[0].change.action, batch[0].change.kind
            if self._refused[action, kind] >= _MOST_REFUSED:
                self.outcome.waiting += len(writes) - sent
                return
            self._send_batch(_METHODS[action], batch)
            sent += len(batch)
            self._progress(f"NetBox: {_DONE[action]} {sent:,} of {len(writes):,} {kind}")

    def _send_batch(self, method: str, batch: Sequence[_Write], *, counts: bool = True) -> None:
        """Send a batch, and its halves where it is refused.

        Raises:
            _StoppedPushError: it got no answer.
        """
        first = batch[0].change
        if self._refused[first.action, first.kind] >= _MOST_REFUSED:
            self.outcome.waiting += len(batch)
            return
        body = [write.payload for write in batch]
        try:
            answer = self._connection.request(method, f"{PATHS[first.kind]}/", body)
        except RefusedWriteError as error:
            if len(batch) == 1:
                self._refused[first.action, first.kind] += 1
                message = f"NetBox refuses to {first.action} {first.kind} {' '.join(first.key)}: {error}"
                hint = "correct it in NetBox or in the description, and run it again"
                self.outcome.problems.append(Problem("netbox-refused", message, hint=hint))
                return
            middle = len(batch) // 2
            self._send_batch(method, batch[:middle], counts=counts)
            self._send_batch(method, batch[middle:], counts=counts)
            return
        except LostAnswerError as error:
            message = f"NetBox gave no answer to {len(batch)} {first.kind} that were sent: {error}"
            hint = "run it again: it looks at what is there, and goes on"
            self.outcome.problems.append(Problem("netbox-lost", message, hint=hint))
            raise _StoppedPushError from None
        if method == "POST":
            self._learn(batch, answer)
        if counts and first.kind in KINDS:
            self.outcome.done[first.kind, first.action] += len(batch)

    def _learn(self, batch: Sequence[_Write], answer: Any) -> None:
        """Note the numbers of created objects, which NetBox returns in the order of the batch.

        Raises:
            EnvironmentLacksError: the answer is about other objects.
        """
        rows = rows_of(batch[0].change.kind, answer)
        if len(rows) != len(batch):
            raise bad_answer(f"{counted(len(rows), 'object')} for {len(batch)} that were created")
        for write, row in zip(batch, rows, strict=True):
            name = write.payload.get("name")
            if name is not None and row.text("name") != name:
                raise bad_answer("created objects in another order")
            self._created[write.change.kind, write.change.key] = row.number()

    def _number(self, reference: Reference) -> int | None:
        """Return the number of an object that exists by now."""
        created = self._created.get((reference.kind, reference.key))
        return self._held.number(reference.kind, reference.key) if created is None else created

    def _payload(self, change: NetBoxChange) -> dict[str, Any] | None:
        """Return what is sent of a change; None where it refers to an object that does not exist."""
        planned = change.planned
        if planned is None:
            return None
        values: dict[str, Value] = {}
        if change.action == CREATE:
            values |= {**planned.initial, **planned.kept}
        else:
            names = _sent_fields(change)
            values |= {name: value for name, value in planned.kept.items() if name in names}
        payload: dict[str, Any] = {} if change.action == CREATE else {"id": change.number}
        for name, value in values.items():
            sent = self._number(value) if isinstance(value, Reference) else _plain(value)
            if sent is None and isinstance(value, Reference):
                return None
            if name == "interface":
                payload |= {"assigned_object_type": _PORT, "assigned_object_id": sent}
            else:
                payload[name] = sent
        if change.action == CREATE and change.kind not in SHARED:
            payload["custom_fields"] = {MARK: self._held.factory}
            return self._with_ends(payload, planned)
        return payload

    def _with_ends(self, payload: dict[str, Any], planned: PlannedObject) -> dict[str, Any] | None:
        """Return a payload with the two ends of a cable."""
        sides = ("a_terminations", "b_terminations")
        for side, end in zip(sides, planned.ends, strict=False):
            number = self._number(end)
            if number is None:
                return None
            payload[side] = [{"object_type": _PORT, "object_id": number}]
        return payload


def _sent_fields(change: NetBoxChange) -> set[str]:
    """Return the fields of a change that are sent; the place in a rack as a whole, since it was left."""
    names = {name for name, _, _ in change.fields}
    if change.kind == "devices" and names & _PLACE:
        names |= _PLACE
    if "length" in names:
        names.add("length_unit")
    return names


def _plain(value: Value) -> Any:
    """Return a value as JSON has it."""
    return float(value) if isinstance(value, Decimal) else value


def _batches(writes: Sequence[_Write]) -> Iterable[Sequence[_Write]]:
    """Return writes of one kind in batches."""
    most = _CABLES if writes and writes[0].change.kind == "cables" else _BATCH
    return [writes[start : start + most] for start in range(0, len(writes), most)]


def totals(outcome: PushOutcome) -> Mapping[str, int]:
    """Return action to the number of objects."""
    counted: Counter[str] = Counter()
    for (_, action), number in outcome.done.items():
        counted[action] += number
    return counted
