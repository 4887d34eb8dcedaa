"""Networks as requested; the plan derives switches, ports and cables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from sovereign_ai.spec.base import Model, Name, SwitchName, added_later
from sovereign_ai.units import BitsPerSecond, Metres, Ratio


def _design_or_link(part: dict[str, Any]) -> None:
    """Let editors accept a fabric that names a design in place of its kind and link."""
    part["required"] = ["name"]
    part["anyOf"] = [{"required": ["kind", "link"]}, {"required": ["design"]}]


# Fields with which a description specifies more of the switches than radix and ratio.
_SHAPE_FIELDS = (
    *("leaf_rails", "leaf_hosts", "uplinks", "uplink", "uplink_ports", "spines", "spine_spares"),
    *("spine_switch", "spine_radix", "peer_links", "pod_leaves", "pod_by", "cores", "core_oversubscription"),
    *("pool_links", "storage_link", "border", "spine_peer_links"),
)


class PoolLink(Model):
    """The rate of one pool's ports on a fabric whose other servers have another rate."""

    pool: Name
    """A pool that the fabric connects."""
    link: BitsPerSecond
    """Rate of one port of its servers."""


class Border(Model):
    """How each plane of a fabric meets a customer's core, the edge of the internet, or another network.

    A link to the outside is a cabled port and nothing more: it lies in no zone, and no route is exchanged
    over it.
    """

    at: Literal["border-leaf", "leaf", "spine", "core"] = "border-leaf"
    """Where the ports are: on leaves of their own, which have no servers and hang below the spines as all
    leaves do; on ordinary leaves, as where a single switch or a pair holds all; on every spine; on every
    core."""
    leaves: Annotated[int, Field(ge=1, le=64, strict=True)] | None = None
    """Leaves with such ports. Of `border-leaf` left out: two. Of `leaf` left out: all; with a number the
    first ones."""
    ports: Annotated[int, Field(ge=1, le=512, strict=True)]
    """Links to the outside from each of these switches."""
    link: BitsPerSecond | None = None
    """Rate of one of them; left out: that of the fabric's links to servers, in one plane."""
    uplinks: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """Links of a border leaf to spines. Left out: what the ratio requires, as many to each spine."""
    peer_links: Annotated[int, Field(ge=1, le=512, strict=True)] | None = added_later()
    """Links between the two border leaves of a pair; every two neighbours are one. They count for ports and
    cables, not for the ratio; left out: none."""
    switch: Name | None = None
    """Catalogue name of the border leaves, where they are another model than leaves."""
    radix: Annotated[int, Field(ge=4, le=1024, strict=True)] | None = None
    """Ports of a border leaf, where it is another model that no catalogue name says; each has the rate of a
    leaf's port without a model."""
    optic: Name | None = added_later()
    """The catalogue's optic at our end, which is ordered. Left out: single mode of one pair of fibres where
    the port is not split, by what `cabling.media` permits."""
    cord: Metres | None = added_later()
    """Length of the cable from one of these ports to where the link is handed over, which is ordered; left
    out, it is ordered without a length."""


