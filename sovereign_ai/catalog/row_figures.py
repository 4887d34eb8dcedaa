"""What each figure of a row may be: its type, its bounds, an example, and whether a row must have it.

The bounds are wider than anything that is sold: they refuse a slip of the pen (a minus, another unit, three
zeros), and never a machine. Every row of the package is within them, which a test holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sovereign_ai.catalog.controllers import CONTACTS, FUNCTIONS
from sovereign_ai.catalog.figures import UnknownNameError
from sovereign_ai.catalog.jurisdictions import country, country_hint
from sovereign_ai.catalog.switch import BREAKOUT_PARTS
from sovereign_ai.errors import Problem, Where, nearest
from sovereign_ai.files import shown
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import DNS_LABEL
from sovereign_ai.units import (
    BitsPerSecond,
    Bytes,
    BytesPerSecond,
    LitresPerMinute,
    Metres,
    Quantity,
    Watts,
)

_TEXT = r"[^\x00-\x1f\x7f]{1,200}"
_DESCRIPTION = "text on one line of at most 200 characters"
_IMAGE = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"
_LABEL_VALUE = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+"
_COUNTRY = "COUNTRY"
"""In place of a pattern: the code of a country."""


@frozen_dataclass
class FigureRule:
    """What one figure of a kind of row may be.

    Attributes:
        of: the type of its value; for a quantity the class of its unit.
        low: the least value; with a unit where it is a quantity.
        high: the largest value.
        words: the texts that it may be, if they are listed.
        form: a pattern that a text fits.
        description: what such a text is, in words.
        example: an example, with a unit where it has one; empty if the template does not write the figure.
        inner: in a mapping that takes any names, the name of the example.
        is_needed: whether a row of the kind must have it.
    """

    of: type[int | float | str | Quantity]
    low: int | float | str = 0
    high: int | float | str = 0
    words: tuple[str, ...] = ()
    form: str = _TEXT
    description: str = _DESCRIPTION
    example: str = ""
    inner: str = ""
    is_needed: bool = False


def _integer(low: int, high: int, example: str = "", *, needed: bool = False) -> FigureRule:
    return FigureRule(int, low, high, example=example, is_needed=needed)


def _quantity(
    of: type[Quantity], low: str, high: str, example: str = "", *, needed: bool = False
) -> FigureRule:
    return FigureRule(of, low, high, example=example, is_needed=needed)


def _text(form: str, description: str, example: str = "", *, needed: bool = False) -> FigureRule:
    return FigureRule(str, form=form, description=description, example=example, is_needed=needed)


def _one_of(words: tuple[str, ...], example: str = "", *, needed: bool = False) -> FigureRule:
    return FigureRule(str, words=words, example=example, is_needed=needed)


def _named(inner: str, example: str, form: str = _TEXT, description: str = _DESCRIPTION) -> FigureRule:
    return FigureRule(str, form=form, description=description, example=example, inner=inner)


_RACK_UNITS = (1, 60)
_KILOGRAMS = (0.1, 20_000)
_COOLING = r"(air|liquid|hybrid)(, (air|liquid|hybrid))*"
_RATE = (BitsPerSecond, "10 Mbps", "100 Tbps")
_POWER = (Watts, "1 W", "1 MW")
_MEMORY = (Bytes, "1 MB", "1 PB")
_THROUGHPUT = (BytesPerSecond, "1 MB/s", "1000 PB/s")

_PART_RULES = {
    "ports": _integer(1, 1024),
    "rate": _quantity(*_RATE),
    "reach": _quantity(Metres, "0.1 m", "1000 km"),
    "fibres": _integer(1, 1024),
    # A passive cable takes none.
    "power": _quantity(Watts, "0 W", "10 MW"),
    "rating": _quantity(Watts, "1 W", "100 MW"),
    "supplies": _integer(1, 128),
    "supply_rating": _quantity(*_POWER),
    "flow": _quantity(LitresPerMinute, "1 L/min", "1000000 L/min"),
    "read": _quantity(*_THROUGHPUT),
    "write": _quantity(*_THROUGHPUT),
    "rack_units": _integer(*_RACK_UNITS),
    "weight_kg": FigureRule(float, *_KILOGRAMS),
}


def _part(**examples: str) -> dict[str, FigureRule]:
    """Return the rules of a part, with examples of the figures that its template writes."""
    exampled = {name: replace(_PART_RULES[name], example=text) for name, text in examples.items()}
    return {**exampled, **{name: rule for name, rule in _PART_RULES.items() if name not in exampled}}


_SYSTEM = {
    "gpus": _integer(0, 1024, "8", needed=True),
    "cpu_arch": _one_of(("amd64", "arm64"), "amd64", needed=True),
    "cpus": _integer(1, 16_384, "256", needed=True),
    "memory": _quantity(*_MEMORY, "2 TB", needed=True),
    "compute_nics": _integer(0, 128, "8", needed=True),
    # A machine without such ports has no rate.
    "compute_nic_rate": _quantity(BitsPerSecond, "0 Gbps", "100 Tbps", "400 Gbps", needed=True),
    "max_power": _quantity(*_POWER, "11 kW", needed=True),
    # Zero or one: the machine is in no domain that is larger than itself.
    "nvlink_domain_nodes": _integer(0, 4096, "0", needed=True),
    "cooling": _text(_COOLING, "air, liquid or hybrid, or several with ', ' between", "air", needed=True),
    "weight_kg": FigureRule(float, *_KILOGRAMS, example="130"),
    "rack_units": _integer(*_RACK_UNITS, "8"),
    "supplies": _integer(1, 128, "6"),
    "supply_rating": _quantity(*_POWER, "3.3 kW"),
    "supplies_required": _integer(1, 128, "4"),
    "nodes_per_rack": _integer(1, 256, "4"),
    "idle_power": _quantity(Watts, "0 W", "1 MW", "2 kW"),
    "storage_nics": _integer(0, 128, "2"),
    "storage_nic_rate": _quantity(*_RATE, "400 Gbps"),
    "compute_cages": _integer(1, 128, "8"),
    "scalable_unit": _integer(1, 100_000),
    "rack_power": _quantity(Watts, "1 W", "10 MW"),
    "rack_shared_power": _quantity(Watts, "0 W", "10 MW"),
}
_ACCELERATOR = {
    "architecture": _text(_TEXT, "the maker's name of the architecture", "Example", needed=True),
    "memory": _quantity(*_MEMORY, "192 GB", needed=True),
    "memory_bandwidth": _quantity(*_THROUGHPUT, "5 TB/s", needed=True),
    "dense_tflops.bf16": _integer(1, 10**9, "1000", needed=True),
    "tdp": _quantity(*_POWER, "750 W", needed=True),
    "resource": _text(
        rf"{_DNS_NAME}/{_LABEL_VALUE}", "a domain, a slash and a name", "example.com/gpu", needed=True
    ),
    "dense_tflops.fp8": _integer(1, 10**9, "2000"),
    "dense_tflops.fp4": _integer(1, 10**9),
    "scale_up": _quantity(*_THROUGHPUT, "900 GB/s"),
    "product": _text(_LABEL_VALUE, "a label's value: letters, digits, '-', '_' and '.'", "Example-GPU"),
    "compute_capability": _text(r"\d{1,3}\.\d{1,3}", "two numbers with a dot between"),
    "memory_raw": _quantity(*_MEMORY),
    "memory_reported": _quantity(*_MEMORY),
    "dra_driver": _text(_DNS_NAME, "a driver's name, such as gpu.example.com"),
}
_SWITCH = {
    "kind": _one_of(("ethernet", "infiniband"), "ethernet", needed=True),
    "ports": _integer(1, 4096, "64", needed=True),
    "rate": _quantity(*_RATE, "800 Gbps", needed=True),
    "power": _quantity(*_POWER, "1900 W"),
    "rack_units": _integer(*_RACK_UNITS, "2"),
    "uplink_ports": _integer(1, 1024, "4"),
    "uplink_rate": _quantity(*_RATE, "100 Gbps"),
    "cages": _integer(0, 4096, "64"),
    "sonic_platform": _text(_LABEL_VALUE, "SONiC's name of the hardware"),
    "sonic_sku": _text(_LABEL_VALUE, "SONiC's name of a set of port settings"),
    "sonic_lanes": _integer(1, 64),
    "sonic_name_step": _integer(1, 64),
    "sonic_lane_step": _integer(1, 64),
    **{f"sonic_breakouts.{parts}": _text(_TEXT, "a mode's name in SONiC") for parts in BREAKOUT_PARTS},
}
_SUPPLIER = {
    "seat": _text(_COUNTRY, "a country's code", "DE", needed=True),
    "parent": _text(_TEXT, "a supplier's or another firm's name"),
}
_CONTROLLER = {
    "function": _one_of(tuple(FUNCTIONS), "queueing", needed=True),
    "repository": _text(
        rf"{_DNS_NAME}(/[\w.~-]+)*", "a host with a path, without 'https://'", "git.example.com/queues",
        needed=True,
    ),
    "licence": _text(
        r"[(]*[A-Za-z0-9.+-]+[)]*( (AND|OR|WITH) [(]*[A-Za-z0-9.+-]+[)]*)*",
        "an SPDX expression",
        "Apache-2.0",
        needed=True,
    ),
    "namespace": _text(DNS_LABEL, "a name in lower-case letters, digits and '-'", "queues", needed=True),
    "version": _text(r"v?\d[\w.+-]{0,62}", "a version, such as v1.0.0", "v1.0.0"),
    "images": _named("manager", "registry.example.com/ai/queues", _IMAGE, "an image without a tag"),
    "needs": _named("cert-manager", "certificates"),
    "conflicts": _named("", ""),
    "telemetry": _named("usage", "usage.example.com"),
    "packages": _named("install", "packages.example.com"),
    "heartbeats": _named("licence", "licence.example.com"),
    "endpoints": _named("updates", "updates.example.com"),
}  # fmt: skip

RULES: Mapping[str, Mapping[str, FigureRule]] = {
    "system": _SYSTEM,
    "accelerator": _ACCELERATOR,
    "switch": _SWITCH,
    "supplier": _SUPPLIER,
    "controller": _CONTROLLER,
    "nic": _part(ports="1", rate="400 Gbps", power="25 W"),
    "optic": _part(rate="800 Gbps", reach="500 m", fibres="16", power="15 W"),
    "storage-server": _part(
        ports="2", rate="200 Gbps", read="40 GB/s", write="20 GB/s", power="1200 W", rack_units="2"
    ),
    "power-shelf": _part(
        rating="33 kW", supplies="6", supply_rating="5.5 kW", power="1 kW", rack_units="1", weight_kg="25"
    ),
    "cdu": _part(rating="1300 kW", flow="1200 L/min", power="12 kW", weight_kg="1200"),
}
"""The rule of each figure by kind; of a mapping that takes any names, such as `images`, by its own name."""
NAMED = frozenset({"images", "needs", "conflicts", *CONTACTS})
"""Mappings of figures whose names a row chooses."""


def rule_of(kind: str, figure: str) -> FigureRule | None:
    """Return the rule of a figure such as `gpus` or `dense_tflops.bf16`; None if there is no such figure."""
    rules = RULES[kind]
    outer, _, inner = figure.partition(".")
    return rules.get(figure) or (rules.get(outer) if inner and outer in NAMED else None)


def is_mapping(kind: str, figure: str) -> bool:
    """Return whether a figure of a kind is a mapping of figures, such as the rates by precision."""
    is_listed = any(name.startswith(f"{figure}.") for name in RULES[kind])
    return is_listed or (figure in NAMED and figure in RULES[kind])


def names_of(kind: str) -> list[str]:
    """Return the figures of a kind, mappings of figures by their own name."""
    return sorted({name.partition(".")[0] for name in RULES[kind]})


def absent_figures(kind: str, figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures that a row of a kind must have and does not."""
    for name, rule in RULES[kind].items():
        outer, _, inner = name.partition(".")
        found = figures.get(outer)
        if inner:
            found = found.get(inner) if isinstance(found, Mapping) else None
        if rule.is_needed and found is None:
            yield name


