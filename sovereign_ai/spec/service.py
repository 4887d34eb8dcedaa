"""Services from outside that running parts ask: without an answer they stop, at once or when a grace ends."""

from __future__ import annotations

from typing import Literal

from sovereign_ai.spec.base import Country, Flag, Model, Name, Text
from sovereign_ai.units import Seconds

ServiceKind = Literal["identity", "dns", "time", "ca", "packages", "licence", "heartbeat", "attestation"]
"""The first five every factory needs; the others only where a part asks for them."""


class Service(Model):
    """One service that running parts ask. What is left out nobody knows: it stays open in every assessment, and never counts as fine.

    Several entries of one kind stand in for each other.
    """

    name: Name
    """Unique in the factory."""
    kind: ServiceKind
    """What it answers: who somebody is, names, the time, certificates, packages and images, a licence, a heartbeat, remote attestation."""
    used: Flag = True
    """`false` says that nothing here asks such a service; only for a licence, a heartbeat or remote attestation."""
    supplier: Text | None = None
    """Legal name of who supplies it; the operator's own name where it runs the service itself."""
    entity: Text | None = None
    """Legal entity that runs it and can stop it; left out, the supplier."""
    jurisdiction: Country | None = None
    """Country of that entity's ultimate parent."""
    grace: Seconds | None = None
    """How long running parts go on once it no longer answers; left out, they are taken to stop at once."""
    alternative: Text | None = None
    """A second source, where there is one."""
