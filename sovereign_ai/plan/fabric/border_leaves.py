"""Links of a plane to the outside, and border leaves: how many links lead from each of these to spines."""

from __future__ import annotations

from dataclasses import replace

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.clos import MisfitError
from sovereign_ai.plan.fabric.layout import Partners
from sovereign_ai.plan.fabric.switch_ports import Outside, Ports
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond


@frozen_dataclass
class BorderLeaves:
    """The border leaves of a plane, which has none where its links to the outside are on other switches.

    Attributes:
        fabric: the fabric.
        ports: ports of the plane's switches, without those for links to the outside.
        outside: links to the outside; None where none is described.
        partners: links between the two switches of each pair.
    """

    fabric: Fabric
    ports: Ports
    outside: Outside | None
    partners: Partners

    @property
    def count(self) -> int:
        """How many there are."""
        return 0 if self.outside is None else self.outside.border_leaves

    def need(self) -> int:
        """Return the uplinks that the ratio requires of a border leaf."""
        if self.outside is None:
            return 0
        ratio = self.fabric.oversubscription.fraction
        below = self.outside.links * self.outside.rate * ratio.denominator
        return max(ceil_div(below, ratio.numerator * self.ports.uplink), 1)

    def free_ports(self) -> int:
        """Return the links that a border leaf's ports leave for spines."""
        if self.outside is None or self.outside.ports is None:
            return 0
        ports, taken = self.outside.ports, self.outside.cages
        free_ports = ports.free_ports(taken * ports.breakout) - self.partners.border
        return max(free_ports, 0)

    def uplinks(self, spines: int) -> int:
        """Return the uplinks of a border leaf below some spines.

        As described, else what the ratio requires and one to each spine; where spines are not the least,
        as many to each.
        """
        if not self.count:
            return 0
        if self.fabric.border is not None and self.fabric.border.uplinks is not None:
            return self.fabric.border.uplinks
        spare, need = self.fabric.spine_spares or 0, self.need()
        uplinks = max(need, spines)
        # The spines that fail are those with the most links.
        while spare < spines and uplinks - spare * ceil_div(uplinks, spines) < need:
            uplinks += 1
        if self.fabric.spines != "least":
            uplinks = ceil_div(uplinks, spines) * spines
        # Where the ports do not hold as many to each, links are dealt out in turn.
        return min(uplinks, self.free_ports())

    def keeps(self, spines: int, spare: int) -> bool:
        """Return whether a border leaf meets each spine, and keeps what it needs where some spines fail."""
        if not self.count:
            return True
        uplinks = self.uplinks(spines)
        return uplinks >= spines and uplinks - spare * ceil_div(uplinks, spines) >= self.need()

    def check_uplinks(self) -> None:
        """Compare the uplinks of a border leaf with what the ratio requires and with its ports."""
        if not self.count or self.outside is None or self.fabric.border is None:
            return
        need, free_ports, described = self.need(), self.free_ports(), self.fabric.border.uplinks
        links = f"{counted(self.outside.links, 'link')} to the outside"
        if self.partners.border:
            links += f", beside {self.partners.border} to the other one of its pair,"
        if need > free_ports:
            links_text = counted(need, "link")
            message = f"{links} need {links_text} upwards from a border leaf, and {free_ports} are left"
            raise MisfitError("border.ports", message, "write fewer, or a larger oversubscription")
        if described is not None and described > free_ports:
            message = f"{counted(described, 'link')} upwards from a border leaf; {links} leave {free_ports}"
            raise MisfitError("border.uplinks", message, f"write {need} to {free_ports}, or leave it out")
        if described is not None and described < need:
            ratio = self.fabric.oversubscription
            links_text = counted(described, "link")
            message = f"{links_text} upwards carry less than {ratio} of {links}, which takes {need}"
            raise MisfitError("border.uplinks", message, f"write {need}, or a larger oversubscription")

    def check_meets(self, spines: int) -> None:
        """Refuse border leaves that do not meet each of some spines."""
        if self.keeps(spines, 0):
            return
        uplinks, free_ports = self.uplinks(spines), self.free_ports()
        links_text = counted(uplinks, "link")
        spines_text = counted(spines, "spine")
        message = f"{links_text} upwards from a border leaf do not meet each of {spines_text}"
        if free_ports >= spines:
            raise MisfitError("border.uplinks", message, f"write {spines} or more, or leave it out")
        raise MisfitError("border.ports", message, "write fewer, or border leaves of more ports")

    def built(self, leaf: int, spine: int, core: int, a_pod: int = 0) -> Outside | None:
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
        return replace(outside, uplinks=self.uplinks(a_pod or spine))

    def why(self, built: Outside) -> str:
        """Return the reason of the uplinks of the border leaves, in words."""
        links_text = counted(built.uplinks, "link")
        leaves_text = counted(built.border_leaves, "border leaf", "border leaves")
        return (
            f"{leaves_text}; {links_text} up from each, and {self.need()} carry its "
            f"{built.links} of {BitsPerSecond(built.rate)}"
        )


def outside_why(outside: Outside) -> str:
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
