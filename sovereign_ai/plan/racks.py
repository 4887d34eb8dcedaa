"""Racks and what stands in them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rack:
    """One rack.

    Attributes:
        name: `<hall>-r001`, numbered through the hall; unique in the factory.
        site: its site.
        hall: its hall.
        row: row number from 0.
        kind: `compute`, `network` or `storage`.
        devices: names of what stands in it, from the bottom.
        rack_units: height units taken, out of 48.
        power: watts at full load of everything in it whose power is known.
        unknown_power: devices whose power no source gives; their watts are not in `power`.
        pdus: feed name of each rack PDU.
    """

    name: str
    site: str
    hall: str
    row: int
    kind: str
    devices: tuple[str, ...]
    rack_units: int
    power: int
    unknown_power: tuple[str, ...]
    pdus: tuple[str, ...]
