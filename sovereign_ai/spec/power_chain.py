"""The power chain of a site, from the grid to the racks' busbars, and the cap on what its racks draw.

Every part is optional, and each is what an electrical design states: ratings, redundancy, losses. Counts that
are left out are derived by the plan, and counts that are written are compared with what it needs.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sovereign_ai.spec.base import Count, Model, Name, Text, added_later
from sovereign_ai.units import (
    Amperes,
    Litres,
    LitresPerHour,
    Percent,
    Seconds,
    VoltAmperes,
    Volts,
    Watts,
)

Redundancy = Literal["N", "N+1", "N+2", "2N"]
"""What is installed beside the elements that the load needs: none, one, two, or as many again."""

FigureGrade = Literal["official", "secondary", "datasheet", "quote", "measured", "estimate"]
"""How well a figure of a description is known, in the catalogue's words."""


class GridConnection(Model):
    """The circuits that connect the site to the grid."""

    circuit: VoltAmperes
    """What each circuit and its substation carry continuously."""
    circuits: Count
    """Circuits, each by a route of its own."""
    redundancy: Redundancy = "N"
    """Circuits beyond those that the load needs."""


class Transformers(Model):
    """The transformers between the grid and the low-voltage boards, alike, on boards that can be coupled."""

    rating: VoltAmperes
    """Rated power of each."""
    redundancy: Redundancy
    """Transformers beyond those that the load needs."""
    count: Count | None = None
    """Transformers installed; left out, the plan derives it."""
    no_load_loss: Watts
    """What each loses whenever it is energised (IEC 60076-1)."""
    load_loss: Watts
    """What each loses beside that at its rated power; the loss grows with the square of the load."""


class Generators(Model):
    """The sets that carry the site without the grid, alike, on one bus."""

    rating: Watts
    """Active power of each for the whole time of an outage (ISO 8528-1)."""
    redundancy: Redundancy
    """Sets beyond those that the load needs."""
    count: Count | None = None
    """Sets installed; left out, the plan derives it."""
    start: Seconds
    """Time from the loss of the grid until they carry the load."""
    autonomy: Seconds
    """How long they must run without a delivery of fuel."""
    fuel: Litres
    """Fuel stored at the site."""
    consumption: LitresPerHour
    """What each burns at its rating."""


class UpsEfficiency(Model):
    """Output over input of a UPS at four loads, as manufacturers declare it under IEC 62040-3."""

    quarter: Percent
    """At 25 % load."""
    half: Percent
    """At 50 % load."""
    three_quarters: Percent
    """At 75 % load."""
    full: Percent
    """At full load."""
    grade: FigureGrade
    """How well the four are known."""
    source: Text
    """Where they are from, with its date."""


class Ups(Model):
    """The uninterruptible power supplies in front of the feeds, whose `ups` is the time of the batteries.

    `N+1` is one system of parallel modules for all feeds. `2N` has a system for each of two feeds, and
    `distributed-redundant` one for each of three or more (3N/2, 4N3R), of which the others carry what the
    loss of one leaves to them. `block-redundant` has a system for each feed and a reserve system that
    replaces any of them.
    """

    topology: Literal["N+1", "2N", "block-redundant", "distributed-redundant"]
    """How systems back each other up."""
    module: Watts
    """Output of one module."""
    modules: Count | None = None
    """Modules installed in each system; left out, the plan derives it."""
    efficiency: UpsEfficiency
    """Its efficiency; the losses enter the energy assessment."""
    recharge: Watts
    """What charging the batteries adds at the input after an outage, all systems together."""


class Circuit(Model):
    """A circuit with its overcurrent protection, such as the breaker in front of a rack PDU."""

    current: Amperes
    """Rated current of the breaker."""
    voltage: Volts
    """Voltage between two phases; of a circuit with one phase, its voltage."""
    phases: Literal[1, 3] = 3
    """Phases."""
    continuous: Percent
    """Share of the rated current that may flow for three hours and more.

    80 % under NEC 210.20(A) and 215.3, 100 % where the assembly is listed for it or rated by IEC 60947-2.
    """


class Busway(Circuit):
    """A busway along a row, one a feed, from which the racks' PDUs are tapped."""

    racks: int = Field(ge=1, le=64, strict=True)
    """Neighbouring racks of a hall on one busway."""


class RackBusbar(Model):
    """The busbar of racks whose machines share their supplies, and the shelves that feed it."""

    voltage: Volts
    """Voltage at full load, such as `50 V` or `800 V`."""
    current: Amperes
    """What each section of the busbar carries continuously."""
    sections: int = Field(default=1, ge=1, le=8, strict=True)
    """Sections that shelves feed apart: 2 where shelves sit above and below the machines."""
    shelf: Name
    """A power shelf of the catalogue, such as `gb200-power-shelf`."""
    shelves: int = Field(ge=1, le=64, strict=True)
    """Shelves of a rack, connected to its PDUs in turn."""


class Mechanical(Model):
    """What the site draws beside IT: cooling, pumps, lighting and offices, at full load."""

    power: Watts
    """All of it, by the design or a measurement of it."""
    on_ups: Watts
    """The part of it behind the UPS, such as the pumps and fans that must not stop."""


class PowerChain(Model):
    """The chain above the rack PDUs, and the busbar below them."""

    power_factor: Percent
    """Active power over apparent power at the transformers and circuits."""
    mechanical: Mechanical
    """What the chain carries beside IT."""
    grid: GridConnection | None = None
    """The connection to the grid."""
    transformers: Transformers | None = None
    """Between the grid and the low-voltage boards."""
    generators: Generators | None = None
    """The sets that carry the site without the grid."""
    ups: Ups | None = None
    """In front of the feeds."""
    breaker: Circuit | None = None
    """In front of each PDU of a compute rack."""
    busway: Busway | None = None
    """Along the rows of compute racks."""
    busbar: RackBusbar | None = None
    """In racks whose machines share their supplies."""


class PowerCap(Model):
    """A cap that management controllers enforce, so that the plan may count on it.

    Halls and feeds have a `cap` of their own. Budget, feeds and chain count what machines draw under every
    cap; cooling counts it without.
    """

    rack: Watts | None = added_later()
    """The most that a compute rack draws. Each machine is limited to its share of it."""
    site: Watts | None = added_later()
    """The most that all IT equipment of the site draws, switches and storage servers included."""
