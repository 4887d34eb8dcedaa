"""How many spines connect some leaves, and how many uplinks each leaf then has.

Two rules give the number of spines:

* `even`: the fewest that divide a leaf's uplinks, so that each leaf has equally many links to each spine of
  its pod. Where that takes over twice the spines whose ports hold the uplinks, a leaf has a few uplinks more
  that divide better.
* `least`: the fewest whose ports hold the uplinks. Links are distributed in turn, so that a leaf's links to
  any two spines, and the links of any two spines, differ by one at most.
"""

from __future__ import annotations

from functools import lru_cache

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.border_leaves import BorderLeaves
from sovereign_ai.plan.fabric.clos import MisfitError
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric
from sovereign_ai.text import counted


@frozen_dataclass
class SpineCounts:
    """The search for the spines of a pod, or of a plane without pods.

    Attributes:
        fabric: the fabric.
        border: the border leaves of the plane.
        pod_borders: how many of them are in a pod.
        most_up: uplinks of a leaf at most.
        why: receives the reason.
    """

    fabric: Fabric
    border: BorderLeaves
    pod_borders: int
    most_up: int
    why: dict[str, str]

    def searched(self, leaf: int, up: int, radix: int, need: int) -> tuple[int, int]:
        """Return the spines above a number of leaves, and the uplinks of each leaf.

        Args:
            leaf: leaves that the spines connect.
            up: uplinks of a leaf.
            radix: links that a spine takes from below.
            need: uplinks that a leaf must keep when `spine_spares` fail.
        """
        described, spare = self.fabric.spines, self.fabric.spine_spares or 0
        self.border.check_uplinks()
        least = max(ceil_div(leaf * up, radix), min(2, up))
        while least < up and self.above(leaf, up, least) > least * radix:
            least += 1
        if isinstance(described, int):
            is_single = described == 1 and self.above(leaf, up, 1) <= radix
            if not least <= described <= up and not is_single:
                few = f"{least}" if least == up else f"{least} to {up}"
                spines_text, uplinks_text = counted(described, "spine"), counted(up, "uplink")
                leaves_text = counted(leaf, "leaf", "leaves")
                message = f"{spines_text} of {radix} ports; {leaves_text} of {uplinks_text} take {few}"
                raise MisfitError("spines", message, f"write {few}, or 'spines: least'")
            self.border.check_meets(described)
            self.why["spine"] = f"{described} as described; the uplinks take {least} of {radix} ports"
            return self._with_spares(described, leaf, up, radix, need, spare)
        if described == "least" or spare:
            return self._least(leaf, up, radix, need, least)
        count = self._dividing(leaf, up, radix)
        if not isinstance(self.fabric.uplinks, int) and (not count or count > 2 * max(2, least)):
            # A prime number of uplinks has no small divisor, and among a few more of them is one that has.
            best = count or up + 1
            for uplinks in range(up + 1, self.most_up + 1):
                fewer = self._dividing(leaf, uplinks, radix)
                if 0 < fewer < best:
                    count, up, best = fewer, uplinks, fewer
        if count:
            self.why["spine"] = (
                f"smallest divisor of {counted(up, 'uplink')} whose {radix} ports hold those of {leaf} leaves"
            )
            return count, up
        self.border.check_meets(least)
        message = f"no number of spines divides {counted(up, 'uplink')} of {leaf} leaves within {radix} ports"
        raise MisfitError("spines", message, "write 'spines: least'")

    def _least(self, leaf: int, up: int, radix: int, need: int, least: int) -> tuple[int, int]:
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
        self.border.check_meets(max(least, spare + 1))
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
        fits = self.above(leaf, uplinks, count) <= count * radix
        return uplinks if fits and self.border.keeps(count, spare) else 0

    def _dividing(self, leaf: int, up: int, radix: int) -> int:
        """Return the fewest spines that divide the uplinks of some leaves; 0 where none has the ports.

        Args:
            leaf: leaves that the spines connect.
            up: uplinks of a leaf.
            radix: links that a spine takes from below.
        """
        for count in range(min(2, up), up + 1):
            below = leaf * (up // count) + self.pod_borders * ceil_div(self.border.uplinks(count), count)
            if up % count == 0 and below <= radix and self.border.keeps(count, 0):
                return count
        return 0

    def above(self, leaf: int, up: int, spines: int) -> int:
        """Return the links from a pod's leaves and border leaves to its spines."""
        return leaf * up + self.pod_borders * self.border.uplinks(spines)


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
