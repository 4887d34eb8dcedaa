"""Fabric planes whose description specifies more than the radix and the ratio of their switches.

A few whole numbers describe every published design (see `spec.fabric`): how many rails and servers a leaf
serves, which ports lead upwards and at which rate, how many spines there are and by which rule, whether pods
have spines of their own, and whether there are spines at all. `clos.py` has the rule for descriptions without
any of these fields.

`leaf_places.py` has the servers and uplinks of a leaf, `spine_counts.py` the two rules that give the number
of spines, `border_leaves.py` the links to the outside.

Links between spines and cores are distributed in turn as well. Spines of a pod and cores form as many groups
as their greatest common divisor. Where that comes out even, spine j of each pod meets group j alone, as in
the published designs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd

from sovereign_ai.plan.fabric.border_leaves import BorderLeaves, outside_why
from sovereign_ai.plan.fabric.clos import Clos, MisfitError
from sovereign_ai.plan.fabric.core_groups import equal_groups
from sovereign_ai.plan.fabric.layout import Laid, Layout, pairs_of, partners_of
from sovereign_ai.plan.fabric.leaf_places import LeafPlaces
from sovereign_ai.plan.fabric.port_assignment import Block, first_free_place, total_places
from sovereign_ai.plan.fabric.spine_counts import SpineCounts
from sovereign_ai.plan.fabric.switch_ports import Outside, outside_of, ports_of, with_outside
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BitsPerSecond, Ratio


class _Sizer:
    """The state of one plane while its numbers are computed."""

    def __init__(self, fabric: Fabric, blocks: Sequence[Block], rack: int) -> None:
        """Start with what joins the plane; `rack` is the servers in a rack, 0 where pools differ."""
        self.fabric = fabric
        self.why: dict[str, str] = {}
        self.blocks = blocks
        self.places = total_places(blocks)
        self.rails = fabric.rails
        self.ports = ports_of(fabric)
        self.outside = outside_of(fabric, self.ports)
        self.partners = partners_of(fabric)
        self.core_radix = self.ports.spine_radix
        self.spine_radix = self.core_radix - self.partners.spine
        if self.outside is not None:
            self._take_outside(self.outside)
        self.border = BorderLeaves(fabric, self.ports, self.outside, self.partners)
        self.pod_borders = self.border.count
        rails = fabric.leaf_rails or 1
        self.leaf = LeafPlaces(fabric, blocks, rack, self.ports, self.outside, self.partners, rails)
        self.core_ratio = (fabric.core_oversubscription or Ratio(1, 1)).fraction
        self.spine_down = self._most_below()
        self.most_up = 0

    def _take_outside(self, outside: Outside) -> None:
        """Take the ports for links to the outside from those for servers and for other switches."""
        self.ports = with_outside(self.ports, outside)
        taken = outside.cages * self.ports.spine_breakout
        if outside.tier == "spine":
            self.spine_radix -= taken
        elif outside.tier == "core":
            self.core_radix -= taken
        self.why["outside"] = outside_why(outside)

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
        if self.rails % self.leaf.rails:
            rails_text = counted(self.rails, "rail is", "rails are")
            message = f"{rails_text} no multiple of the {self.leaf.rails} that a leaf takes"
            raise MisfitError("leaf_rails", message, f"write a divisor of {self.rails}")
        if self.fabric.spines == "none":
            return self._without_spines()
        whole = self.leaf.whole_ports(self.ports.cages * self.ports.breakout // self.rails)
        takes_all_rails = self.leaf.rails == self.rails
        is_free = self.fabric.leaf_hosts is None and not isinstance(self.fabric.uplinks, int)
        # Links between two leaves are of a pair, however few machines there are.
        is_free = is_free and not self.partners.leaf
        fits_one = whole > 0 and first_free_place(self.blocks, whole) <= whole
        if takes_all_rails and is_free and fits_one and not self.border.count:
            return self._single_switch(whole)
        most = self.leaf.most_places()
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

    def _with_places(self, places: int) -> Laid:
        """Return the plane's counts where a leaf holds `places` servers.

        Raises:
            MisfitError: the fields contradict each other.
        """
        a_group = ceil_div(first_free_place(self.blocks, places), places)
        leaf = a_group * (self.rails // self.leaf.rails)
        if self.fabric.leaf_hosts is None or self.leaf.is_limited:
            places = self.leaf.level_places(places, a_group)
        up = self.leaf.uplinks(places)
        self.most_up = self.leaf.free_ports(places)
        self.why["down"] = self.leaf.why(places, up)
        self._check_partner_links(up)
        across = counted(self.rails, "rail")
        if self.leaf.rails > 1:
            across = f"{counted(self.rails, 'rail')}, {self.leaf.rails} a leaf,"
        wanted = counted(self.places, "place")
        if self.leaf.step > 1:
            wanted = f"{self.leaf.width} of {BitsPerSecond(self.ports.link)}, which {wanted} take"
            self.why["rates"] = self.leaf.rates_why()
        self.why["leaf"] = f"{across} x {a_group} of {counted(places, 'place')} for {wanted}"
        if leaf == 1 and not self.border.count:
            return self._single_switch(places)
        if self.fabric.pod_leaves is None and leaf + self.border.count <= self.spine_radix:
            return self._two_tiers(places, leaf, up)
        return self._three_tiers(places, leaf, up, a_group)

    def _single_switch(self, places: int) -> Laid:
        """Return a single switch."""
        self.why["tiers"] = "one switch holds all"
        outside = self._built_outside(1, 0, 0)
        layout = Layout(self.ports, self.leaf.rails, by_rail=False, peers=0, even=True, outside=outside)
        return Laid(layout, places, Clos(1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0), self.why)

    def _without_spines(self) -> Laid:
        """Return a single switch, or a pair with links between the two."""
        ports = self.ports.cages * self.ports.breakout
        if self.fabric.leaf_rails is None:
            # All rails on one switch where they fit, else half of the rails on each of two. Links between two
            # leaves that are described are of a pair, however few machines there are.
            whole = max(self.leaf.whole_ports(ports // self.rails), 1)
            fits = first_free_place(self.blocks, whole) * self.rails <= ports
            fits = fits and self.fabric.peer_links is None
            leaf_rails = self.rails if fits or self.rails % 2 else self.rails // 2
            self.leaf = replace(self.leaf, rails=leaf_rails)
        places = self.leaf.whole_ports(ports // self.leaf.rails)
        if isinstance(self.fabric.leaf_hosts, int) and not self.leaf.is_limited:
            places = self.fabric.leaf_hosts
        a_group = ceil_div(first_free_place(self.blocks, places), places) if places else 0
        leaf = a_group * (self.rails // self.leaf.rails)
        if not 0 < leaf <= 2:
            rails = counted(self.rails, "rail")
            machines_text = counted(self.places, "machine takes", "machines take")
            message = (
                f"at {rails} {machines_text} {leaf or 'more than two'} leaves, "
                "and without spines there are two at most"
            )
            raise MisfitError("spines", message, "write 'spines: least', or use a switch of more ports")
        places = self.leaf.level_places(places, a_group)
        rails_text = counted(self.rails, "rail")
        places_text = counted(self.places, "place")
        self.why["leaf"] = f"{rails_text}, {self.leaf.rails} a leaf, for {places_text}; no spine is wanted"
        if leaf == 1:
            return self._single_switch(places)
        return self._leaf_pair(places)

    def _leaf_pair(self, places: int) -> Laid:
        """Return two leaves with links between them."""
        free_ports = self.ports.free_ports(places * self.leaf.rails)
        need = self.leaf.need(self.leaf.fullest_leaf(places))
        peers = self.fabric.peer_links or need
        if peers > free_ports:
            links_text = counted(peers, "link")
            ports_text = counted(max(free_ports, 0), "port of each is", "ports of each are")
            message = f"{links_text} between the two leaves, and {ports_text} left"
            fewer = f"at most {free_ports}, " if free_ports > 0 else ""
            hint = f"write {fewer}a larger oversubscription, or use spines"
            raise MisfitError("peer_links", message, hint)
        links_text = counted(peers, "link")
        self.why["leaf_leaf"] = f"{links_text} between the pair; {need} carry the machines there now"
        self.why["tiers"] = "two leaves that meet each other"
        outside = self._built_outside(2, 0, 0)
        layout = Layout(self.ports, self.leaf.rails, by_rail=False, peers=peers, even=True, outside=outside)
        return Laid(layout, places, Clos(1, 2, 0, 0, 2, 1, 0, 0, 0, 0, peers), self.why)

    def _spines(self) -> SpineCounts:
        """Return the search for spines, with the border leaves and uplinks as they are known by now."""
        return SpineCounts(self.fabric, self.border, self.pod_borders, self.most_up, self.why)

    def _built_outside(self, leaf: int, spine: int, core: int, a_pod: int = 0) -> Outside | None:
        """Return the links to the outside of a plane of some switches, and note the reason."""
        outside = self.border.built(leaf, spine, core, a_pod)
        if outside is not None and outside.tier == "border":
            self.why["border"] = self.border.why(outside)
        return outside

    def _two_tiers(self, places: int, leaf: int, up: int) -> Laid:
        """Return leaves below spines."""
        full = self.leaf.counted_places(places)
        spine, up = self._spines().searched(leaf, up, self.spine_radix, self.leaf.need(full))
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
            self.leaf.rails,
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
        full = self.leaf.counted_places(places)
        need = self.leaf.need(full)
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
        least = ceil_div(leaf + self.border.count, max(most, 1))
        # Each pod has a leaf, or a pair.
        together = 2 if self.partners.leaf else 1
        for pods in range(least, min(self.core_radix, ceil_div(leaf, together)) + 1):
            # Fewer border leaves a pod may save spines where leaves alone fill fewer pods.
            if self.border.count or ceil_div(leaf, ceil_div(leaf, pods)) == pods:
                yield pods

    def _with_pods(self, places: int, leaf: int, up: int, pods: int, need: int) -> Laid:
        """Return three tiers with a number of pods."""
        radix, pod_leaves = self.core_radix, self.fabric.pod_leaves
        self.pod_borders = ceil_div(self.border.count, pods)
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
        spine, up = self._spines().searched(pod, up, most, need)
        upper = self._links_to_cores(ceil_div(self._spines().above(pod, up, spine), spine))
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
            self.leaf.rails,
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