def value_problems(rule: FigureRule, figure: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """Yield every problem of a figure's value and of the ends of its range.

    Args:
        rule: what it may be.
        figure: the figure as plain data, with a value.
        at: its dotted field.
    """
    unit = figure.get("unit")
    if not issubclass(rule.of, Quantity) and unit is not None:
        yield Problem("bad-row", "it has no unit", Where(field=f"{at}.unit"), "leave 'unit' out")
        return
    for member in ("value", "low", "high"):
        value = figure.get(member)
        if value is not None and (problem := _value_problem(rule, value, unit, at)):
            yield problem
            return


def _value_problem(rule: FigureRule, value: object, unit: object, at: str) -> Problem | None:
    """Return the problem of one value; None if it is right."""
    where = Where(field=at)
    if issubclass(rule.of, Quantity):
        return _quantity_problem(rule, rule.of, value, unit, where)
    if rule.of is str:
        return _text_problem(rule, value, where)
    # In Python, True is an int; in YAML it is no number.
    types = int if rule.of is int else int | float
    # Whole numbers have no end in Python; one of hundreds of digits fits no float.
    is_endless = isinstance(value, float) and not math.isfinite(value)
    if not isinstance(value, types) or isinstance(value, bool) or is_endless:
        kind = "whole number" if rule.of is int else "number"
        return Problem("bad-row", f"{shown(value)} is no {kind}", where, f"write a {kind}")
    if not float(rule.low) <= value <= float(rule.high):
        return _outside(shown(value), f"{rule.low:,}", f"{rule.high:,}", where)
    return None


def _quantity_problem(
    rule: FigureRule, of: type[Quantity], value: object, unit: object, where: Where
) -> Problem | None:
    """Return the problem of a value with a unit; None if it is right."""
    if not isinstance(unit, str):
        message = f"{shown(value)} has no unit"
        return Problem("missing-field", message, where, f"add 'unit', as in {of.example!r}")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return Problem("bad-row", f"{shown(value)} is no number", where, "write a number; its unit is 'unit'")
    try:
        quantity = of.parse(f"{value} {unit}")
    except ValueError as error:
        return Problem("bad-row", str(error), where, f"write a value and a unit as in {of.example!r}")
    if not of.parse(str(rule.low)) <= quantity <= of.parse(str(rule.high)):
        return _outside(f"{value} {unit}", str(rule.low), str(rule.high), where)
    return None


def _text_problem(rule: FigureRule, value: object, where: Where) -> Problem | None:
    """Return the problem of a text; None if it is right."""
    if rule.words and value not in rule.words:
        message = f"{shown(value)} is none of {', '.join(rule.words)}"
        return Problem("bad-row", message, where, nearest(str(value), rule.words))
    if not isinstance(value, str):
        # YAML reads `NO` as false and `10.0` as a number.
        return Problem("bad-row", f"{shown(value)} is no text", where, "write it in quotes")
    if rule.form == _COUNTRY:
        try:
            country(value)
        except UnknownNameError:
            message = f"{shown(value)} is no country code of ISO 3166-1"
            return Problem("bad-country", message, where, country_hint(value))
        return None
    if not re.fullmatch(rule.form, value):
        expected = rule.description
        return Problem("bad-row", f"{shown(value)} is not {expected}", where, f"write {expected}")
    return None


def _outside(value: str, low: str, high: str, where: Where) -> Problem:
    """Return the problem of a value outside its bounds."""
    return Problem(
        "bad-row", f"{value} is not between {low} and {high}", where, "check the number and its unit"
    )
