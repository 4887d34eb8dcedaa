"""The search: every candidate is sized, and each objective ranks them.

Sizing a factory takes longer than sizing one fabric, so dominated fabrics go before the factory around them
is sized. That loses nothing: between two candidates with the same kind and model of leaf, the rest of the
factory grows with the number and height of switches alone, and both are compared as well.

The best candidate of an objective is the least by that objective and, among equals, by all others in turn.
No candidate dominates it: one that did would be as good by every objective, and so come first.

It is found by bounds: the compute fabric alone, with the factory as it would be without any, scores at
least as well as the whole. Candidates are sized whole in the order of that bound, until the next bound is
no better than the best that was sized.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from heapq import heapify, heappop, heappush
from typing import Any

from sovereign_ai.assess import GivenValue
from sovereign_ai.catalog.switch import switch
from sovereign_ai.design.borders import Border, best_borders
from sovereign_ai.design.candidates import SUBNETS, compute_fabrics, other_fabrics
from sovereign_ai.design.headroom import Headroom, headroom
from sovereign_ai.design.request import DesignRequest
from sovereign_ai.design.score import (
    Amount,
    Parts,
    Prices,
    Score,
    Sovereignty,
    count_parts,
    missing_prices,
    replacing_vendors,
    site_power,
)
from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import draft, plan
from sovereign_ai.plan.fabric import MisfitError, size_alone
from sovereign_ai.sovereignty import SovereigntyVerdict, assess_sovereignty
from sovereign_ai.spec import AIFactory, Fabric, read_data

Progress = Callable[[str], None]
FEW_MACHINES = 2
"""Machines of the small copy on which sovereignty is assessed: it depends on vendors, not on numbers. What is
proposed is assessed again, whole."""


@frozen_dataclass
class Sized:
    """A compute fabric before the factory around it is sized.

    Attributes:
        shape: the name of its shape.
        fabric: the fabric as described.
        cost: euro for its switches, links and their building.
        power: watts of its switches.
        switches: all of them.
        units: their height.
        models: names of their models.
        headroom: what the loss of a switch leaves.
        border: how the in-band fabric beside it meets the outside; None where it does not.
    """

    shape: str
    fabric: Mapping[str, Any]
    cost: Amount
    power: int
    switches: int
    units: int
    models: tuple[str, ...]
    headroom: Headroom
    border: Border | None = None

    @property
    def leaf(self) -> tuple[str, str]:
        """Kind and model of its leaves, on which the factory around it depends."""
        return self.fabric["kind"], self.fabric["switch"]

    @property
    def surroundings(self) -> tuple[str, str, str]:
        """What the factory around it depends on: its leaves, and the links to the outside beside it."""
        return (*self.leaf, str(self.border))

    def at_least_as_good(self, other: Sized) -> bool:
        """Return whether a factory with this fabric is as good as one with the other in every respect."""
        is_cheaper = self.cost.at_most(other.cost) and self.power <= other.power
        is_smaller = self.switches <= other.switches and self.units <= other.units
        return is_cheaper and is_smaller and self.headroom.at_least(other.headroom)


@frozen_dataclass
class Candidate:
    """A design that can be planned, with its score.

    Attributes:
        shape: the name of the compute fabric's shape.
        fabrics: all fabrics as described, compute first.
        score: what it costs, draws, survives and depends on.
    """

    shape: str
    fabrics: list[dict[str, Any]]
    score: Score


@dataclass(slots=True)
class Search:
    """The result of a search: it gives the best candidates of each objective, one after the other.

    Attributes:
        around: the factory around each fabric.
        sized: fabrics that can be built and that no other of the same leaf dominates, with each way to the
            outside.
        ways: ways to the outside that no other dominates; one where no links are wanted.
        tried: fabrics that were tried.
        refused: why others were refused.
        progress: is called with a line about what is done.
        candidates: what was sized whole, by the fabric's position; None where it cannot be built.
    """

    around: Around
    sized: list[Sized]
    ways: int
    tried: int
    refused: list[Problem]
    progress: Progress
    candidates: dict[int, Candidate | None]

    def best(self, objective: str) -> Iterator[Candidate]:
        """Yield candidates from the best on, each sized whole only when it may be the next."""
        # Equals are decided by the other objectives in their order.
        names = sorted(OBJECTIVES, key=lambda name: name != objective)

        def key(score: Score) -> tuple[Any, ...]:
            return tuple(OBJECTIVES[name](score) for name in names)

        waiting: list[tuple[tuple[Any, ...], bool, int]] = []
        for number, sized in enumerate(self.sized):
            # A bound is as good as the score or better, so no candidate is passed over.
            bound = self.around.bound(sized)
            if bound is not None:
                waiting.append((key(bound), False, number))
        heapify(waiting)
        while waiting:
            _, is_whole, number = heappop(waiting)
            candidate = self._candidate(number)
            if candidate is None:
                continue
            if is_whole:
                yield candidate
            else:
                heappush(waiting, (key(candidate.score), True, number))

    def _candidate(self, number: int) -> Candidate | None:
        """Return a fabric's whole factory; None where it cannot be built."""
        if number not in self.candidates:
            self.progress(f"sizing whole factories: {len(self.candidates) + 1} of at most {len(self.sized)}")
            self.candidates[number] = None
            try:
                self.candidates[number] = self.around.candidate(self.sized[number])
            except SpecError as error:
                self.refused += error.problems
        return self.candidates[number]

    def reasons(self) -> list[Problem]:
        """Return distinct problems by code and field: those of the factory itself, then the most frequent."""
        counts: Counter[tuple[str, str]] = Counter()
        first: dict[tuple[str, str], Problem] = {}
        for problem in self.refused:
            key = (problem.code, problem.where.field)
            counts[key] += 1
            first.setdefault(key, problem)
        frequent = [first[key] for key, _ in counts.most_common()]
        return [*dict.fromkeys(self.around.refused), *frequent]


