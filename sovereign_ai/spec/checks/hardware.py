"""Servers, fabrics, storage, power and cooling that no plan could build."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.files import shown
from sovereign_ai.spec.checks.chain import check_chain
from sovereign_ai.spec.checks.heat import check_coolant, check_reuse
from sovereign_ai.spec.checks.optics import check_optic
from sovereign_ai.spec.checks.values import MOST_POWER
from sovereign_ai.text import counted
from sovereign_ai.units import LARGEST, BitsPerSecond, BytesPerSecond, Percent, Watts

if TYPE_CHECKING:
    from sovereign_ai.catalog.switch import SwitchModel
    from sovereign_ai.catalog.system import System
    from sovereign_ai.spec.fabric import Border, Fabric
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.pool import GpuNodePool
    from sovereign_ai.spec.site import Power, Site
    from sovereign_ai.spec.storage import StorageTier


# Mean radius in metres (IUGG).
_EARTH = 6_371_008.8
# Bytes a second that no drive of a medium exceeds: PCIe 6.0 x4, SAS 24G, SATA 6 Gb/s, and LTO-10 compressed.
_DRIVE = {"nvme": 32_000_000_000, "ssd": 2_400_000_000, "hdd": 600_000_000, "tape": 1_000_000_000}
_SECRET_PARAMETER = re.compile(
    r"(?:passw(?:or)?d|passphrase|token|credentials?|secret"
    r"|(?:api|access|private|secret|user|admin)[-_.]?(?:key|pass))$",
    re.IGNORECASE,
)
"""Names of parameters that hold a secret; `…-secret-name` and `…SecretRef` name where one is kept."""


def check_sites(factory: AIFactory) -> Iterator[Problem]:
    """Refuse impossible power, cooling and distances."""
    for index, site in enumerate(factory.sites):
        yield from _check_power(site.power, f"sites[{index}].power")
        yield from check_chain(site.power, f"sites[{index}].power")
        yield from check_coolant(site, f"sites[{index}].halls")
        yield from check_reuse(site, f"sites[{index}].heat_reuse")
        yield from _check_lines(site, f"sites[{index}].uplinks")
        yield from _check_distance(factory.sites[0], site, f"sites[{index}].distance")


def _check_lines(site: Site, field: str) -> Iterator[Problem]:
    """Refuse lines from a site to itself."""
    for number, line in enumerate(site.uplinks):
        if line.to == site.name:
            message = f"a line from {site.name!r} to itself"
            hint = "write the other site, or leave `to` out for a line to the outside"
            yield Problem("contradiction", message, Where(field=f"{field}[{number}].to"), hint)


def great_circle_distance(first: Site, second: Site) -> float | None:
    """Return the metres between two sites over the Earth's surface, by the haversine formula.

    Returns:
        The distance, or None where a coordinate is missing.
    """
    degrees = (first.latitude, first.longitude, second.latitude, second.longitude)
    if None in degrees:
        return None
    south, west, north, east = (radians(degree or 0.0) for degree in degrees)
    latitude_term = sin((north - south) / 2) ** 2
    longitude_term = sin((east - west) / 2) ** 2
    haversine = latitude_term + cos(south) * cos(north) * longitude_term
    # Rounding may exceed 1 for antipodes, where asin is not defined.
    return 2 * _EARTH * asin(min(sqrt(haversine), 1.0))


def _check_distance(first: Site, site: Site, field: str) -> Iterator[Problem]:
    """Refuse a route that is shorter than the distance over the Earth."""
    least = great_circle_distance(first, site)
    if site.distance is None or least is None:
        return
    # A hundredth and a kilometre are tolerated, since coordinates are rounded.
    if site.distance.count / 100 < 0.99 * least - 1_000:
        message = (
            f"a route of {site.distance} is shorter than the {least / 1000:,.0f} km "
            f"between the coordinates of {first.name!r} and {site.name!r}"
        )
        hint = f"write at least '{least / 1000:.0f} km', or fix the coordinates"
        yield Problem("impossible", message, Where(field=field), hint)


def check_media(factory: AIFactory) -> Iterator[Problem]:
    """Refuse storage servers with more throughput than their drives have by their own ports."""
    for index, tier in enumerate(factory.storage):
        drive_rate = BytesPerSecond(_DRIVE[tier.media])
        most = BytesPerSecond(drive_rate.count * tier.server_drives)
        for name in ("server_read", "server_write"):
            rate: BytesPerSecond = getattr(tier, name)
            # Our own default assumes NVMe servers, so it is compared with slower media alone.
            is_default = tier.media == "nvme" and name not in tier.model_fields_set
            if rate > most and not is_default:
                message = (
                    f"{rate} from {counted(tier.server_drives, 'drive')}, "
                    f"and no {tier.media} drive gives more than {drive_rate}"
                )
                hint = f"write at most {str(most)!r}, or name other media"
                yield Problem("impossible", message, Where(field=f"storage[{index}].{name}"), hint)


def check_pools(factory: AIFactory) -> Iterator[Problem]:
    """Refuse pools without a hall, MIG profiles that the accelerator lacks, and GPUs of management pools."""
    sites = {site.name: site for site in factory.sites}
    for index, pool in enumerate(factory.pools):
        yield from _check_hall(pool, sites.get(pool.site), f"pools[{index}]")
        yield from _check_mig(pool, f"pools[{index}]")
        yield from _check_management(pool, f"pools[{index}]")


def check_fabrics(factory: AIFactory) -> Iterator[Problem]:
    """Refuse fabrics that no switch can form, and pools that they do not reach or connect."""
    pools = {pool.name: pool for pool in factory.pools}
    for index, fabric in enumerate(factory.fabrics):
        yield from _check_fabric(fabric, f"fabrics[{index}]")
        for at, name in enumerate(fabric.pools):
            pool = pools.get(name)
            if fabric.sites and pool is not None and pool.site not in fabric.sites:
                message = f"pool {name!r} is at {pool.site!r}, where the fabric is not built"
                where = Where(field=f"fabrics[{index}].pools[{at}]")
                yield Problem("contradiction", message, where, "add the site, or remove the pool")
        for at, link in enumerate(fabric.pool_links or ()):
            pool = pools.get(link.pool)
            is_at_site = pool is not None and (not fabric.sites or pool.site in fabric.sites)
            if pool is not None and is_at_site and not fabric.pools and not pool.is_on(fabric):
                message = f"the fabric does not connect pool {link.pool!r}, whose servers do not compute"
                where = Where(field=f"fabrics[{index}].pool_links[{at}].pool")
                yield Problem("contradiction", message, where, "remove the rate")


def _check_power(power: Power, field: str) -> Iterator[Problem]:
    """Refuse a budget that the feeds cannot carry, and a survival that they cannot provide."""
    feeds = [feed.capacity.count for feed in power.feeds.values()]
    accepts_loss = power.survive == "none"
    if not accepts_loss and len(feeds) < 2:
        message = "a site with one feed survives the loss of none"
        hint = "add a feed, or write 'survive: none'"
        yield Problem("impossible", message, Where(field=f"{field}.survive"), hint)
        return
    if not accepts_loss and power.rack_pdus < 2:
        message = "a rack with one PDU depends on one feed and does not survive its loss"
        hint = "write 2 or more, or 'survive: none'"
        yield Problem("impossible", message, Where(field=f"{field}.rack_pdus"), hint)
    if not 0 < power.derating.count <= Percent(10_000).count:
        return  # reported by itself; nothing follows from it
    if min(feeds) <= 0 or max(feeds) > MOST_POWER.count:
        return  # reported by itself as well
    # After the loss of the largest feed the others carry everything.
    surviving = sum(feeds) if accepts_loss else sum(feeds) - max(feeds)
    left = Watts(int(power.derating.of(surviving)))
    if power.it_budget > left:
        after = "" if accepts_loss else " after the loss of the largest"
        message = f"{power.it_budget} is more than the {left} that the feeds carry{after}"
        hint = f"write at most {str(left)!r}, or enlarge the feeds"
        yield Problem("more-than-feeds", message, Where(field=f"{field}.it_budget"), hint)


def _check_hall(pool: GpuNodePool, site: Site | None, field: str) -> Iterator[Problem]:
    """Compare a pool's hall with the halls of its site."""
    if site is None:
        return
    halls = [hall.name for hall in site.halls]
    where = Where(field=f"{field}.hall")
    if pool.hall is None and len(halls) > 1:
        message = f"site {site.name!r} has {counted(len(halls), 'hall')}, and the pool names none"
        hint = f"write 'hall' with one of {', '.join(halls[:8])}"
        yield Problem("missing-field", message, where, hint)
    if pool.hall is not None and pool.hall not in halls:
        message = f"site {site.name!r} has no hall called {pool.hall!r}"
        yield Problem("unknown-name", message, where, nearest(pool.hall, halls))


