"""Machines, fabrics, storage, power and cooling: what no plan could build, whatever it tried."""

from __future__ import annotations

from collections.abc import Iterator
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.spec.checks.heat import check_coolant, check_reuse
from sovereign_ai.spec.checks.values import MOST_POWER
from sovereign_ai.spec.secrets import shown
from sovereign_ai.units import BitsPerSecond, BytesPerSecond, Percent, Watts

if TYPE_CHECKING:
    from sovereign_ai.spec.fabric import Fabric
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.pool import GpuNodePool
    from sovereign_ai.spec.site import Power, Site


_EARTH = 6_371_008.8
"""Mean radius in metres (IUGG)."""
_DRIVE = {"nvme": 32_000_000_000, "ssd": 2_400_000_000, "hdd": 600_000_000, "tape": 1_000_000_000}
"""Bytes a second that no drive of a medium exceeds: PCIe 6.0 x4, SAS 24G, SATA 6 Gb/s, and LTO-10 compressed."""


def check_sites(factory: AIFactory) -> Iterator[Problem]:
    """Refuse power, cooling and distances that cannot be."""
    for index, site in enumerate(factory.sites):
        yield from _power(site.power, f"sites[{index}].power")
        yield from check_coolant(site, f"sites[{index}].halls")
        yield from check_reuse(site, f"sites[{index}].heat_reuse")
        yield from _distance(factory.sites[0], site, f"sites[{index}].distance")


def great_circle(one: Site, other: Site) -> float | None:
    """Give the metres between two sites over the Earth's surface, by the haversine formula; None without coordinates."""
    places = (one.latitude, one.longitude, other.latitude, other.longitude)
    if any(place is None for place in places):
        return None
    south, west, north, east = (radians(place or 0.0) for place in places)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin((east - west) / 2) ** 2
    return 2 * _EARTH * asin(min(sqrt(half), 1.0))


def _distance(first: Site, site: Site, field: str) -> Iterator[Problem]:
    """Refuse a route that is shorter than the way over the Earth; a hundredth is left for rounded coordinates."""
    least = great_circle(first, site)
    if site.distance is not None and least is not None and site.distance.count / 100 < 0.99 * least - 1_000:
        message = f"a route of {site.distance} is shorter than the {least / 1000:,.0f} km between the coordinates of {first.name!r} and {site.name!r}"
        yield Problem("impossible", message, Where(field=field), f"write at least '{least / 1000:.0f} km', or mend the coordinates")


def check_media(factory: AIFactory) -> Iterator[Problem]:
    """Refuse storage servers that give more than their drives can by their own ports; our own default is held against slow media alone."""
    for index, tier in enumerate(factory.storage):
        most = _DRIVE[tier.media] * tier.server_drives
        for name in ("server_read", "server_write"):
            rate: BytesPerSecond = getattr(tier, name)
            ours = tier.media == "nvme" and name not in tier.model_fields_set
            if rate.count > most and not ours:
                message = f"{rate} from {tier.server_drives} drives, and no {tier.media} drive gives more than {BytesPerSecond(_DRIVE[tier.media])}"
                hint = f"write at most {str(BytesPerSecond(most))!r}, or name other media"
                yield Problem("impossible", message, Where(field=f"storage[{index}].{name}"), hint)


def check_pools(factory: AIFactory) -> Iterator[Problem]:
    """Refuse pools without a hall, and splits that the accelerator does not have."""
    sites = {site.name: site for site in factory.sites}
    for index, pool in enumerate(factory.pools):
        yield from _hall(pool, sites.get(pool.site), f"pools[{index}]")
        yield from _mig(pool, f"pools[{index}]")


def check_fabrics(factory: AIFactory) -> Iterator[Problem]:
    """Refuse fabrics that no switch builds, and pools out of their reach."""
    pools = {pool.name: pool for pool in factory.pools}
    for index, fabric in enumerate(factory.fabrics):
        yield from _fabric(fabric, f"fabrics[{index}]")
        for at, name in enumerate(fabric.pools):
            if fabric.sites and name in pools and pools[name].site not in fabric.sites:
                message = f"pool {name!r} stands at {pools[name].site!r}, where the fabric is not built"
                yield Problem("contradiction", message, Where(field=f"fabrics[{index}].pools[{at}]"), "add the site, or remove the pool")


