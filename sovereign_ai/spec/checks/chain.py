"""Power chains that contradict themselves or their feeds, before any load is known."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec.power_chain import PowerChain, Ups
from sovereign_ai.spec.site import Power
from sovereign_ai.text import counted
from sovereign_ai.units import Seconds

_FEEDS_OF = {"2N": (2, 2), "distributed-redundant": (3, 8), "block-redundant": (2, 8), "N+1": (1, 8)}
"""Topology to the fewest and the most feeds that it serves."""


def check_chain(power: Power, field: str) -> Iterator[Problem]:
    """Refuse a UPS topology that its feeds cannot have, batteries that end too early, and unknown shelves."""
    if power.cap is not None and power.cap.rack is None and power.cap.site is None:
        hint = "write `rack`, `site` or both, or leave the cap out"
        yield Problem("contradiction", "a cap that caps nothing", Where(field=f"{field}.cap"), hint)
    chain = power.chain
    if chain is None:
        return
    if chain.ups is not None:
        yield from _check_topology(chain.ups, len(power.feeds), f"{field}.chain.ups")
    if chain.mechanical.on_ups > chain.mechanical.power:
        message = (
            f"{chain.mechanical.on_ups} behind the UPS are more than the {chain.mechanical.power} in all"
        )
        hint = f"write at most {str(chain.mechanical.power)!r}"
        yield Problem("contradiction", message, Where(field=f"{field}.chain.mechanical.on_ups"), hint)
    if chain.generators is not None:
        yield from _check_start(power, chain.generators.start, f"{field}.chain.generators.start")
    yield from _check_shelf(chain, f"{field}.chain.busbar.shelf")


def _check_topology(ups: Ups, feeds: int, field: str) -> Iterator[Problem]:
    """Compare a UPS topology with the number of feeds, each of which has a system of its own."""
    fewest, most = _FEEDS_OF[ups.topology]
    if not fewest <= feeds <= most:
        wanted = counted(most, "feed") if fewest == most else f"{fewest} to {counted(most, 'feed')}"
        message = f"{ups.topology} has a system for each of {wanted}, and there are {feeds}"
        hint = f"describe {wanted}, or write another topology"
        yield Problem("contradiction", message, Where(field=f"{field}.topology"), hint)
    points = ups.efficiency
    for name in ("quarter", "half", "three_quarters", "full"):
        # Half of what goes in has not been lost in a UPS for decades; a lower figure is a wrong unit.
        if getattr(points, name).count < 5_000:
            message = f"{getattr(points, name)} is the efficiency of no UPS"
            where = Where(field=f"{field}.efficiency.{name}")
            yield Problem("out-of-range", message, where, "write output over input, such as '96 %'")


def _check_start(power: Power, start: Seconds, field: str) -> Iterator[Problem]:
    """Refuse generators that carry the load only after the shortest battery has ended."""
    battery = min(feed.ups for feed in power.feeds.values())
    if start > battery:
        message = f"generators carry the load after {start}, and the shortest battery lasts {battery}"
        hint = f"write at most {str(battery)!r}, or larger batteries in `feeds`"
        yield Problem("contradiction", message, Where(field=field), hint)


def _check_shelf(chain: PowerChain, field: str) -> Iterator[Problem]:
    """Refuse a power shelf that the catalogue does not have, or that has no rating."""
    from sovereign_ai.catalog import UnknownNameError  # noqa: PLC0415 - only where shelves are described
    from sovereign_ai.catalog.parts import part  # noqa: PLC0415 - as above

    if chain.busbar is None:
        return
    try:
        shelf = part(chain.busbar.shelf)
    except UnknownNameError as error:
        yield Problem("unknown-name", str(error), Where(field=field), error.hint)
        return
    if shelf.kind != "power-shelf" or shelf.rating is None:
        message = f"{shelf.name} is a {shelf.kind} of the catalogue, and no power shelf with a rating"
        yield Problem("unknown-name", message, Where(field=field), "name a row of kind power-shelf")