def _check_mig(pool: GpuNodePool, field: str) -> Iterator[Problem]:
    """Refuse MIG on accelerators without it, and profiles of other accelerators."""
    from sovereign_ai.catalog import profiles  # noqa: PLC0415
    from sovereign_ai.catalog.accelerator import accelerator_of  # noqa: PLC0415 - only checks need it

    machine = _system_of(pool)
    if pool.mig is None or machine is None:
        return
    where = Where(field=f"{field}.mig")
    chip = accelerator_of(machine)
    known = profiles(chip) if chip else ()
    if not known:
        message = f"MIG splits NVIDIA's GPUs; {pool.system!r} has none"
        yield Problem("impossible", message, where, "remove 'mig'")
    elif pool.mig not in known:
        message = f"{machine.accelerator} of {pool.system} has no MIG profile {shown(pool.mig)}"
        yield Problem("unknown-profile", message, where, f"write one of {', '.join(known)}")


def _check_management(pool: GpuNodePool, field: str) -> Iterator[Problem]:
    """Refuse GPUs that would do no work."""
    machine = _system_of(pool)
    if not pool.is_management or machine is None or not machine.gpus:
        return
    gpus_text = counted(machine.gpus, "GPU")
    message = f"machines of a management pool run no work, and each {pool.system} has {gpus_text}"
    hint = "name a machine without GPUs as 'system', or write 'purpose: mixed'"
    yield Problem("contradiction", message, Where(field=f"{field}.purpose"), hint)


