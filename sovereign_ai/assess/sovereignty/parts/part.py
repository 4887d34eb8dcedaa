"""One part, and its state so many days after its holder was switched off.

>>> line = Part(id="carrier:a", layer="network", what="line", holder="A", law="DE", effect="stops", fields=("sites.uplinks",))
>>> line.state(0), line.stop_day, line.described
('stops', 0, True)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["stops", "ages", "shrinks", "runs", "undecided"]
"""What a cut does: it stops; runs on without patches; runs on and is not replaced; runs on; or nobody can say."""
State = Literal["stops", "ages", "shrinks", "runs", "undecided"]
NOT_DESCRIBED = "not described"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part.

    Attributes:
        id: stable within the factory, `driver:nvidia`.
        layer: `chips`, `machines`, `network`, `storage`, `software`, `keys`, `services`, `energy`, `people` or `law`.
        what: what it is, in words.
        vendor: who supplies it; `not described` where nobody says.
        holder: its ultimate parent, or the vendor where that stands alone.
        law: country of the holder's head office; None where nobody says.
        also: other countries whose cut reaches it: where it is made, or through which it passes.
        origin: where it is made; None where no source says.
        made_by: who makes it for the vendor; empty where that is the vendor, or no source says.
        licence: under what its software is licensed.
        channel: the strongest hold over the running part.
        effect: what a cut does.
        stock: pieces in store; None where nobody says.
        lead_days: from order to delivery.
        grace_days: how long it runs on once cut.
        alternative: a second source, as described; its own law is not known.
        critical: whether training or inference needs it.
        rule: export rule that reaches it; empty for none.
        fields: fields of the description that it follows from.
        source: where its facts come from.
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
        """The day after the cut on which it stops; None where it never does for that reason, or nobody can say.

        An unknown grace is none. Any other part stops when its stated grace ends.
        """
        return (self.grace_days or 0) if self.effect == "stops" else self.grace_days

    def state(self, day: int) -> State:
        """Give its state so many days after the cut."""
        stop = self.stop_day
        if stop is not None and stop <= day:
            return "stops"
        return "runs" if self.effect == "stops" else self.effect

    @property
    def described(self) -> bool:
        """Whether anybody says who holds it."""
        return self.holder != NOT_DESCRIBED

    @property
    def known(self) -> bool:
        """Whether anybody says who holds it and under which law; people may work under several."""
        return self.described and (self.law is not None or self.layer == "people")

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        data: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**data, "also": list(self.also), "fields": list(self.fields), "vendor": self.vendor or self.holder}


def undescribed(name: str, layer: str, what: str, *fields: str) -> Part:
    """Give a part of which nobody says who holds it, under the id `name`."""
    return Part(id=name, layer=layer, what=what, holder=NOT_DESCRIBED, law=None, effect="undecided", fields=fields)
