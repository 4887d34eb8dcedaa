"""A standing site as files show it: devices, their interfaces and the cables between them.

Every reader of a format fills one `SiteDraft`, and everything after reads the `StandingSite` that it makes.

    >>> draft = SiteDraft()
    >>> draft.add("train-001", Where("nodes.conf", 1), kind="machine", gpus=8)
    >>> draft.add("train-001", Where("nodes.conf", 2), gpus=4)
    >>> print(draft.problems[0].message)
    gpus of 'train-001' is 4 here and 8 before
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from sovereign_ai.adopt.host_lists import HostListError, expanded
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass

End = tuple[str, str]
"""A device and one of its interfaces; the interface is empty where a format names none."""

MACHINE, SWITCH = "machine", "switch"
MOST_DEVICES = 100_000
"""Devices of one site, more than any plan has; a host list of few characters may name billions."""
MOST_NAMES = 400_000
"""Names of all host lists of the files together; a line may repeat the list of another."""
MOST_PROBLEMS = 200
"""After this number of problems the rest of the files is not read."""


_CIRCLE = "a tree has a switch above all others"


class SourceText(NamedTuple):
    """The name of a file, and its text."""

    file: str
    text: str


@frozen_dataclass
class Device:
    """One device; what the files do not state is empty.

    Attributes:
        name: its name.
        model: its model, or what a format has in its place, such as a type of GPU.
        site: its site.
        rack: its rack.
        role: its role in the file's words.
        kind: `machine` or `switch`; empty where the catalogue decides by the model.
        gpus: its GPUs.
        domain: its NVLink domain.
        ports: its ports, cabled or not.
    """

    name: str
    model: str = ""
    site: str = ""
    rack: str = ""
    role: str = ""
    kind: str = ""
    gpus: int = 0
    domain: str = ""
    ports: int = 0


@frozen_dataclass
class StandingSite:
    """What files show.

    Attributes:
        devices: name to device.
        interfaces: interface to its type; formats without types have no entries.
        cables: each cable's two ends.
        left_out: what the files have and a description has no place for.
        outside: interfaces of switches for links to the outside.
    """

    devices: Mapping[str, Device]
    interfaces: Mapping[End, str]
    cables: tuple[tuple[End, End], ...]
    left_out: tuple[str, ...] = ()
    outside: frozenset[End] = frozenset()


@dataclass(slots=True)
class SiteDraft:
    """A standing site while files are read, with every problem of them.

    Attributes:
        devices: name to device.
        interfaces: interface to its type.
        cables: each cable's two ends.
        left_out: what a description has no place for, in words, to how often it was met.
        problems: what is wrong with the files.
        outside: interfaces for links to the outside.
    """

    devices: dict[str, Device] = field(default_factory=dict)
    interfaces: dict[End, str] = field(default_factory=dict)
    cables: list[tuple[End, End]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    outside: set[End] = field(default_factory=set)
    _links: set[tuple[End, End]] = field(default_factory=set)
    _names: int = 0

    def add(self, name: str, where: Where, **facts: str | int) -> None:
        """Note facts of a device; a fact that another line states differently is a problem."""
        device = self.devices.get(name)
        if device is None:
            if len(self.devices) >= MOST_DEVICES:
                message = f"more than {MOST_DEVICES:,} devices"
                self.refuse("too-many-devices", message, where, "read one site or one plane at a time")
                raise SpecError(self.problems)
            device = Device(name)
        news: dict[str, str | int] = {}
        for key, value in facts.items():
            before = getattr(device, key)
            if value and not before:
                news[key] = value
            elif value and value != before:
                message = f"{key} of {name[:60]!r} is {value} here and {before} before"
                self.refuse("two-values", message, where, "keep one of the two")
        self.devices[name] = replace(device, **news) if news else device  # type: ignore[arg-type]

    def connect(self, first: End, second: End) -> None:
        """Note a cable; a link of the same two devices without interfaces counts once."""
        ends = (first, second)
        if not first[1] and not second[1]:
            if ends in self._links:
                return
            self._links.add(ends)
        self.cables.append(ends)

    def hosts(self, text: str, where: Where) -> list[str]:
        """Return the names of a host list; none where it is no list, which is a problem.

        Raises:
            SpecError: the lists of the files have too many names to go on.
        """
        try:
            names = list(expanded(text, MOST_DEVICES))
        except HostListError as error:
            self.refuse("bad-host-list", str(error), where, "such as node[01-12,15]")
            return []
        self._names += len(names)
        if self._names > MOST_NAMES:
            message = f"the host lists have more than {MOST_NAMES:,} names together"
            self.refuse("too-many-names", message, where, "read one cluster at a time")
            raise SpecError(self.problems)
        return names

    def refuse_circle(self, places: Mapping[str, Where]) -> None:
        """Note where a switch is above itself, by links of the draft without interfaces.

        Args:
            places: switch to the place that describes it.
        """
        below: dict[str, list[str]] = {}
        # In the order of the files: which circle is reported must not depend on the order of a set.
        for lower, upper in self.cables:
            below.setdefault(upper[0], []).append(lower[0])
        try:
            TopologicalSorter(below).prepare()
        except CycleError as error:
            # The first name is repeated at the end.
            *circle, _ = error.args[1]
            first = min(circle)
            path = " and ".join(name[:60] for name in sorted(circle)[:8])
            where = places.get(first, Where())
            self.refuse("circle", f"switches are above themselves: {path}", where, _CIRCLE)

    def refuse(self, code: str, message: str, where: Where, hint: str) -> None:
        """Note a problem; where there are too many, raise them all.

        Raises:
            SpecError: all problems, where there are too many to go on.
        """
        self.problems.append(Problem(code, message, where, hint))
        if len(self.problems) >= MOST_PROBLEMS:
            last = "the rest of the files was not read"
            self.problems.append(Problem("too-many-problems", last, where, "fix these first"))
            raise SpecError(self.problems)

    def unknown(self, noun: str, name: str, where: Where, known: Collection[str]) -> None:
        """Note that a name is used which nothing has."""
        message = f"no {noun} is called {name[:60]!r}"
        self.refuse(f"unknown-{noun}", message, where, nearest(name, known))

    def finish(self) -> StandingSite:
        """Return the site.

        Raises:
            SpecError: every problem of the files.
        """
        if self.problems:
            raise SpecError(self.problems)
        left_out: list[str] = []
        for text, count in self.left_out.items():
            left_out.append(f"{count:,} x {text}" if count > 1 else text)
        outside = frozenset(self.outside)
        return StandingSite(self.devices, self.interfaces, tuple(self.cables), tuple(left_out), outside)