def _system_of(pool: GpuNodePool) -> System | None:
    """Return the row of a pool's servers; None where no catalogue knows them, which is reported by itself."""
    from sovereign_ai.catalog.system import systems  # noqa: PLC0415 - only checks need it

    return next((known for known in systems() if known.name == pool.system), None)


def _check_fabric(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Compare the fields of a fabric with its switches and with each other."""
    if fabric.switch is None and fabric.radix is None:
        message = "a fabric needs its switch or its radix"
        hint = "write 'switch' with a catalogue name, or 'radix'"
        yield Problem("missing-field", message, Where(field=field), hint)
    if fabric.kind == "infiniband" and fabric.isolation in ("vrf", "vni"):
        message = f"InfiniBand keeps zones apart by partitions, and has no {fabric.isolation.upper()}"
        hint = "write 'partition', or leave it out"
        yield Problem("contradiction", message, Where(field=f"{field}.isolation"), hint)
    if (problem := _breakout_problem(fabric, field)) is not None:
        # What a switch has by such a number of parts says nothing.
        yield problem
        return
    if fabric.link.count % fabric.planes:
        message = f"{fabric.link} cannot be split over {counted(fabric.planes, 'plane')}"
        yield Problem("impossible", message, Where(field=f"{field}.planes"), "choose planes that divide it")
    yield from _check_radix(fabric, field)
    yield from _check_switch(fabric, field)
    yield from _check_shape(fabric, field)


def _breakout_problem(fabric: Fabric, field: str) -> Problem | None:
    """Return the problem of a port that is split into more or fewer links than a cable has ends."""
    from sovereign_ai.catalog.switch import BREAKOUT_PARTS  # noqa: PLC0415 - only checks need it

    if fabric.breakout in BREAKOUT_PARTS:
        return None
    message = f"no cable splits a port into {fabric.breakout}"
    *parts, most = BREAKOUT_PARTS
    hint = f"write {', '.join(map(str, parts))} or {most}"
    return Problem("impossible", message, Where(field=f"{field}.breakout"), hint)


# Fields that describe spines, which `spines: none` excludes.
_OF_SPINES = (
    *("spine_switch", "spine_radix", "spine_spares", "spine_peer_links", "pod_leaves", "cores", "uplinks"),
)


def _check_shape(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Compare the fields of a fabric's shape with each other and with the models of its switches."""
    if fabric.spines == "none":
        for name in _OF_SPINES:
            if getattr(fabric, name) is not None:
                message = f"'{name}' describes spines, and there are none"
                hint = "remove it, or 'spines: none'"
                yield Problem("contradiction", message, Where(field=f"{field}.{name}"), hint)
    if fabric.spine_switch is not None and fabric.spine_radix is not None:
        message = "'spine_switch' gives the radix of spines, and 'spine_radix' is another"
        yield Problem("contradiction", message, Where(field=f"{field}.spine_radix"), "remove one of the two")
    if fabric.pod_by is not None and fabric.pod_leaves is None:
        message = "a pod by rail needs its number of leaves"
        yield Problem("missing-field", message, Where(field=f"{field}.pod_by"), "write 'pod_leaves'")
    if fabric.subnets is not None and fabric.kind != "infiniband":
        message = f"subnets are InfiniBand's, and the fabric is {fabric.kind}"
        yield Problem("contradiction", message, Where(field=f"{field}.subnets"), "remove 'subnets'")
    yield from _check_uplinks(fabric, field)
    yield from _check_rates(fabric, field)
    if fabric.border is not None:
        yield from _check_border(fabric, fabric.border, f"{field}.border")


# Fields that describe border leaves, which links on other switches do not have.
_OF_BORDER_LEAVES = ("uplinks", "peer_links", "switch", "radix")


def _check_border(fabric: Fabric, border: Border, field: str) -> Iterator[Problem]:
    """Compare the links to the outside with the fabric that has them; `field` is that of the border."""
    if fabric.kind == "infiniband":
        message = "an InfiniBand subnet has no ports to another network: its way out is a gateway or a router"
        hint = "give the machines' Ethernet fabric the border, and remove it here"
        yield Problem("contradiction", message, Where(field=field), hint)
        return
    yield from _check_border_place(fabric, border, field)
    for name in _OF_BORDER_LEAVES:
        if border.at != "border-leaf" and getattr(border, name) is not None:
            message = f"'{name}' describes leaves of the border, and its links are {_PLACES[border.at]}"
            hint = f"remove it, or 'at: {border.at}'"
            yield Problem("contradiction", message, Where(field=f"{field}.{name}"), hint)
    yield from _check_border_leaf(fabric, border, field)
    yield from check_optic(border.optic, f"{field}.optic")


def _check_border_place(fabric: Fabric, border: Border, field: str) -> Iterator[Problem]:
    """Compare where the links to the outside are with the fabric's switches."""
    if fabric.spines == "none" and border.at != "leaf":
        message = f"the fabric has no spines, and its border is {_PLACES[border.at]}"
        hint = "write 'at: leaf', or remove 'spines: none'"
        yield Problem("contradiction", message, Where(field=f"{field}.at"), hint)
    leaf_rails = fabric.leaf_rails or 1
    if border.at == "leaf" and fabric.role == "compute" and leaf_rails < fabric.rails:
        some = counted(leaf_rails, "rail")
        message = f"a leaf carries {some} of {fabric.rails}, which alone would meet the outside at it"
        hint = "leave 'at' out for leaves of their own, or write 'at: spine'; or let a leaf take all rails"
        yield Problem("contradiction", message, Where(field=f"{field}.at"), hint)
    if border.at in ("spine", "core") and border.leaves is not None:
        message = f"every {border.at} has links to the outside, and 'leaves' counts leaves"
        yield Problem("contradiction", message, Where(field=f"{field}.leaves"), "remove it, or change 'at'")


def _check_border_leaf(fabric: Fabric, border: Border, field: str) -> Iterator[Problem]:
    """Compare the model of border leaves and the rate of their links with the fabric."""
    if border.switch is not None and border.radix is not None:
        message = "'switch' gives the ports of a border leaf, and 'radix' is another number of them"
        yield Problem("contradiction", message, Where(field=f"{field}.radix"), "remove one of the two")
    if border.radix is not None and border.radix % 2:
        message = f"a switch of {border.radix} ports is not built"
        hint = f"write {border.radix - 1} or {border.radix + 1}"
        yield Problem("impossible-radix", message, Where(field=f"{field}.radix"), hint)
    if border.link is not None and not border.link.count:
        message = "a link carries more than nothing"
        yield Problem("impossible-link", message, Where(field=f"{field}.link"), "such as '100 Gbps'")
    model = _switches_by_name().get(border.switch or "")
    if model is not None and not _fits_kind(model, fabric):
        message = f"{model.name} is a switch for {model.kind}, and the fabric is {fabric.kind}"
        hint = f"such as {', '.join(_fitting_names(fabric))}"
        yield Problem("wrong-switch", message, Where(field=f"{field}.switch"), hint)


_PLACES = {
    "border-leaf": "on leaves of its own below spines",
    "leaf": "on ordinary leaves",
    "spine": "on spines",
    "core": "on cores",
}
"""Where links to the outside are, in words."""


_MOST_LINKS_A_PORT = 8
"""The finest split of a port: one lane each of an 800 Gbps cage."""


def _check_rates(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Compare the rates of hosts on one leaf with its ports and with each other."""
    described: list[tuple[str, BitsPerSecond]] = []
    seen: set[str] = set()
    for place, other in enumerate(fabric.pool_links or ()):
        where = Where(field=f"{field}.pool_links[{place}].pool")
        if other.pool in seen:
            yield Problem("contradiction", f"pool {other.pool!r} has two rates", where, "remove one of them")
        if fabric.pools and other.pool not in fabric.pools:
            message = f"the fabric does not connect pool {other.pool!r}"
            yield Problem("contradiction", message, where, nearest(other.pool, list(fabric.pools)))
        seen.add(other.pool)
        described.append((f"{field}.pool_links[{place}].link", other.link))
    if fabric.storage_link is not None:
        described.append((f"{field}.storage_link", fabric.storage_link))
        if fabric.role == "compute":
            message = "storage servers join no compute fabric"
            hint = "write 'role: storage', or remove it"
            yield Problem("contradiction", message, Where(field=f"{field}.storage_link"), hint)
    if len(fabric.host_links) == 1:
        return
    model = _switches_by_name().get(fabric.switch or "")
    port = model.rate.count * fabric.planes if model else fabric.link.count * fabric.breakout
    slowest = fabric.host_links[0].count
    for name, rate in [(f"{field}.link", fabric.link), *described]:
        yield from _check_rate(fabric, name, rate, port)
        if slowest and rate.count % slowest:
            message = f"{rate} is no multiple of {fabric.host_links[0]}, and ports are counted in the slowest"
            yield Problem("impossible-link", message, Where(field=name), "give it a fabric of its own")


def _check_rate(fabric: Fabric, name: str, rate: BitsPerSecond, port: int) -> Iterator[Problem]:
    """Compare one rate of several with a whole port of a leaf, `port` bits a second of all planes."""
    where = Where(field=name)
    if not rate.count or rate.count % fabric.planes:
        planes_text = counted(fabric.planes, "plane")
        yield Problem("impossible-link", f"{rate} is none of {planes_text}", where, "write another")
    elif rate.count > port:
        message = f"a port of a leaf gives {BitsPerSecond(port)}, less than {rate}"
        hint = f"write at most '{BitsPerSecond(port)}', or a switch of faster ports"
        yield Problem("impossible-link", message, where, hint)
    elif port % rate.count or port // rate.count > _MOST_LINKS_A_PORT:
        message = f"a port of {BitsPerSecond(port)} is not split into links of {rate}"
        hint = f"write a rate that divides it, at most {_MOST_LINKS_A_PORT} times"
        yield Problem("impossible-link", message, where, hint)


def _check_uplinks(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Compare the rate of links between switches with the ports of these switches."""
    known = _switches_by_name()
    leaf, spine = known.get(fabric.switch or ""), known.get(fabric.spine_switch or "")
    link = BitsPerSecond(fabric.link.count // fabric.planes)
    rate = fabric.uplink or link
    has_own_uplinks = leaf is not None and leaf.uplink_rate is not None and fabric.uplink is not None
    extra = fabric.uplink_ports is not None or has_own_uplinks
    if fabric.uplink_ports is not None and fabric.uplink is None:
        message = "ports for spines alone need their rate"
        hint = "write 'uplink', such as '100 Gbps'"
        yield Problem("missing-field", message, Where(field=f"{field}.uplink_ports"), hint)
    names_spine = fabric.spine_switch is not None or fabric.spine_radix is not None
    if extra and fabric.spines != "none" and not names_spine:
        message = "spines that meet ports of another rate are another model than leaves"
        hint = "write 'spine_switch' with a catalogue name, or 'spine_radix'"
        yield Problem("missing-field", message, Where(field=field), hint)
    if leaf is None:
        cage = BitsPerSecond(min(link.count * fabric.breakout, LARGEST))
    elif extra and leaf.uplink_rate is not None:
        cage = leaf.uplink_rate
    else:
        cage = leaf.rate
    # The ports for spines of a switch outside the catalogue have any rate.
    is_unknown = extra and leaf is None
    if rate.count == 0 or (fabric.uplink is not None and not is_unknown and rate > cage):
        message = f"a port of a leaf gives {cage}, less than {rate}"
        hint = f"write at most '{cage}', or 'uplink_ports' where it has faster ones"
        yield Problem("impossible-link", message, Where(field=f"{field}.uplink"), hint)
    if spine is None:
        return
    if not _fits_kind(spine, fabric):
        message = f"{spine.name} is a switch for {spine.kind}, and the fabric is {fabric.kind}"
        hint = f"such as {', '.join(sorted(_fitting_names(fabric)))}"
        yield Problem("wrong-switch", message, Where(field=f"{field}.spine_switch"), hint)
    elif rate > spine.rate:
        message = f"a port of {spine.name} gives {spine.rate}, less than {rate}"
        hint = f"write at most '{spine.rate}', or another switch"
        yield Problem("impossible-link", message, Where(field=f"{field}.uplink"), hint)


def _fits_kind(switch: SwitchModel, fabric: Fabric) -> bool:
    """Return whether a switch is of a fabric's technology: InfiniBand, or any kind of Ethernet."""
    return (switch.kind == "infiniband") == (fabric.kind == "infiniband")


def _switches_by_name() -> dict[str, SwitchModel]:
    """Return the switches of the catalogue by name, in its order."""
    from sovereign_ai.catalog.switch import switches  # noqa: PLC0415 - only checks need it

    return {switch.name: switch for switch in switches()}


def _fitting_names(fabric: Fabric) -> list[str]:
    """Return the names of the switches of a fabric's technology, in the order of the catalogue."""
    return [switch.name for switch in _switches_by_name().values() if _fits_kind(switch, fabric)]


def _check_radix(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Refuse a radix that no leaf has."""
    if fabric.radix is None:
        return
    where = Where(field=f"{field}.radix")
    ratio = fabric.oversubscription.fraction
    least = ratio.numerator + ratio.denominator
    ports = fabric.radix * fabric.breakout
    if fabric.radix % 2:
        message = f"a switch of {fabric.radix} ports is not built"
        yield Problem("impossible-radix", message, where, f"write {fabric.radix - 1} or {fabric.radix + 1}")
    elif ports < least:
        ports_text = counted(ports, "port")
        message = f"{ports_text} cannot be divided {fabric.oversubscription}; that takes at least {least}"
        yield Problem("impossible-radix", message, where, "choose a larger radix or a smaller ratio")


def _check_switch(fabric: Fabric, field: str) -> Iterator[Problem]:
    """Compare technology, radix and rate with the switch in the catalogue."""
    model = _switches_by_name().get(fabric.switch or "")
    if model is None:
        return
    if not _fits_kind(model, fabric):
        message = f"{model.name} is a switch for {model.kind}, and the fabric is {fabric.kind}"
        hint = f"such as {', '.join(_fitting_names(fabric))}"
        yield Problem("wrong-switch", message, Where(field=f"{field}.switch"), hint)
    if fabric.radix is not None and fabric.radix != model.ports:
        message = f"{model.name} has {model.ports} ports, not {fabric.radix}"
        hint = "remove 'radix'; the switch gives it"
        yield Problem("impossible-radix", message, Where(field=f"{field}.radix"), hint)
    ratio = fabric.oversubscription.fraction
    if model.ports * fabric.breakout < ratio.numerator + ratio.denominator:
        message = f"{model.name} has too few ports to divide {fabric.oversubscription}"
        where = Where(field=f"{field}.oversubscription")
        yield Problem("impossible-radix", message, where, "choose a smaller ratio")
    each = BitsPerSecond(fabric.link.count // fabric.planes)
    # Of a link that its planes do not divide, no rate of a plane can be compared.
    if fabric.link.count % fabric.planes == 0 and each * fabric.breakout > model.rate:
        split = f"{model.rate} split into {fabric.breakout}" if fabric.breakout > 1 else f"{model.rate}"
        most = BitsPerSecond(model.rate.count // fabric.breakout)
        message = f"a port of {model.name} gives {split}, less than {each}"
        fewer = "a smaller 'breakout' or " if fabric.breakout > 1 else ""
        hint = f"write at most {str(most * fabric.planes)!r}, or {fewer}another switch"
        yield Problem("impossible-link", message, Where(field=f"{field}.link"), hint)


def _check_csi(tier: StorageTier, field: str) -> Iterator[Problem]:
    """Refuse a driver of storage without volumes, and a secret among its parameters."""
    if tier.csi is None:
        return
    if not tier.protocol.has_storage_class:
        message = f"storage that is reached as {tier.protocol} has no storage class, so no CSI driver"
        yield Problem(
            "contradiction", message, Where(field=field), "take it out, or write another 'protocol'"
        )
    for name in tier.csi.parameters:
        if _SECRET_PARAMETER.search(name):
            message = (
                "a parameter of this name is a secret, and storage classes are read by whoever lists them"
            )
            hint = "keep it in a Secret, and name that by 'csi.storage.k8s.io/provisioner-secret-name'"
            yield Problem("secret", message, Where(field=f"{field}.parameters.{name}"), hint)


def check_storage(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a tier without rates or without a site, and a backup that is deleted before the next one."""
    declared = {zone.name for zone in factory.zones}
    zones = {pool.zone for pool in factory.pools}
    for index, tier in enumerate(factory.storage):
        field = f"storage[{index}]"
        if tier.grade is None and (tier.read is None or tier.write is None):
            message = "a tier needs its grade, or its read and write rates"
            hint = "write 'grade: good', 'better' or 'best', or both 'read' and 'write'"
            yield Problem("missing-field", message, Where(field=field), hint)
        yield from _check_csi(tier, f"{field}.csi")
        # Undeclared zones are reported by themselves, and one of them may be a misspelling of the tier's.
        is_declared = tier.zone in declared and zones <= declared
        if not tier.sites and tier.zone not in zones and is_declared:
            message = f"no pool is in zone {tier.zone!r}, so the tier has no site"
            hint = "write 'sites', or put a pool into the zone"
            yield Problem("no-site", message, Where(field=field), hint)
        backup = tier.backup
        if backup is not None and backup.retention < backup.every:
            message = f"a backup kept for {backup.retention} is gone before the next, after {backup.every}"
            where = Where(field=f"{field}.backup.retention")
            yield Problem("contradiction", message, where, "keep it for longer than the interval")
