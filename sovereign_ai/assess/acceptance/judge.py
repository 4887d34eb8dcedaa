"""Results against the sheet: what passed, what was missed, what was not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sovereign_ai.assess.acceptance.readers import READERS, read
from sovereign_ai.assess.acceptance.readers.reading import Reading, UnreadableError
from sovereign_ai.assess.acceptance.tests import AcceptanceSheet, AcceptanceTest, Level, Limit, file_name
from sovereign_ai.errors import Problem, UsageError, Where, nearest

State = Literal["passed", "missed", "unreadable", "not run"]


@dataclass(frozen=True, slots=True)
class Miss:
    """A limit that was not met.

    Attributes:
        limit: the limit.
        value: what was measured; None if the output does not tell it.
    """

    limit: Limit
    value: float | None

    def __str__(self) -> str:
        """Say which planned figure was missed.

        >>> print(Miss(Limit("bus", 460, "GB/s", True, "the scale-up network", ""), 338.8))
        the scale-up network: bus 338.8 GB/s, wanted at least 460
        """
        unit = "" if self.limit.unit == "1" else f" {self.limit.unit}"
        value = "not told" if self.value is None else f"{self.value:g}{unit}"
        return (
            f"{self.limit.planned}: {self.limit.metric} {value}, wanted at {'least' if self.limit.least else 'most'} {self.limit.value:g}"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run.

    Attributes:
        subject: machine, rail, unit or site.
        test: the test's name.
        level: what is accepted by it.
        state: `passed`, `missed`, `unreadable` or `not run`.
        misses: the limits that were not met.
        details: what the tool told of what was bad, or why it could not be read.
    """

    subject: str
    test: str
    level: Level
    state: State
    misses: tuple[Miss, ...] = ()
    details: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        misses = [{"value": miss.value, "said": str(miss), **miss.limit.to_data(), "limit": miss.limit.value} for miss in self.misses]
        return {name: getattr(self, name) for name in ("subject", "test", "level", "state")} | {
            "misses": [{key: value for key, value in miss.items() if key != "least"} for miss in misses],
            "details": list(self.details),
        }


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The verdict.

    Attributes:
        factory: the factory's name.
        plan_digest: the plan that was judged against.
        outcomes: every run of the sheet, in its order.
    """

    factory: str
    plan_digest: str
    outcomes: tuple[Outcome, ...]

    @property
    def accepted(self) -> bool:
        """Tell whether everything was run and passed; a sheet without a test accepts nothing."""
        return bool(self.outcomes) and all(one.state == "passed" for one in self.outcomes)

    def counts(self) -> dict[Level, dict[State, int]]:
        """Give for each level how many runs are in each state."""
        found: dict[Level, Counter[State]] = {}
        for one in self.outcomes:
            found.setdefault(one.level, Counter())[one.state] += 1
        return {level: dict(counter) for level, counter in found.items()}

    def to_data(self) -> dict[str, Any]:
        """Give plain data: every run that did not pass, and counts of all."""
        return {
            "factory": self.factory,
            "plan_digest": self.plan_digest,
            "accepted": self.accepted,
            "counts": self.counts(),
            "open": [one.to_data() for one in self.outcomes if one.state != "passed"],
        }


def judge(sheet: AcceptanceSheet, files: Mapping[str, str]) -> Acceptance:
    """Hold results against a sheet.

    Args:
        sheet: what is asked.
        files: file name without its last ending (`train-001.diagnostics`) to what the tool printed.

    Raises:
        UsageError: files that belong to no test, each with the nearest name.
    """
    known = {file_name(subject, test.name) for subject, test in sheet.runs() if test.tool in READERS}
    lost = sorted(files.keys() - known)
    if lost:
        raise UsageError(
            Problem("unknown-result", f"{name!r} belongs to no test of {sheet.factory}", Where(file=name), nearest(name, known))
            for name in lost[:50]
        )
    found = [_outcome(subject, test, files.get(file_name(subject, test.name))) for subject, test in sheet.runs() if test.tool in READERS]
    derived = [_counted(subject, test, found) for subject, test in sheet.runs() if test.tool not in READERS]
    return Acceptance(sheet.factory, sheet.plan_digest, (*found, *derived))


def _outcome(subject: str, test: AcceptanceTest, text: str | None) -> Outcome:
    """Judge one run."""
    if text is None:
        return Outcome(subject, test.name, test.level, "not run")
    try:
        reading = read(test.tool, text)
    except UnreadableError as error:
        return Outcome(subject, test.name, test.level, "unreadable", details=(str(error),))
    misses = _misses(test, reading)
    return Outcome(subject, test.name, test.level, "missed" if misses else "passed", misses, reading.details if misses else ())


def _misses(test: AcceptanceTest, reading: Reading) -> tuple[Miss, ...]:
    """Give the limits that a reading does not meet; a number that is not there meets none."""
    values = ((limit, reading.values.get(limit.metric)) for limit in test.limits)
    return tuple(Miss(limit, value) for limit, value in values if value is None or not limit.met(value))


def _counted(site: str, test: AcceptanceTest, found: list[Outcome]) -> Outcome:
    """Judge how many machines of a site broke in their burn-in; open as long as one of them was not run."""
    members = frozenset(test.members)
    here = [one for one in found if one.level == "node" and one.test == test.name and one.subject in members]
    if any(one.state in ("not run", "unreadable") for one in here) or not here:
        return Outcome(site, test.name, test.level, "not run", details=("machines whose burn-in has no result",))
    broken = [one.subject for one in here if any(miss.limit.metric == "hardware" for miss in one.misses)]
    misses = _misses(test, Reading({"broken": float(len(broken))}))
    return Outcome(site, test.name, test.level, "missed" if misses else "passed", misses, tuple(broken) if misses else ())
