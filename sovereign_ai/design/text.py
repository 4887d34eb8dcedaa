"""The proposals side by side, in 80 columns: ranges where figures vary, and what is not known below them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator

from sovereign_ai.assess import Measure, plain
from sovereign_ai.design.proposal import Design, Proposal
from sovereign_ai.text import clean, counted
from sovereign_ai.units import BitsPerSecond

WIDTH = 80
_LABEL = 17
_TITLES = {"cost": "least cost", "power": "least power", "headroom": "headroom", "sovereign": "sovereign"}
_TIERS = {"border-leaf": "border leaves", "leaf": "leaves", "spine": "spines"}
_KINDS = {"infiniband": "InfiniBand", "roce": "RoCE"}


def lines(design: Design) -> Iterator[str]:
    """Yield the table, what is not known, and what was assumed."""
    request = design.request
    total = request.machines * request.system.gpus
    head = f"{counted(total, 'GPU')}: {request.machines:,} {request.system.name} in {request.country}"
    yield (
        head if request.manager is None else f"{head}, {request.managers:,} {request.manager.name} to manage"
    )
    yield ""
    width = min((WIDTH - _LABEL) // len(design.proposals) - 2, 24)
    cells = ["", *map(str, range(1, len(design.proposals) + 1))]
    yield _line(cells, width)
    for label, cell in _ROWS:
        if cell is _outside and not request.border_ports:
            continue
        columns = map(cell, design.proposals)
        yield from _row([label, *columns], width)
    yield ""
    for note in notes(design):
        yield from textwrap.wrap(note, WIDTH, subsequent_indent="  ", break_long_words=False)


def notes(design: Design) -> list[str]:
    """Return what is not known, what was assumed, and how far the search went, each as a sentence."""
    stated = list(design.request.assumptions())
    for number, proposal in enumerate(design.proposals, start=1):
        missing = missing_figures(proposal)
        if missing:
            unknown = ", ".join(_counted(missing))
            stated.append(f"{number}: EUR is a lower bound: nobody gives {unknown}")
    unpriced = set()
    for proposal in design.proposals:
        unpriced |= set(missing_figures(proposal))
    if unpriced:
        stated.append(
            "least cost is the design for which most prices are known, then the least known cost: "
            "give prices with --figures to compare more"
        )
    beside = f", beside each of {counted(design.ways, 'way')} to the outside" if design.ways > 1 else ""
    fabrics_text = counted(design.tried, "compute fabric was", "compute fabrics were")
    stated.append(
        f"exact: {fabrics_text} sized; {design.possible:,} are not dominated by "
        f"another on the same leaf{beside}, and bounds left {design.whole:,} of them to be sized whole"
    )
    return stated


def missing_figures(proposal: Proposal) -> dict[str, int]:
    """Return the prices that nobody gives, each with the number of things that it is for."""
    prices = dict(proposal.score.cost.unknown)
    for name in proposal.costs["capex.total"].needs:
        # Machines and storage are alike in all designs, so that the score leaves them out.
        prices.setdefault(name, 0)
    system = f"price.{proposal.factory.pools[0].system}"
    if system in prices:
        prices[system] = proposal.factory.pools[0].nodes
    for pool in proposal.factory.pools[1:]:
        name = f"price.{pool.system}"
        if name in prices:
            prices[name] = pool.nodes
    return prices


def _counted(missing: dict[str, int]) -> list[str]:
    """Return figures with their numbers of things, in order."""
    texts: list[str] = []
    for name, count in sorted(missing.items()):
        # Storage is priced by the terabyte, which is no number of pieces.
        texts.append(f"{name} ({count:,})" if count else name)
    return texts


def _best_for(proposal: Proposal) -> str:
    return ", ".join(_TITLES[name] for name in proposal.objectives)


def _fabric(proposal: Proposal) -> str:
    compute = proposal.data["fabrics"][0]
    planes = compute.get("planes", 1)
    kind = _KINDS[compute["kind"]]
    return f"{kind}, {counted(planes, 'plane')}" if planes > 1 else kind


def _leaf(proposal: Proposal) -> str:
    return str(proposal.data["fabrics"][0]["switch"])


def _spine(proposal: Proposal) -> str:
    compute = proposal.data["fabrics"][0]
    return str(compute.get("spine_switch") or compute["switch"])


def _shape(proposal: Proposal) -> str:
    return f"{proposal.shape}, {proposal.data['fabrics'][0]['oversubscription']}"


def _switches(proposal: Proposal) -> str:
    return f"{proposal.switches[0]:,} ({proposal.switches[1]:,})"


def _outside(proposal: Proposal) -> str:
    """Return the cell of links to the outside."""
    row = proposal.outside
    rate = BitsPerSecond(row["link_bps"])
    return f"{row['links']:,} x {rate}, {row['switches']:,} {_TIERS[row['at']]}"


def _optics(proposal: Proposal) -> str:
    return f"{proposal.optics:,}"


def _bisection(proposal: Proposal) -> str:
    return f"{plain(proposal.bisection / 1e12, 6)} Tbps"


def _left(proposal: Proposal) -> str:
    head = proposal.score.headroom
    cut = f", {head.cut_off:,} cut off" if head.cut_off else ""
    return f"{plain(float(head.share) * 100, 4)} %{cut}"


def _kilowatts(proposal: Proposal) -> str:
    return plain(proposal.score.power / 1000, 4)


def _range(low: float, high: float) -> str:
    """Return a range in words; one number where both ends are alike."""
    first, last = plain(low, 4), plain(high, 4)
    return first if first == last else f"{first} to {last}"


def _euro(name: str, divisor: float) -> Callable[[Proposal], str]:
    """Return the cell of a cost: its range, with a plus where prices are missing."""

    def cell(proposal: Proposal) -> str:
        measure: Measure | None = proposal.costs.get(name)
        if measure is None or measure.value is None:
            return "not known"
        low = measure.value if measure.low is None else measure.low
        high = measure.value if measure.high is None else measure.high
        more = "+" if missing_figures(proposal) else ""
        return _range(low / divisor, high / divisor) + more

    return cell


def _seal(proposal: Proposal) -> str:
    sovereignty = proposal.score.sovereignty
    return f"SEAL-{sovereignty.ceiling} ({sovereignty.score:.1f} %)"


def _vendors(proposal: Proposal) -> str:
    return str(proposal.score.sovereignty.vendors)


_ROWS: tuple[tuple[str, Callable[[Proposal], str]], ...] = (
    ("best for", _best_for),
    ("compute fabric", _fabric),
    ("leaf", _leaf),
    ("spine, core", _spine),
    ("shape", _shape),
    ("switches (comp.)", _switches),
    ("to the outside", _outside),
    ("optics", _optics),
    ("bisection", _bisection),
    ("left without 1 sw", _left),
    ("IT power, kW", _kilowatts),
    ("to build, MEUR", _euro("capex.total.known", 1e6)),
    ("a year, MEUR", _euro("year.total.known", 1e6)),
    ("GPU-hour, EUR", _euro("gpu-hour.known", 1)),
    ("SEAL ceiling", _seal),
    ("vendors that fit", _vendors),
)
"""Label of a row to the function of its cells. The last row counts the catalogue's vendors that have a
model for every switch of the compute fabric."""


def _row(cells: list[str], width: int) -> Iterator[str]:
    """Yield the lines of one row, whose cells may take several."""
    columns = [textwrap.wrap(clean(cell), width) or [""] for cell in cells[1:]]
    wrapped = [textwrap.wrap(cells[0], _LABEL), *columns]
    for number in range(max(map(len, wrapped))):
        # Cells that end earlier leave the rest of their column empty.
        parts = [part[number] if number < len(part) else "" for part in wrapped]
        yield _line(parts, width)


def _line(cells: list[str], width: int) -> str:
    """Return one line of the table."""
    padded = [cells[0].ljust(_LABEL), *(cell.ljust(width) for cell in cells[1:])]
    return "  ".join(padded).rstrip()
