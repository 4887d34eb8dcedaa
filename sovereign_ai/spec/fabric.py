"""Networks: what is wished for; the plan derives switches, ports and cables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sovereign_ai.spec.base import Model, Name
from sovereign_ai.units import BitsPerSecond, Metres, Ratio


class Fabric(Model):
    """One network of one role. At several sites each has its own, built alike; none spans two."""

    name: Name
    """Unique in the factory."""
    role: Literal["compute", "storage", "in-band", "out-of-band"] = "compute"
    """What it carries; compute and storage never share a switch."""
    kind: Literal["infiniband", "roce", "ethernet"]
    """The technology; `ethernet` for management networks."""
    sites: tuple[Name, ...] = ()
    """Where it is built; empty means at every site."""
    pools: tuple[Name, ...] = ()
    """Pools that it joins; empty means every pool of its sites."""
    rails: Annotated[int, Field(ge=1, le=16, strict=True)] = 8
    """Ports of a machine that it joins, each to a leaf of its own rail."""
    planes: Annotated[int, Field(ge=1, le=8, strict=True)] = 1
    """Independent copies that each carry a part of every link's rate."""
    switch: Name | None = None
    """Catalogue name of the switch; gives radix and rate."""
    radix: Annotated[int, Field(ge=4, le=1024, strict=True)] | None = None
    """Ports of a switch at the link's rate; needed where no switch is named."""
    breakout: Annotated[int, Field(ge=1, le=8, strict=True)] = 1
    """Into how many links a port is split; multiplies the radix and divides the rate."""
    link: BitsPerSecond
    """Rate of one machine port."""
    oversubscription: Ratio = Ratio(1, 1)
    """Capacity below a leaf to capacity above it; `1:1` does not block."""
    managers: Annotated[int, Field(ge=0, le=64, strict=True)] = 0
    """Ports for fabric managers, such as four for an InfiniBand subnet manager pair; they take free places of the last unit."""
    padding: Literal["scalable-unit", "none"] = "scalable-unit"
    """For what the fabric is sized: whole scalable units, as reference architectures do, or the machines alone."""
    isolation: Literal["partition", "vrf", "vni", "none"] = "partition"
    """How zones are kept apart on it: InfiniBand partitions, VRFs or VNIs; `none` is a finding with more than one zone."""
    reach: Metres = Metres(5_000)
    """The longest cable that its optics allow."""
