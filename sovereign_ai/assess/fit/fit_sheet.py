"""The sheet of a fit, with its checks; and where in the plan a piece of work would run.

A check is a number that must not be below zero, its margin. So the sheet's own ranges decide: a margin whose
whole range is at least zero fits, one whose whole range is below zero does not, and of one that has both the
figures that move it are not known well enough.

    >>> fit = FitSheet(Sheet())
    >>> have = fit.sheet.estimate("have", 10.0, "B", 8.0, 12.0, "an estimate")
    >>> for size in (7.0, 9.0, 13.0):
    ...     need = fit.sheet.plan(f"need.{size:g}", size, "B", "an example")
    ...     fit.at_most(f"need of {size:g}", need, have)
    >>> [check.verdict.value for check in fit.judged(fit.sheet.measures())]
    ['fits', 'not known', 'does not fit']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sovereign_ai.assess.fit.components import WorkModel
from sovereign_ai.assess.fit.spanning import Span, spanned_domains
from sovereign_ai.assess.measure import Measure, ReportLine, by_name
from sovereign_ai.assess.sheet import Sheet, Work
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerator import Accelerator, needed_accelerator
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, Shape
from sovereign_ai.text import counted


class FitVerdict(StrEnum):
    """The result of a check, and of all of them."""

    FITS = "fits"
    DOES_NOT = "does not fit"
    UNKNOWN = "not known"


@frozen_dataclass
class FitCheck:
    """One check with its arithmetic.

    Attributes:
        label: what is checked.
        verdict: its result.
        text: the arithmetic in words, or what is missing.
        numbers: names of the numbers in the text; the last is the margin.
        missing: figures that would decide it; empty where it is decided.
    """

    label: str
    verdict: FitVerdict
    text: str
    numbers: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def line(self) -> ReportLine:
        """Its line in the report, with the names of its numbers."""
        return f"{self.label}: {self.verdict}; {self.text}", self.numbers


@frozen_dataclass
class _Margin:
    """A check before its numbers are calculated.

    Attributes:
        label: what is checked.
        margin: name of the number that must not be below zero.
        need: name of what is needed.
        have: name of what there is; empty where the need alone decides.
        words: words before both.
    """

    label: str
    margin: str
    need: str
    have: str
    words: tuple[str, str]


@dataclass(slots=True)
class FitSheet:
    """A sheet, and the checks on it.

    Attributes:
        sheet: the numbers.
    """

    sheet: Sheet
    _checks: list[_Margin] = field(default_factory=list)
    _advice: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def described(self, name: str, value: float | None, unit: str, question: str) -> str:
        """Add a field of the file as a leaf, or the question that asks for it where the file has none."""
        if value is None:
            return self.sheet.ask(name, unit, question)
        return self.sheet.plan(name, value, unit, "as described")

    def at_most(self, label: str, need: str, have: str, words: tuple[str, str] = ("needs", "has")) -> None:
        """Add a check that a number is at most another."""
        work = lambda used, there: there - used  # noqa: E731 - the formula, used once
        self._check(label, "has - needs, at least 0", work, need, have, words)

    def equal(self, label: str, need: str, have: str, words: tuple[str, str]) -> None:
        """Add a check that two whole numbers are equal."""
        work = lambda first, second: -abs(first - second)  # noqa: E731 - the formula, used once
        self._check(label, "minus the difference, which must be 0", work, need, have, words)

    def divides(self, label: str, divisor: str, number: str, words: tuple[str, str]) -> None:
        """Add a check that a whole number divides another without remainder."""
        work = lambda by, whole: -(whole % by)  # noqa: E731 - the formula, used once
        self._check(label, "minus the remainder, which must be 0", work, divisor, number, words)

    def custom(
        self, label: str, formula: str, work: Work, need: str, have: str, words: tuple[str, str]
    ) -> None:
        """Add a check with a margin of its own: a function of need and have that must not be below zero."""
        self._check(label, formula, work, need, have, words)

    def advise(self, text: str, numbers: dict[str, str]) -> None:
        """Add what decides nothing and should be known: a text, and words before each number by its name."""
        self._advice.append((text, numbers))

    def advice(self, measures: Sequence[Measure]) -> tuple[ReportLine, ...]:
        """Return every piece of advice with its arithmetic, and the names of its numbers."""
        named = by_name(measures)
        lines: list[ReportLine] = []
        for text, numbers in self._advice:
            parts = [text]
            for name, words in numbers.items():
                parts.append(f"{words} {'?' if named[name].needs else named[name]}")
            lines.append((", ".join(parts), tuple(numbers)))
        return tuple(lines)

    def _check(
        self, label: str, formula: str, work: Work, need: str, have: str, words: tuple[str, str]
    ) -> None:
        """Add a check and its margin."""
        unit = self.sheet.unit(need)
        margin = self.sheet.derive(f"margin.{label.replace(' ', '-')}", unit, formula, work, need, have)
        self._checks.append(_Margin(label, margin, need, have, words))

    def judged(self, measures: Sequence[Measure]) -> tuple[FitCheck, ...]:
        """Return every check with its verdict, in the order in which they were added."""
        named = by_name(measures)
        return tuple(self._judge(check, named) for check in self._checks)

    def _judge(self, check: _Margin, named: dict[str, Measure]) -> FitCheck:
        """Return one check with its verdict."""
        margin = named[check.margin]
        low = margin.value if margin.low is None else margin.low
        high = margin.value if margin.high is None else margin.high
        missing: tuple[str, ...] = ()
        if low is None or high is None:
            # A number without a value and without a missing figure has no solution, such as a division by 0.
            verdict = FitVerdict.UNKNOWN if margin.needs else FitVerdict.DOES_NOT
            missing = margin.needs
        elif low >= 0:
            verdict = FitVerdict.FITS
        elif high < 0:
            verdict = FitVerdict.DOES_NOT
        else:
            verdict = FitVerdict.UNKNOWN
            missing = tuple(leaf for leaf, _, _ in self.sheet.swings(check.margin))
        parts = []
        for word, name in zip(check.words, (check.need, check.have), strict=True):
            # What a number lacks is told once, at the end.
            parts.append(f"{word} {'?' if named[name].needs else named[name]}")
        if missing:
            parts.append(f"decided by {', '.join(missing)}")
        return FitCheck(
            check.label, verdict, ", ".join(parts), (check.need, check.have, check.margin), missing
        )


@frozen_dataclass
class FitPlace:
    """Where in the plan a piece of work would run.

    Attributes:
        plan: the plan.
        shape: the pool.
        tenant: the tenant whose quota it takes; None where the file names none.
        port_rate: bits a second that a server sends over its compute fabric; 0 without any.
    """

    plan: Plan
    shape: Shape
    tenant: str | None
    port_rate: int = 0

    @property
    def chip(self) -> Accelerator:
        """The pool's accelerator."""
        return needed_accelerator(self.shape.system)

    def span(self, tensor: int) -> Span | None:
        """Return how a tensor-parallel group lies over several scale-up domains; None where it does not."""
        system = self.shape.system
        domains = spanned_domains(tensor, system.gpus, max(system.nvlink_domain_nodes, 1))
        if domains < 2 or not self.port_rate:
            return None
        gpus = tensor // domains
        return Span(domains, gpus, gpus // system.gpus * self.port_rate / 8)

    def nodes(self) -> tuple[int, str]:
        """Return the servers of the pool in the cluster that has most of them, and why it is so many."""
        most, name = 0, ""
        for cluster in self.plan.clusters:
            for pool in cluster.pools:
                if pool.pool == self.shape.pool.name and pool.nodes > most:
                    most, name = pool.nodes, cluster.name
        return (
            most,
            f"servers of {self.shape.pool.name} in cluster {name}, without spares; no work spans clusters",
        )

    def quota(self) -> tuple[int, str]:
        """Return the most GPUs that the tenant may hold in one cluster with the pool, and why."""
        most = 0
        for cluster in self.plan.clusters:
            for space in cluster.namespaces:
                if space.tenant == self.tenant and self.shape.pool.name in space.pools:
                    most = max(most, space.gpus.get(self.chip.resource, 0))
        return (
            most,
            f"{self.tenant} in zone {self.shape.pool.zone}, in one cluster; 0 where it is not in the zone",
        )


def add_place(fit: FitSheet, place: FitPlace, gpus: str, nodes: str) -> None:
    """Add the checks of servers and quota.

    Args:
        fit: the sheet.
        place: where the work would run.
        gpus: name of the GPUs that it needs.
        nodes: name of the servers that it needs.
    """
    sheet, (most, why) = fit.sheet, place.nodes()
    fit.at_most("servers of the pool", nodes, sheet.plan("pool.nodes", most, "servers", why))
    if place.shape.pool.mig:
        divided = sheet.plan(
            "pool.whole-gpus", 0, "GPUs", f"each GPU is divided by MIG: {place.shape.pool.mig}"
        )
        fit.at_most("whole GPUs", gpus, divided)
    if place.tenant is None:
        quota = sheet.ask("tenant", "GPUs", "Which tenant's quota does it take?")
    else:
        count, why = place.quota()
        quota = sheet.plan("tenant.quota", count, "GPUs", why)
    fit.at_most("quota of the tenant", gpus, quota)


@frozen_dataclass
class TensorGroups:
    """Groups of GPUs that share each matrix product.

    Attributes:
        label: what the check of them is called.
        size: name of the GPUs of a group.
        gpus: GPUs of a group.
        count: name of the number of groups.
    """

    label: str
    size: str
    gpus: int
    count: str


def add_scale_up(fit: FitSheet, place: FitPlace, groups: TensorGroups) -> None:
    """Add the checks that each tensor-parallel group lies in scale-up domains, such as NVLink's.

    Groups divide the domain evenly or are of whole servers. Larger ones are divided evenly over domains which
    the compute fabric joins. Then what a domain has left over stays idle: of 72 GPUs four groups of 16 leave
    eight.

    Args:
        fit: the sheet.
        place: where the work would run.
        groups: the groups.
    """
    system, sheet = place.shape.system, fit.sheet
    servers = max(system.nvlink_domain_nodes, 1)
    gpus_text = counted(system.gpus, "GPU")
    servers_text = counted(servers, "server")
    why = f"{gpus_text} a server x {servers_text} of one scale-up domain ({system.name})"
    if servers == 1 and place.chip.scale_up is None:
        gpus_text = counted(system.gpus, "GPU")
        why = f"{gpus_text} of a server, over PCIe where nothing faster joins them ({system.name})"
    domain = sheet.plan("scale-up.gpus", system.gpus * servers, "GPUs", why)
    span = place.span(groups.gpus)
    inside = groups.gpus if span is None else span.gpus

    def margin(size: float, whole: float) -> float:
        """Return how far groups miss domains: 0 where they, or equal parts of them, lie in one."""
        if size > whole:
            return whole - size if span is None else 0
        return -(whole % size) if size % system.gpus else 0

    formula = "0 where groups divide the domain, are of whole servers, or are divided evenly over domains"
    words = "in domains of" if span else _domain_words(place, groups.gpus, system.gpus * servers)
    fit.custom(groups.label, formula, margin, groups.size, domain, ("groups of", words))
    most, why = place.nodes()
    if not system.gpus * servers % inside:
        return
    parts = 1 if span is None else span.domains
    held = sheet.plan("scale-up.nodes", most, "servers", why)
    formula = "parts of groups that lie in one domain each, over the parts of a group"
    name = f"room.{groups.label.replace(' ', '-')}"

    def room(size: float, count: float) -> float:
        """Return the groups for which some servers have room."""
        whole = _whole_groups(size // parts, count * system.gpus, system.gpus * servers)
        return whole // parts

    sheet.derive(name, "groups", formula, room, groups.size, held)
    ends = ("groups", "whole ones in the domains of the pool")
    fit.at_most(f"domains for {groups.label}", groups.count, name, ends)


def _domain_words(place: FitPlace, size: int, domain: int) -> str:
    """Return the words before the size of a domain, with what keeps a larger group out of several."""
    if size <= domain:
        return "in domains of"
    if place.port_rate:
        return "not of whole servers in each of several domains of"
    return "no compute fabric joins the domains of"


def _whole_groups(size: float, gpus: float, domain: float) -> float:
    """Return the groups that lie in one domain each, where some GPUs fill one domain after the other."""
    full, rest = divmod(gpus, domain)
    return full * (domain // size) + rest // size


def add_widths(
    fit: FitSheet, model: WorkModel, tensor: str, words: str, *, feed_forward: bool = True
) -> None:
    """Add the checks that a tensor-parallel group divides a layer evenly: its heads and its widths.

    Of fewer key and value heads than GPUs each is held by as many of them; a compressed cache has none.

    Args:
        fit: the sheet.
        model: the model.
        tensor: name of the GPUs of a group.
        words: the end of the labels.
        feed_forward: whether a group divides the feed-forward layers too.
    """
    fit.divides(f"attention heads{words}", tensor, "model.heads", ("shared by", "of"))
    if model.kv_heads is not None and getattr(model, "cache_width", None) is None:
        work = lambda gpus, heads: -(max(gpus, heads) % min(gpus, heads))  # noqa: E731 - the formula
        formula = "minus the remainder of the more by the fewer, which must be 0"
        label = f"key and value heads{words}"
        fit.custom(label, formula, work, tensor, "model.kv_heads", ("shared by", "of"))
    if feed_forward and model.feed_forward is not None:
        if "model.feed_forward" not in fit.sheet:
            fit.sheet.plan("model.feed_forward", model.feed_forward, "1", "as described")
        fit.divides(f"feed-forward width{words}", tensor, "model.feed_forward", ("shared by", "of"))


def add_own_layers(fit: FitSheet, model: WorkModel) -> str:
    """Add the layers that have parameters of their own; return their name."""
    if model.own_layers is None:
        formula = "all layers: none shares the parameters of another"
        return fit.sheet.derive("model.own-layers", "layers", formula, float, "model.layers")
    return fit.sheet.plan("model.own-layers", model.own_layers, "layers", "as described")


def add_memory(fit: FitSheet, place: FitPlace) -> tuple[str, str]:
    """Add the memory of a GPU and what of it no job can use; return both names."""
    chip = place.chip
    size, why = chip.memory_reported, "as the driver reports it on a running node"
    if size is None:
        size, why = chip.memory, "as its vendor states it"
    memory = fit.sheet.plan("memory.gpu", size.count, "B", f"{chip.name}: {why}")
    return memory, fit.sheet.figure("memory.reserved", figure("fit", "memory.reserved"))
