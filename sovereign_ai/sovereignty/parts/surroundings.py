"""Parts around the hardware: software, keys, lines, energy, people, and jurisdictions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sovereign_ai.sovereignty.areas import countries
from sovereign_ai.sovereignty.parts.part import Dependency, undescribed
from sovereign_ai.sovereignty.tables import table
from sovereign_ai.spec import AIFactory


def software(described: Collection[str] = ()) -> Iterator[Dependency]:
    """Yield the open software that every factory of this kind runs.

    Args:
        described: functions of the platform whose controllers the description names, which are parts of
            their own.
    """
    for row in table("software.json")["software"]:
        if row["name"] in described:
            continue
        yield Dependency(
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


def used_keys(factory: AIFactory) -> set[str]:
    """Return the names of the keys that any storage is under."""
    names: set[str] = set()
    for tier in factory.storage:
        names.add(tier.encryption.key)
    return names


def keys(factory: AIFactory) -> Iterator[Dependency]:
    """Yield the keys that storage is encrypted under; the jurisdiction over a key can withhold it at once."""
    used = used_keys(factory)
    operator = factory.operator.name
    for key in factory.keys:
        if key.name in used:
            holder = f"{key.custodian} who holds key {key.name}"
            if key.custodian == "operator":
                holder = operator
            yield Dependency(
                id=f"key:{key.name}",
                layer="keys",
                what=f"encryption key in the hands of {key.custodian}",
                holder=holder,
                law=key.jurisdiction,
                channel="remote-control",
                effect="stops",
                # Revocation is described in seconds.
                grace_days=key.revocation.count // 86_400,
                fields=(
                    "keys.custodian",
                    "keys.jurisdiction",
                    "keys.name",
                    "keys.revocation",
                    "operator.name",
                    "storage.encryption.key",
                ),
            )


def lines(factory: AIFactory) -> Iterator[Dependency]:
    """Yield the lines to the outside."""
    for site in factory.sites:
        for line in site.uplinks:
            passed = sorted(set(line.route) - {line.carrier_seat})
            yield Dependency(
                id=f"carrier:{site.name}/{line.name}",
                layer="network",
                what=f"line to {line.to or 'the outside'}, {line.rate}",
                holder=line.carrier,
                law=line.carrier_seat,
                also=tuple(passed),
                channel="remote-control",
                effect="stops",
                fields=("sites.uplinks",),
            )
        if not site.uplinks:
            yield undescribed(f"carrier:{site.name}", "network", "line to the outside", "sites.uplinks")


def energy(factory: AIFactory) -> Iterator[Dependency]:
    """Yield the electricity contracts."""
    for site in factory.sites:
        for contract in site.contracts:
            yield Dependency(
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


def people(factory: AIFactory) -> Iterator[Dependency]:
    """Yield staff, support, security operations and sub-processors."""
    operator = factory.operator
    staff, name = operator.staff.location, "operator.name"
    yield _team(factory, "staff", "the people who run it", staff, (name, "operator.staff.location"))
    yield _team(factory, "support", "support", operator.support, (name, "operator.support"))
    yield _team(factory, "soc", "security operations centre", operator.soc, (name, "operator.soc"))
    for number, body in enumerate(operator.sub_processors):
        # The parent can order its daughter, so its seat decides; the daughter's own seat reaches it too.
        also = (body.seat,) if body.parent_seat and body.seat != body.parent_seat else ()
        yield Dependency(
            id=f"sub-processor:{number}",
            layer="people",
            what=f"sub-processor: {body.purpose}",
            vendor=body.name,
            holder=body.name,
            law=body.parent_seat or body.seat,
            also=also,
            effect="undecided",
            fields=("operator.sub_processors",),
        )


def _team(
    factory: AIFactory, kind: str, what: str, areas: Sequence[str], fields: tuple[str, ...]
) -> Dependency:
    """Return a team of people as a part.

    Args:
        factory: the description.
        kind: `staff`, `support` or `soc`.
        what: the team in words.
        areas: countries and sets of countries where it works.
        fields: fields of the description that it follows from.
    """
    locations = sorted(countries(areas))
    # One country can stop a team only if the whole team works there.
    country = locations[0] if len(locations) == 1 else None
    return Dependency(
        id=kind,
        layer="people",
        what=f"{what}, in {', '.join(areas)}",
        holder=factory.operator.name,
        law=country,
        channel="remote-control",
        effect="stops" if kind == "staff" and country else "runs",
        critical=kind == "staff",
        fields=fields,
    )


def law(factory: AIFactory) -> Iterator[Dependency]:
    """Yield the parts that a jurisdiction can give orders to: operator, ultimate parent and sites."""
    operator = factory.operator
    base = Dependency(
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
        base,
        id="parent",
        what="the ultimate parent, which instructs the operator",
        holder=name,
        law=operator.parent.seat,
        fields=fields,
    )
    for site in factory.sites:
        what = "the site, under the law of its country"
        yield replace(
            base,
            id=f"site:{site.name}",
            what=what,
            holder=f"state of {site.country}",
            law=site.country,
            fields=("sites.country",),
        )
