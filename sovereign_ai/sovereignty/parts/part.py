"""One part that a factory depends on, and its state some days after its holder was cut off.

>>> line = Dependency(
...     id="carrier:a", layer="network", what="line", holder="A", law="DE", effect="stops", fields=()
... )
>>> line.state(0), line.stop_day, line.described
('stops', 0, True)
"""

from __future__ import annotations

from typing import Any, Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members

Effect = Literal["stops", "ages", "shrinks", "runs", "undecided"]
"""The effect of a cut on a part.

It stops; runs on without patches; runs on and is not replaced; runs on; or its state cannot be known.
"""
State = Literal["stops", "ages", "shrinks", "runs", "undecided"]
NOT_DESCRIBED = "not described"


@frozen_dataclass(kw_only=True)
class Dependency:
    """One part of a factory.

    Attributes:
        id: stable within the factory, `driver:nvidia`.
        layer: `chips`, `machines`, `network`, `storage`, `software`, `keys`, `services`, `energy`, `people`
            or `law`.
        what: the part in words.
        vendor: its supplier; `not described` where the description has none.
        holder: the vendor's ultimate parent, or the vendor itself without one.
        law: country of the holder's head office; None if not described.
        also: other countries whose cut reaches it: where it is made, or through which it passes.
        origin: country in which it is made; None without a source.
        made_by: maker for the vendor; empty where the vendor makes it, or without a source.
        licence: licence of its software.
        channel: the strongest hold over the running part.
        effect: effect of a cut.
        stock: pieces in store; None if not described.
        lead_days: days from order to delivery.
        grace_days: days that it runs on after a cut.
        alternative: a second source, as described; its own law is not known.
        critical: whether training or inference needs it.
        rule: export rule that reaches it; empty for none.
        fields: fields of the description that it follows from.
        source: source of its facts.
    """

    id: str
    layer: str
    what: str
    holder: str
    law: str | None
    effect: Effect
    fields: tuple[str, ...]
    vendor: str = ""
    also: tuple[str, ...] = ()
    origin: str | None = None
    made_by: str = ""
    licence: str = ""
    channel: str = "none"
    stock: int | None = None
    lead_days: int | None = None
    grace_days: int | None = None
    alternative: str = ""
    critical: bool = True
    rule: str = ""
    source: str = "the description"

    @property
    def stop_day(self) -> int | None:
        """The day after the cut on which it stops.

        None where it never does for that reason, or where that is unknown.

        A part that stops and has no described grace stops at once. Any other part stops when its described
        grace ends.
        """
        return (self.grace_days or 0) if self.effect == "stops" else self.grace_days

    def state(self, day: int) -> State:
        """Return its state some days after the cut."""
        stop = self.stop_day
        if stop is not None and stop <= day:
            return "stops"
        return "runs" if self.effect == "stops" else self.effect

    @property
    def described(self) -> bool:
        """Whether the description names its holder."""
        return self.holder != NOT_DESCRIBED

    @property
    def known(self) -> bool:
        """Whether its holder and its jurisdiction are described.

        People may work under several jurisdictions.
        """
        return self.described and (self.law is not None or self.layer == "people")

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = members(self)
        data["also"] = list(self.also)
        data["fields"] = list(self.fields)
        data["vendor"] = self.vendor or self.holder
        return data


def undescribed(name: str, layer: str, what: str, *fields: str) -> Dependency:
    """Return a part without a described holder, under the id `name`."""
    return Dependency(
        id=name, layer=layer, what=what, holder=NOT_DESCRIBED, law=None, effect="undecided", fields=fields
    )
