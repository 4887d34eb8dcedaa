"""Ports of the switches of a fabric plane: for servers, for spines, and for links to the outside.

Links to the outside have whole ports of their own, since a port is split for one purpose: the first ports of
a border leaf, the last ones of a leaf, spine or core.

    >>> port_names(4, 2)
    ['1/1', '1/2', '2/1', '2/2']
"""

from __future__ import annotations

from dataclasses import replace

from sovereign_ai.catalog.switch import BREAKOUT_PARTS, SwitchModel, switch
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.clos import MisfitError
from sovereign_ai.plan.fabric.outside_optics import refuse_unfit_optic
from sovereign_ai.plan.fabric.port_assignment import links_a_port
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Border, Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond


@frozen_dataclass
class Ports:
    """Ports of the switches of one plane, counted in links.

    Attributes:
        cages: ports of a leaf before any is split, without those for links to the outside.
        breakout: links to servers that a port gives.
        uplink_breakout: links to spines that a port gives.
        extra: ports of a leaf for links to spines alone, which follow its other ports; 0 where all are alike.
        spine_radix: links that a spine or core takes.
        spine_breakout: links that a port of a spine or core gives.
        link: bits a second of a link to a server; the slowest, where servers have several rates.
        uplink: bits a second of a link between switches.
        reserved: ports of a leaf for links to the outside, which follow `cages`.
        reserved_extra: those among the ports for spines alone, which follow `extra`.
    """

    cages: int
    breakout: int
    uplink_breakout: int
    extra: int
    spine_radix: int
    spine_breakout: int
    link: int
    uplink: int
    reserved: int = 0
    reserved_extra: int = 0

    def free_ports(self, down: int) -> int:
        """Return the links left for spines besides `down` to servers; negative where these do not fit."""
        if self.extra:
            return self.extra * self.uplink_breakout if down <= self.cages * self.breakout else -1
        if self.uplink_breakout == self.breakout:
            return self.cages * self.breakout - down
        # A port is split for servers or for spines, never for both.
        return (self.cages - ceil_div(down, self.breakout)) * self.uplink_breakout

    def uplink_names(self, down: int) -> list[str]:
        """Return the names of a leaf's ports for spines, in order, behind `down` links to servers."""
        if not self.extra and self.uplink_breakout == self.breakout:
            return port_names(self.cages * self.breakout, self.breakout)[down:]
        first = self.cages + self.reserved if self.extra else ceil_div(down, self.breakout)
        last = first + self.extra if self.extra else self.cages
        names = port_names(last * self.uplink_breakout, self.uplink_breakout)
        return names[first * self.uplink_breakout :]


def port_names(radix: int, breakout: int) -> list[str]:
    """Return the names of a switch's ports: `1`, `2`, … or, split, `1/1`, `1/2`, `2/1`, …."""
    if breakout == 1:
        return [str(port) for port in range(1, radix + 1)]
    return [f"{port // breakout + 1}/{port % breakout + 1}" for port in range(radix)]


