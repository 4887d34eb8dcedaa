"""The sites of the factory: halls, power, cooling, electricity contracts and uplinks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from sovereign_ai.spec.base import Count, Country, Frozen, Model, Name, Text, added_later
from sovereign_ai.spec.campus import Campus
from sovereign_ai.spec.field_location import TextForm
from sovereign_ai.spec.power_chain import PowerCap, PowerChain, Redundancy
from sovereign_ai.units import (
    BitsPerSecond,
    Celsius,
    CubicMetresPerHour,
    EuroPerMegawattHour,
    KilogramsPerSquareMetre,
    LitresPerMinute,
    Metres,
    Percent,
    Seconds,
    WattHours,
    Watts,
    WattsPerSecond,
)

FeedName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,15}$"),
    TextForm("bad-name", "a feed's name of at most 16 letters, digits and hyphens"),
]
"""A feed's name, such as `A`."""


class Feed(Model):
    """One supply of a site: utility entrance, UPS and distribution up to the rack PDUs."""

    capacity: Watts
    """What the feed can carry at the rack PDUs."""
    ups: Seconds = Seconds(300)
    """How long its battery carries that."""
    cap: Watts | None = added_later()
    """The most that machines, switches and storage draw through it, also after the loss of another feed where
    the site survives that; machines are limited for it."""


def _feed(value: Any) -> Any:
    """Read `A: 400 kW` as a feed of that capacity."""
    return {"capacity": value} if isinstance(value, str | Watts) else value


class Power(Model):
    """The power path of a site, from the feeds to the servers' supplies.

    A server's supplies are spread over the feeds in turn. After the loss of a feed a server runs
    on as long as the supplies that are left are at least those it requires.
    """

    it_budget: Watts
    """Power for IT equipment, all of it together."""
    feeds: Annotated[
        dict[FeedName, Annotated[Feed, BeforeValidator(_feed, json_schema_input_type=Watts | Feed)]],
        AfterValidator(Frozen),
    ] = Field(min_length=1, max_length=8)
    """Independent feeds by name; `A: 400 kW` is short for a capacity."""
    survive: Literal["any-feed", "none"] = "any-feed"
    """What every rack must survive; `none` accepts that the loss of a feed stops servers."""
    derating: Percent = Percent(10_000)
    """Share of a feed's capacity that may be planned."""
    rack_pdus: int = Field(default=2, ge=1, le=8, strict=True)
    """Rack PDUs in a compute rack, spread over the feeds in turn."""
    ramp_limit: WattsPerSecond | None = None
    """How fast the load may change, where the grid operator sets a limit."""
    chain: PowerChain | None = added_later()
    """The elements from the grid to the rack PDUs; left out, only feeds and supplies are checked."""
    cap: PowerCap | None = added_later()
    """A cap on what racks or the site draw; left out, each machine is counted at full load, or at what a cap
    of a hall or feed leaves it."""


class Coolant(Model):
    """The liquid that carries a hall's heat away: past the chips, or through rear doors."""

    flow: LitresPerMinute
    """What all loops of the hall move together."""
    rack_flow: LitresPerMinute | None = None
    """What one rack's connection gives; left out, only the hall as a whole is checked."""
    supply: Celsius
    """Temperature as it reaches the racks."""
    back: Celsius = Field(alias="return")
    """Temperature as it leaves them."""

    @property
    def rise(self) -> int:
        """By how much it warms, in tenths of a degree."""
        return self.back.count - self.supply.count


class DistributionUnits(Model):
    """The coolant distribution units of a hall, all alike; the plan derives how many there are."""

    unit: Name
    """A coolant distribution unit of the catalogue, such as `cdu-1-3mw`."""
    redundancy: Redundancy = "N+1"
    """Units of each loop beyond those that its heat needs."""
    loops: Annotated[int, Field(ge=1, le=256, strict=True)] = 1
    """Loops of the hall, each with units of its own."""


class Cooling(Model):
    """How heat leaves a hall."""

    kind: Literal["air", "rear-door", "liquid", "hybrid"]
    """`liquid` is direct to the chip; `hybrid` is liquid for the chips and air for the rest."""
    containment: Literal["none", "cold-aisle", "hot-aisle", "chimney"] = "none"
    """How warm and cold air are kept apart."""
    supply: Celsius
    """Temperature of air or coolant as it reaches the servers."""
    temperature_rise: Celsius = Celsius(120)
    """By how much air or coolant warms on its way through a rack."""
    airflow: CubicMetresPerHour | None = None
    """Air that the hall's fans can move, all together; needed to check air cooling."""
    cdu_capacity: Watts | None = None
    """Heat that the coolant distribution units can take; needed for liquid without `cdus`."""
    cdus: DistributionUnits | None = added_later()
    """The coolant distribution units, from which the plan derives their number."""
    coolant: Coolant | None = added_later()
    """Flow and temperatures of the coolant; left out, `temperature_rise` replaces both and the flow is not
    checked."""


