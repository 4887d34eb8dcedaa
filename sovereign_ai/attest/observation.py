"""The binding of a live observation in evidence: its cluster, the plan it was compared with, its time.

The bytes of a file alone would let an old observation, or that of another cluster, be signed as this one. A
file that does not name the present plan, a cluster of it with its identity, and a time near the day of the
run is refused before anything is signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sovereign_ai.attest.line_agreement import MOST_DAYS, OBSERVED_AHEAD
from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import OBSERVATION, parse_json
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan

_ONCE_MORE = f"observe it once more: {OBSERVATION.hint}"

Difference = tuple[str, str, str, str]
"""Code, field, message and hint of a problem."""


@frozen_dataclass
class Binding:
    """The members that bind an observation to a cluster, a plan and a time.

    Attributes:
        cluster: the plan's name for the cluster.
        cluster_uid: uid of its namespace `kube-system`, which no other cluster has.
        plan_digest: the plan that the cluster was compared with.
        objects_digest: the objects that it was compared with.
        observed_at: when, in ISO 8601 with an offset.
        ok: whether everything was as planned.
        complete: whether every probe was made.
    """

    cluster: str
    cluster_uid: str
    plan_digest: str
    objects_digest: str
    observed_at: str
    ok: bool
    complete: bool

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}

    @property
    def shows_nothing(self) -> bool:
        """Whether it is a clean verdict of a cluster that did not say which it is."""
        return self.ok and not self.cluster_uid.strip()

    @property
    def line(self) -> str:
        """What was observed, in words."""
        word = "as planned" if self.ok else "NOT as planned"
        rest = "" if self.complete else ", not every probe made"
        cluster = f"cluster {self.cluster} (uid {self.cluster_uid})"
        return f"observed: {cluster} at {self.observed_at}: {word}{rest}"


_TYPES: dict[str, type] = {
    "cluster": str,
    "cluster_uid": str,
    "plan_digest": str,
    "objects_digest": str,
    "observed_at": str,
    "ok": bool,
    "complete": bool,
}


def read_binding(data: Any) -> Binding | None:
    """Read the members that bind an observation; None if one is missing or of another type."""
    if not isinstance(data, dict):
        return None
    for name, kind in _TYPES.items():
        # The exact type: in Python a truth value is a number, too.
        if type(data.get(name)) is not kind:
            return None
    return Binding(**{name: data[name] for name in _TYPES})


def binding_in(raw: bytes) -> Binding | None:
    """Read the members that bind an observation from its file; None if it holds none."""
    try:
        return read_binding(parse_json(raw, "observation", OBSERVATION).data)
    except UsageError:
        return None


def bind(
    raw: bytes, name: str, factory: str, plan: Plan, objects: dict[str, str], day: date, clock: datetime
) -> Binding:
    """Read an observation that is to be signed, and compare it with the plan.

    Args:
        raw: what `verify --json` printed.
        name: the file's name, for problems.
        factory: the factory's name.
        plan: the present plan.
        objects: cluster to the digest of its rendered objects.
        day: the day of the run.
        clock: now, with an offset.

    Raises:
        UsageError: it is about something else, or of another time; every reason at once.
    """
    parsed = parse_json(raw, name, OBSERVATION)
    binding = read_binding(parsed.data)
    if binding is None:
        message = "it does not name its plan and its cluster"
        raise UsageError(Problem("unbound-observation", message, Where(name), _ONCE_MORE))
    observed_factory = str(parsed.data.get("factory", ""))
    differences = list(_differences(binding, observed_factory, factory, plan, objects))
    differences += _time_differences(binding, day, clock)
    problems: list[Problem] = []
    for code, field, message, hint in differences:
        where = parsed.where(field)
        problems.append(Problem(code, message, where, hint))
    if problems:
        raise UsageError(problems)
    return binding


def _differences(
    binding: Binding, observed_factory: str, factory: str, plan: Plan, objects: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield each member that is about something else than the present plan."""
    if observed_factory != factory:
        message = f"it is about factory {observed_factory[:40]!r}, not {factory!r}"
        yield "other-factory", "factory", message, OBSERVATION.hint
    if binding.cluster not in objects:
        message = f"the plan has no cluster {binding.cluster[:40]!r}"
        yield "other-cluster", "cluster", message, f"it has {', '.join(objects)}"
    elif binding.objects_digest != objects[binding.cluster]:
        message = "the cluster was compared with other objects than these"
        yield "other-objects", "objects_digest", message, _ONCE_MORE
    if binding.plan_digest != plan.digest:
        message = "the cluster was compared with another plan than this one"
        yield "other-plan", "plan_digest", message, _ONCE_MORE
    # A control plane that is down cannot identify its cluster; that finding may be signed, a clean verdict
    # may not.
    if binding.shows_nothing:
        message = "the cluster has no identity in it (uid of its namespace kube-system)"
        hint = "observe a cluster that runs, with the right to read its namespaces"
        yield "no-cluster-identity", "cluster_uid", message, hint


def _time_differences(binding: Binding, day: date, clock: datetime) -> Iterator[Difference]:
    """Yield what is wrong with the time."""
    field = "observed_at"
    try:
        at = datetime.fromisoformat(binding.observed_at)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        hint = "write it as 2026-11-24T12:00:00+00:00"
        yield "bad-time", field, "it is no time with an offset", hint
    elif at > clock + OBSERVED_AHEAD:
        message = f"it is of {binding.observed_at}, which is still to come"
        yield "future-observation", field, message, "set both clocks right"
    elif abs(at.date() - day) > MOST_DAYS:
        message = f"it is of {at.date()}, and the run is for {day}"
        hint = _ONCE_MORE
        yield "old-observation", field, message, hint
