"""Two standing sites compared: what files show, and what a plan would show in the same format.

Only what the files say at all is compared: without a rack anywhere in them, racks are not. Adapters of
machines have names of their own, so that cables are compared without them where no name is shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sovereign_ai.adopt.fabrics import plain
from sovereign_ai.adopt.standing import MACHINE, SWITCH, End, StandingSite
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_FACTS = ("model", "site", "rack", "role", "gpus", "domain")
MOST_SHOWN = 50
"""Differences of one sort that are listed; the others are counted."""


@frozen_dataclass
class Difference:
    """One difference.

    Attributes:
        kind: `device`, `fact`, `interface`, `cable` or `outside`.
        subject: the device, interface, cable or port to the outside.
        seen: what the files have; empty where they have nothing.
        planned: what the plan has; empty where it has nothing.
    """

    kind: str
    subject: str
    seen: str
    planned: str

    def __str__(self) -> str:
        """Return the difference as a line."""
        return f"{self.subject}: {self.seen or 'nothing'} in the files, {self.planned or 'nothing'} planned"


@frozen_dataclass
class Comparison:
    """The differences of two sites.

    Attributes:
        differences: every difference, devices first.
        compared: what was compared, in words.
    """

    differences: tuple[Difference, ...]
    compared: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether the two sites are equal in what the files can say."""
        return not self.differences

    def to_data(self) -> dict[str, Any]:
        """Return the mapping for `--json`."""
        differences = []
        for difference in self.differences:
            differences.append(
                {
                    "kind": difference.kind,
                    "subject": difference.subject,
                    "seen": difference.seen,
                    "planned": difference.planned,
                }
            )
        return {"equal": self.equal, "compared": list(self.compared), "differences": differences}

    def lines(self) -> Iterator[str]:
        """Yield the lines for a person, of each kind of difference the first ones."""
        counts: Counter[str] = Counter()
        for difference in self.differences:
            counts[difference.kind] += 1
            if counts[difference.kind] <= MOST_SHOWN:
                yield str(difference)
        for kind, count in counts.items():
            if count > MOST_SHOWN:
                yield f"and {count - MOST_SHOWN:,} more of kind {kind}"
        what = ", ".join(self.compared)
        if self.equal:
            yield f"equal to the plan in {what}"
        else:
            yield f"{counted(len(self.differences), 'difference')} from the plan; compared: {what}"


def compare(seen: StandingSite, planned: StandingSite) -> Comparison:
    """Compare what files show with what a plan would show in the same format."""
    facts: list[str] = []
    for fact in _FACTS:
        if any(getattr(device, fact) for device in seen.devices.values()):
            facts.append(fact)
    compared = ["devices", *facts]
    differences = [*_device_differences(seen, planned), *_fact_differences(seen, planned, facts)]
    if seen.interfaces:
        compared.append("types of interfaces")
    if seen.cables:
        compared.append("cables")
        differences += _cable_differences(seen, planned)
    differences += _interface_differences(seen, planned)
    if seen.outside:
        compared.append("ports to the outside")
        differences += _outside_differences(seen, planned)
    return Comparison(tuple(differences), tuple(compared))


def _device_differences(seen: StandingSite, planned: StandingSite) -> Iterator[Difference]:
    """Yield devices that one side alone has."""
    for name in sorted(seen.devices.keys() - planned.devices.keys()):
        yield Difference("device", name, seen.devices[name].kind or "a device", "")
    # Files that name no switches, such as Slurm's nodes.conf, say nothing of them.
    kinds = {device.kind for device in seen.devices.values()}
    for name in sorted(planned.devices.keys() - seen.devices.keys()):
        kind = planned.devices[name].kind
        if kind != SWITCH or SWITCH in kinds:
            yield Difference("device", name, "", kind or "a device")


def _fact_differences(seen: StandingSite, planned: StandingSite, facts: list[str]) -> Iterator[Difference]:
    """Yield facts that differ."""
    for name, device in seen.devices.items():
        other = planned.devices.get(name)
        if other is None:
            continue
        for fact in facts:
            mine, theirs = str(getattr(device, fact) or ""), str(getattr(other, fact) or "")
            if plain(mine) != plain(theirs):
                yield Difference("fact", f"{fact} of {name}", mine, theirs)


def _interface_differences(seen: StandingSite, planned: StandingSite) -> Iterator[Difference]:
    """Yield interfaces of both sides whose types differ."""
    for end, kind in seen.interfaces.items():
        other = planned.interfaces.get(end, kind)
        if kind != other:
            yield Difference("interface", " ".join(end), kind, other)


def _outside_differences(seen: StandingSite, planned: StandingSite) -> Iterator[Difference]:
    """Yield ports to the outside that one side alone has.

    One that somebody took into use is described otherwise, so it needs to be no more than a free interface.
    """
    cabled = {end for cable in seen.cables for end in cable}
    for end in sorted(seen.outside - planned.outside):
        yield Difference("outside", " ".join(end), "a port to the outside", "")
    for end in sorted(planned.outside - seen.outside):
        if end not in seen.interfaces or end in cabled:
            yield Difference("outside", " ".join(end), "", "a port to the outside")


def _cable_differences(seen: StandingSite, planned: StandingSite) -> Iterator[Difference]:
    """Yield cables that one side alone has."""
    with_ports = _shares_ports(seen, planned)
    ours, theirs = _cables(seen, with_ports=with_ports), _cables(planned, with_ports=with_ports)
    for ends, count in sorted((ours - theirs).items()):
        yield Difference("cable", _cable_text(ends), _number(count), "")
    for ends, count in sorted((theirs - ours).items()):
        yield Difference("cable", _cable_text(ends), "", _number(count))


def _shares_ports(seen: StandingSite, planned: StandingSite) -> bool:
    """Return whether any port of a machine has the same name on both sides."""
    ports: set[End] = set()
    for cable in planned.cables:
        ports.update(cable)
    machines: list[End] = []
    for cable in seen.cables:
        for end in cable:
            if seen.devices[end[0]].kind == MACHINE and end[0] in planned.devices:
                machines.append(end)
    return not machines or any(end in ports for end in machines)


def _cables(site: StandingSite, *, with_ports: bool) -> Counter[tuple[End, End]]:
    """Return each cable with its number, ends in order; ports of machines only where they are compared."""
    counts: Counter[tuple[End, End]] = Counter()
    for cable in site.cables:
        ends: list[End] = []
        for device, port in cable:
            is_machine = site.devices[device].kind == MACHINE
            ends.append((device, port if with_ports or not is_machine else ""))
        first, second = sorted(ends)
        counts[first, second] += 1
    return counts


def _cable_text(ends: tuple[End, End]) -> str:
    """Return a cable in words."""
    first, second = ends
    return f"{' '.join(first).strip()} to {' '.join(second).strip()}"


def _number(count: int) -> str:
    """Return a number of cables in words."""
    return "a cable" if count == 1 else counted(count, "cable")
