"""How many servers a leaf holds, and how many links lead upwards from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.clos import MisfitError
from sovereign_ai.plan.fabric.layout import Partners
from sovereign_ai.plan.fabric.port_assignment import Block, assign_places, first_free_place, total_width
from sovereign_ai.plan.fabric.switch_ports import Outside, Ports
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond


@frozen_dataclass
class LeafPlaces:
    """The places for servers on the leaves of a plane.

    Attributes:
        fabric: the fabric.
        blocks: what joins it at one site.
        rack: servers in a rack; 0 where the pools that join differ.
        ports: ports of the plane's switches, without those for links to the outside.
        outside: links to the outside; None where none is described.
        partners: links between the two switches of each pair.
        rails: rails that a leaf serves.
    """

    fabric: Fabric
    blocks: Sequence[Block]
    rack: int
    ports: Ports
    outside: Outside | None
    partners: Partners
    rails: int

    @property
    def step(self) -> int:
        """Places at which a port of a leaf ends, whichever servers it joins."""
        return max((block.align for block in self.blocks), default=1)

    @property
    def width(self) -> int:
        """Places of the slowest rate that all servers take."""
        return total_width(self.blocks)

    @property
    def is_limited(self) -> bool:
        """Whether the hosts of a leaf are counted, since those of several rates take different places."""
        return any(block.most for block in self.blocks)

    def need(self, machines: int) -> int:
        """Return the uplinks that the ratio requires of a leaf with a number of servers."""
        ratio = self.fabric.oversubscription.fraction
        below = machines * self.rails * self.ports.link
        if self.outside is not None and self.outside.tier == "leaf":
            below += self.outside.links * self.outside.rate
        return max(ceil_div(below * ratio.denominator, ratio.numerator * self.ports.uplink), 1)

    def free_ports(self, places: int) -> int:
        """Return the links left for spines on a leaf with a number of servers; negative without room.

        Those to the other leaf of its pair are kept for it.
        """
        used = places * self.rails
        return self.ports.free_ports(used) - self.partners.leaf

    def whole_ports(self, places: int) -> int:
        """Return the most places, up to some, that end at a whole port of a leaf."""
        return places // self.step * self.step

    def most_places(self) -> int:
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
            used = places * self.rails
            if self.ports.free_ports(used) < 0:
                machines_text = counted(places, "machine takes", "machines take")
                message = f"{machines_text} {counted(used, 'port')} of a leaf that has {ports}"
                raise MisfitError("leaf_hosts", message, f"write at most {ports // self.rails}")
            return places
        fixed = self.fabric.uplinks if isinstance(self.fabric.uplinks, int) else 0
        # Bisection: with more servers less room is left for uplinks, and more of them are needed.
        # Counted in steps, so that a leaf's ports to servers are whole ones.
        low, high = 0, ports // self.rails // self.step
        while low < high:
            middle = (low + high + 1) // 2
            places = middle * self.step
            if self.free_ports(places) >= max(self.need(places), fixed):
                low = middle
            else:
                high = middle - 1
        if low:
            return low * self.step
        # Reached only where spines are needed: a switch without any is limited by its ports alone (see
        # `sizing.py`).
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
        most = min(wanted, self.whole_ports(ports // self.rails))
        for places in range(most, 0, -self.step):
            need = self.need(self.counted_places(places))
            if self.free_ports(places) >= max(need, fixed):
                return places
        machines_text = counted(hosts, "machine")
        ports_text = counted(ports, "port")
        message = f"{machines_text} of several rates do not fit a leaf of {ports_text} beside its uplinks"
        if self.partners.leaf:
            message += f" and {counted(self.partners.leaf, 'link')} to the other leaf of its pair"
        raise MisfitError("leaf_hosts", message, "write fewer, or leave it out")

    def level_places(self, most: int, a_group: int) -> int:
        """Return the fewest places a leaf that need no more leaves, so that leaves are filled evenly."""
        least = ceil_div(ceil_div(self.width, a_group), self.step) * self.step
        for places in range(least, most, self.step):
            if ceil_div(first_free_place(self.blocks, places), places) == a_group:
                return places
        return most

    def counted_places(self, places: int) -> int:
        """Return the places of a leaf that its uplinks are counted for."""
        if self.fabric.uplinks == "attached":
            return self.fullest_leaf(places)
        if self.is_limited:
            return self.fullest_leaf(places, with_free=True)
        return places

    def fullest_leaf(self, places: int, *, with_free: bool = False) -> int:
        """Return the places that are in use on the fullest leaf now, or that are in use or kept there."""
        hosts_on: Counter[int] = Counter()
        for block, block_places in zip(self.blocks, assign_places(self.blocks, places), strict=True):
            taken = block.places if with_free else block.hosts
            for place in block_places[:taken]:
                hosts_on[place // places] += block.width
        return max(hosts_on.values(), default=1)

    def uplinks(self, places: int) -> int:
        """Return the links from each leaf upwards."""
        described = self.fabric.uplinks
        free_ports = self.free_ports(places)
        full = self.counted_places(places)
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
            if need > free_ports:
                left = f"{counted(max(free_ports, 0), 'port is', 'ports are')} left for uplinks"
                hint = f"put fewer machines on a leaf, where {left}, or write a larger oversubscription"
            raise MisfitError("uplinks", message, hint)
        if up > free_ports:
            machines_text = counted(places, "machine")
            links_text = counted(up, "link")
            message = (
                f"{machines_text} on a leaf need {links_text} upwards, and {max(free_ports, 0)} are left"
            )
            field = "leaf_hosts" if self.fabric.leaf_hosts else "uplinks"
            if self.partners.leaf:
                message += f" beside {self.partners.leaf} to the other leaf of its pair"
                field = "peer_links"
            raise MisfitError(field, message, "write fewer, or a larger oversubscription")
        return up

    def rates_why(self) -> str:
        """Return which hosts take how many places of the slowest rate."""
        parts: list[str] = []
        for block in self.blocks:
            rate = BitsPerSecond(self.ports.link * block.width)
            parts.append(f"{block.name} {rate}, {self.ports.breakout // block.width} a port")
        return "; ".join(parts)

    def why(self, places: int, up: int) -> str:
        """Return the reason of the links of a leaf to servers and upwards, in words."""
        full = self.counted_places(places)
        need = self.need(full)
        noun = "machines" if self.step == 1 else f"places of {BitsPerSecond(self.ports.link)}"
        why = f"{places} {noun} x {self.rails} on a leaf; {counted(up, 'link')} up, and {need} carry {full}"
        if self.step == 1:
            why += " machines"
        return why