def search(request: DesignRequest, given: Mapping[str, GivenValue], now: date, progress: Progress) -> Search:
    """Size every compute fabric that is tried for a request.

    Args:
        request: what is wanted.
        given: the user's figures; a price replaces the project's own.
        now: the day of the sovereignty assessment.
        progress: is called with a line about what is done.

    Raises:
        SpecError: the site or another part of the user's description is wrong by itself.
    """
    prices = Prices(given, request.country)
    base = read_data(request.base(), "design").factory
    sized, tried, refused = _size_all(request, base, prices, progress)
    ways, unfit = best_borders(request, base, prices)
    sized = [replace(fabric, border=border) for border in ways for fabric in sized]
    if not ways:
        # Nothing else can be the reason, so it comes first.
        refused = [*unfit, *refused]
    around = Around(request, base, prices, now)
    return Search(around, sized, len(ways), tried, refused, progress, {})


def _size_all(
    request: DesignRequest, base: AIFactory, prices: Prices, progress: Progress
) -> tuple[list[Sized], int, list[Problem]]:
    """Return the fabrics that can be built and that none of the same leaf dominates."""
    kept: dict[tuple[str, str], list[Sized]] = {}
    alone: set[tuple[object, ...]] = set()
    refused: list[Problem] = []
    tried = 0
    for shape, fields in compute_fabrics(request):
        # A single switch has no spines, so other spines and links to them change nothing.
        place = (shape, fields["switch"], fields.get("planes"), fields["oversubscription"])
        if place in alone:
            continue
        tried += 1
        progress(f"sizing compute fabrics: {tried} tried")
        try:
            sized = _sized(base, shape, fields, prices)
        except MisfitError as misfit:
            where = Where(field=f"fabrics[0].{misfit.field}")
            refused.append(Problem("impossible-fabric", misfit.message, where, misfit.hint))
            continue
        if sized.switches == fields.get("planes", 1):
            alone.add(place)
        group = kept.setdefault(sized.leaf, [])
        if not any(other.at_least_as_good(sized) for other in group):
            group[:] = [other for other in group if not sized.at_least_as_good(other)]
            group.append(sized)
    left: list[Sized] = []
    for group in kept.values():
        left += group
    return left, tried, refused


def _sized(base: AIFactory, shape: str, fields: Mapping[str, Any], prices: Prices) -> Sized:
    """Return one compute fabric, with as many InfiniBand subnets as its addresses need.

    Raises:
        MisfitError: it cannot be built.
    """
    failed: MisfitError | None = None
    for subnets in SUBNETS if fields["kind"] == "infiniband" else (None,):
        chosen = dict(fields) if subnets is None else {**fields, "subnets": subnets}
        fabric = Fabric(**chosen)
        try:
            size = size_alone(base, fabric, base.sites[0].name)
        except MisfitError as misfit:
            failed = failed or misfit
            if misfit.field != "subnets":
                break
            continue
        parts = count_parts([fabric], [size] * fabric.planes)
        return Sized(
            shape=shape,
            fabric=chosen,
            cost=prices.of(parts, parts.watts),
            power=parts.watts,
            switches=parts.switches.total(),
            units=parts.units,
            models=tuple(sorted(parts.switches)),
            headroom=headroom(size, fabric.planes),
        )
    if failed is None:
        raise AssertionError("a loop over no subnets")
    raise failed


