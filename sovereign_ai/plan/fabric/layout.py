"""Fabric planes whose description specifies more than the radix and the ratio of their switches.

A few whole numbers describe every published design (see `spec.fabric`): how many rails and servers a leaf
serves, which ports lead upwards and at which rate, how many spines there are and by which rule, whether pods
have spines of their own, and whether there are spines at all. `clos.py` has the rule for descriptions without
any of these fields.

Two rules give the number of spines:

* `even`: the fewest that divide a leaf's uplinks, so that each leaf has equally many links to each spine of
  its pod. Where that takes over twice the spines whose ports hold the uplinks, a leaf has a few uplinks more
  that divide better.
* `least`: the fewest whose ports hold the uplinks. Links are distributed in turn, so that a leaf's links to
  any two spines, and the links of any two spines, differ by one at most.

Links between spines and cores are distributed in turn as well. Spines of a pod and cores form as many groups
as their greatest common divisor. Where that comes out even, spine j of each pod meets group j alone, as in
the published designs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

from sovereign_ai.catalog.switch import SwitchModel, switch
from sovereign_ai.plan.fabric.clos import Clos, MisfitError
from sovereign_ai.plan.fabric.core_groups import CoreGroup, equal_groups
from sovereign_ai.plan.fabric.port_assignment import (
    Block,
    assign_places,
    first_free_place,
    links_a_port,
    total_places,
    total_width,
)
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric
from sovereign_ai.units import BitsPerSecond, Ratio


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of the switches of one plane, counted in links.

    Attributes:
        cages: ports of a leaf before any is split.
        breakout: links to servers that a port gives.
        uplink_breakout: links to spines that a port gives.
        extra: ports of a leaf for links to spines alone, which follow its other ports; 0 where all are alike.
        spine_radix: links that a spine or core takes.
        spine_breakout: links that a port of a spine or core gives.
        link: bits a second of a link to a server; the slowest, where servers have several rates.
        uplink: bits a second of a link between switches.
    """

    cages: int
    breakout: int
    uplink_breakout: int
    extra: int
    spine_radix: int
    spine_breakout: int
    link: int
    uplink: int

    def room(self, down: int) -> int:
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
        first = self.cages if self.extra else ceil_div(down, self.breakout)
        last = self.cages + self.extra
        names = port_names(last * self.uplink_breakout, self.uplink_breakout)
        return names[first * self.uplink_breakout :]


