"""Fields of a fabric without effect at its size, and rates that no port has or that use a part of one.

All are allowed: a description may say what a fabric will be once it has grown. Each is a note, since it is
as often a mistake: `cores: 64` of a single switch, or links of 400 Gbps on ports of 800 Gbps that nobody has
split, which takes twice the switches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.catalog import design
from sovereign_ai.catalog.switch import BREAKOUT_PARTS, switch
from sovereign_ai.plan.fabric.layout import pairs_of
from sovereign_ai.plan.fabric.size import MOST_BREAKOUT, FabricSize
from sovereign_ai.spec import Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond

_OF_CORES = ("cores", "core_oversubscription")
_OF_SPINES = ("uplinks", "uplink", "spines", "spine_spares", "spine_switch", "spine_radix", "pod_leaves")
_MEGABIT = 10**6
_SLOW = (100, 1_000, 2_500, 5_000, 10_000, 20_000, 25_000, 40_000, 50_000, 56_000)
_FAST = (100_000, 200_000, 400_000, 800_000, 1_600_000)
_RATES = tuple(_MEGABIT * rate for rate in (*_SLOW, *_FAST))
"""Rates of ports: Ethernet by IEEE 802.3, and InfiniBand of four lanes, from SDR to XDR."""

_OF_PAIRS = ("peer_links",)
_PAIRED = {"leaf": "leaves", "spine": "spines", "border": "border leaves"}


def idle_field_notes(fabric: Fabric, size: FabricSize) -> Iterator[str]:
    """Yield a note where written fields describe switches that a plane does not have."""
    yield from _pair_notes(fabric, size)
    if size.tiers == 3 or (fabric.spines == "none" and size.leaf > 1):
        return
    names: tuple[str, ...] = _OF_CORES if size.tiers == 2 else (*_OF_SPINES, *_OF_CORES)
    if fabric.spines == "none":
        names = _OF_PAIRS
    # A published design is for more machines than a first order of it may have.
    preset = design(fabric.design).fields if fabric.design is not None else {}
    idle = []
    for name in names:
        value = getattr(fabric, name)
        if value is not None and name not in preset:
            idle.append(f"'{name}'")
    if idle:
        has = "one switch" if size.tiers == 1 else "two tiers"
        listed, verb = ", ".join(idle), "has" if len(idle) == 1 else "have"
        yield f"fabric {fabric.name} at {size.site}: {listed} {verb} no effect, since the plane has {has}"


def _pair_notes(fabric: Fabric, size: FabricSize) -> Iterator[str]:
    """Yield a note where links of pairs are written, and no two switches are a pair."""
    if fabric.spines == "none":
        return
    written = {"peer_links": ("leaf", fabric.peer_links)}
    written["spine_peer_links"] = ("spine", fabric.spine_peer_links)
    if fabric.border is not None:
        written["border.peer_links"] = ("border", fabric.border.peer_links)
    pairs: Mapping[str, Sequence[object]] = {}
    if size.layout is not None and size.tiers > 1:
        pairs = pairs_of(size.leaf, size.rails, size.shape, size.layout)
    for name, (tier, links) in written.items():
        if links is None or pairs.get(tier):
            continue
        has = f"no two {_PAIRED[tier]} of one pod"
        if size.tiers == 1:
            has = "one switch"
        yield f"fabric {fabric.name} at {size.site}: '{name}' has no effect, since the plane has {has}"


def unusual_rate_notes(fabric: Fabric) -> Iterator[str]:
    """Yield a note for each rate at which no port of Ethernet or InfiniBand runs."""
    own = set(_RATES)
    for tier in fabric.switch_tiers:
        name = fabric.switch_of(tier)
        if name is not None:
            # A row of the user's may be of a kind of network that nobody here knows.
            model = switch(name)
            rates = [model.rate, *([model.uplink_rate] if model.uplink_rate else [])]
            own.update(rate.count // parts for rate in rates for parts in BREAKOUT_PARTS)
    written = {f"links of {rate}": rate.count // fabric.planes for rate in fabric.host_links}
    if fabric.uplink is not None:
        written[f"an 'uplink' of {fabric.uplink}"] = fabric.uplink.count
    if fabric.border is not None and fabric.border.link is not None:
        written[f"a 'border' of {fabric.border.link}"] = fabric.border.link.count
    for words, rate in written.items():
        if rate not in own:
            parts = (
                f", {BitsPerSecond(rate)} in each of {counted(fabric.planes, 'plane')}"
                if "links" in words
                else ""
            )
            near = " and ".join(str(BitsPerSecond(known)) for known in _nearest_rates(rate))
            subject = f"fabric {fabric.name}: {words}{parts if fabric.planes > 1 else ''}"
            yield f"{subject}: no port that is sold has this rate; the nearest are {near}"


def _nearest_rates(rate: int) -> list[int]:
    """Return the two known rates that are nearest to one that no port has, the lower one first."""
    return sorted(sorted(_RATES, key=lambda known: abs(known - rate))[:2])


def part_rate_notes(fabric: Fabric) -> Iterator[str]:
    """Yield a note where a port of the named switch carries half of its rate or less."""
    # Where hosts have several rates, each rate splits ports of its own.
    if fabric.switch is None or len(fabric.host_links) > 1:
        return
    model = switch(fabric.switch)
    carried = fabric.link.count // fabric.planes * fabric.breakout
    share = model.rate.count // carried
    if share < 2:
        return
    part = f"fabric {fabric.name}: a port of {model.name} gives {model.rate} and carries "
    part += f"{fabric.breakout} x {fabric.link}" if fabric.breakout > 1 else f"one link of {fabric.link}"
    if fabric.planes > 1:
        part += f" over {counted(fabric.planes, 'plane')}"
    split = fabric.breakout * share
    if split > MOST_BREAKOUT:
        yield f"{part}; whether it runs that slowly is not in the catalogue"
        return
    most = max(parts for parts in BREAKOUT_PARTS if parts <= split)
    yield f"{part}; 'breakout: {most}' would use {'it whole' if most == split else 'more of it'}"
