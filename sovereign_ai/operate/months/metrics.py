"""Months in virtual time as OpenMetrics text, which Prometheus reads into blocks of its own.

    promtool tsdb create-blocks-from openmetrics month.txt data/

The series are those of one run with everything, each sample at its virtual moment; what became of the time of
each job, of all runs together under each condition, stands at the end of the run. The format is that of
OpenMetrics 1.0 (prometheus.io/docs/specs/om/open_metrics_spec).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sovereign_ai.operate.months.comparison import MonthSeries
from sovereign_ai.operate.months.fleet import EPOCH
from sovereign_ai.operate.months.month import DAY, MonthSample

_PREFIX = "sovereign_ai_month"
_PARTS = ("useful", "stalls", "lost", "restarting", "waiting")


class _Point(NamedTuple):
    """One sample of a family: its labels, its value and its virtual second."""

    labels: Mapping[str, str]
    value: float
    seconds: float


def open_metrics(
    cluster: str, samples: Sequence[MonthSample], compared: Sequence[MonthSeries], days: float
) -> str:
    """Return the months of a cluster as OpenMetrics text.

    Args:
        cluster: its name, a label of every series.
        samples: those of one run, in the order of time.
        compared: the conditions side by side.
        days: how long a run is.
    """
    end = days * DAY
    families = (
        ("machines_out", "gauge", "Machines that are broken.", _out(samples)),
        ("faults", "counter", "Faults that happened to the fleet.", _faults(samples)),
        ("decisions", "counter", "Decisions of the repair core.", _decisions(samples)),
        ("interruptions", "counter", "Failures that stopped a job.", _interruptions(samples)),
        (
            "job_seconds",
            "counter",
            "Where the time of a job went, all runs together.",
            _shares(compared, end),
        ),
        ("goodput_ratio", "gauge", "Share of useful time, with its 95 % interval.", _goodput(compared, end)),
    )
    lines: list[str] = []
    for name, kind, text, points in families:
        family = f"{_PREFIX}_{name}"
        lines += [f"# TYPE {family} {kind}", f"# HELP {family} {text}"]
        suffix = "_total" if kind == "counter" else ""
        for point in points:
            labels = _labels({"cluster": cluster, **point.labels})
            moment = EPOCH.timestamp() + point.seconds
            lines.append(f"{family}{suffix}{labels} {point.value:.12g} {moment:.3f}")
    return "\n".join([*lines, "# EOF"]) + "\n"


def _out(samples: Iterable[MonthSample]) -> Iterator[_Point]:
    for sample in samples:
        yield _Point({}, sample.out, sample.seconds)


def _faults(samples: Iterable[MonthSample]) -> Iterator[_Point]:
    for sample in samples:
        yield _Point({}, sample.faults, sample.seconds)


def _decisions(samples: Sequence[MonthSample]) -> Iterator[_Point]:
    """Yield the decisions of each kind, each series whole: the format wants it so."""
    for kind in sorted(samples[-1].decisions) if samples else ():
        for sample in samples:
            yield _Point({"decision": str(kind)}, sample.decisions.get(kind, 0), sample.seconds)


def _interruptions(samples: Sequence[MonthSample]) -> Iterator[_Point]:
    for job in sorted(samples[-1].interruptions) if samples else ():
        for sample in samples:
            yield _Point({"job": job}, sample.interruptions[job], sample.seconds)


def _shares(compared: Iterable[MonthSeries], end: float) -> Iterator[_Point]:
    for series in compared:
        for job, total in sorted(series.totals.items()):
            for part in _PARTS:
                labels = {"job": job, "without": str(series.without or ""), "part": part}
                yield _Point(labels, getattr(total, part), end)


def _goodput(compared: Iterable[MonthSeries], end: float) -> Iterator[_Point]:
    for series in compared:
        for job, share in sorted(series.goodput.items()):
            for bound in ("value", "low", "high"):
                labels = {"job": job, "without": str(series.without or ""), "bound": bound}
                yield _Point(labels, getattr(share, bound), end)


def _labels(labels: Mapping[str, str]) -> str:
    """Return labels as the format writes them: quotes, backslashes and line ends escaped."""
    pairs = []
    for name, value in labels.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        pairs.append(f'{name}="{escaped}"')
    return "{" + ",".join(pairs) + "}"