class Around:
    """The factory around a compute fabric.

    Attributes:
        refused: why the factory is impossible whatever its compute fabric is.
    """

    def __init__(self, request: DesignRequest, base: AIFactory, prices: Prices, now: date) -> None:
        """Keep what is the same for all fabrics.

        Args:
            request: what is wanted.
            base: the factory without fabrics.
            prices: the prices.
            now: the day of the sovereignty assessment.
        """
        self._request = request
        self._base = base
        self._prices = prices
        self._now = now
        self.refused: list[Problem] = []
        self._verdicts: dict[tuple[str, ...], tuple[int, float]] = {}
        self._without: dict[tuple[str, str, str], tuple[Amount, int, Parts] | None] = {}

    def bound(self, sized: Sized) -> Score | None:
        """Return a score that the whole factory around a fabric does not beat; None where it has none."""
        rest = self._without_compute_fabric(sized)
        if rest is None:
            return None
        cost, power, parts = rest
        ceiling, best = self._verdict(sized, {*parts.switches, *sized.models})
        sovereignty = Sovereignty(ceiling, best, replacing_vendors(sized.fabric))
        return Score(cost.plus(sized.cost), power + sized.power, sized.headroom, sovereignty)

    def _without_compute_fabric(self, sized: Sized) -> tuple[Amount, int, Parts] | None:
        """Return cost, power and parts of the factory as it would be without the compute fabric."""
        key = sized.surroundings
        if key not in self._without:
            fabrics = self._fabrics(sized)[1:]
            factory = self._base.model_copy(update={"fabrics": fabrics})
            drafted, problems = draft(factory, _by_field)
            # The storage fabric follows the leaf's model, so that some leaves fit and others do not.
            self._without[key] = None
            self.refused += problems
            if not problems:
                parts = count_parts(factory.fabrics, drafted.sizes)
                power = site_power(factory, drafted)
                self._without[key] = (self._prices.of(parts, power), power, parts)
        return self._without[key]

    def _fabrics(self, sized: Sized) -> tuple[Fabric, ...]:
        """Return all fabrics of a factory, compute first."""
        others = other_fabrics(self._request, sized.fabric, sized.border)
        return tuple(Fabric.model_validate(fields) for fields in (sized.fabric, *others))

    def candidate(self, sized: Sized) -> Candidate:
        """Return a whole factory around a compute fabric.

        Raises:
            SpecError: it cannot be built.
        """
        factory = self._base.model_copy(update={"fabrics": self._fabrics(sized)})
        drafted, problems = draft(factory, _by_field)
        if problems:
            raise SpecError(problems)
        parts = count_parts(factory.fabrics, drafted.sizes)
        power = site_power(factory, drafted)
        cost = self._prices.of(parts, power)
        ceiling, best = self._verdict(sized, parts.switches)
        sovereignty = Sovereignty(ceiling, best, replacing_vendors(sized.fabric))
        score = Score(cost, power, sized.headroom, sovereignty)
        described = [dict(sized.fabric), *other_fabrics(self._request, sized.fabric, sized.border)]
        return Candidate(sized.shape, described, score)

    def _verdict(self, sized: Sized, models: Iterable[str]) -> tuple[int, float]:
        """Return the SEAL ceiling and the best score, assessed once for each set of vendors of switches."""
        suppliers = {switch(name).vendor for name in models}
        vendors = (str(sized.fabric["kind"]), *sorted(suppliers))
        if vendors not in self._verdicts:
            few = [
                pool.model_copy(update={"nodes": min(pool.nodes, FEW_MACHINES)}) for pool in self._base.pools
            ]
            # A small copy has no pods that subnets could divide.
            fabrics = tuple(_small(part) for part in self._fabrics(sized))
            copy = self._base.model_copy(update={"pools": tuple(few), "fabrics": fabrics})
            verdict = assess_sovereignty(copy, plan(copy), now=self._now).verdict
            self._verdicts[vendors] = (verdict.ceiling, best_score(verdict))
        return self._verdicts[vendors]


def _small(fabric: Fabric) -> Fabric:
    """Return a fabric for the few machines of a small copy, with a border of the same models."""
    border = fabric.border
    if border is not None:
        few = {"leaves": 2, "ports": 1, "at": "border-leaf"}
        border = None if border.switch is None else border.model_copy(update=few)
    return fabric.model_copy(update={"subnets": None, "border": border})


def _by_field(name: str) -> Where:
    """Return the place of a field in a description that is in no file."""
    return Where(field=name)


def best_score(verdict: SovereigntyVerdict) -> float:
    """Return the score in percent with every open criterion at its best; of several weights the worse."""
    return float(min(verdict.ceilings.values()))


def _cost_key(score: Score) -> tuple[Any, ...]:
    return missing_prices(score.cost), score.cost.known


def _power_key(score: Score) -> tuple[Any, ...]:
    return (score.power,)


def _headroom_key(score: Score) -> tuple[Any, ...]:
    return score.headroom.cut_off, -score.headroom.share


def _sovereign_key(score: Score) -> tuple[Any, ...]:
    return -score.sovereignty.ceiling, -score.sovereignty.score, -score.sovereignty.vendors


OBJECTIVES: Mapping[str, Callable[[Score], tuple[Any, ...]]] = {
    "cost": _cost_key,
    "power": _power_key,
    "headroom": _headroom_key,
    "sovereign": _sovereign_key,
}
"""Name of an objective to the key by which its least is the best. Cost: fewest prices that nobody gives, then
the least known cost. Power: the least upper end. Headroom: fewest machines cut off, then the most
bisection left.
Sovereign: the SEAL ceiling, the best score, then the vendors that could replace every switch."""
