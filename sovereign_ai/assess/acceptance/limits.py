"""How a limit is made: as a share of a planned figure, as a count, as a rate of a tier."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.assess.acceptance.tests import Limit, said
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.figures import Figure
from sovereign_ai.plan.storage import StoragePlan

FILE = "acceptance"
ROLES = ("compute", "storage")
"""Fabrics whose ports are loaded to their rate; management ports never are."""
LARGE = "-b 16G -e 16G -f 2"
PERF = {"nvidia": "all_reduce_perf", "amd": "all_reduce_perf"}
"""Vendors whose collectives are tested by nccl-tests or rccl-tests, which print the same table."""


def share(name: str) -> Figure:
    """Give a share."""
    return figure(FILE, name)


def portion(metric: str, share: Figure, whole: float, planned: str) -> Limit:
    """Give the limit that is a share of a planned figure in GB/s."""
    part = float(share.value or 0)
    ends = {} if share.low is None or share.high is None else {"low": share.low * whole, "high": share.high * whole}
    return Limit(metric, part * whole, "GB/s", least=True, planned=planned, source=f"share {part:g}: {said(share)}", **ends)


def count(metric: str, value: float, planned: str, source: str, *, least: bool) -> Limit:
    """Give a limit on a count."""
    return Limit(metric, value, "1", least, planned, source)


def whole(ranks: int, planned: str) -> tuple[Limit, Limit]:
    """Give what every collective must be: run on all it is said to test, and right."""
    right = count("wrong", 0, "results that are right", "nccl-tests checks every value", least=False)
    return count("ranks", ranks, planned, "the plan", least=True), right


def rates(tier: StoragePlan, read: int, write: int, what: str, why: str) -> Iterator[Limit]:
    """Give the limits of a tier's rates."""
    for metric, rate in (("read", read), ("write", write)):
        if rate:
            planned = f"{what} to {metric} {tier.tier}, {rate / 1e9:g} GB/s"
            yield Limit(metric, rate / 1e9, "GB/s", least=True, planned=planned, source=f"the plan: {tier.why.get(why, '')}")
    yield count("errors", 0, f"{tier.tier} without errors", "fio's own count", least=False)


def fio(tier: StoragePlan, more: str = "") -> str:
    """Give fio's command: large sequential blocks past the page cache, reading and then writing."""
    base = f"fio{more} --directory=MOUNT-OF-{tier.tier} --direct=1 --bs=1M --size=64G --numjobs=16 --group_reporting"
    return f"{base} --time_based --runtime=120 --name=read --rw=read --stonewall --name=write --rw=write --output-format=json"
