"""External services: without their answers running parts stop, at once or when a grace period ends."""

from __future__ import annotations

from typing import Literal

from sovereign_ai.spec.base import Country, Flag, Model, Name, Text
from sovereign_ai.units import Seconds

ServiceKind = Literal["identity", "dns", "time", "ca", "packages", "licence", "heartbeat", "attestation"]
"""Every factory needs the first five; the others only where a part depends on them."""


class Service(Model):
    """One service that running parts depend on.

    A field that is left out is unknown: it stays open in every assessment, and never counts as fine.
    Several entries of one kind can replace each other.
    """

    name: Name
    """Unique in the factory."""
    kind: ServiceKind
    """What it provides: identities, names, the time, certificates, packages and images, a licence, a
    heartbeat, remote attestation."""
    used: Flag = True
    """`false` states that nothing here uses such a service; only for a licence, a heartbeat or remote
    attestation."""
    supplier: Text | None = None
    """Legal name of its supplier; the operator's own name where it runs the service itself."""
    entity: Text | None = None
    """Legal entity that runs it and can stop it; left out, the supplier."""
    jurisdiction: Country | None = None
    """Country of that entity's ultimate parent."""
    grace: Seconds | None = None
    """How long running parts continue without its answers; left out, they are assumed to stop at once."""
    alternative: Text | None = None
    """A second source, where there is one."""
