"""Services that running parts ask, by kind: each entry of the description, and each kind of which it says nothing.

A service that no longer answers stops what asks it when its grace ends; an unknown grace is none. A kind without an entry, an
entry without a holder and one without a law are open: they never count as fine. A kind that the description says is not used
stands here too, on the operator's own word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from sovereign_ai.assess.sovereignty.parts.declared import HELD, by_role, days, declared_part
from sovereign_ai.assess.sovereignty.parts.part import NOT_DESCRIBED, Part, undescribed
from sovereign_ai.catalog.suppliers import suppliers
from sovereign_ai.spec.checks.services import NEEDED
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.service import Service, ServiceKind

KINDS: tuple[str, ...] = get_args(ServiceKind)
"""Kinds of service, those that every factory needs first."""
_WORDS = {
    "identity": "identity provider",
    "dns": "name service",
    "time": "time source",
    "ca": "certificate authority",
    "packages": "package and image source",
    "licence": "licence server",
    "heartbeat": "heartbeat to a vendor",
    "attestation": "attestation service",
}
_CHANNEL = {"licence": "licence", "heartbeat": "telemetry", "attestation": "attestation"}
"""The hold that a kind of service is; the others answer and hold nothing."""


def services(factory: AIFactory) -> Iterator[Part]:
    """Give each service, each kind of which nothing is said, and suppliers of no known role."""
    declared = by_role(factory)
    for kind in KINDS:
        mine = [one for one in factory.services if one.kind == kind]
        yield from (_service(factory, one) for one in mine)
        if not mine:
            yield _missing(kind, [one.name for _, one in declared.get(kind, ())])
    for kind, rows in sorted(declared.items()):
        for _, supplier in rows:
            if kind not in HELD:
                yield declared_part(supplier, "services", kind)
            elif kind in {"support", "soc"}:
                yield declared_part(supplier, "people", kind)


def _service(factory: AIFactory, one: Service) -> Part:
    """Give one entry as a part."""
    operator = factory.operator
    if not one.used:
        return Part(
            id=f"service:{one.name}",
            layer="services",
            what=f"{_WORDS[one.kind]}: not used, on the operator's word",
            holder=operator.name,
            law=operator.seat,
            effect="runs",
            critical=False,
            fields=("operator.name", "operator.seat", "services"),
        )
    name = one.entity or one.supplier
    holder = _holder(name) if name else NOT_DESCRIBED
    return Part(
        id=f"service:{one.name}",
        layer="services",
        what=_WORDS[one.kind],
        vendor=one.supplier or name or "",
        holder=holder,
        law=one.jurisdiction,
        channel=_CHANNEL.get(one.kind, "none"),
        effect="stops" if name or one.jurisdiction else "undecided",
        grace_days=days(one.grace.count if one.grace else None),
        alternative=one.alternative or "",
        fields=("services",),
    )


def _holder(name: str) -> str:
    """Give who holds a service: a company that the catalogue knows by that name, with its ultimate parent, else the name itself."""
    known = (row for row in suppliers() if re.match(rf"{re.escape(row.title)}\b", name, re.IGNORECASE))
    return next((row.parent or row.title for row in known), name)


def _missing(kind: str, suppliers: list[str]) -> Part:
    """Give a kind of service of which nothing is said; a supplier whose words name it is told."""
    fields = ("images.registries", "services", "suppliers") if kind == "packages" else ("services", "suppliers")
    what = _WORDS[kind] if kind in NEEDED else f"{_WORDS[kind]}, if there is one"
    if suppliers:
        what = f"{what} (supplier {suppliers[0]} names one, and 'services' has no entry of kind {kind})"
    return undescribed(f"{kind}:", "services", what, *fields)
