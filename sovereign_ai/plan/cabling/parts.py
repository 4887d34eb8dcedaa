"""What is ordered: fixed cables, transceivers, fibres, each with a name that says rate, form and reach."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from sovereign_ai.catalog import LinkMedium
from sovereign_ai.catalog.parts import CatalogPart
from sovereign_ai.plan.cabling.cages import GIGABIT, CageKind, switch_cage
from sovereign_ai.text import counted

PARALLEL = 4
"""Lanes of an MPO-12: four fibres one way, four the other, and four dark."""
_PAIR = 2
"""Fibres of a link of one pair."""
_OPTIC = re.compile(r"(?P<engine>[a-z]+\d+)(?:x(?P<count>\d))?-\d+g")
"""Names of the catalogue's optics: `fr4-400g`, and `fr4x2-800g` of one that carries two links."""
_WORDS = {
    "dac": "passive copper",
    "acc": "linear active copper",
    "aec": "retimed active copper",
    "aoc": "active optical",
}


class Part(NamedTuple):
    """One kind of piece.

    Attributes:
        name: its name, of letters, digits and hyphens.
        kind: `transceiver`, `cable`, `fibre`, `trunk` or `panel`.
        title: the same in words.
        connector: what it has at its ends or front.
        polarity: of a fibre: `Type B` where it crosses the lanes of an MPO, `A-B` of a pair.
    """

    name: str
    kind: str
    title: str
    connector: str = ""
    polarity: str = ""


def cage_name(cage: CageKind) -> str:
    """Return form and rate of a plug, `osfp-flat-400g`.

    A server's OSFP cage has a heat sink of its own and takes plugs with a flat top, a switch's takes plugs
    with fins; neither fits the other.
    """
    form = cage.form.lower()
    if form == "osfp" and cage.side == "host":
        form = "osfp-flat"
    return f"{form}-{cage.gbps}g"


@cache
def straight_cable(medium: str, near: CageKind, far: CageKind) -> Part:
    """Return a fixed cable from cage to cage of one rate."""
    first, second = sorted((cage_name(near), cage_name(far)), reverse=True)
    ends = first if first == second else f"{first}-{second}"
    title = f"{_WORDS[medium]} cable, {_shown(near)} to {_shown(far)}"
    return Part(f"{medium}-{ends}", "cable", title, _ends(near, far))


@cache
def split_cable(medium: str, hub: CageKind, spoke: CageKind) -> Part:
    """Return a fixed cable from one cage to several of a part of its rate."""
    legs = hub.gbps // spoke.gbps
    title = f"{_WORDS[medium]} cable, {_shown(hub)} to {legs} x {_shown(spoke)}"
    name = f"{medium}-{cage_name(hub)}-to-{legs}x-{cage_name(spoke)}"
    return Part(name, "cable", title, _ends(hub, spoke))


@cache
def twisted_cable(gbps: int) -> Part:
    """Return a patch cord of twisted pairs: Category 5e up to 1 Gbps, 6A above."""
    category = "5e" if gbps <= 1 else "6A"
    return Part(f"cat{category.lower()}", "cable", f"Category {category} patch cord", "RJ45")


