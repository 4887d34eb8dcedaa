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
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import gcd

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.clos import Clos, MisfitError
from sovereign_ai.plan.fabric.core_groups import CoreGroup, equal_groups
from sovereign_ai.plan.fabric.port_assignment import (
    Block,
    assign_places,
    first_free_place,
    total_places,
    total_width,
)
from sovereign_ai.plan.fabric.switch_ports import Outside, Ports, outside_of, ports_of, with_outside
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond, Ratio


@frozen_dataclass
class Partners:
    """Links between the two switches of each pair, of a plane with spines; 0 where there are none.

    Attributes:
        leaf: of each pair of leaves.
        spine: of each pair of spines.
        border: of each pair of border leaves.
    """

    leaf: int = 0
    spine: int = 0
    border: int = 0

    @property
    def by_tier(self) -> Mapping[str, int]:
        """The tiers in the order of their cables, with their links."""
        return {"leaf": self.leaf, "spine": self.spine, "border": self.border}


def _partners_of(fabric: Fabric) -> Partners:
    """Return the links of pairs that a fabric describes.

    Without spines the two leaves have nothing else above them, and their links are counted apart.
    """
    if fabric.spines == "none":
        return Partners()
    at_leaves, at_spines = fabric.peer_links, fabric.spine_peer_links
    at_border = fabric.border.peer_links if fabric.border else None
    return Partners(at_leaves or 0, at_spines or 0, at_border or 0)


@frozen_dataclass
class Layout:
    """What the cables of a plane follow from, besides its counts.

    Attributes:
        ports: ports of its switches.
        leaf_rails: rails that a leaf serves.
        by_rail: a pod's leaves belong to one group of rails.
        peers: links between the two leaves of a pair; 0 where there are spines or one switch.
        partners: links between the two switches of each pair, of a plane with spines.
        even: each leaf has equally many links to each spine of its pod, and each spine to each core that it
            meets.
        core_groups: the cores that each spine of a pod meets, in order; empty without cores.
        outside: links to the outside, with the border leaves; None where none is described.
    """

    ports: Ports
    leaf_rails: int
    by_rail: bool
    peers: int
    even: bool
    core_groups: Sequence[CoreGroup] = ()
    outside: Outside | None = None
    partners: Partners = Partners()

    @property
    def border_leaves(self) -> int:
        """How many border leaves the plane has."""
        return 0 if self.outside is None else self.outside.border_leaves

    @property
    def border_uplinks(self) -> int:
        """Links of a border leaf to spines."""
        return 0 if self.outside is None else self.outside.uplinks


@frozen_dataclass
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