class Hall(Model):
    """A room of racks with one kind of cooling."""

    name: Name
    """Unique in the factory."""
    cooling: Cooling
    """How heat leaves it."""
    rack_limit: Watts
    """The most a rack may draw."""
    racks: Count = 100_000
    """Rack places; the default does not limit."""
    floor_load: KilogramsPerSquareMetre | None = None
    """What the floor carries; checked where the systems' weight is known."""
    row: int = Field(default=16, ge=1, le=64, strict=True)
    """Racks in a row."""
    cap: Watts | None = added_later()
    """The most that all racks of the hall draw; machines are limited for it."""
    row_cap: Watts | None = added_later()
    """The most that the compute racks of a row draw; machines are limited for it."""


class GridContract(Model):
    """A contract for electricity."""

    name: Name
    """Unique in the site."""
    supplier: Text
    """Legal name of the supplier."""
    supplier_seat: Country
    """Country of its head office."""
    power: Watts
    """What is contracted."""
    source: Literal["grid", "wind", "solar", "hydro", "nuclear", "gas", "storage", "mixed"] = "grid"
    """Its source; nuclear is low in carbon and not renewable."""
    renewable: Percent | None = added_later()
    """Share of a `grid` or `mixed` contract that guarantees of origin make renewable; left out, it is
    unknown."""
    price: EuroPerMegawattHour | None = added_later()
    """What is paid for energy; used where every contract of the site has one, else the country's published
    price."""


class HeatReuse(Model):
    """Heat that another party uses."""

    buyer: Text
    """Legal name of the party that uses it."""
    energy: WattHours | None = None
    """Heat delivered in a year; either this or `power`."""
    power: Watts | None = None
    """Heat delivered on the mean of a year; either this or `energy`."""
    temperature: Celsius | None = None
    """Its temperature where it is delivered."""
    evidence: Literal["measured", "contract", "planned"]
    """The evidence for the figure; planned reuse may not happen, and counts as a range from zero."""


class Uplink(Model):
    """A line to the outside."""

    name: Name
    """Unique in the site."""
    carrier: Text
    """Legal name of the carrier."""
    carrier_seat: Country
    """Country of the carrier's head office."""
    rate: BitsPerSecond
    """Its rate."""
    route: tuple[Country, ...] = Field(min_length=1)
    """Countries that its path passes."""
    encryption: Literal["macsec", "ipsec", "tls", "none"] = "macsec"
    """How traffic on it is protected; `none` is a finding."""
    to: Name | None = added_later()
    """The site of the factory to which it leads; it is described at one of the two. Left out, it leads
    outside."""
    entries: tuple[Text, ...] = added_later(())
    """Where it enters the buildings of its sites; two lines with the same entry share its risk."""
    ducts: tuple[Text, ...] = added_later(())
    """Ducts, bridges and sea cables that it follows, each by one name wherever lines share it."""


class Site(Model):
    """A place with one address, one jurisdiction and its own power."""

    name: Name
    """Unique in the factory."""
    country: Country
    """The country with jurisdiction there."""
    region: Name | None = None
    """Kubernetes region; left out, the site's name."""
    latitude: float | None = Field(default=None, ge=-90, le=90, strict=True)
    """Degrees north."""
    longitude: float | None = Field(default=None, ge=-180, le=180, strict=True)
    """Degrees east."""
    power: Power
    """Feeds and budget."""
    halls: tuple[Hall, ...] = Field(min_length=1)
    """Rooms of racks."""
    contracts: tuple[GridContract, ...] = ()
    """Electricity contracts."""
    heat_reuse: tuple[HeatReuse, ...] = added_later(())
    """Heat that others use; left out, its amount is unknown."""
    uplinks: tuple[Uplink, ...] = ()
    """Lines to the outside."""
    distance: Metres | None = None
    """Route length to the factory's first site, where latency matters."""
    campus: Campus | None = added_later()
    """Its buildings and what joins them; left out, all halls are in one building."""
