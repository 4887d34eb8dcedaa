"""Suppliers of the description, by the role of the component that they supply.

The role follows from words in `component`. A supplier without a known word has the role `other` and is a part
of its own. Services that running parts use have entries of their own, by kind (`services.py`): a supplier
whose component names one is no such entry, and only shows that one is missing.

    >>> role("GPU driver"), role("optical transceivers"), role("DNS and time"), role("coffee")
    ('driver', 'optics', 'dns', 'other')
"""

from __future__ import annotations

import re

from sovereign_ai.sovereignty.parts.part import Dependency, Effect
from sovereign_ai.spec import AIFactory, Supplier

# The first pattern that matches decides, so the narrow roles come before the wide ones.
_ROLES: tuple[tuple[str, str], ...] = (
    ("driver", r"\bdrivers?\b"),
    ("firmware", r"\bfirmware\b|\bbmc\b|\bbios\b|\buefi\b"),
    ("attestation", r"\battest"),
    ("licence", r"\blicen[cs]e|\blicensing\b"),
    ("identity", r"\bidentity\b|\bsso\b|\boidc\b|\bidp\b|\bdirectory\b|\blogin\b"),
    ("dns", r"\bdns\b|\bname ?servers?\b"),
    ("time", r"\bntp\b|\bptp\b|\btime\b|\bclock\b"),
    ("ca", r"\bcertificate|\bca\b|\bpki\b"),
    ("packages", r"\bpackages?\b|\bregistry\b|\bmirror\b|\bimages?\b|\brepositor"),
    ("soc", r"\bsoc\b|\bsecurity operations\b"),
    ("support", r"\bsupport\b|\bmaintenance\b"),
    ("optics", r"\boptic|\btransceiver|\bcables?\b"),
    ("switches", r"\bswitch"),
    ("storage", r"\bstorage\b|\bdrives?\b|\bdisks?\b|\bssds?\b"),
    ("machines", r"\bgpus?\b|\baccelerator|\bdgx\b|\bhgx\b|\bservers?\b|\bmachines?\b|\bsystems?\b"),
)
_DAY = 86_400
# Channels that hold a running part: without them it stops.
_STOPS = ("licence", "remote-control", "attestation")
HARDWARE = frozenset({"optics", "switches", "storage", "machines"})
HELD = frozenset({"driver", "firmware", "soc", "support"}) | HARDWARE
"""Roles of suppliers of another part; suppliers of all other roles are parts of their own."""


def role(component: str) -> str:
    """Return the role that a component's words name."""
    text = component.casefold()
    for name, pattern in _ROLES:
        if re.search(pattern, text):
            return name
    return "other"


def by_role(factory: AIFactory) -> dict[str, list[tuple[int, Supplier]]]:
    """Return the suppliers of each role with their index in the description."""
    suppliers: dict[str, list[tuple[int, Supplier]]] = {}
    for number, supplier in enumerate(factory.suppliers):
        suppliers.setdefault(role(supplier.component), []).append((number, supplier))
    return suppliers


def effect_of(supplier: Supplier, kind: str) -> Effect:
    """Return the effect of a cut.

    A supplier with a hold over a running part stops it. Hardware is no longer replaced; other parts age or
    run on.
    """
    if supplier.control_channel in _STOPS:
        return "stops"
    if kind in HARDWARE:
        return "shrinks"
    if supplier.control_channel == "updates":
        return "ages"
    return "runs"


def days(seconds: int | None) -> int | None:
    """Return the whole days of some seconds, rounded down; None for None."""
    return None if seconds is None else seconds // _DAY


def declared_part(supplier: Supplier, layer: str, kind: str) -> Dependency:
    """Return the part of a supplier."""
    return Dependency(
        id=f"supplier:{supplier.name}",
        layer=layer,
        what=supplier.component,
        vendor=supplier.vendor,
        holder=supplier.vendor,
        law=supplier.jurisdiction,
        channel=supplier.control_channel,
        effect=effect_of(supplier, kind),
        stock=supplier.stock,
        lead_days=days(supplier.lead_time.count if supplier.lead_time else None),
        grace_days=days(supplier.grace.count if supplier.grace else None),
        alternative=supplier.alternative or "",
        critical=kind not in {"support", "soc"},
        fields=("suppliers",),
    )
