"""Services that running parts use, by kind: each entry of the description, and each kind without an entry.

A service that no longer answers stops the parts that use it when its grace ends; without a described grace
that is at once. A kind without an entry, an entry without a holder and one without a jurisdiction are open:
they never count as fine. A kind that the description states is not used is a part too, on the operator's own
word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from sovereign_ai.catalog.supplier import suppliers
from sovereign_ai.sovereignty.parts.declared import HELD, by_role, days, declared_part
from sovereign_ai.sovereignty.parts.part import NOT_DESCRIBED, Dependency, undescribed
from sovereign_ai.spec import AIFactory, Service, ServiceKind
from sovereign_ai.spec.checks import NEEDED

KINDS: tuple[str, ...] = get_args(ServiceKind)
"""Kinds of service; those that every factory needs come first."""
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
"""The hold over a running part that a kind of service is; the other kinds have none."""


def services(factory: AIFactory) -> Iterator[Dependency]:
    """Yield each service, each kind without an entry, and the suppliers that are parts of their own."""
    declared = by_role(factory)
    for kind in KINDS:
        entries = []
        for service in factory.services:
            if service.kind == kind:
                entries.append(service)
        for service in entries:
            yield _service(factory, service)
        if not entries:
            yield _missing(kind, [supplier.name for _, supplier in declared.get(kind, ())])
    for kind, rows in sorted(declared.items()):
        for _, supplier in rows:
            if kind not in HELD:
                yield declared_part(supplier, "services", kind)
            elif kind in {"support", "soc"}:
                yield declared_part(supplier, "people", kind)


def _service(factory: AIFactory, service: Service) -> Dependency:
    """Return one entry as a part."""
    if not service.used:
        return _unused(factory, service)
    name = service.entity or service.supplier
    return Dependency(
        id=f"service:{service.name}",
        layer="services",
        what=_WORDS[service.kind],
        vendor=service.supplier or name or "",
        holder=_holder(name) if name else NOT_DESCRIBED,
        law=service.jurisdiction,
        channel=_CHANNEL.get(service.kind, "none"),
        effect="stops" if name or service.jurisdiction else "undecided",
        grace_days=days(service.grace.count if service.grace else None),
        alternative=service.alternative or "",
        fields=("services",),
    )


def _unused(factory: AIFactory, service: Service) -> Dependency:
    """Return the part of a kind of service that the description states is not used."""
    return Dependency(
        id=f"service:{service.name}",
        layer="services",
        what=f"{_WORDS[service.kind]}: not used, on the operator's word",
        # Only the operator vouches for it, so the operator is the holder.
        holder=factory.operator.name,
        law=factory.operator.seat,
        effect="runs",
        critical=False,
        fields=("operator.name", "operator.seat", "services"),
    )


def _holder(name: str) -> str:
    """Return the holder of a service.

    It is the ultimate parent of a company that the catalogue knows by that name, or the name itself.
    """
    for row in suppliers():
        if re.match(rf"{re.escape(row.title)}\b", name, re.IGNORECASE):
            return row.parent or row.title
    return name


def _missing(kind: str, named: list[str]) -> Dependency:
    """Return the part of a kind of service without an entry.

    Args:
        kind: the kind.
        named: suppliers whose component names it.
    """
    fields: tuple[str, ...] = ("services", "suppliers")
    if kind == "packages":
        fields = ("images.registries", *fields)
    what = _WORDS[kind] if kind in NEEDED else f"{_WORDS[kind]}, if there is one"
    if named:
        what = f"{what} (supplier {named[0]} names one, and 'services' has no entry of kind {kind})"
    return undescribed(f"{kind}:", "services", what, *fields)
