"""Suppliers as the description names them, told apart by the role that their component plays.

A role follows from words in `component`; what no word tells is `other` and stands for itself. Services that
running parts ask have entries of their own, by kind (`services.py`): a supplier whose words name one is no such
entry, and only says that one is missing.

    >>> role("GPU driver"), role("optical transceivers"), role("DNS and time"), role("coffee")
    ('driver', 'optics', 'dns', 'other')
"""

from __future__ import annotations

import re

from sovereign_ai.assess.sovereignty.parts.part import Effect, Part
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.supplier import Supplier

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
_STOPS = ("licence", "remote-control", "attestation")
HARDWARE = frozenset({"optics", "switches", "storage", "machines"})
HELD = frozenset({"driver", "firmware", "soc", "support"}) | HARDWARE
"""Roles of suppliers that stand for a part of another kind; all others stand for themselves."""


def role(component: str) -> str:
    """Give the role that a component's words name."""
    text = component.casefold()
    return next((name for name, pattern in _ROLES if re.search(pattern, text)), "other")


def by_role(factory: AIFactory) -> dict[str, list[tuple[int, Supplier]]]:
    """Give the suppliers of each role with their place in the description."""
    found: dict[str, list[tuple[int, Supplier]]] = {}
    for number, supplier in enumerate(factory.suppliers):
        found.setdefault(role(supplier.component), []).append((number, supplier))
    return found


def effect_of(supplier: Supplier, kind: str) -> Effect:
    """Give what a cut does: what holds a running part stops it; hardware is no longer replaced; the rest ages or runs on."""
    if supplier.control_channel in _STOPS:
        return "stops"
    if kind in HARDWARE:
        return "shrinks"
    if supplier.control_channel == "updates":
        return "ages"
    return "runs"


def days(seconds: int | None) -> int | None:
    """Turn seconds into whole days, down."""
    return None if seconds is None else seconds // _DAY


def declared_part(supplier: Supplier, layer: str, kind: str) -> Part:
    """Make the part that a supplier stands for."""
    return Part(
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