def _power(power: Power, field: str) -> Iterator[Problem]:
    """Refuse a budget that the feeds cannot carry, and a survival that they cannot give."""
    feeds = [feed.capacity.count for feed in power.feeds.values()]
    whole = power.survive == "none"
    if not whole and len(feeds) < 2:
        yield Problem(
            "impossible",
            "a site with one feed survives the loss of none",
            Where(field=f"{field}.survive"),
            "add a feed, or write 'survive: none'",
        )
        return
    if not whole and power.rack_pdus < 2:
        message = "a rack with one PDU hangs on one feed and does not survive its loss"
        yield Problem("impossible", message, Where(field=f"{field}.rack_pdus"), "write 2 or more, or 'survive: none'")
    if not 0 < power.derating.count <= Percent(10_000).count or any(not 0 < feed <= MOST_POWER.count for feed in feeds):
        return  # told by itself; nothing follows from it
    left = Watts(int(power.derating.of(sum(feeds) - (0 if whole else max(feeds)))))
    if power.it_budget > left:
        after = "" if whole else " after the loss of the largest"
        message = f"{power.it_budget} is more than the {left} that the feeds carry{after}"
        yield Problem("more-than-feeds", message, Where(field=f"{field}.it_budget"), f"write at most {str(left)!r}, or enlarge the feeds")


def _hall(pool: GpuNodePool, site: Site | None, field: str) -> Iterator[Problem]:
    """Hold a pool's hall against its site's."""
    if site is None:
        return
    halls = [hall.name for hall in site.halls]
    if pool.hall is None and len(halls) > 1:
        hint = f"write 'hall' with one of {', '.join(halls[:8])}"
        yield Problem(
            "missing-field", f"site {site.name!r} has {len(halls)} halls, and the pool names none", Where(field=f"{field}.hall"), hint
        )
    if pool.hall is not None and pool.hall not in halls:
        message = f"site {site.name!r} has no hall called {pool.hall!r}"
        yield Problem("unknown-name", message, Where(field=f"{field}.hall"), nearest(pool.hall, halls))


def _mig(pool: GpuNodePool, field: str) -> Iterator[Problem]:
    """Refuse MIG on accelerators that are never split that way, and profiles that are not theirs."""
    from sovereign_ai.catalog.accelerators import accelerator  # noqa: PLC0415 - read when a description is checked, not when it is written
    from sovereign_ai.catalog.mig import profiles  # noqa: PLC0415
    from sovereign_ai.catalog.systems import systems  # noqa: PLC0415

    machine = next((system for system in systems() if system.name == pool.system), None)
    if pool.mig is None or machine is None:
        return
    known = profiles(accelerator(machine.accelerator))
    if not known:
        message = f"MIG splits NVIDIA's GPUs; {pool.system!r} has none"
        yield Problem("impossible", message, Where(field=f"{field}.mig"), "remove 'mig'")
    elif pool.mig not in known:
        message = f"{machine.accelerator} of {pool.system} has no MIG profile {shown(pool.mig)}"
        yield Problem("unknown-profile", message, Where(field=f"{field}.mig"), f"write one of {', '.join(known)}")