def port_names(radix: int, breakout: int) -> list[str]:
    """Return the names of a switch's ports: `1`, `2`, … or, split, `1/1`, `1/2`, `2/1`, …."""
    if breakout == 1:
        return [str(port) for port in range(1, radix + 1)]
    return [f"{port // breakout + 1}/{port % breakout + 1}" for port in range(radix)]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the cables of a plane follow from, besides its counts.

    Attributes:
        ports: ports of its switches.
        leaf_rails: rails that a leaf serves.
        by_rail: a pod's leaves belong to one group of rails.
        peers: links between the two leaves of a pair; 0 where there are spines or one switch.
        even: each leaf has equally many links to each spine of its pod, and each spine to each core that it
            meets.
        core_groups: the cores that each spine of a pod meets, in order; empty without cores.
    """

    ports: Ports
    leaf_rails: int
    by_rail: bool
    peers: int
    even: bool
    core_groups: Sequence[CoreGroup] = ()


@dataclass(frozen=True, slots=True)
class Laid:
    """A plane's counts.

    Attributes:
        layout: what its cables follow from.
        places: servers that a leaf holds.
        clos: switches and links by tier.
        why: field to the rule and its inputs in words.
    """

    layout: Layout
    places: int
    clos: Clos
    why: Mapping[str, str]


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


class _Sizer:
    """The state of one plane while its numbers are computed."""

    def __init__(self, fabric: Fabric, blocks: Sequence[Block], rack: int) -> None:
        """Start with what joins the plane; `rack` is the servers in a rack, 0 where pools differ."""
        self.fabric = fabric
        self.blocks = blocks
        self.places = total_places(blocks)
        self.width = total_width(blocks)
        self.step = max((block.align for block in blocks), default=1)
        self.rails = fabric.rails
        self.ports = ports_of(fabric)
        self.rack = rack
        # Whether the hosts of a leaf are counted, since those of several rates take different places.
        self.is_limited = any(block.most for block in blocks)
        self.leaf_rails = fabric.leaf_rails or 1
        self.core_ratio = (fabric.core_oversubscription or Ratio(1, 1)).fraction
        self.spine_down = self._most_below()
        self.most_up = 0
        self.why: dict[str, str] = {}

    def need(self, machines: int) -> int:
        """Return the uplinks that the ratio requires of a leaf with a number of servers."""
        ratio = self.fabric.oversubscription.fraction
        below = machines * self.leaf_rails * self.ports.link * ratio.denominator
        return max(ceil_div(below, ratio.numerator * self.ports.uplink), 1)

    def _most_below(self) -> int:
        """Return the most links of a spine to leaves for which it has the links to cores that they need."""
        radix = self.ports.spine_radix
        below = int(radix * self.core_ratio / (self.core_ratio + 1))
        # Rounding up the links to cores may take one port more than the ratio alone.
        while below and below + self._links_to_cores(below) > radix:
            below -= 1
        return below

    def _links_to_cores(self, below: int) -> int:
        """Return the links of a spine to cores that some links to leaves need."""
        return max(ceil_div(below * self.core_ratio.denominator, self.core_ratio.numerator), 1)

    def sized(self) -> Laid:
        """Return the plane's counts.

        Raises:
            MisfitError: the fields contradict each other; it names the one to change.
        """
        if self.rails % self.leaf_rails:
            message = f"{self.rails} rails are no multiple of the {self.leaf_rails} that a leaf takes"
            raise MisfitError("leaf_rails", message, f"write a divisor of {self.rails}")
        if self.fabric.spines == "none":
            return self._without_spines()
        whole = self._whole_ports(self.ports.cages * self.ports.breakout // self.rails)
        takes_all_rails = self.leaf_rails == self.rails
        is_free = self.fabric.leaf_hosts is None and not isinstance(self.fabric.uplinks, int)
        if takes_all_rails and is_free and whole and first_free_place(self.blocks, whole) <= whole:
            return self._single_switch(whole)
        most = self._most_places()
        if self.fabric.spine_spares is None or self.fabric.leaf_hosts is not None:
            return self._with_places(most)
        # A full leaf has no free port for the links of a failed spine: fewer servers a leaf free some.
        for places in range(most, 1, -1):
            try:
                return self._with_places(places)
            except MisfitError as misfit:
                if misfit.field != "spine_spares":
                    raise
        return self._with_places(1)

    def _whole_ports(self, places: int) -> int:
        """Return the most places, up to some, that end at a whole port of a leaf."""
        return places // self.step * self.step

    def _with_places(self, places: int) -> Laid:
        """Return the plane's counts where a leaf holds `places` servers.

        Raises:
            MisfitError: the fields contradict each other.
        """
        a_group = ceil_div(first_free_place(self.blocks, places), places)
        leaf = a_group * (self.rails // self.leaf_rails)
        if self.fabric.leaf_hosts is None or self.is_limited:
            places = self._level_places(places, a_group)
        up = self._count_uplinks(places)
        across = f"{self.rails} rails"
        if self.leaf_rails > 1:
            across = f"{self.rails} rails, {self.leaf_rails} a leaf,"
        wanted = f"{self.places} places"
        if self.step > 1:
            wanted = f"{self.width} of {BitsPerSecond(self.ports.link)}, which {wanted} take"
            self.why["rates"] = self._rates_why()
        self.why["leaf"] = f"{across} x {a_group} of {places} places for {wanted}"
        if leaf == 1:
            return self._single_switch(places)
        if self.fabric.pod_leaves is None and leaf <= self.ports.spine_radix:
            return self._two_tiers(places, leaf, up)
        return self._three_tiers(places, leaf, up, a_group)

    def _most_places(self) -> int:
        """Return the most servers that a leaf holds."""
        places = self.fabric.leaf_hosts
        if places == "rack":
            if not self.rack:
                message = "the pools have different numbers of machines in a rack"
                hint = "write a number, or give pools with other racks a fabric of their own"
                raise MisfitError("leaf_hosts", message, hint)
            places = self.rack
        ports = self.ports.cages * self.ports.breakout
        if places is not None and self.is_limited:
            return self._most_of_limited(places)
        if places is not None:
            used = places * self.leaf_rails
            if self.ports.room(used) < 0:
                message = f"{places} machines take {used} ports of a leaf that has {ports}"
                raise MisfitError("leaf_hosts", message, f"write at most {ports // self.leaf_rails}")
            return places
        fixed = self.fabric.uplinks if isinstance(self.fabric.uplinks, int) else 0
        # Bisection: with more servers less room is left for uplinks, and more of them are needed.
        # Counted in steps, so that a leaf's ports to servers are whole ones.
        low, high = 0, ports // self.leaf_rails // self.step
        while low < high:
            middle = (low + high + 1) // 2
            places = middle * self.step
            if self.ports.room(places * self.leaf_rails) >= max(self.need(places), fixed):
                low = middle
            else:
                high = middle - 1
        if low:
            return low * self.step
        # Reached only where spines are needed: a switch without any is limited by its ports alone (see
        # `sized`).
        message = f"{self.ports.cages} ports leave none for a machine within {self.fabric.oversubscription}"
        raise MisfitError("oversubscription", message, "write a larger ratio, or use a switch of more ports")

    def _most_of_limited(self, hosts: int) -> int:
        """Return the most places of a leaf that some hosts of several rates take.

        Raises:
            MisfitError: they do not fit the leaf, or not beside the uplinks that they need.
        """
        widest = max(block.width for block in self.blocks)
        ports = self.ports.cages * self.ports.breakout
        fixed = self.fabric.uplinks if isinstance(self.fabric.uplinks, int) else 0
        wanted = ceil_div(hosts * widest, self.step) * self.step
        most = min(wanted, self._whole_ports(ports // self.leaf_rails))
        for places in range(most, 0, -self.step):
            need = self.need(self._counted(places))
            if self.ports.room(places * self.leaf_rails) >= max(need, fixed):
                return places
        message = f"{hosts} machines of several rates do not fit a leaf of {ports} ports beside its uplinks"
        raise MisfitError("leaf_hosts", message, "write fewer, or leave it out")

    def _level_places(self, most: int, a_group: int) -> int:
        """Return the fewest places a leaf that need no more leaves, so that leaves are filled evenly."""
        least = ceil_div(ceil_div(self.width, a_group), self.step) * self.step
        for places in range(least, most, self.step):
            if ceil_div(first_free_place(self.blocks, places), places) == a_group:
                return places
        return most

    def _counted(self, places: int) -> int:
        """Return the places of a leaf that its uplinks are counted for."""
        if self.fabric.uplinks == "attached":
            return self._fullest_leaf(places)
        if self.is_limited:
            return self._fullest_leaf(places, with_free=True)
        return places

    def _fullest_leaf(self, places: int, *, with_free: bool = False) -> int:
        """Return the places that are in use on the fullest leaf now, or that are in use or kept there."""
        hosts_on: Counter[int] = Counter()
        for block, block_places in zip(self.blocks, assign_places(self.blocks, places), strict=True):
            taken = block.places if with_free else block.hosts
            for place in block_places[:taken]:
                hosts_on[place // places] += block.width
        return max(hosts_on.values(), default=1)

    def _count_uplinks(self, places: int) -> int:
        """Return the links from each leaf upwards."""
        described = self.fabric.uplinks
        room = self.ports.room(places * self.leaf_rails)
        self.most_up = room
        counted = self._counted(places)
        need = self.need(counted)
        up = described if isinstance(described, int) else need
        if up < need:
            message = (
                f"{up} uplinks carry less than {self.fabric.oversubscription} of {places} machines a leaf, "
                f"which takes {need}"
            )
            hint = f"write {need}, or a larger oversubscription"
            if need > room:
                left = f"{max(room, 0)} ports are left for uplinks"
                hint = f"put fewer machines on a leaf, where {left}, or write a larger oversubscription"
            raise MisfitError("uplinks", message, hint)
        if up > room:
            message = f"{places} machines on a leaf need {up} links upwards, and {max(room, 0)} are left"
            field = "leaf_hosts" if self.fabric.leaf_hosts else "uplinks"
            raise MisfitError(field, message, "write fewer, or a larger oversubscription")
        noun = "machines" if self.step == 1 else f"places of {BitsPerSecond(self.ports.link)}"
        self.why["down"] = (
            f"{places} {noun} x {self.leaf_rails} on a leaf; {up} links up, and {need} carry {counted}"
        )
        if self.step == 1:
            self.why["down"] += " machines"
        return up

    def _rates_why(self) -> str:
        """Return which hosts take how many places of the slowest rate."""
        parts: list[str] = []
        for block in self.blocks:
            rate = BitsPerSecond(self.ports.link * block.width)
            parts.append(f"{block.name} {rate}, {self.ports.breakout // block.width} a port")
        return "; ".join(parts)

    def _single_switch(self, places: int) -> Laid:
        """Return a single switch."""
        self.why["tiers"] = "one switch holds all"
        layout = Layout(self.ports, self.leaf_rails, by_rail=False, peers=0, even=True)
        return Laid(layout, places, Clos(1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0), self.why)

    def _without_spines(self) -> Laid:
        """Return a single switch, or a pair with links between the two."""
        ports = self.ports.cages * self.ports.breakout
        if self.fabric.leaf_rails is None:
            # All rails on one switch where they fit, else half of the rails on each of two.
            whole = max(self._whole_ports(ports // self.rails), 1)
            fits = first_free_place(self.blocks, whole) * self.rails <= ports
            self.leaf_rails = self.rails if fits or self.rails % 2 else self.rails // 2
        places = self._whole_ports(ports // self.leaf_rails)
        if isinstance(self.fabric.leaf_hosts, int) and not self.is_limited:
            places = self.fabric.leaf_hosts
        a_group = ceil_div(first_free_place(self.blocks, places), places) if places else 0
        leaf = a_group * (self.rails // self.leaf_rails)
        if not 0 < leaf <= 2:
            rails = "1 rail" if self.rails == 1 else f"{self.rails} rails"
            message = (
                f"{self.places} machines of {rails} take {leaf or 'more than two'} leaves, "
                "and without spines there are two at most"
            )
            raise MisfitError("spines", message, "write 'spines: least', or use a switch of more ports")
        places = self._level_places(places, a_group)
        self.why["leaf"] = (
            f"{self.rails} rails, {self.leaf_rails} a leaf, for {self.places} places; no spine is wanted"
        )
        if leaf == 1:
            return self._single_switch(places)
        return self._leaf_pair(places)

    def _leaf_pair(self, places: int) -> Laid:
        """Return two leaves with links between them."""
        room = self.ports.room(places * self.leaf_rails)
        need = self.need(self._fullest_leaf(places))
        peers = self.fabric.peer_links or need
        if peers > room:
            message = f"{peers} links between the two leaves, and {max(room, 0)} ports of each are left"
            fewer = f"at most {room}, " if room > 0 else ""
            hint = f"write {fewer}a larger oversubscription, or use spines"
            raise MisfitError("peer_links", message, hint)
        self.why["leaf_leaf"] = f"{peers} links between the pair; {need} carry the machines there now"
        self.why["tiers"] = "two leaves that meet each other"
        layout = Layout(self.ports, self.leaf_rails, by_rail=False, peers=peers, even=True)
        return Laid(layout, places, Clos(1, 2, 0, 0, 2, 1, 0, 0, 0, 0, peers), self.why)

    def _count_spines(self, leaf: int, up: int, radix: int, need: int) -> tuple[int, int]:
        """Return the spines above a number of leaves, and the uplinks of each leaf.

        Args:
            leaf: leaves that the spines connect.
            up: uplinks of a leaf.
            radix: links that a spine takes from below.
            need: uplinks that a leaf must keep when `spine_spares` fail.
        """
        described, spare = self.fabric.spines, self.fabric.spine_spares or 0
        least = max(ceil_div(leaf * up, radix), min(2, up))
        if isinstance(described, int):
            is_single = described == 1 and leaf * up <= radix
            if not least <= described <= up and not is_single:
                few = f"{least}" if least == up else f"{least} to {up}"
                noun = "spine" if described == 1 else "spines"
                message = f"{described} {noun} of {radix} ports; {leaf} leaves of {up} uplinks take {few}"
                raise MisfitError("spines", message, f"write {few}, or 'spines: least'")
            self.why["spine"] = f"{described} as described; the uplinks take {least} of {radix} ports"
            return self._with_spares(described, leaf, up, radix, need, spare)
        if described == "least" or spare:
            return self._least_spines(leaf, up, radix, need, least)
        count = _dividing_spines(leaf, up, radix)
        if not isinstance(self.fabric.uplinks, int) and (not count or count > 2 * max(2, least)):
            # A prime number of uplinks has no small divisor, and among a few more of them is one that has.
            best = count or up + 1
            for uplinks in range(up + 1, self.most_up + 1):
                fewer = _dividing_spines(leaf, uplinks, radix)
                if 0 < fewer < best:
                    count, up, best = fewer, uplinks, fewer
        if count:
            self.why["spine"] = (
                f"smallest divisor of {up} uplinks whose {radix} ports hold those of {leaf} leaves"
            )
            return count, up
        message = f"no number of spines divides {up} uplinks of {leaf} leaves within {radix} ports"
        raise MisfitError("spines", message, "write 'spines: least'")

    def _least_spines(self, leaf: int, up: int, radix: int, need: int, least: int) -> tuple[int, int]:
        """Return the fewest spines of which some may fail, and the uplinks of each leaf.

        Args:
            leaf: leaves that the spines connect.
            up: uplinks of a leaf.
            radix: links that a spine takes from below.
            need: uplinks that a leaf must keep when `spine_spares` fail.
            least: spines to begin with.
        """
        described, spare = self.fabric.spines, self.fabric.spine_spares or 0
        for count in range(max(least, spare + 1), up + spare + 2):
            try:
                spines, uplinks = self._with_spares(count, leaf, up, radix, need, spare)
            except MisfitError:
                continue
            # The rule `even` additionally requires spines that divide the uplinks.
            if described == "least" or uplinks % count == 0:
                spared = f", and {spare} may fail" if spare else ""
                self.why["spine"] = f"fewest of {radix} ports that hold {leaf} x {uplinks} uplinks{spared}"
                return spines, uplinks
        message = f"no number of spines leaves {need} uplinks of a leaf where {spare} of them fail"
        hint = "write fewer, fewer machines a leaf, or a larger oversubscription"
        raise MisfitError("spine_spares", message, hint)

    def _with_spares(
        self, count: int, leaf: int, up: int, radix: int, need: int, spare: int
    ) -> tuple[int, int]:
        """Return spines and uplinks with which a leaf keeps what it needs after some spines fail.

        Args:
            count: spines.
            leaf: leaves that the spines connect.
            up: uplinks of a leaf, at least; more where spare spines require them and no number is described.
            radix: links that a spine takes from below.
            need: uplinks that a leaf must keep.
            spare: spines that may fail.
        """
        most = up
        if spare and not isinstance(self.fabric.uplinks, int):
            most = self.most_up
        for uplinks in range(max(up, count), most + 1):
            # The spines that fail are those with the most links.
            kept = uplinks - spare * ceil_div(uplinks, count)
            required = need if spare else min(up, uplinks)
            if kept >= required and leaf * uplinks <= count * radix:
                return count, uplinks
        message = (
            f"{count} spines of {radix} ports do not hold {leaf} x {up} uplinks so that {spare} may fail"
        )
        field = "spine_spares" if spare else "spines"
        raise MisfitError(field, message, "write more spines, or 'spines: least'")

    def _two_tiers(self, places: int, leaf: int, up: int) -> Laid:
        """Return leaves below spines."""
        counted = self._counted(places)
        spine, up = self._count_spines(leaf, up, self.ports.spine_radix, self.need(counted))
        if self.fabric.core_oversubscription is not None:
            message = (
                f"{leaf} leaves fit under spines of {self.ports.spine_radix} ports, so there are no cores"
            )
            hint = "leave it out, or write 'pod_leaves', the leaves of a pod"
            raise MisfitError("core_oversubscription", message, hint)
        self.why["leaf_spine"] = f"{leaf} leaves x {up} uplinks"
        self.why["tiers"] = f"{leaf} leaves against {self.ports.spine_radix} ports of a spine"
        layout = Layout(self.ports, self.leaf_rails, by_rail=False, peers=0, even=up % spine == 0)
        return Laid(layout, places, Clos(2, leaf, spine, 0, leaf, 1, spine, spine, 0, 0, up), self.why)

    def _three_tiers(self, places: int, leaf: int, up: int, a_group: int) -> Laid:
        """Return pods of leaves and spines below cores; the fewest switches where pods are not described."""
        counted = self._counted(places)
        need = self.need(counted)
        best: Laid | None = None
        failed = MisfitError(
            "radix", f"{leaf:,} leaves are more than three tiers join", "use a switch of more ports"
        )
        for pods in self._pod_counts(leaf, a_group):
            try:
                laid = self._with_pods(places, leaf, up, pods, need)
            except MisfitError as misfit:
                failed = misfit
                continue
            if best is None or _upper_cost(laid.clos) < _upper_cost(best.clos):
                best = laid
        if best is None:
            raise failed
        return best

    def _pod_counts(self, leaf: int, a_group: int) -> Iterator[int]:
        """Yield the numbers of pods to try."""
        pod_leaves, most = self.fabric.pod_leaves, self.spine_down
        if pod_leaves is not None:
            if self.fabric.pod_by == "rail":
                yield ceil_div(a_group, pod_leaves) * (leaf // a_group)
            else:
                yield ceil_div(leaf, pod_leaves)
            return
        least = ceil_div(leaf, max(most, 1))
        # Smaller pods waste spines by rounding, so a few numbers beyond the least include the best one.
        for pods in range(least, min(least * 2 + 8, self.ports.spine_radix, leaf) + 1):
            if ceil_div(leaf, ceil_div(leaf, pods)) == pods:
                yield pods

    def _with_pods(self, places: int, leaf: int, up: int, pods: int, need: int) -> Laid:
        """Return three tiers with a number of pods."""
        radix, pod_leaves = self.ports.spine_radix, self.fabric.pod_leaves
        pod = pod_leaves if pod_leaves is not None else ceil_div(leaf, pods)
        most = self.spine_down
        if pod > most:
            message = f"a spine of {radix} ports joins {most} leaves and needs the others for cores"
            raise MisfitError("pod_leaves", message, f"write at most {most}")
        spine, up = self._count_spines(pod, up, most, need)
        upper = self._links_to_cores(ceil_div(pod * up, spine))
        core, group = self._count_cores(pods, spine, upper)
        by_rail = self.fabric.pod_by == "rail"
        # A copy: the next number of pods starts from the reasons without these.
        why = dict(self.why)
        why["spine"] = f"{pods} pods x {spine}: {self.why['spine']}"
        why["leaf_spine"] = f"{leaf} leaves x {up} uplinks"
        why["pods"] = f"{pods} of at most {pod} leaves" + (", each of one group of rails" if by_rail else "")
        why["core"] = f"{pods * spine} spines x {upper} uplinks over {radix} ports"
        if self.fabric.core_oversubscription is not None:
            why["core"] += f", at {self.fabric.core_oversubscription} below and above a spine"
        why["spine_core"] = f"{pods * spine} spines x {upper} uplinks"
        why["tiers"] = f"{leaf} leaves in {pods} pods"
        even = up % spine == 0 and upper % group == 0
        layout = Layout(
            self.ports,
            self.leaf_rails,
            by_rail=by_rail,
            peers=0,
            even=even,
            core_groups=equal_groups(spine, core),
        )
        clos = Clos(3, leaf, pods * spine, core, pod, pods, spine, spine, group, upper, up)
        return Laid(layout, places, clos, why)

    def _count_cores(self, pods: int, spine: int, upper: int) -> tuple[int, int]:
        """Return the cores, and how many of them one spine meets."""
        radix, described = self.ports.spine_radix, self.fabric.cores
        if pods > radix:
            raise self._too_many_pods_error(pods)
        uplinks = pods * spine * upper
        least = ceil_div(uplinks, radix)
        if described is None:
            core = _even_cores(max(least, min(2, upper)), spine, upper)
            return core, core // gcd(spine, core)
        if described >= least and described // gcd(spine, described) <= upper:
            return described, described // gcd(spine, described)
        message = f"{described} cores of {radix} ports; {pods * spine} spines of {upper} uplinks take {least}"
        if described >= least:
            group = described // gcd(spine, described)
            message = f"a spine of {upper} uplinks would have to meet {group} of {described} cores"
        hint = f"write {_even_cores(least, spine, upper)}, or leave it out"
        raise MisfitError("cores", message, hint)

    def _too_many_pods_error(self, pods: int) -> MisfitError:
        """Return the error of more pods than a core has ports; it has a link at least to each."""
        ports = self.ports.spine_radix
        message = f"{pods} pods, and a core of {ports} ports joins {ports} at most"
        if self.fabric.pod_leaves is not None:
            hint = "write a larger 'pod_leaves', or use spines and cores of more ports"
            return MisfitError("pod_leaves", message, hint)
        hint = "use spines and cores of more ports, or fewer leaves: more machines or rails on each"
        for name in ("spine_switch", "spine_radix"):
            if getattr(self.fabric, name) is not None:
                return MisfitError(name, message, hint)
        return MisfitError("radix", message, hint)


def _dividing_spines(leaf: int, up: int, radix: int) -> int:
    """Return the fewest spines that divide the uplinks of some leaves; 0 where none has the ports.

    Args:
        leaf: leaves that the spines connect.
        up: uplinks of a leaf.
        radix: links that a spine takes from below.
    """
    for count in range(min(2, up), up + 1):
        if up % count == 0 and leaf * (up // count) <= radix:
            return count
    return 0


def _even_cores(least: int, spine: int, upper: int) -> int:
    """Return the fewest cores, from some number on, of which each spine of a pod meets equally many.

    Args:
        least: the number to begin with.
        spine: spines of a pod.
        upper: links of a spine to cores.
    """
    core = least
    # With as many cores as the uplinks of a pod each spine meets its own, so a number is found.
    while core // gcd(spine, core) > upper:
        core += 1
    return core


def _upper_cost(clos: Clos) -> tuple[int, Fraction]:
    """Return what designs of three tiers are compared by: switches above leaves, then what is uneven."""
    even = _even_share(clos.leaf_up, clos.pod_spines)
    even *= _even_share(clos.spine_up, clos.group)
    return clos.spine + clos.core, -even


def _even_share(links: int, switches: int) -> Fraction:
    """Return the share of a switch's links that is the same to each of some switches."""
    rest = links % switches
    return 1 - Fraction(rest, links)


def laid_out(fabric: Fabric, blocks: Sequence[Block], rack: int = 0) -> Laid:
    """Size one plane whose description specifies more than radix and ratio.

    Args:
        fabric: the fabric.
        blocks: what joins it at one site.
        rack: servers in a rack; 0 where the pools that join differ.

    Raises:
        MisfitError: the fields contradict each other; it names the one to change.
    """
    return _Sizer(fabric, blocks, rack).sized()


def pods_of(leaf: int, rails: int, clos: Clos, layout: Layout) -> list[list[int]]:
    """Return the leaves of each pod by their positions: by groups of rails, else in order."""
    if not layout.by_rail:
        return _chunks(range(leaf), clos.pod)
    groups = rails // layout.leaf_rails
    pods: list[list[int]] = []
    for group in range(groups):
        # Leaves are numbered rail by rail within a number, so every `groups`-th leaf serves the same rails.
        pods += _chunks(range(group, leaf, groups), clos.pod)
    return pods


def _chunks(leaves: range, size: int) -> list[list[int]]:
    """Divide positions of leaves into lists of at most `size`."""
    return [list(leaves[at : at + size]) for at in range(0, len(leaves), size)]