class _Sizer:
    """The state of one plane while its numbers are computed."""

    def __init__(self, fabric: Fabric, blocks: Sequence[Block], rack: int) -> None:
        """Start with what joins the plane; `rack` is the servers in a rack, 0 where pools differ."""
        self.fabric = fabric
        self.why: dict[str, str] = {}
        self.blocks = blocks
        self.places = total_places(blocks)
        self.width = total_width(blocks)
        self.step = max((block.align for block in blocks), default=1)
        self.rails = fabric.rails
        self.ports = ports_of(fabric)
        self.outside = outside_of(fabric, self.ports)
        self.partners = _partners_of(fabric)
        self.core_radix = self.ports.spine_radix
        self.spine_radix = self.core_radix - self.partners.spine
        self.borders = self.pod_borders = 0
        if self.outside is not None:
            self._take_outside(self.outside)
        self.rack = rack
        # Whether the hosts of a leaf are counted, since those of several rates take different places.
        self.is_limited = any(block.most for block in blocks)
        self.leaf_rails = fabric.leaf_rails or 1
        self.core_ratio = (fabric.core_oversubscription or Ratio(1, 1)).fraction
        self.spine_down = self._most_below()
        self.most_up = 0

    def need(self, machines: int) -> int:
        """Return the uplinks that the ratio requires of a leaf with a number of servers."""
        ratio = self.fabric.oversubscription.fraction
        below = machines * self.leaf_rails * self.ports.link
        if self.outside is not None and self.outside.tier == "leaf":
            below += self.outside.links * self.outside.rate
        return max(ceil_div(below * ratio.denominator, ratio.numerator * self.ports.uplink), 1)

    def _take_outside(self, outside: Outside) -> None:
        """Take the ports for links to the outside from those for servers and for other switches."""
        self.ports = with_outside(self.ports, outside)
        self.borders = self.pod_borders = outside.border_leaves
        taken = outside.cages * self.ports.spine_breakout
        if outside.tier == "spine":
            self.spine_radix -= taken
        elif outside.tier == "core":
            self.core_radix -= taken
        self.why["outside"] = _outside_why(outside)

    def _most_below(self) -> int:
        """Return the most links of a spine to leaves for which it has the links to cores that they need."""
        radix = self.spine_radix
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
        if self.partners.spine and self.spine_radix < 2:
            left = max(self.spine_radix, 0)
            links_text = counted(self.partners.spine, "link")
            ports_text = counted(left, "port is", "ports are")
            message = f"beside {links_text} to the other spine of its pair {ports_text} left for leaves"
            hint = "write fewer, or use spines of more ports"
            raise MisfitError("spine_peer_links", message, hint)
        if self.rails % self.leaf_rails:
            rails_text = counted(self.rails, "rail is", "rails are")
            message = f"{rails_text} no multiple of the {self.leaf_rails} that a leaf takes"
            raise MisfitError("leaf_rails", message, f"write a divisor of {self.rails}")
        if self.fabric.spines == "none":
            return self._without_spines()
        whole = self._whole_ports(self.ports.cages * self.ports.breakout // self.rails)
        takes_all_rails = self.leaf_rails == self.rails
        is_free = self.fabric.leaf_hosts is None and not isinstance(self.fabric.uplinks, int)
        # Links between two leaves are of a pair, however few machines there are.
        is_free = is_free and not self.partners.leaf
        fits_one = whole > 0 and first_free_place(self.blocks, whole) <= whole
        if takes_all_rails and is_free and fits_one and not self.borders:
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

    def _room(self, places: int) -> int:
        """Return the links left for spines on a leaf with a number of servers; negative without room.

        Those to the other leaf of its pair are kept for it.
        """
        used = places * self.leaf_rails
        return self.ports.room(used) - self.partners.leaf

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
        self._check_partner_links(up)
        across = counted(self.rails, "rail")
        if self.leaf_rails > 1:
            across = f"{counted(self.rails, 'rail')}, {self.leaf_rails} a leaf,"
        wanted = counted(self.places, "place")
        if self.step > 1:
            wanted = f"{self.width} of {BitsPerSecond(self.ports.link)}, which {wanted} take"
            self.why["rates"] = self._rates_why()
        self.why["leaf"] = f"{across} x {a_group} of {counted(places, 'place')} for {wanted}"
        if leaf == 1 and not self.borders:
            return self._single_switch(places)
        if self.fabric.pod_leaves is None and leaf + self.borders <= self.spine_radix:
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
                machines_text = counted(places, "machine takes", "machines take")
                message = f"{machines_text} {counted(used, 'port')} of a leaf that has {ports}"
                raise MisfitError("leaf_hosts", message, f"write at most {ports // self.leaf_rails}")
            return places
        fixed = self.fabric.uplinks if isinstance(self.fabric.uplinks, int) else 0
        # Bisection: with more servers less room is left for uplinks, and more of them are needed.
        # Counted in steps, so that a leaf's ports to servers are whole ones.
        low, high = 0, ports // self.leaf_rails // self.step
        while low < high:
            middle = (low + high + 1) // 2
            places = middle * self.step
            if self._room(places) >= max(self.need(places), fixed):
                low = middle
            else:
                high = middle - 1
        if low:
            return low * self.step
        # Reached only where spines are needed: a switch without any is limited by its ports alone (see
        # `sized`).
        ports_text = counted(self.ports.cages, "port leaves", "ports leave")
        message = f"{ports_text} none for a machine within {self.fabric.oversubscription}"
        if self.partners.leaf:
            message += f", beside {counted(self.partners.leaf, 'link')} to the other leaf of its pair"
            hint = "write fewer, or use a switch of more ports"
            raise MisfitError("peer_links", message, hint)
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
            if self._room(places) >= max(need, fixed):
                return places
        machines_text = counted(hosts, "machine")
        ports_text = counted(ports, "port")
        message = f"{machines_text} of several rates do not fit a leaf of {ports_text} beside its uplinks"
        if self.partners.leaf:
            message += f" and {counted(self.partners.leaf, 'link')} to the other leaf of its pair"
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
        room = self._room(places)
        self.most_up = room
        full = self._counted(places)
        need = self.need(full)
        up = described if isinstance(described, int) else need
        if up < need:
            uplinks_text = counted(up, "uplink carries", "uplinks carry")
            machines_text = counted(places, "machine")
            message = (
                f"{uplinks_text} less than {self.fabric.oversubscription} of {machines_text} a leaf, "
                f"which takes {need}"
            )
            hint = f"write {need}, or a larger oversubscription"
            if need > room:
                left = f"{counted(max(room, 0), 'port is', 'ports are')} left for uplinks"
                hint = f"put fewer machines on a leaf, where {left}, or write a larger oversubscription"
            raise MisfitError("uplinks", message, hint)
        if up > room:
            machines_text = counted(places, "machine")
            links_text = counted(up, "link")
            message = f"{machines_text} on a leaf need {links_text} upwards, and {max(room, 0)} are left"
            field = "leaf_hosts" if self.fabric.leaf_hosts else "uplinks"
            if self.partners.leaf:
                message += f" beside {self.partners.leaf} to the other leaf of its pair"
                field = "peer_links"
            raise MisfitError(field, message, "write fewer, or a larger oversubscription")
        noun = "machines" if self.step == 1 else f"places of {BitsPerSecond(self.ports.link)}"
        self.why["down"] = (
            f"{places} {noun} x {self.leaf_rails} on a leaf; "
            f"{counted(up, 'link')} up, and {need} carry {full}"
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
        outside = self._built_outside(1, 0, 0)
        layout = Layout(self.ports, self.leaf_rails, by_rail=False, peers=0, even=True, outside=outside)
        return Laid(layout, places, Clos(1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0), self.why)

    def _without_spines(self) -> Laid:
        """Return a single switch, or a pair with links between the two."""
        ports = self.ports.cages * self.ports.breakout
        if self.fabric.leaf_rails is None:
            # All rails on one switch where they fit, else half of the rails on each of two. Links between two
            # leaves that are described are of a pair, however few machines there are.
            whole = max(self._whole_ports(ports // self.rails), 1)
            fits = first_free_place(self.blocks, whole) * self.rails <= ports
            fits = fits and self.fabric.peer_links is None
            self.leaf_rails = self.rails if fits or self.rails % 2 else self.rails // 2
        places = self._whole_ports(ports // self.leaf_rails)
        if isinstance(self.fabric.leaf_hosts, int) and not self.is_limited:
            places = self.fabric.leaf_hosts
        a_group = ceil_div(first_free_place(self.blocks, places), places) if places else 0
        leaf = a_group * (self.rails // self.leaf_rails)
        if not 0 < leaf <= 2:
            rails = counted(self.rails, "rail")
            machines_text = counted(self.places, "machine takes", "machines take")
            message = (
                f"at {rails} {machines_text} {leaf or 'more than two'} leaves, "
                "and without spines there are two at most"
            )
            raise MisfitError("spines", message, "write 'spines: least', or use a switch of more ports")
        places = self._level_places(places, a_group)
        rails_text = counted(self.rails, "rail")
        places_text = counted(self.places, "place")
        self.why["leaf"] = f"{rails_text}, {self.leaf_rails} a leaf, for {places_text}; no spine is wanted"
        if leaf == 1:
            return self._single_switch(places)
        return self._leaf_pair(places)

    def _leaf_pair(self, places: int) -> Laid:
        """Return two leaves with links between them."""
        room = self.ports.room(places * self.leaf_rails)
        need = self.need(self._fullest_leaf(places))
        peers = self.fabric.peer_links or need
        if peers > room:
            links_text = counted(peers, "link")
            ports_text = counted(max(room, 0), "port of each is", "ports of each are")
            message = f"{links_text} between the two leaves, and {ports_text} left"
            fewer = f"at most {room}, " if room > 0 else ""
            hint = f"write {fewer}a larger oversubscription, or use spines"
            raise MisfitError("peer_links", message, hint)
        links_text = counted(peers, "link")
        self.why["leaf_leaf"] = f"{links_text} between the pair; {need} carry the machines there now"
        self.why["tiers"] = "two leaves that meet each other"
        outside = self._built_outside(2, 0, 0)
        layout = Layout(self.ports, self.leaf_rails, by_rail=False, peers=peers, even=True, outside=outside)
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
        self._check_border_uplinks()
        least = max(ceil_div(leaf * up, radix), min(2, up))
        while least < up and self._above(leaf, up, least) > least * radix:
            least += 1
        if isinstance(described, int):
            is_single = described == 1 and self._above(leaf, up, 1) <= radix
            if not least <= described <= up and not is_single:
                few = f"{least}" if least == up else f"{least} to {up}"
                spines_text, uplinks_text = counted(described, "spine"), counted(up, "uplink")
                leaves_text = counted(leaf, "leaf", "leaves")
                message = f"{spines_text} of {radix} ports; {leaves_text} of {uplinks_text} take {few}"
                raise MisfitError("spines", message, f"write {few}, or 'spines: least'")
            self._check_border_meets(described)
            self.why["spine"] = f"{described} as described; the uplinks take {least} of {radix} ports"
            return self._with_spares(described, leaf, up, radix, need, spare)
        if described == "least" or spare:
            return self._least_spines(leaf, up, radix, need, least)
        count = self._dividing_spines(leaf, up, radix)
        if not isinstance(self.fabric.uplinks, int) and (not count or count > 2 * max(2, least)):
            # A prime number of uplinks has no small divisor, and among a few more of them is one that has.
            best = count or up + 1
            for uplinks in range(up + 1, self.most_up + 1):
                fewer = self._dividing_spines(leaf, uplinks, radix)
                if 0 < fewer < best:
                    count, up, best = fewer, uplinks, fewer
        if count:
            self.why["spine"] = (
                f"smallest divisor of {counted(up, 'uplink')} whose {radix} ports hold those of {leaf} leaves"
            )
            return count, up
        self._check_border_meets(least)
        message = f"no number of spines divides {counted(up, 'uplink')} of {leaf} leaves within {radix} ports"
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
            uplinks = self._uplinks_below(count, leaf, up, radix, need, spare)
            # The rule `even` additionally requires spines that divide the uplinks.
            if uplinks and (described == "least" or uplinks % count == 0):
                spared = f", and {spare} may fail" if spare else ""
                uplinks_text = counted(uplinks, "uplink")
                self.why["spine"] = f"fewest of {radix} ports that hold {leaf} x {uplinks_text}{spared}"
                return count, uplinks
        self._check_border_meets(max(least, spare + 1))
        message = f"no number of spines leaves {counted(need, 'uplink')} of a leaf where {spare} of them fail"
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
        uplinks = self._uplinks_below(count, leaf, up, radix, need, spare)
        if uplinks:
            return count, uplinks
        spines_text = counted(count, "spine")
        uplinks_text = counted(up, "uplink")
        message = (
            f"{spines_text} of {radix} ports do not hold {leaf} x {uplinks_text} so that {spare} may fail"
        )
        field = "spine_spares" if spare else "spines"
        raise MisfitError(field, message, "write more spines, or 'spines: least'")

    def _uplinks_below(self, count: int, leaf: int, up: int, radix: int, need: int, spare: int) -> int:
        """Return the uplinks of each leaf below some spines, as `_with_spares`; 0 where these do not do."""
        most = up
        if spare and not isinstance(self.fabric.uplinks, int):
            most = self.most_up
        uplinks = _kept_uplinks(count, up, most, need, spare)
        # More uplinks than the fewest that are kept fit no better.
        fits = self._above(leaf, uplinks, count) <= count * radix
        return uplinks if fits and self._border_keeps(count, spare) else 0

    def _dividing_spines(self, leaf: int, up: int, radix: int) -> int:
        """Return the fewest spines that divide the uplinks of some leaves; 0 where none has the ports.

        Args:
            leaf: leaves that the spines connect.
            up: uplinks of a leaf.
            radix: links that a spine takes from below.
        """
        for count in range(min(2, up), up + 1):
            below = leaf * (up // count) + self.pod_borders * ceil_div(self._border_up(count), count)
            if up % count == 0 and below <= radix and self._border_keeps(count, 0):
                return count
        return 0

    def _above(self, leaf: int, up: int, spines: int) -> int:
        """Return the links from a pod's leaves and border leaves to its spines."""
        return leaf * up + self.pod_borders * self._border_up(spines)

    def _border_need(self) -> int:
        """Return the uplinks that the ratio requires of a border leaf."""
        if self.outside is None:
            return 0
        ratio = self.fabric.oversubscription.fraction
        below = self.outside.links * self.outside.rate * ratio.denominator
        return max(ceil_div(below, ratio.numerator * self.ports.uplink), 1)

    def _border_room(self) -> int:
        """Return the links that a border leaf's ports leave for spines."""
        if self.outside is None or self.outside.ports is None:
            return 0
        ports, taken = self.outside.ports, self.outside.cages
        room = ports.room(taken * ports.breakout) - self.partners.border
        return max(room, 0)

    def _border_up(self, spines: int) -> int:
        """Return the uplinks of a border leaf below some spines.

        As described, else what the ratio requires and one to each spine; where spines are not the least,
        as many to each.
        """
        if not self.borders:
            return 0
        if self.fabric.border is not None and self.fabric.border.uplinks is not None:
            return self.fabric.border.uplinks
        spare, need = self.fabric.spine_spares or 0, self._border_need()
        uplinks = max(need, spines)
        # The spines that fail are those with the most links.
        while spare < spines and uplinks - spare * ceil_div(uplinks, spines) < need:
            uplinks += 1
        if self.fabric.spines != "least":
            uplinks = ceil_div(uplinks, spines) * spines
        # Where the ports do not hold as many to each, links are dealt out in turn.
        return min(uplinks, self._border_room())

    def _border_keeps(self, spines: int, spare: int) -> bool:
        """Return whether a border leaf meets each spine, and keeps what it needs where some spines fail."""
        if not self.borders:
            return True
        uplinks = self._border_up(spines)
        return uplinks >= spines and uplinks - spare * ceil_div(uplinks, spines) >= self._border_need()

    def _check_border_uplinks(self) -> None:
        """Compare the uplinks of a border leaf with what the ratio requires and with its ports."""
        if not self.borders or self.outside is None or self.fabric.border is None:
            return
        need, room, described = self._border_need(), self._border_room(), self.fabric.border.uplinks
        links = f"{counted(self.outside.links, 'link')} to the outside"
        if self.partners.border:
            links += f", beside {self.partners.border} to the other one of its pair,"
        if need > room:
            links_text = counted(need, "link")
            message = f"{links} need {links_text} upwards from a border leaf, and its ports leave {room}"
            raise MisfitError("border.ports", message, "write fewer, or a larger oversubscription")
        if described is not None and described > room:
            message = f"{counted(described, 'link')} upwards from a border leaf; {links} leave {room}"
            raise MisfitError("border.uplinks", message, f"write {need} to {room}, or leave it out")
        if described is not None and described < need:
            ratio = self.fabric.oversubscription
            links_text = counted(described, "link")
            message = f"{links_text} upwards carry less than {ratio} of {links}, which takes {need}"
            raise MisfitError("border.uplinks", message, f"write {need}, or a larger oversubscription")

    def _check_border_meets(self, spines: int) -> None:
        """Refuse border leaves that do not meet each of some spines."""
        if self._border_keeps(spines, 0):
            return
        uplinks, room = self._border_up(spines), self._border_room()
        links_text = counted(uplinks, "link")
        spines_text = counted(spines, "spine")
        message = f"{links_text} upwards from a border leaf do not meet each of {spines_text}"
        if room >= spines:
            raise MisfitError("border.uplinks", message, f"write {spines} or more, or leave it out")
        raise MisfitError("border.ports", message, "write fewer, or border leaves of more ports")

    def _built_outside(self, leaf: int, spine: int, core: int, a_pod: int = 0) -> Outside | None:
        """Return the links to the outside of a plane of some switches, with the border leaves' uplinks.

        Args:
            leaf: leaves.
            spine: spines.
            core: cores.
            a_pod: spines of a pod, of a plane with three tiers.
        """
        outside = self.outside
        if outside is None:
            return None
        found = {"border": spine, "leaf": leaf, "spine": spine, "core": core}[outside.tier]
        if not found:
            wanted = f"no {outside.tier}s" if outside.tier != "border" else "no spines for border leaves"
            message = f"the plane has {_switches_of(leaf, spine, core)}, and {wanted}"
            hint = "write 'at: leaf'" if not spine else "write 'at: spine'"
            raise MisfitError("border.at", message, hint)
        if outside.tier == "leaf" and outside.switches > leaf:
            leaves_text = counted(outside.switches, "leaf", "leaves")
            plane_text = counted(leaf, "leaf", "leaves")
            message = f"{leaves_text} with links to the outside; the plane has {plane_text}"
            raise MisfitError("border.leaves", message, f"write at most {leaf}, or leave it out for all")
        if outside.tier != "border":
            return outside
        uplinks = self._border_up(a_pod or spine)
        need = self._border_need()
        links_text = counted(uplinks, "link")
        leaves_text = counted(outside.border_leaves, "border leaf", "border leaves")
        self.why["border"] = (
            f"{leaves_text}; {links_text} up from each, and {need} carry its "
            f"{outside.links} of {BitsPerSecond(outside.rate)}"
        )
        return replace(outside, uplinks=uplinks)

    def _two_tiers(self, places: int, leaf: int, up: int) -> Laid:
        """Return leaves below spines."""
        full = self._counted(places)
        spine, up = self._count_spines(leaf, up, self.spine_radix, self.need(full))
        if self.fabric.core_oversubscription is not None:
            message = f"{leaf} leaves fit under spines of {self.spine_radix} ports, so there are no cores"
            hint = "leave it out, or write 'pod_leaves', the leaves of a pod"
            raise MisfitError("core_oversubscription", message, hint)
        outside = self._built_outside(leaf, spine, 0)
        self.why["leaf_spine"] = self._leaf_spine_why(leaf, up, outside)
        self.why["tiers"] = f"{leaf} leaves against {self.spine_radix} ports of a spine"
        even = up % spine == 0 and (outside is None or outside.uplinks % spine == 0)
        layout = Layout(
            self.ports,
            self.leaf_rails,
            by_rail=False,
            peers=0,
            even=even,
            outside=outside,
            partners=self.partners,
        )
        clos = Clos(2, leaf, spine, 0, leaf, 1, spine, spine, 0, 0, up)
        self._note_partners(self.why, clos, layout)
        return Laid(layout, places, clos, self.why)

    def _check_partner_links(self, up: int) -> None:
        """Refuse fewer links between the leaves of a pair than upwards, where they carry what the two send.

        A subnet manager takes the shortest path, which leads over no spine. With as many as upwards a leaf
        sends its partner as much as it may send others, and the plane's bisection holds.
        """
        if self.fabric.kind != "infiniband" or not 0 < self.partners.leaf < up:
            return
        links_text = counted(self.partners.leaf, "link")
        message = (
            f"InfiniBand takes the {links_text} alone for all that the two leaves of a pair "
            f"send each other, and each has {up} upwards"
        )
        hint = f"write {up} or more, or leave it out"
        raise MisfitError("peer_links", message, hint)

    def _note_partners(self, why: dict[str, str], clos: Clos, layout: Layout) -> None:
        """Note how many switches meet a partner, where pairs have links of their own."""
        pairs = pairs_of(clos.leaf, self.rails, clos, layout)
        switches = {"leaf": clos.leaf, "spine": clos.spine, "border": layout.border_leaves}
        parts: list[str] = []
        for tier, links in layout.partners.by_tier.items():
            if not links:
                continue
            count = len(pairs[tier])
            pairs_text, each = counted(count, "pair"), counted(links, "link")
            part = f"{pairs_text} of {_PLURALS[tier]} x {each}"
            alone = switches[tier] - 2 * count
            if alone:
                part += f", {alone} without a partner"
            parts.append(part)
        if parts:
            why["partners"] = "; ".join(parts)

    def _leaf_spine_why(self, leaf: int, up: int, outside: Outside | None) -> str:
        """Return the reason of the number of cables between leaves and spines."""
        leaves_text = counted(leaf, "leaf", "leaves")
        uplinks_text = counted(up, "uplink")
        why = f"{leaves_text} x {uplinks_text}"
        if outside is not None and outside.border_leaves:
            border_text = counted(outside.border_leaves, "border leaf", "border leaves")
            why += f" + {border_text} x {outside.uplinks}"
        return why

    def _three_tiers(self, places: int, leaf: int, up: int, a_group: int) -> Laid:
        """Return pods of leaves and spines below cores; the fewest switches where pods are not described."""
        full = self._counted(places)
        need = self.need(full)
        best: Laid | None = None
        failed = MisfitError(
            "radix", f"{leaf:,} leaves are more than three tiers join", "use a switch of more ports"
        )
        for pods in self._pod_counts(leaf, a_group):
            if best is not None and not self._may_be_better(best.clos, leaf, up, pods):
                continue
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

    def _may_be_better(self, best: Clos, leaf: int, up: int, pods: int) -> bool:
        """Return whether full spines and cores, without border leaves, are no more than those of a design."""
        links = ceil_div(leaf, pods) * up
        spines = max(ceil_div(links, max(self.spine_down, 1)), min(2, up))
        cores = ceil_div(pods * self._links_to_cores(links), self.core_radix)
        return pods * spines + cores <= best.spine + best.core

    def _pod_counts(self, leaf: int, a_group: int) -> Iterator[int]:
        """Yield the numbers of pods to try."""
        pod_leaves, most = self.fabric.pod_leaves, self.spine_down
        if pod_leaves is not None:
            if self.fabric.pod_by == "rail":
                yield ceil_div(a_group, pod_leaves) * (leaf // a_group)
            else:
                yield ceil_div(leaf, pod_leaves)
            return
        least = ceil_div(leaf + self.borders, max(most, 1))
        # Each pod has a leaf, or a pair.
        together = 2 if self.partners.leaf else 1
        for pods in range(least, min(self.core_radix, ceil_div(leaf, together)) + 1):
            # Fewer border leaves a pod may save spines where leaves alone fill fewer pods.
            if self.borders or ceil_div(leaf, ceil_div(leaf, pods)) == pods:
                yield pods

    def _with_pods(self, places: int, leaf: int, up: int, pods: int, need: int) -> Laid:
        """Return three tiers with a number of pods."""
        radix, pod_leaves = self.core_radix, self.fabric.pod_leaves
        self.pod_borders = ceil_div(self.borders, pods)
        pod = pod_leaves if pod_leaves is not None else ceil_div(leaf, pods)
        if self.partners.leaf and pod % 2:
            # A pair belongs to one pod, so that both of its leaves meet the same spines.
            leaves_text = counted(pod, "leaf", "leaves")
            message = f"pods of {leaves_text} part a pair that 'peer_links' joins"
            hint = f"write an even number, such as {pod + 1}"
            raise MisfitError("pod_leaves", message, hint)
        most = self.spine_down
        if pod + self.pod_borders > most:
            joined = counted(most, "leaf", "leaves")
            message = f"a spine of {self.spine_radix} ports joins {joined} and needs the others for cores"
            raise MisfitError("pod_leaves", message, f"write at most {max(most - self.pod_borders, 1)}")
        spine, up = self._count_spines(pod, up, most, need)
        upper = self._links_to_cores(ceil_div(self._above(pod, up, spine), spine))
        core, group = self._count_cores(pods, spine, upper)
        outside = self._built_outside(leaf, pods * spine, core, spine)
        by_rail = self.fabric.pod_by == "rail"
        # A copy: the next number of pods starts from the reasons without these.
        why = dict(self.why)
        why["spine"] = f"{counted(pods, 'pod')} x {spine}: {self.why['spine']}"
        why["leaf_spine"] = self._leaf_spine_why(leaf, up, outside)
        leaves_text = counted(pod, "leaf", "leaves")
        why["pods"] = f"{pods} of at most {leaves_text}" + (", each of one group of rails" if by_rail else "")
        why["core"] = f"{counted(pods * spine, 'spine')} x {counted(upper, 'uplink')} over {radix} ports"
        if self.fabric.core_oversubscription is not None:
            why["core"] += f", at {self.fabric.core_oversubscription} below and above a spine"
        why["spine_core"] = f"{counted(pods * spine, 'spine')} x {counted(upper, 'uplink')}"
        why["tiers"] = f"{leaf} leaves in {counted(pods, 'pod')}"
        even = up % spine == 0 and upper % group == 0
        if outside is not None and outside.border_leaves:
            even = even and outside.uplinks % spine == 0
        layout = Layout(
            self.ports,
            self.leaf_rails,
            by_rail=by_rail,
            peers=0,
            even=even,
            core_groups=equal_groups(spine, core),
            outside=outside,
            partners=self.partners,
        )
        clos = Clos(3, leaf, pods * spine, core, pod, pods, spine, spine, group, upper, up)
        self._note_partners(why, clos, layout)
        return Laid(layout, places, clos, why)

    def _count_cores(self, pods: int, spine: int, upper: int) -> tuple[int, int]:
        """Return the cores, and how many of them one spine meets."""
        radix, described = self.core_radix, self.fabric.cores
        if pods > radix:
            raise self._too_many_pods_error(pods)
        uplinks = pods * spine * upper
        least = ceil_div(uplinks, radix)
        if described is None:
            core = _even_cores(max(least, min(2, upper)), spine, upper)
            return core, core // gcd(spine, core)
        if described >= least and described // gcd(spine, described) <= upper:
            return described, described // gcd(spine, described)
        cores_text, uplinks_text = counted(described, "core"), counted(upper, "uplink")
        spines_text = counted(pods * spine, "spine")
        message = f"{cores_text} of {radix} ports; {spines_text} of {uplinks_text} take {least}"
        if described >= least:
            group = described // gcd(spine, described)
            message = f"a spine of {uplinks_text} would have to meet {group} of {cores_text}"
        hint = f"write {_even_cores(least, spine, upper)}, or leave it out"
        raise MisfitError("cores", message, hint)

    def _too_many_pods_error(self, pods: int) -> MisfitError:
        """Return the error of more pods than a core has ports; it has a link at least to each."""
        radix = self.core_radix
        message = f"{counted(pods, 'pod')}, and a core of {radix} ports joins {radix} at most"
        if self.fabric.pod_leaves is not None:
            hint = "write a larger 'pod_leaves', or use spines and cores of more ports"
            return MisfitError("pod_leaves", message, hint)
        hint = "use spines and cores of more ports, or fewer leaves: more machines or rails on each"
        for name in ("spine_switch", "spine_radix"):
            if getattr(self.fabric, name) is not None:
                return MisfitError(name, message, hint)
        return MisfitError("radix", message, hint)


_PLURALS = {"leaf": "leaves", "spine": "spines", "border": "border leaves"}


# Cached, since it is the same of every number of pods that is tried.
@lru_cache(maxsize=4096)
def _kept_uplinks(count: int, up: int, most: int, need: int, spare: int) -> int:
    """Return the fewest uplinks of a leaf of which enough are left after some spines fail; 0 where none are.

    Args:
        count: spines.
        up: uplinks at least.
        most: uplinks at most.
        need: uplinks that must be left where spines may fail.
        spare: spines that may fail.
    """
    for uplinks in range(max(up, count), most + 1):
        # The spines that fail are those with the most links.
        kept = uplinks - spare * ceil_div(uplinks, count)
        if kept >= (need if spare else min(up, uplinks)):
            return uplinks
    return 0


def _outside_why(outside: Outside) -> str:
    """Return where the links to the outside are, in words."""
    noun = "border leaf" if outside.tier == "border" else outside.tier
    of_them = f"each of {outside.switches}" if outside.switches else "every"
    if outside.switches:
        noun = {"border leaf": "border leaves", "leaf": "leaves"}[noun]
    rate, ports = BitsPerSecond(outside.rate), counted(outside.cages, "port")
    return f"{counted(outside.links, 'link')} of {rate} from {of_them} {noun}, in {ports}"


def _switches_of(leaf: int, spine: int, core: int) -> str:
    """Return which switches a plane has, in words."""
    if core:
        return "leaves, spines and cores"
    if spine:
        return "leaves and spines"
    return "one switch" if leaf == 1 else "a pair of leaves"


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
        if ceil_div(leaf, clos.pod) < clos.pods:
            # A pair of leaves is in one pod.
            together = 2 if layout.partners.leaf else 1
            return _level_chunks(range(leaf), clos.pods, together)
        return _chunks(range(leaf), clos.pod)
    groups = rails // layout.leaf_rails
    pods: list[list[int]] = []
    for group in range(groups):
        # Leaves are numbered rail by rail within a number, so every `groups`-th leaf serves the same rails.
        pods += _chunks(range(group, leaf, groups), clos.pod)
    return pods


def pairs_of(leaf: int, rails: int, clos: Clos, layout: Layout) -> dict[str, list[tuple[int, int]]]:
    """Return tier to pairs by their positions: leaves, spines and border leaves with links between the two.

    Neighbours are a pair: leaves of one number, which serve the same servers, or those of two numbers where
    one alone serves all of a server's rails, or where the groups of rails are odd. Two switches of a pair are
    in one pod. A last switch without a neighbour has no partner.
    """
    partners = layout.partners
    pairs: dict[str, list[tuple[int, int]]] = {"leaf": [], "spine": [], "border": []}
    if partners == Partners():
        return pairs
    groups = rails // layout.leaf_rails
    pods = pods_of(leaf, rails, clos, layout)
    by_rail = groups % 2 == 1 and not layout.by_rail
    for pod, positions in enumerate(pods):
        if partners.leaf:
            pairs["leaf"] += _leaf_pairs(positions, groups if by_rail else 1)
        if partners.spine:
            first = pod * clos.pod_spines
            spines = range(first, first + clos.pod_spines)
            pairs["spine"] += _by_twos(spines)
        if partners.border:
            # Border leaves belong to the pods in turn.
            borders = range(pod, layout.border_leaves, len(pods))
            pairs["border"] += _by_twos(borders)
    return pairs


def _leaf_pairs(positions: Sequence[int], groups: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs of a pod's leaves, those of each of some groups by themselves."""
    for group in range(groups):
        neighbours: list[int] = []
        for position in positions:
            if position % groups == group:
                neighbours.append(position)
        yield from _by_twos(neighbours)


def _by_twos(neighbours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the first two, the next two, and so on; a last one alone is left out."""
    firsts, seconds = neighbours[::2], neighbours[1::2]
    return zip(firsts, seconds, strict=False)


def _chunks(leaves: range, size: int) -> list[list[int]]:
    """Divide positions of leaves into lists of at most `size`."""
    return [list(leaves[at : at + size]) for at in range(0, len(leaves), size)]


def _level_chunks(leaves: range, pods: int, together: int) -> list[list[int]]:
    """Divide positions of leaves into some lists that differ by as few as are kept together at most."""
    least, more = divmod(ceil_div(len(leaves), together), pods)
    chunks: list[list[int]] = []
    at = 0
    for pod in range(pods):
        end = at + least * together
        if pod < more:
            end += together
        chunks.append(list(leaves[at:end]))
        at = end
    return chunks
