"""Verdicts on acceptance tests: which passed, missed a limit, or were not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from sovereign_ai.assess.acceptance.readers import READERS, read
from sovereign_ai.assess.acceptance.readers.reading import ResultReading, UnreadableError
from sovereign_ai.assess.acceptance.tests import AcceptanceSheet, AcceptanceTest, Level, Limit, file_name
from sovereign_ai.errors import Problem, SovereignError, UsageError, Where, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass

_MOST_PROBLEMS = 50
State = Literal["passed", "missed", "unreadable", "not run"]


@frozen_dataclass
class Miss:
    """A limit that was not met.

    Attributes:
        limit: the limit.
        value: the measured number; None if the output does not have it.
    """

    limit: Limit
    value: float | None

    def __str__(self) -> str:
        """Return the planned figure that was missed, with the number and the limit.

        >>> print(Miss(Limit("bus", 460, "GB/s", True, "the scale-up network", ""), 338.8))
        the scale-up network: bus 338.8 GB/s, wanted at least 460
        """
        unit = "" if self.limit.unit == "1" else f" {self.limit.unit}"
        value = "not reported" if self.value is None else f"{self.value:g}{unit}"
        bound = f"at {'least' if self.limit.least else 'most'} {self.limit.value:g}"
        return f"{self.limit.planned}: {self.limit.metric} {value}, wanted {bound}"

    def to_data(self) -> dict[str, Any]:
        """Return plain data: the measured number is `value`, and the limit's own value `limit`."""
        data: dict[str, Any] = {"value": self.value, "message": str(self)}
        for name, part in self.limit.to_data().items():
            if name != "least":
                # Both have a `value`, and the limit's must not replace what was measured.
                data["limit" if name == "value" else name] = part
        return data


@frozen_dataclass
class AcceptanceOutcome:
    """The outcome of one run.

    Attributes:
        subject: server, rail, unit or site.
        test: the test's name.
        level: the level that it accepts.
        state: `passed`, `missed`, `unreadable` or `not run`.
        misses: the limits that were not met.
        details: the tool's report of what is wrong, or the reason why it could not be read.
    """

    subject: str
    test: str
    level: Level
    state: State
    misses: tuple[Miss, ...] = ()
    details: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        data: dict[str, Any] = {
            "subject": self.subject,
            "test": self.test,
            "level": self.level,
            "state": self.state,
        }
        data["misses"] = [miss.to_data() for miss in self.misses]
        data["details"] = list(self.details)
        return data


@frozen_dataclass
class Acceptance:
    """The verdict on a factory.

    Attributes:
        factory: the factory's name.
        plan_digest: digest of the plan that the results are compared with.
        outcomes: every run of the sheet, in its order.
    """

    factory: str
    plan_digest: str
    outcomes: tuple[AcceptanceOutcome, ...]

    @property
    def accepted(self) -> bool:
        """Whether everything was run and passed; a sheet without a test accepts nothing."""
        return bool(self.outcomes) and all(outcome.state == "passed" for outcome in self.outcomes)

    def counts(self) -> dict[Level, dict[State, int]]:
        """Return the number of runs in each state, by level."""
        counts: dict[Level, Counter[State]] = {}
        for outcome in self.outcomes:
            counts.setdefault(outcome.level, Counter())[outcome.state] += 1
        return {level: dict(states) for level, states in counts.items()}

    def to_data(self) -> dict[str, Any]:
        """Return plain data: every run that did not pass, and counts of all."""
        not_passed = []
        for outcome in self.outcomes:
            if outcome.state != "passed":
                not_passed.append(outcome.to_data())
        return {
            "factory": self.factory,
            "plan_digest": self.plan_digest,
            "accepted": self.accepted,
            "counts": self.counts(),
            "open": not_passed,
        }


