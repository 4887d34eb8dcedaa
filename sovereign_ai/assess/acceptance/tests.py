"""Data classes of acceptance: a limit, a test, and the sheet of all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from sovereign_ai.catalog import Figure
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members

Level = Literal["node", "rail", "unit", "site"]
LEVELS: tuple[Level, ...] = ("node", "rail", "unit", "site")


@frozen_dataclass
class Limit:
    """The limit of one number of a test.

    Attributes:
        metric: the measured number, as the reader of the tool names it.
        value: the limit.
        unit: its unit; `1` for a count or a ratio.
        least: whether the number must reach the limit; else it must not exceed it.
        planned: the figure of the plan behind it, in words: it is missed if the limit is missed.
        low: the lower end, where the limit follows from an estimate.
        high: the upper end.
        source: where the limit comes from.
    """

    metric: str
    value: float
    unit: str
    least: bool
    planned: str
    source: str
    low: float | None = None
    high: float | None = None

    def met(self, value: float) -> bool:
        """Return whether a number meets the limit."""
        return value >= self.value if self.least else value <= self.value

    def __str__(self) -> str:
        """Return the limit on one line.

        >>> print(Limit("bus", 460, "GB/s", True, "", ""))
        bus at least 460 GB/s
        """
        unit = "" if self.unit == "1" else f" {self.unit}"
        spread = "" if self.low is None else f" [{self.low:g} to {self.high:g}]"
        return f"{self.metric} at {'least' if self.least else 'most'} {self.value:g}{unit}{spread}"

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return members(self)


@frozen_dataclass
class AcceptanceTest:
    """One test of many subjects of a kind.

    Attributes:
        name: `collectives`; with the subject it names the result's file.
        level: the level that it accepts.
        group: the group of subjects: a pool, a plane, a fabric at a site, a tier at a site.
        tool: the reader of its result: `nccl`, `dcgm`, `fio`, `links`, `kernel` or `count`.
        command: the command; words in capitals are to be replaced by the site's own names.
        subjects: servers, rails, units or sites.
        limits: the limits of its numbers.
        members: servers whose results are counted, where the test counts those.
    """

    name: str
    level: Level
    group: str
    tool: str
    command: str
    subjects: tuple[str, ...]
    limits: tuple[Limit, ...]
    members: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data = members(self)
        data["subjects"] = list(self.subjects)
        data["members"] = list(self.members)
        data["limits"] = [limit.to_data() for limit in self.limits]
        return data


@frozen_dataclass
class AcceptanceSheet:
    """Every test of a factory.

    Attributes:
        factory: its name.
        plan_digest: digest of the plan that the limits follow from.
        tests: tests of servers first, then of rails, units and sites.
        untested: subjects that no test covers, and why, in words.
    """

    factory: str
    plan_digest: str
    tests: tuple[AcceptanceTest, ...]
    untested: tuple[str, ...]

    def runs(self) -> Iterator[tuple[str, AcceptanceTest]]:
        """Yield the subject and the test of every run."""
        for test in self.tests:
            for subject in test.subjects:
                yield subject, test

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "factory": self.factory,
            "plan_digest": self.plan_digest,
            "tests": [test.to_data() for test in self.tests],
            "untested": list(self.untested),
        }


def file_name(subject: str, test: str) -> str:
    """Return the name of a result's file, without its ending."""
    return f"{subject}.{test}"


def source_text(figure: Figure) -> str:
    """Return the source of a figure on one line."""
    note = f"; {figure.note}" if figure.note else ""
    return f"{figure.source} ({figure.grade}, read {figure.read}){note}"
