"""Constructors of limits: a share of a planned figure, a count, and the rates of a storage tier."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.assess.acceptance.tests import Limit, source_text
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog import Figure
from sovereign_ai.plan import StoragePlan

FILE = "acceptance"
ROLES = ("compute", "storage")
"""Fabrics whose ports are loaded to their rate; management ports never are."""
LARGE = "-b 16G -e 16G -f 2"
"""Options of nccl-tests for one large message, where latency no longer counts."""


def share(name: str) -> Figure:
    """Return a share by its name in the data file."""
    return figure(FILE, name)


def portion(metric: str, share: Figure, collective_limits: float, planned: str) -> Limit:
    """Return the limit that is a share of a planned figure in GB/s."""
    part = float(share.value or 0)
    low = high = None
    if share.low is not None and share.high is not None:
        low, high = share.low * collective_limits, share.high * collective_limits
    return Limit(
        metric,
        part * collective_limits,
        "GB/s",
        least=True,
        planned=planned,
        source=f"share {part:g}: {source_text(share)}",
        low=low,
        high=high,
    )


def count(metric: str, value: float, planned: str, source: str, *, least: bool) -> Limit:
    """Return a limit on a count."""
    return Limit(metric, value, "1", least, planned, source)


def collective_limits(ranks: int, planned: str) -> tuple[Limit, Limit]:
    """Return the two limits of every collective: it runs on all its ranks, and its results are right."""
    right = count("wrong", 0, "results that are right", "nccl-tests checks every value", least=False)
    return count("ranks", ranks, planned, "the plan", least=True), right


def rates(tier: StoragePlan, read: int, write: int, what: str, why: str) -> Iterator[Limit]:
    """Yield the limits of a tier's rates, in GB/s.

    Args:
        tier: the tier.
        read: bytes a second; 0 for no limit.
        write: bytes a second; 0 for no limit.
        what: the rate in words.
        why: the name of the plan's reason for it.
    """
    source = f"the plan: {tier.why.get(why, '')}"
    for metric, rate in (("read", read), ("write", write)):
        if rate:
            value = rate / 1e9
            planned = f"{what} to {metric} {tier.tier}, {value:g} GB/s"
            yield Limit(metric, value, "GB/s", least=True, planned=planned, source=source)
    yield count("errors", 0, f"{tier.tier} without errors", "fio's own count", least=False)


def fio(tier: StoragePlan, more: str = "") -> str:
    """Return fio's command: large sequential blocks past the page cache, first reading and then writing."""
    words = (
        f"fio{more} --directory=MOUNT-OF-{tier.tier} --direct=1 --bs=1M --size=64G --numjobs=16",
        # One group, so that the sixteen jobs report one rate.
        "--group_reporting --time_based --runtime=120",
        # Writing waits for reading to end: together they would share the rate.
        "--name=read --rw=read --stonewall --name=write --rw=write --output-format=json",
    )
    return " ".join(words)