def _fabric(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Hold a fabric's wishes against its switch."""
    if fabric.switch is None and fabric.radix is None:
        yield Problem(
            "missing-field",
            "a fabric needs its switch or its radix",
            Where(field=field),
            "write 'switch' with a catalogue name, or 'radix'",
        )
    if fabric.kind == "infiniband" and fabric.isolation in ("vrf", "vni"):
        message = f"InfiniBand keeps zones apart by partitions, and has no {fabric.isolation.upper()}"
        yield Problem("contradiction", message, Where(field=f"{field}.isolation"), "write 'partition', or leave it out")
    if fabric.link.count % fabric.planes:
        yield Problem(
            "impossible",
            f"{fabric.link} cannot be split over {fabric.planes} planes",
            Where(field=f"{field}.planes"),
            "choose planes that divide it",
        )
    yield from _radix(fabric, field)
    yield from _switch(fabric, field)


def _radix(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Refuse a radix that no leaf can be built from."""
    if fabric.radix is None:
        return
    ratio = fabric.oversubscription.fraction
    least = ratio.numerator + ratio.denominator
    if fabric.radix % 2:
        hint = f"write {fabric.radix - 1} or {fabric.radix + 1}"
        yield Problem("impossible-radix", f"a switch of {fabric.radix} ports is not built", Where(field=f"{field}.radix"), hint)
    elif fabric.radix * fabric.breakout < least:
        message = f"{fabric.radix * fabric.breakout} ports cannot be divided {fabric.oversubscription}; that takes at least {least}"
        yield Problem("impossible-radix", message, Where(field=f"{field}.radix"), "choose a larger radix or a smaller ratio")


def _switch(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Hold technology, radix and rate against the switch in the catalogue."""
    from sovereign_ai.catalog.switches import switches  # noqa: PLC0415 - read when a description is checked, not when it is written

    found = next((switch for switch in switches() if switch.name == fabric.switch), None)
    if found is None:
        return
    if (found.kind == "infiniband") != (fabric.kind == "infiniband"):
        right = [switch.name for switch in switches() if (switch.kind == "infiniband") == (fabric.kind == "infiniband")]
        message = f"{found.name} is a switch for {found.kind}, and the fabric is {fabric.kind}"
        yield Problem("wrong-switch", message, Where(field=f"{field}.switch"), f"such as {', '.join(right)}")
    if fabric.radix is not None and fabric.radix != found.ports:
        message = f"{found.name} has {found.ports} ports, not {fabric.radix}"
        yield Problem("impossible-radix", message, Where(field=f"{field}.radix"), "remove 'radix'; the switch gives it")
    ratio = fabric.oversubscription.fraction
    if found.ports * fabric.breakout < ratio.numerator + ratio.denominator:
        message = f"{found.name} has too few ports to divide {fabric.oversubscription}"
        yield Problem("impossible-radix", message, Where(field=f"{field}.oversubscription"), "choose a smaller ratio")
    each = BitsPerSecond(fabric.link.count // fabric.planes)
    if each * fabric.breakout > found.rate:
        split = f"{found.rate} split into {fabric.breakout}" if fabric.breakout > 1 else f"{found.rate}"
        most = BitsPerSecond(found.rate.count // fabric.breakout)
        message = f"a port of {found.name} gives {split}, less than {each}"
        yield Problem(
            "impossible-link", message, Where(field=f"{field}.link"), f"write at most {str(most * fabric.planes)!r}, or another switch"
        )


def check_storage(factory: AIFactory) -> Iterator[Problem]:
    """Ask each tier for its rates, and for a site to stand at."""
    declared = {zone.name for zone in factory.zones}
    zones = {pool.zone for pool in factory.pools}
    for index, tier in enumerate(factory.storage):
        field = f"storage[{index}]"
        if tier.grade is None and (tier.read is None or tier.write is None):
            hint = "write 'grade: good', 'better' or 'best', or both 'read' and 'write'"
            yield Problem("missing-field", "a tier needs its grade, or its read and write rates", Where(field=field), hint)
        if not tier.sites and tier.zone not in zones and tier.zone in declared and zones <= declared:
            message = f"no pool is in zone {tier.zone!r}, so the tier stands nowhere"
            yield Problem("no-site", message, Where(field=field), "write 'sites', or put a pool into the zone")
        if tier.backup is not None and tier.backup.retention < tier.backup.every:
            message = f"a backup kept for {tier.backup.retention} is gone before the next, after {tier.backup.every}"
            yield Problem("contradiction", message, Where(field=f"{field}.backup.retention"), "keep it for longer than the interval")
