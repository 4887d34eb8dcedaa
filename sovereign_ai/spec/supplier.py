"""Suppliers: what the factory depends on, and who could cut it off."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sovereign_ai.spec.base import Country, Model, Name, Text
from sovereign_ai.units import Seconds


class Supplier(Model):
    """A part that another party makes, updates or can switch off."""

    name: Name
    """Unique in the factory."""
    component: Text
    """What is supplied, such as `GPU driver`."""
    vendor: Text
    """Legal name."""
    jurisdiction: Country
    """Country of the vendor's ultimate parent."""
    control_channel: Literal["none", "updates", "licence", "telemetry", "remote-control", "attestation"] = (
        "none"
    )
    """The strongest hold it keeps over the running part."""
    stock: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] = 0
    """Pieces in store."""
    lead_time: Seconds | None = None
    """Time from order to delivery."""
    grace: Seconds | None = None
    """How long the part runs on once the channel is cut."""
    alternative: Text | None = None
    """A second source, where there is one."""