def ports_of(fabric: Fabric) -> Ports:
    """Return the ports of a fabric's switches.

    The checks of the description compare the rates with each other first, so here they are assumed to fit.
    """
    link = fabric.link.count // fabric.planes
    uplink = link if fabric.uplink is None else fabric.uplink.count
    leaf = switch(fabric.switch) if fabric.switch else None
    cages = leaf.ports if leaf else fabric.radix or 0
    has_rates = len(fabric.host_links) > 1
    # A catalogue switch has its port's rate; a switch given by its radix has what its links to servers need.
    of_model = leaf is not None and (fabric.uplink is not None or has_rates)
    whole = leaf.rate.count if leaf is not None and of_model else fabric.breakout * link
    extra = _extra_ports(fabric, leaf)
    if extra:
        whole = leaf.uplink_rate.count if leaf is not None and leaf.uplink_rate else uplink
    breakout = max(whole // uplink, 1)
    if fabric.spine_switch:
        spine = switch(fabric.spine_switch)
        spine_breakout = max(spine.rate.count // uplink, 1)
        spine_radix = spine.ports * spine_breakout
    elif fabric.spine_radix:
        spine_radix, spine_breakout = fabric.spine_radix, 1
    else:
        spine_radix, spine_breakout = cages * breakout, breakout
    host_breakout = fabric.breakout
    if has_rates:
        # Each rate splits ports of its own; counted are the links of the slowest.
        host_breakout, link = links_a_port(fabric), fabric.host_links[0].count // fabric.planes
    return Ports(cages, host_breakout, breakout, extra, spine_radix, spine_breakout, link, uplink)


def _extra_ports(fabric: Fabric, leaf: SwitchModel | None) -> int:
    """Return the ports of a leaf for links to spines alone: as described, else the catalogue switch's own."""
    if fabric.uplink_ports is not None:
        return fabric.uplink_ports
    # Without a rate for links between switches all ports of the switch are used alike.
    if leaf is None or fabric.uplink is None or not leaf.uplink_rate:
        return 0
    return leaf.uplink_ports or 0


@frozen_dataclass
class Outside:
    """The links of a plane to the outside.

    Attributes:
        tier: the switches that have them: `border` for border leaves, `leaf`, `spine` or `core`.
        switches: how many have them, the first ones of their tier; 0 for all of it.
        links: links of each.
        rate: bits a second of one.
        names: their ports, the same on each of these switches.
        cages: ports that they take before any is split.
        parts: links of such a port.
        from_uplinks: the ports are among those of a leaf for links upwards alone, which have a rate of their
            own.
        uplinks: links of a border leaf to spines; 0 elsewhere.
        ports: ports of a border leaf; None elsewhere.
    """

    tier: str
    switches: int
    links: int
    rate: int
    names: tuple[str, ...]
    cages: int
    parts: int
    from_uplinks: bool = False
    uplinks: int = 0
    ports: Ports | None = None

    @property
    def border_leaves(self) -> int:
        """How many border leaves there are."""
        return self.switches if self.tier == "border" else 0

    def count_switches(self, leaf: int, spine: int, core: int) -> int:
        """Return how many switches have such links, of a plane with some leaves, spines and cores."""
        return self.switches or {"leaf": leaf, "spine": spine, "core": core}[self.tier]


def outside_of(fabric: Fabric, ports: Ports) -> Outside | None:
    """Return the links to the outside that a fabric describes, uplinks of border leaves not yet counted.

    Raises:
        MisfitError: the switch has no such ports, or too few.
    """
    border = fabric.border
    if border is None:
        return None
    outside = _outside(fabric, border, ports)
    if border.optic is not None:
        refuse_unfit_optic(border.optic, outside.rate, outside.parts)
    return outside


def _outside(fabric: Fabric, border: Border, ports: Ports) -> Outside:
    """Return the links to the outside of the switches that have them."""
    if border.at == "border-leaf":
        return _of_border_leaf(fabric, border)
    if border.at == "leaf":
        return _of_leaf(fabric, border, ports)
    parts = _parts(fabric, upper_port_rate(fabric), ports.spine_breakout, ports.uplink, f"a {border.at}")
    cages = ceil_div(border.ports, parts)
    whole = ports.spine_radix // ports.spine_breakout
    if cages >= whole:
        raise _too_few_error(border.ports, cages, whole, f"a {border.at}", parts)
    names = port_names(whole * parts, parts)[(whole - cages) * parts :]
    rate = fabric.outside_link.count
    return Outside(border.at, 0, border.ports, rate, tuple(names[: border.ports]), cages, parts)


def _of_border_leaf(fabric: Fabric, border: Border) -> Outside:
    """Return the links to the outside of leaves of their own."""
    own: dict[str, object] = {"pool_links": None, "storage_link": None}
    if border.switch is not None:
        own |= {"switch": border.switch, "radix": None, "uplink_ports": None}
    elif border.radix is not None:
        own |= {"switch": None, "radix": border.radix, "uplink_ports": None}
    described = fabric.model_copy(update=own)
    ports, whole = ports_of(described), leaf_port_rate(described)
    link = fabric.link.count // fabric.planes
    parts = _parts(fabric, whole, fabric.breakout, link, "a border leaf")
    # The ports for spines alone of another model have a rate of their own.
    upwards = (_fast_ports(described) or (0, whole))[1] if ports.extra else whole
    if upwards < ports.uplink:
        field = "border.switch" if border.switch is not None else "border"
        rate = BitsPerSecond(ports.uplink)
        message = f"a port of a border leaf gives {BitsPerSecond(upwards)}, less than the {rate} to a spine"
        raise MisfitError(field, message, "name a switch of faster ports")
    finest = max(part for part in BREAKOUT_PARTS if part * ports.uplink <= upwards)
    up_parts = min(ports.uplink_breakout, finest)
    ports = replace(ports, breakout=parts, uplink_breakout=up_parts, link=fabric.outside_link.count)
    cages = ceil_div(border.ports, parts)
    if cages + (not ports.extra) > ports.cages:
        raise _too_few_error(border.ports, cages, ports.cages, "a border leaf", parts)
    names = port_names(ports.cages * parts, parts)[: border.ports]
    return Outside(
        tier="border",
        switches=border.leaves or 2,
        links=border.ports,
        rate=ports.link,
        names=tuple(names),
        cages=cages,
        parts=parts,
        uplinks=border.uplinks or 0,
        ports=ports,
    )


def _of_leaf(fabric: Fabric, border: Border, ports: Ports) -> Outside:
    """Return the links to the outside of ordinary leaves."""
    rate = fabric.outside_link.count
    fast = _fast_ports(fabric)
    from_uplinks = fast is not None and rate > leaf_port_rate(fabric)
    if fast is not None and from_uplinks:
        # Such as the four ports of 100 Gbps of a switch whose others have 1 Gbps.
        count, whole = fast
        parts = _parts(fabric, whole, 0, 0, "a leaf's port upwards")
        cages = ceil_div(border.ports, parts)
        # One is left for spines, where the fabric has links of that rate to them.
        if cages + (ports.extra > 0) > count:
            raise _too_few_error(border.ports, cages, count, "a leaf's uplinks", parts)
        # Behind those in use for spines, where there are any.
        begin = ports.cages + (count - cages if ports.extra else 0)
        names = port_names((begin + cages) * parts, parts)[begin * parts :]
    else:
        link = fabric.link.count // fabric.planes
        parts = _parts(fabric, leaf_port_rate(fabric), fabric.breakout, link, "a leaf")
        cages = ceil_div(border.ports, parts)
        if cages >= ports.cages:
            raise _too_few_error(border.ports, cages, ports.cages, "a leaf", parts)
        names = port_names(ports.cages * parts, parts)[(ports.cages - cages) * parts :]
    names = names[: border.ports]
    return Outside(
        "leaf", border.leaves or 0, border.ports, rate, tuple(names), cages, parts, from_uplinks=from_uplinks
    )


def with_outside(ports: Ports, outside: Outside) -> Ports:
    """Return the ports of a leaf without those for links to the outside."""
    if outside.tier != "leaf":
        return ports
    if not outside.from_uplinks:
        return replace(ports, cages=ports.cages - outside.cages, reserved=outside.cages)
    # Without a rate for links between switches, the ports for spines alone are not in use.
    left = max(ports.extra - outside.cages, 0)
    return replace(ports, extra=left, reserved_extra=outside.cages)


def leaf_port_rate(fabric: Fabric) -> int:
    """Return the bits a second of a whole port of a leaf."""
    if fabric.switch:
        return switch(fabric.switch).rate.count
    return fabric.link.count // fabric.planes * fabric.breakout


def upper_port_rate(fabric: Fabric) -> int:
    """Return the bits a second of a whole port of a spine or core."""
    if fabric.spine_switch:
        return switch(fabric.spine_switch).rate.count
    if fabric.spine_radix:
        return fabric.uplink.count if fabric.uplink is not None else fabric.link.count // fabric.planes
    return leaf_port_rate(fabric)


def _fast_ports(fabric: Fabric) -> tuple[int, int] | None:
    """Return the number and rate of a leaf's ports for links upwards alone; None where it has none."""
    if fabric.uplink_ports is not None and fabric.uplink is not None:
        return fabric.uplink_ports, fabric.uplink.count
    model = switch(fabric.switch) if fabric.switch else None
    if model is None or not model.uplink_ports or model.uplink_rate is None:
        return None
    return model.uplink_ports, model.uplink_rate.count


def _parts(fabric: Fabric, whole: int, usual_parts: int, usual_rate: int, noun: str) -> int:
    """Return into how many links to the outside a port is split.

    Args:
        fabric: the fabric.
        whole: bits a second of a whole port.
        usual_parts: into how many links it is split otherwise.
        usual_rate: bits a second of such a link.
        noun: the switch in words.
    """
    rate = fabric.outside_link
    if rate.count == usual_rate and usual_parts and rate.count * usual_parts <= whole:
        return usual_parts
    port = BitsPerSecond(whole)
    if not rate.count or rate.count > whole:
        message = f"a port of {noun} gives {port}, less than {rate}"
        raise MisfitError("border.link", message, f"write at most '{port}'")
    parts = whole // rate.count
    if whole % rate.count or parts not in BREAKOUT_PARTS:
        message = f"a port of {port} of {noun} is not split into links of {rate}"
        rates = [str(BitsPerSecond(whole // part)) for part in BREAKOUT_PARTS if whole % part == 0]
        raise MisfitError("border.link", message, f"write one of {', '.join(rates)}")
    return parts


def _too_few_error(links: int, cages: int, whole: int, noun: str, parts: int) -> MisfitError:
    """Return the error of more links to the outside than a switch has ports for."""
    links_text = counted(links, "link to the outside takes", "links to the outside take")
    message = f"{links_text} {counted(cages, 'port')} of {noun}, which has {whole}"
    return MisfitError("border.ports", message, f"write at most {max((whole - 1) * parts, 1)}")
