"""Software, keys, lines, energy, people, and the law over owner and sites."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sovereign_ai.assess.sovereignty.areas import countries
from sovereign_ai.assess.sovereignty.parts.part import Part, undescribed
from sovereign_ai.assess.sovereignty.tables import table
from sovereign_ai.spec.factory import AIFactory


def software() -> Iterator[Part]:
    """Give the open software that every factory of this kind runs."""
    for row in table("software.json")["software"]:
        yield Part(
            id=f"software:{row['name']}",
            layer="software",
            what=row["what"],
            vendor=row["vendor"],
            holder=row["parent"],
            law=row["law"],
            channel="updates",
            effect="ages",
            alternative="the source is open and may be kept and changed" if row["open"] else "",
            critical=row["runs"],
            fields=(),
            licence=row["licence"],
            source=f"{row['why']} ({row['grade']}: {row['source']}, read {row['read']})",
        )


def keys(factory: AIFactory) -> Iterator[Part]:
    """Give the keys that storage is encrypted under: the law over one can withhold it at once."""
    used = {tier.encryption.key for tier in factory.storage}
    operator = factory.operator.name
    for key in factory.keys:
        if key.name in used:
            yield Part(
                id=f"key:{key.name}",
                layer="keys",
                what=f"encryption key in the hands of {key.custodian}",
                holder=operator if key.custodian == "operator" else f"{key.custodian} who holds key {key.name}",
                law=key.jurisdiction,
                channel="remote-control",
                effect="stops",
                grace_days=key.revocation.count // 86_400,
                fields=("keys.custodian", "keys.jurisdiction", "keys.name", "keys.revocation", "operator.name", "storage.encryption.key"),
            )


def lines(factory: AIFactory) -> Iterator[Part]:
    """Give the lines to the outside world."""
    for site in factory.sites:
        for line in site.uplinks:
            passed = sorted(set(line.route) - {line.carrier_seat})
            yield Part(
                id=f"carrier:{site.name}/{line.name}",
                layer="network",
                what=f"line to the outside, {line.rate}",
                holder=line.carrier,
                law=line.carrier_seat,
                also=tuple(passed),
                channel="remote-control",
                effect="stops",
                fields=("sites.uplinks",),
            )
        if not site.uplinks:
            yield undescribed(f"carrier:{site.name}", "network", "line to the outside", "sites.uplinks")


def energy(factory: AIFactory) -> Iterator[Part]:
    """Give the electricity contracts."""
    for site in factory.sites:
        for contract in site.contracts:
            yield Part(
                id=f"energy:{site.name}/{contract.name}",
                layer="energy",
                what=f"electricity, {contract.source}, {contract.power}",
                holder=contract.supplier,
                law=contract.supplier_seat,
                effect="stops",
                fields=("sites.contracts",),
            )
        if not site.contracts:
            yield undescribed(f"energy:{site.name}", "energy", "electricity", "sites.contracts")


def people(factory: AIFactory) -> Iterator[Part]:
    """Give staff, support, security operations and sub-processors."""
    operator = factory.operator
    for kind, what, areas, fields in (
        ("staff", "the people who run it", operator.staff.location, ("operator.name", "operator.staff.location")),
        ("support", "support", operator.support, ("operator.name", "operator.support")),
        ("soc", "security operations centre", operator.soc, ("operator.name", "operator.soc")),
    ):
        where = sorted(countries(areas))
        alone = where[0] if len(where) == 1 else None
        yield Part(
            id=kind,
            layer="people",
            what=f"{what}, in {', '.join(areas)}",
            holder=operator.name,
            law=alone,
            channel="remote-control",
            effect="stops" if kind == "staff" and alone else "runs",
            critical=kind == "staff",
            fields=fields,
        )
    for number, body in enumerate(operator.sub_processors):
        yield Part(
            id=f"sub-processor:{number}",
            layer="people",
            what=f"sub-processor: {body.purpose}",
            vendor=body.name,
            holder=body.name,
            law=body.parent_seat or body.seat,
            also=(body.seat,) if body.parent_seat and body.seat != body.parent_seat else (),
            effect="undecided",
            fields=("operator.sub_processors",),
        )


def law(factory: AIFactory) -> Iterator[Part]:
    """Give what the law of owner and place can order: operator, ultimate parent and sites."""
    operator = factory.operator
    base = Part(
        id="operator",
        layer="law",
        what="the operator, under the law of its seat",
        holder=operator.name,
        law=operator.seat,
        channel="remote-control",
        effect="stops",
        fields=("operator.seat", "operator.name"),
    )
    yield base
    name = operator.parent.name or operator.name
    fields = ("operator.parent", "operator.name")
    yield replace(
        base, id="parent", what="the ultimate parent, which instructs the operator", holder=name, law=operator.parent.seat, fields=fields
    )
    for site in factory.sites:
        what = "the site, under the law of its country"
        yield replace(
            base, id=f"site:{site.name}", what=what, holder=f"state of {site.country}", law=site.country, fields=("sites.country",)
        )