@cache
def transceiver(medium: LinkMedium, cage: CageKind, lane: int) -> Part:
    """Return a transceiver for a cage.

    Args:
        medium: what it sends over.
        cage: the cage that it fits.
        lane: Gbps of an optical lane.
    """
    lanes = max(cage.gbps // lane, 1)
    engines, width = max(lanes // PARALLEL, 1), min(lanes, PARALLEL)
    engine = f"{medium.medium}{width}"
    each = cage.gbps // engines
    form = cage_name(cage).rpartition("-")[0]
    word = f"{engines}x{engine}" if engines > 1 else engine
    count = f"{engines} x " if engines > 1 else ""
    title = f"{_shown(cage)} transceiver, {count}{each}G {engine.upper()}"
    connector = _connector(medium, width)
    if engines > 1:
        connector = f"{engines} x {connector}"
    return Part(f"{form}-{cage.gbps}g-{word}", "transceiver", title, connector)


def engines_of(optic: CatalogPart) -> int:
    """Return the connectors of an optic of the catalogue: two where it carries two links."""
    match = _OPTIC.fullmatch(optic.name)
    return int(match["count"] or 1) if match else 1


def optic_part(optic: CatalogPart, kind: str) -> Part:
    """Return an optic of the catalogue as a part, named as the same one within buildings.

    Args:
        optic: the optic.
        kind: the fabric's kind.
    """
    gbps = (optic.rate.count if optic.rate else 0) // GIGABIT
    cage = switch_cage(gbps, kind)
    match = _OPTIC.fullmatch(optic.name)
    # What a twisted pair's rate takes as an optic has a small cage of its own, which no name here says.
    if match is None or cage.form == "RJ45":
        return Part(optic.name, "transceiver", f"{optic.name}, {gbps}G transceiver for fibre")
    engine, count = match["engine"], match["count"]
    word = f"{count}x{engine}" if count else engine
    mode = "multimode" if engine.startswith("sr") else "single mode"
    title = f"{cage.form} {gbps}G transceiver, {word.upper()}, {mode}"
    connector = "LC duplex" if (optic.fibres or 0) <= _PAIR * engines_of(optic) else "MPO-12/APC"
    return Part(f"{cage_name(cage)}-{word}", "transceiver", title, connector)


@cache
def fibre(medium: LinkMedium, width: int, legs: int) -> Part:
    """Return a fibre cord.

    Args:
        medium: what is sent over it.
        width: lanes of a link.
        legs: links that it parts from one connector; 1 where it does not.
    """
    glass = (medium.fibre or "").partition(" ")[0].lower()
    connector = _connector(medium, PARALLEL if legs > 1 else width)
    if connector.startswith("LC"):
        return Part(f"lc-duplex-{glass}", "fibre", f"LC duplex cord, {medium.fibre}", connector, "A-B")
    polish = (medium.polish or "").lower()
    stem = f"mpo12-{polish}-{glass}-type-b"
    if legs == 1:
        title = f"{connector} cord, {medium.fibre}, crossover"
        return Part(stem, "fibre", title, connector, "Type B")
    tail = "LC duplex" if width == 1 else connector
    name = f"{stem}-1-to-{legs}" + ("-lc" if width == 1 else "")
    title = f"{connector} to {legs} x {tail} cord, {medium.fibre}, crossover"
    return Part(name, "fibre", title, f"{connector}, {legs} x {tail}", "Type B")


@cache
def trunk(medium: LinkMedium, fibres: int) -> Part:
    """Return a trunk of MPO-12 connectors between two panels; it has the pins that cords lack."""
    glass = (medium.fibre or "").partition(" ")[0].lower()
    polish = medium.polish or ""
    legs = fibres // 12
    connector = f"{legs} x MPO-12/{polish}, with pins"
    title = f"trunk of {counted(fibres, 'fibre')}, {medium.fibre}, {connector}"
    return Part(f"trunk-{fibres}-{polish.lower()}-{glass}-type-b", "trunk", title, connector, "Type B")


PANEL_PORTS = 48
"""MPO connectors of a panel of one rack unit: an estimate, since panels of 32 to 72 are sold."""


@cache
def panel(medium: LinkMedium) -> Part:
    """Return a patch panel of one rack unit."""
    glass = "single mode" if "single" in (medium.fibre or "") else "multimode"
    name = f"panel-{PANEL_PORTS}-mpo-{medium.polish or ''}-{glass.replace(' ', '-')}".lower()
    title = f"patch panel, 1 U, {PANEL_PORTS} MPO adapters for Type B cords, {medium.polish}, {glass}"
    return Part(name, "panel", title, "MPO-12")


SHUFFLE = Part("shuffle", "fibre", "harness made to order: its links are split at both ends", "MPO-12")
"""Where a connector's links go to several connectors that each have several too."""


def _connector(medium: LinkMedium, width: int) -> str:
    """Return the connector of an engine: parallel lanes take an MPO, a single lane a pair."""
    if width == 1 or medium.connector is None or medium.connector.startswith("LC"):
        return "LC duplex"
    return f"{medium.connector}/{medium.polish}"


def _ends(first: CageKind, second: CageKind) -> str:
    """Return the plugs of a fixed cable."""
    return f"{_shown(first)}, {_shown(second)}"


def _shown(cage: CageKind) -> str:
    """Return a cage in words."""
    top = ""
    if cage.form == "OSFP":
        top = " flat top" if cage.side == "host" else " finned top"
    return f"{cage.form} {cage.gbps}G{top}"