def judge(sheet: AcceptanceSheet, files: Mapping[str, str]) -> Acceptance:
    """Compare results with a sheet.

    Args:
        sheet: the tests.
        files: output of a tool by file name without its last ending (`train-001.diagnostics`). A file that
            raises a `SovereignError` when it is read is unreadable, and the others are judged.

    Raises:
        UsageError: files that belong to no test, each with the nearest name.
    """
    _refuse_unknown(sheet, files)
    outcomes: list[AcceptanceOutcome] = []
    for subject, test in sheet.runs():
        if test.tool in READERS:
            outcomes.append(_outcome(subject, test, files))
    # Tests without a tool count the outcomes of others, so they come last.
    derived: list[AcceptanceOutcome] = []
    for subject, test in sheet.runs():
        if test.tool not in READERS:
            derived.append(_counted(subject, test, outcomes))
    return Acceptance(sheet.factory, sheet.plan_digest, (*outcomes, *derived))


def _refuse_unknown(sheet: AcceptanceSheet, files: Mapping[str, str]) -> None:
    """Refuse files that belong to no test.

    Raises:
        UsageError: there are some; the first ones are named.
    """
    known = set()
    for subject, test in sheet.runs():
        if test.tool in READERS:
            known.add(file_name(subject, test.name))
    problems: list[Problem] = []
    for name in sorted(files.keys() - known)[:_MOST_PROBLEMS]:
        message = f"{name!r} belongs to no test of {sheet.factory}"
        problems.append(Problem("unknown-result", message, Where(file=name), nearest(name, known)))
    if problems:
        raise UsageError(problems)


def _outcome(subject: str, test: AcceptanceTest, files: Mapping[str, str]) -> AcceptanceOutcome:
    """Return the outcome of one run."""
    name = file_name(subject, test.name)
    if name not in files:
        return AcceptanceOutcome(subject, test.name, test.level, "not run")
    try:
        reading = read(test.tool, files[name])
    except UnreadableError as error:
        return AcceptanceOutcome(subject, test.name, test.level, "unreadable", details=(str(error),))
    except SovereignError as error:
        details = tuple(f"{problem.where}: {problem.message}" for problem in error.problems)
        return AcceptanceOutcome(subject, test.name, test.level, "unreadable", details=details)
    misses = _misses(test, reading)
    if not misses:
        return AcceptanceOutcome(subject, test.name, test.level, "passed")
    return AcceptanceOutcome(subject, test.name, test.level, "missed", misses, reading.details)


def _misses(test: AcceptanceTest, reading: ResultReading) -> tuple[Miss, ...]:
    """Return the limits that a reading does not meet; a missing number meets none."""
    misses: list[Miss] = []
    for limit in test.limits:
        value = reading.values.get(limit.metric)
        if value is None or not limit.met(value):
            misses.append(Miss(limit, value))
    return tuple(misses)


def _counted(site: str, test: AcceptanceTest, outcomes: list[AcceptanceOutcome]) -> AcceptanceOutcome:
    """Return whether few enough servers of a site broke; not run while the result of one is missing."""
    members = frozenset(test.members)
    nodes = []
    for outcome in outcomes:
        if outcome.level == "node" and outcome.test == test.name:
            nodes.append(outcome)
    burn_ins = []
    for outcome in nodes:
        if outcome.subject in members:
            burn_ins.append(outcome)
    if not burn_ins or any(outcome.state in ("not run", "unreadable") for outcome in burn_ins):
        details = ("machines whose burn-in has no result",)
        return AcceptanceOutcome(site, test.name, test.level, "not run", details=details)
    broken = []
    for outcome in burn_ins:
        if _is_broken(outcome):
            broken.append(outcome.subject)
    misses = _misses(test, ResultReading({"broken": float(len(broken))}))
    if not misses:
        return AcceptanceOutcome(site, test.name, test.level, "passed")
    return AcceptanceOutcome(site, test.name, test.level, "missed", misses, tuple(broken))


def _is_broken(outcome: AcceptanceOutcome) -> bool:
    """Return whether a server's burn-in had a hardware error; one that was too short did not break it."""
    for miss in outcome.misses:
        if miss.limit.metric == "hardware":
            return True
    return False