class Fabric(Model):
    """One network of one role. At several sites each has its own, built alike; none spans two."""

    model_config = ConfigDict(json_schema_extra=_design_or_link)

    name: Name
    """Unique in the factory."""
    design: Name | None = added_later()
    """A published design, such as `nvidia-superpod-gb200`: it sets the fields that are left out; any
    may be written to differ."""
    role: Literal["compute", "storage", "in-band", "out-of-band"] = "compute"
    """What it carries; compute and storage never share a switch."""
    kind: Literal["infiniband", "roce", "ethernet"]
    """The technology; `ethernet` for management networks."""
    sites: tuple[Name, ...] = ()
    """Sites where it is built; empty means every site."""
    pools: tuple[Name, ...] = ()
    """Pools that it connects; empty means every pool of its sites."""
    rails: Annotated[int, Field(ge=1, le=16, strict=True)] = 8
    """Ports of a server that it connects, each to a leaf of its own rail; a multiple of its ports where each
    is split, such as both ports of a network card on two leaves."""
    planes: Annotated[int, Field(ge=1, le=8, strict=True)] = 1
    """Independent copies that each carry a part of every link's rate."""
    switch: SwitchName | None = None
    """Catalogue name of the switch; gives radix and rate."""
    radix: Annotated[int, Field(ge=4, le=1024, strict=True)] | None = None
    """Ports of a switch at the link's rate; needed where no switch is named."""
    breakout: Annotated[int, Field(ge=1, le=8, strict=True)] = 1
    """Into how many links a port is split: 2, 4 or 8; multiplies the radix and divides the rate."""
    link: BitsPerSecond
    """Rate of one server port."""
    oversubscription: Ratio = Ratio(1, 1)
    """Capacity below a leaf to capacity above it; `1:1` does not block."""
    managers: Annotated[int, Field(ge=0, le=64, strict=True)] = 0
    """Ports for fabric managers, such as four for an InfiniBand subnet manager pair; they take free places of
    the last unit."""
    padding: Literal["scalable-unit", "none"] = "scalable-unit"
    """What the fabric is sized for: whole scalable units, as reference architectures do, or the servers
    alone."""
    isolation: Literal["partition", "vrf", "vni", "none"] = "partition"
    """How zones are kept apart on it: InfiniBand partitions, VRFs or VNIs; `none` is a finding with more than
    one zone."""
    reach: Metres = Metres(5_000)
    """The longest cable that its optics allow."""

    leaf_rails: Annotated[int, Field(ge=1, le=16, strict=True)] | None = added_later()
    """Rails that one leaf serves, and so its ports for each server; left out: one. Equal to `rails`: all of a
    server's."""
    leaf_hosts: Annotated[int, Field(ge=1, le=1024, strict=True)] | Literal["rack"] | None = added_later()
    """The most servers on one leaf; `rack`: those of a rack, so a switch at the top of each. Left out: what
    the ports allow."""
    uplinks: Annotated[int, Field(ge=1, le=1024, strict=True)] | Literal["full", "attached"] | None = (
        added_later()
    )
    """Links from each leaf upwards: a number; `full`, what the ratio requires of a leaf whose places are all
    in use; `attached`, what it requires of the servers that are connected now."""
    uplink: BitsPerSecond | None = added_later()
    """Rate of a link between switches; left out: that of a link to a server."""
    uplink_ports: Annotated[int, Field(ge=1, le=256, strict=True)] | None = added_later()
    """Ports of a leaf for links to spines alone, beside its radix; a switch of the catalogue brings its
    own."""
    spines: Annotated[int, Field(ge=1, le=1024, strict=True)] | Literal["even", "least", "none"] | None = (
        added_later()
    )
    """Spines, with three tiers those of a pod: a number; `even`, the fewest that divide a leaf's uplinks, as
    most reference architectures do; `least`, the fewest whose ports hold the uplinks, with links that differ
    by one; `none`, a single switch or a pair of leaves joined by `peer_links`."""
    spine_spares: Annotated[int, Field(ge=1, le=16, strict=True)] | None = added_later()
    """Spines, with three tiers of each pod, that may fail before leaves have fewer uplinks than the ratio
    asks for."""
    spine_switch: Name | None = added_later()
    """Catalogue name of spines and cores, where they are another model than leaves."""
    spine_radix: Annotated[int, Field(ge=2, le=1024, strict=True)] | None = added_later()
    """Ports of a spine or core at the rate of `uplink`, where it is another model that no catalogue name
    says."""
    peer_links: Annotated[int, Field(ge=1, le=512, strict=True)] | None = added_later()
    """Links between the two leaves of a pair. With `spines: none` they carry everything; left out: what the
    ratio requires. Below spines every two neighbours are a pair, such as for MLAG, and each leaf keeps ports
    for the other one: they count for ports and cables, not for the ratio; left out: none. On InfiniBand,
    whose shortest path they are, at least as many as a leaf's uplinks."""
    spine_peer_links: Annotated[int, Field(ge=1, le=512, strict=True)] | None = added_later()
    """Links between the two spines of a pair, such as for MLAG; every two neighbours of a pod are one. They
    count for ports and cables, not for the ratio; left out: none."""
    pod_leaves: Annotated[int, Field(ge=1, le=512, strict=True)] | None = added_later()
    """Leaves of a pod, whose spines are its own; cores join pods. Left out: pods only where two tiers are too
    small."""
    pod_by: Literal["rail"] | None = added_later()
    """`rail`: a pod's leaves are of one rail, so each rail has groups of spines of its own; left out: of all
    rails."""
    cores: Annotated[int, Field(ge=1, le=4096, strict=True)] | None = added_later()
    """Cores above the pods; left out: the fewest whose ports hold the spines' uplinks."""
    core_oversubscription: Ratio | None = added_later()
    """Capacity below a spine to capacity above it, where cores join pods: `7:1` for a building whose pods do
    not block, joined by a seventh; left out: `1:1`."""
    subnets: Annotated[int, Field(ge=1, le=64, strict=True)] | None = added_later()
    """InfiniBand subnets that the pods are divided into; the cores route between them. Left out: one, of at
    most 49,151 addresses."""
    planes_by: Literal["rail"] | None = added_later()
    """`rail`: each rail, or each group of `leaf_rails` of them, has switches of its own, and none joins two;
    servers forward between rails over their scale-up links. Left out: a plane has all rails."""
    pool_links: tuple[PoolLink, ...] | None = added_later()
    """Pools whose ports have another rate than `link`, on the same leaves: each rate splits ports of its
    own."""
    storage_link: BitsPerSecond | None = added_later()
    """Rate of a storage server's port, where it differs from `link`."""
    border: Border | None = added_later()
    """Links to the outside, and the border leaves that have them; left out: none is planned."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:
        """Put the fields of a named design under those that are written."""
        if not isinstance(data, dict) or not isinstance(data.get("design"), str):
            return data
        from sovereign_ai.catalog import designs  # noqa: PLC0415 - only a named design needs it

        # `check_names` refuses a design that does not exist.
        expanded: dict[str, Any] = {}
        for design in designs():
            if design.name == data["design"]:
                expanded.update(design.fields)
        # A user who names another switch means its ports, and one who writes ports means no switch.
        if data.get("switch") is not None or data.get("radix") is not None:
            expanded.pop("switch", None)
            expanded.pop("radix", None)
        return expanded | data

    def link_of(self, pool: str | None) -> BitsPerSecond:
        """Return the rate of one port of a pool's servers; None stands for storage servers."""
        if pool is None:
            return self.storage_link or self.link
        for other in self.pool_links or ():
            if other.pool == pool:
                return other.link
        return self.link

    @property
    def host_links(self) -> tuple[BitsPerSecond, ...]:
        """The rates of ports to servers, each once, the slowest first."""
        rates = {self.link, self.storage_link or self.link}
        for other in self.pool_links or ():
            rates.add(other.link)
        return tuple(sorted(rates))

    @property
    def rail_groups(self) -> int:
        """How many networks the rails are divided into, none of which has a switch in common with another."""
        return self.rails // self._plane_rails

    @property
    def _plane_rails(self) -> int:
        """How many rails a plane has."""
        group = self.leaf_rails or 1
        # Rails that no group divides are refused where the plane is sized.
        return group if self.planes_by == "rail" and self.rails % group == 0 else self.rails

    def of_a_plane(self) -> Fabric:
        """Return the fabric as each of its planes is sized: with the rails of a plane alone."""
        if self._plane_rails == self.rails:
            return self
        return self.model_copy(update={"rails": self._plane_rails})

    @property
    def laid_out(self) -> bool:
        """Whether the description has more than radix and ratio, so that `plan.fabric.sizing` sizes it."""
        return any(getattr(self, name) is not None for name in _SHAPE_FIELDS)

    @property
    def has_border_leaves(self) -> bool:
        """Whether leaves of their own have the links to the outside."""
        return self.border is not None and self.border.at == "border-leaf"

    @property
    def switch_tiers(self) -> tuple[str, ...]:
        """The tiers whose switches may be of different models; cores are of the spines' model."""
        return ("leaf", "spine", "border") if self.has_border_leaves else ("leaf", "spine")

    @property
    def outside_link(self) -> BitsPerSecond:
        """The rate of one link to the outside; that of a plane's links to servers where none is written."""
        if self.border is not None and self.border.link is not None:
            return self.border.link
        return BitsPerSecond(self.link.count // self.planes)

    def switch_of(self, tier: str) -> str | None:
        """Return the catalogue name of a `leaf`, `border`, `spine` or `core`; None where none is named."""
        if tier == "border" and self.border is not None and self.border.switch is not None:
            return self.border.switch
        if tier == "border":
            return None if self.border is not None and self.border.radix is not None else self.switch
        if tier == "leaf" or (self.spine_switch is None and self.spine_radix is None):
            return self.switch
        return self.spine_switch
