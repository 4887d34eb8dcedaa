"""Exact quantities with their units, and the only place where text becomes a number.

A quantity is a whole number of a smallest step (a byte, a bit a second, a watt, a tenth of a
degree). Text must have a unit. A number alone is refused, as is a unit of another kind: `400 GB` is
no link rate and `400 Gb` is no capacity. Decimal prefixes are powers of 1,000 (GB), binary
prefixes are powers of 1,024 (GiB), and the two are never mixed.

    >>> Watts.parse("14.3 kW").count
    14300
    >>> str(Bytes.parse("500 TB")), Bytes.parse("80 GiB").count
    ('500 TB', 85899345920)
    >>> BitsPerSecond.parse("400GB")
    Traceback (most recent call last):
    ...
    ValueError: '400GB' is an amount of bytes, not a rate in bits a second; write '400 Gbps'
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import total_ordering
from typing import Any, ClassVar, Self

from pydantic_core import CoreSchema, core_schema

from sovereign_ai.frozen_dataclass import frozen_dataclass

_TEXT = re.compile(
    r"^\s*(?P<number>[+-]?[0-9][0-9_]*(?:\.[0-9]+)?)\s*(?P<unit>[A-Za-z%/°€$][A-Za-z0-9%/°²³]*)\s*$", re.ASCII
)
_LONGEST_TEXT = 64
_UNIT = r"\s*([A-Za-z%/°€$][A-Za-z0-9%/°²³]*)\s*"
_GROUPED = re.compile(rf"\s*([0-9]{{1,3}}(?:[, '][0-9]{{3}})+){_UNIT}", re.ASCII)
_DECIMAL_COMMA = re.compile(rf"\s*([0-9]+),([0-9]+){_UNIT}", re.ASCII)
_LEADING_POINT = re.compile(rf"\s*(\.[0-9]+){_UNIT}", re.ASCII)
LARGEST = 2**63 - 1
"""The largest count: Kubernetes and many databases store 64-bit integers with a sign."""


def _scales(unit: str, prefixes: str, base: int = 1) -> dict[str, int]:
    """Return unit names with decimal prefixes: `_scales("B", " kMG")` has B, kB, MB and GB."""
    scales = {}
    for prefix in prefixes:
        power = " kMGTPE".index(prefix)
        scales[f"{prefix.strip()}{unit}"] = base * 1000**power
    return scales


def _spelt(word: str, unit: str) -> dict[str, str]:
    """Return a unit's name in words, with each decimal prefix, to the unit: `kilowatts` to `kW`."""
    words = {}
    for name, prefix in _PREFIXES.items():
        words[f"{name}{word}"] = words[f"{name}{word}s"] = f"{prefix}{unit}"
    return words


def _shortened(unit: str, *ends: str) -> dict[str, str]:
    """Return what is written for a unit with the prefixes from mega to peta, to the unit: `g` to `Gbps`."""
    words = {}
    for prefix in "MGTP":
        for end in ends:
            words[f"{prefix.lower()}{end}"] = f"{prefix}{unit}"
    return words


_PREFIXES = {"": "", "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "peta": "P"}
_BINARY = {f"{prefix}iB": 1024**power for power, prefix in enumerate("KMGTPE", start=1)}
_BYTES = {**_scales("B", " kMGTPE"), **_BINARY}
_BITS_A_SECOND = _scales("bps", " kMGTP") | _scales("bit/s", " kMGTP")
_BYTES_A_SECOND = _scales("B/s", " kMGTP")
# What a unit of another kind measures: the common mistake is one letter, `400 GB` for `400 Gbps`.
_OTHER_KINDS = {
    **dict.fromkeys(_BYTES, "an amount of bytes"),
    **dict.fromkeys(_BITS_A_SECOND, "a rate in bits a second"),
    **dict.fromkeys(_BYTES_A_SECOND, "a rate in bytes a second"),
    **{f"{prefix.strip()}b": "bits without a time" for prefix in " kMGTP"},
}


def _number(text: str) -> tuple[Fraction, str]:
    """Return the exact number and the unit of a text.

    Raises:
        ValueError: the text is no number with a unit.
    """
    if len(text) > _LONGEST_TEXT:
        message = f"a quantity has at most {_LONGEST_TEXT} characters, this has {len(text)}"
        raise ValueError(message)
    match = _TEXT.match(text)
    if match is None:
        message = f"{text!r} is not a number with a unit"
        raise ValueError(message)
    try:
        # Decimal, and not float: 0.1 kW must be exactly 100 W.
        number = Decimal(match["number"].replace("_", ""))
        return Fraction(number), match["unit"]
    except InvalidOperation:
        message = f"{text!r} is not a number with a unit"
        raise ValueError(message) from None


def _rewritten(text: str) -> Iterator[str]:
    """Yield the amounts that a text with another way of writing numbers may mean.

    `1,200 kW` is 1200 kW to an American and 1.2 kW to a German, so both are yielded.
    """
    if match := _GROUPED.fullmatch(text):
        digits = re.sub("[, ']", "", match[1])
        yield f"{digits} {match[2]}"
    if match := _DECIMAL_COMMA.fullmatch(text):
        yield f"{match[1]}.{match[2]} {match[3]}"
    if match := _LEADING_POINT.fullmatch(text):
        yield f"0{match[1]} {match[2]}"


def _listed(words: Sequence[str]) -> str:
    """Return words as a choice: `GW, MW, kW or W`."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _plain(number: Fraction) -> str:
    """Return an exact decimal number without an exponent."""
    if number.denominator == 1:
        return str(number.numerator)
    decimal = Decimal(number.numerator) / Decimal(number.denominator)
    return f"{decimal.normalize():f}"


@total_ordering
@frozen_dataclass
class Quantity:
    """A whole number of smallest steps of a kind, which the subclass defines.

    Attributes:
        count: the number of smallest steps.
    """

    count: int

    def __post_init__(self) -> None:
        """Refuse a count that no text has, so that every quantity can be written and read back.

        Raises:
            TypeError: the count is no whole number; text goes through `parse`.
            ValueError: a sign where none is allowed, or more than 63 bits.
        """
        # `isinstance` would let True through, which is an int.
        if type(self.count) is not int:
            name = type(self).__name__
            message = f"{name} counts whole steps; read text with {name}.parse({self.example!r})"
            raise TypeError(message)
        if self.count < 0 and not self.signed:
            message = f"{self.noun} starts at zero, and this is {self.count}"
            raise ValueError(message)
        if abs(self.count) > LARGEST:
            message = f"{self.noun} of more than 2^63 - 1 of the smallest step is larger than any factory"
            raise ValueError(message)

    noun: ClassVar[str]
    """The kind of quantity, for messages: `a rate in bits a second`."""
    example: ClassVar[str]
    """A well-formed text, for messages."""
    units: ClassVar[dict[str, int]]
    """Unit name to number of smallest steps."""
    shown: ClassVar[tuple[str, ...]]
    """Units that `str()` may use, from the largest to the smallest."""
    signed: ClassVar[bool] = False
    akin: ClassVar[dict[str, tuple[Fraction, str]]] = {}
    """Unit of a kind that is often confused with this one, to its factor and unit of this kind."""
    other_words: ClassVar[dict[str, str]] = {}
    """What people also call a unit, in lower case, to the unit as it is written here."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read text such as `400 Gbps`.

        Raises:
            ValueError: no number with a unit, a unit of another kind, a part of the smallest
                step, a sign where none is allowed, or more than 63 bits.
        """
        try:
            number, unit = _number(text)
        except ValueError as error:
            meant = [repr(right) for right in cls._meant_texts(text[: 2 * _LONGEST_TEXT])]
            message = f"{error}; write {' or '.join(meant)}" if meant else str(error)
            raise ValueError(message) from None
        if unit not in cls.units:
            raise ValueError(cls._wrong_unit(text, number, unit))
        steps = number * cls.units[unit]
        if steps.denominator != 1:
            message = f"{text!r} is finer than the smallest step, {str(cls(1))!r}"
            raise ValueError(message)
        count = int(steps)
        if count < 0 and not cls.signed:
            message = f"{text!r} is negative; {cls.noun} starts at zero"
            raise ValueError(message)
        if abs(count) > LARGEST:
            message = f"{text!r} is larger than any factory; the limit is 2^63 - 1 of the smallest step"
            raise ValueError(message)
        return cls(count)

    @classmethod
    def _wrong_unit(cls, text: str, number: Fraction, unit: str) -> str:
        """Return the message for a unit of another kind, with the nearest right text."""
        known = cls._similar_unit(unit)
        right = ""
        if known is not None and cls._is_read(number, known):
            right = repr(f"{_plain(number)} {known}")
        if unit in cls.akin:
            # Either the unit or the number is meant; only the user knows which.
            factor, converted_unit = cls.akin[unit]
            exact = number * factor
            # Rounded to the smallest step, for what is finer would be refused in turn.
            steps = round(exact * cls.units[converted_unit])
            amount = Fraction(steps, cls.units[converted_unit])
            converted = f"{_plain(amount)} {converted_unit}"
            same = "as much" if amount == exact else "about as much"
            right = f"{converted!r}, which is {same}" + (f", or {right}" if right else "")
        if not right:
            right = f"it in {_listed(cls.shown)}, as in {cls.example!r}"
        other_kind = _OTHER_KINDS.get(unit)
        what = f"{other_kind}, not" if other_kind else f"in {unit!r}, which is no unit of"
        return f"{text!r} is {what} {cls.noun}; write {right}"

    @classmethod
    def _meant_texts(cls, text: str) -> Iterator[str]:
        """Yield well-formed texts of what is not a number with a unit, where it follows from the text."""
        for right in _rewritten(text):
            number, unit = _number(right)
            known = unit if unit in cls.units else cls._similar_unit(unit)
            if known is not None and cls._is_read(number, known):
                yield f"{_plain(number)} {known}"

    @classmethod
    def _is_read(cls, number: Fraction, unit: str) -> bool:
        """Return whether an amount is read, and not refused in its turn as too fine or too large."""
        steps = number * cls.units[unit]
        return steps.denominator == 1 and abs(steps) <= LARGEST

    @classmethod
    def _similar_unit(cls, unit: str) -> str | None:
        """Return the first unit that differs only by case, by the end of a rate, or in words."""
        meant = cls.other_words.get(unit.lower())
        # Words have every prefix, also where a kind does not go as far.
        if meant in cls.units:
            return meant
        for known in cls.units:
            is_other_case = known.lower() == unit.lower()
            if is_other_case or known.rstrip("ps/").lower() == unit.rstrip("ps/").lower():
                return known
        return None

    def __str__(self) -> str:
        """Return the shortest exact text: `250 kW`, `14.3 kW`, `1 B`."""
        for unit in self.shown:
            scale = self.units[unit]
            if abs(self.count) >= scale or unit == self.shown[-1]:
                value = Decimal(self.count) / Decimal(scale)
                text = f"{value.normalize():f}"
                # Decimal rounds to 28 digits: a text that would not be read back as this count is not used.
                if Fraction(text) * scale == self.count:
                    return f"{text} {unit}"
        return f"{self.count} {self.shown[-1]}"

    def __lt__(self, other: object) -> bool:
        """Order two quantities of one kind."""
        if type(other) is not type(self):
            return NotImplemented
        return self.count < other.count

    def __add__(self, other: Self) -> Self:
        """Add two quantities of one kind."""
        if type(other) is not type(self):
            return NotImplemented
        return type(self)(self.count + other.count)

    def __mul__(self, factor: int) -> Self:
        """Multiply by a whole number."""
        if type(factor) is not int:
            return NotImplemented
        return type(self)(self.count * factor)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let models hold the quantity: text in, canonical text out."""
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def _validate(cls, value: object) -> Self:
        """Return the quantity of itself or of its text; a bare number has no unit and is refused.

        Raises:
            ValueError: it is neither.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        seen = repr(value) if type(value) in (int, float) else f"a {type(value).__name__}"
        message = f"{seen} has no unit; write {cls.example!r}"
        raise ValueError(message)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        """Describe the text for editors."""
        # The longest first: a regular expression takes the first alternative that fits.
        longest_first = sorted(cls.units, key=len, reverse=True)
        units = "|".join(map(re.escape, longest_first))
        sign = "-?" if cls.signed else ""
        return {
            "type": "string",
            "pattern": rf"^\s*{sign}[0-9][0-9_]*(\.[0-9]+)?\s*({units})\s*$",
            "examples": [cls.example],
            "description": f"{cls.noun}, with its unit",
        }


_KUBERNETES_SUFFIXES = (
    ("P", 10**15),
    ("Pi", 2**50),
    ("T", 10**12),
    ("Ti", 2**40),
    ("G", 10**9),
    ("Gi", 2**30),
    ("M", 10**6),
    ("Mi", 2**20),
)
"""Suffixes that `to_kubernetes` uses, from the largest; of two of a size the decimal one comes first."""
_KUBERNETES_POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


class Bytes(Quantity):
    """An amount of data; the smallest step is one byte."""

    noun, example = "an amount of bytes", "500 TB"
    units = _BYTES
    other_words = _shortened("B", "") | _shortened("iB", "i") | _spelt("byte", "B")
    shown = ("EB", "PB", "TB", "GB", "MB", "kB", "B")

    def to_kubernetes(self) -> str:
        """Return an exact Kubernetes quantity: `500T`, `80Gi`, or plain bytes."""
        for suffix, scale in _KUBERNETES_SUFFIXES:
            if self.count and self.count % scale == 0:
                return f"{self.count // scale}{suffix}"
        return str(self.count)

    @classmethod
    def from_kubernetes(cls, text: str) -> Self:
        """Read a Kubernetes quantity of bytes: `500T`, `80Gi`, `1024`, `1e9`, `1500m`.

        A part of a byte counts as a byte, as in Kubernetes.

        The form is that of apimachinery's `resource.Quantity` (Kubernetes 1.37): a decimal number, then a
        binary or decimal suffix or a decimal exponent.

        Raises:
            ValueError: not such a quantity, or a negative one.
        """
        match = re.fullmatch(
            r"\+?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?", text
        )
        if match is None:
            message = f"{text!r} is not a Kubernetes quantity of bytes"
            raise ValueError(message)
        number, suffix = Fraction(match[1]), match[2] or ""
        if suffix.endswith("i"):
            scale = Fraction(1024) ** ("KMGTPE".index(suffix[0]) + 1)
        elif suffix[1:]:
            scale = Fraction(10) ** int(suffix[1:])
        else:
            scale = Fraction(10) ** _KUBERNETES_POWERS[suffix]
        return cls(math.ceil(number * scale))


class BitsPerSecond(Quantity):
    """A link rate; the smallest step is one bit a second."""

    noun, example = "a rate in bits a second", "400 Gbps"
    units = _BITS_A_SECOND
    other_words = _shortened("bps", "", "be", "e", "bit", "bits")
    shown = ("Pbps", "Tbps", "Gbps", "Mbps", "kbps", "bps")
    akin: ClassVar[dict[str, tuple[Fraction, str]]] = {
        f"{prefix.strip()}B/s": (Fraction(8), f"{prefix.strip()}bps") for prefix in " kMGTP"
    }

    @classmethod
    def _meant_texts(cls, text: str) -> Iterator[str]:
        """Yield also the rate of a generation of InfiniBand, of four lanes where no number says fewer."""
        match = re.fullmatch(r"\s*([A-Za-z]DR)[ -]?([0-9]{2,4})?\s*", text, re.ASCII | re.IGNORECASE)
        rate = _GENERATIONS.get(match[1].upper()) if match else None
        if match and rate:
            yield f"{match[2] or rate} Gbps"
        yield from super()._meant_texts(text)


_GENERATIONS = {"QDR": 40, "FDR": 56, "EDR": 100, "HDR": 200, "NDR": 400, "XDR": 800}
"""Gbps of a port of four lanes of each generation of InfiniBand, as its ports are sold."""


class BytesPerSecond(Quantity):
    """A storage rate; the smallest step is one byte a second."""

    noun, example = "a rate in bytes a second", "40 GB/s"
    units = _BYTES_A_SECOND
    shown = ("TB/s", "GB/s", "MB/s", "kB/s", "B/s")
    akin: ClassVar[dict[str, tuple[Fraction, str]]] = {
        **{f"{prefix}bps": (Fraction(1, 8), f"{prefix}B/s") for prefix in ("", "k", "M", "G", "T", "P")},
        **{f"{prefix}bit/s": (Fraction(1, 8), f"{prefix}B/s") for prefix in ("", "k", "M", "G", "T", "P")},
    }


class Watts(Quantity):
    """Power; the smallest step is one watt."""

    noun, example = "a power in watts", "45 kW"
    units = _scales("W", " kMG")
    other_words = _spelt("watt", "W")
    shown = ("GW", "MW", "kW", "W")


class WattsPerSecond(Quantity):
    """A rate at which power changes; the smallest step is one watt a second."""

    noun, example = "a ramp in watts a second", "500 kW/s"
    units = _scales("W/s", " kMG")
    shown = ("MW/s", "kW/s", "W/s")


class Celsius(Quantity):
    """A temperature; the smallest step is a tenth of a degree."""

    noun, example = "a temperature in degrees Celsius", "22 degC"
    units: ClassVar[dict[str, int]] = {"degC": 10, "°C": 10}
    shown = ("degC",)
    signed = True
    other_words: ClassVar[dict[str, str]] = dict.fromkeys(("c", "deg", "°", "celsius"), "degC")


class Seconds(Quantity):
    """A time span; the smallest step is one second."""

    noun, example = "a time span", "30 d"
    units: ClassVar[dict[str, int]] = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
    shown = ("d", "h", "min", "s")
    other_words: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
        **dict.fromkeys(("m", "mins", "minute", "minutes"), "min"),
        **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
        **dict.fromkeys(("day", "days"), "d"),
    }
    akin: ClassVar[dict[str, tuple[Fraction, str]]] = {
        **dict.fromkeys(("w", "week", "weeks"), (Fraction(7), "d")),
        **dict.fromkeys(("y", "year", "years"), (Fraction(365), "d")),
    }


class Metres(Quantity):
    """A length; the smallest step is a centimetre."""

    noun, example = "a length", "30 m"
    units: ClassVar[dict[str, int]] = {"m": 100, "cm": 1, "km": 100_000}
    shown = ("m",)
    other_words: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"),
        **dict.fromkeys(("kilometre", "kilometres", "kilometer", "kilometers"), "km"),
    }
    akin: ClassVar[dict[str, tuple[Fraction, str]]] = {
        "mm": (Fraction(1, 10), "cm"),
        **dict.fromkeys(("ft", "foot", "feet"), (Fraction(3048, 100), "cm")),
    }


class KilogramsPerSquareMetre(Quantity):
    """A floor load; the smallest step is one kilogram a square metre."""

    noun, example = "a floor load", "1500 kg/m2"
    units: ClassVar[dict[str, int]] = {"kg/m2": 1, "kg/m²": 1}
    other_words: ClassVar[dict[str, str]] = {"kg/sqm": "kg/m2", "kg": "kg/m2"}
    akin: ClassVar[dict[str, tuple[Fraction, str]]] = {"t/m2": (Fraction(1000), "kg/m2")}
    shown = ("kg/m2",)


class CubicMetresPerHour(Quantity):
    """An air flow; the smallest step is one cubic metre an hour."""

    noun, example = "an air flow", "120000 m3/h"
    units: ClassVar[dict[str, int]] = {"m3/h": 1, "m³/h": 1}
    other_words: ClassVar[dict[str, str]] = {"m3/hr": "m3/h", "m3/hour": "m3/h", "cmh": "m3/h"}
    shown = ("m3/h",)


class LitresPerMinute(Quantity):
    """A flow of coolant; the smallest step is one millilitre an hour.

    With that step, litres a minute and cubic metres an hour are both exact.
    """

    noun, example = "a flow of coolant", "1200 L/min"
    units: ClassVar[dict[str, int]] = {
        "L/min": 60_000,
        "L/s": 3_600_000,
        "m3/h": 1_000_000,
        "m³/h": 1_000_000,
    }
    shown = ("L/min", "m3/h")
    other_words: ClassVar[dict[str, str]] = {"lpm": "L/min", "m3/hr": "m3/h"}

    @property
    def litres_per_minute(self) -> float:
        """The flow in litres a minute."""
        return self.count / 60_000


class WattHours(Quantity):
    """An amount of energy; the smallest step is one watt-hour."""

    noun, example = "an amount of energy", "8 GWh"
    units = _scales("Wh", " kMGT")
    shown = ("TWh", "GWh", "MWh", "kWh", "Wh")


class Amperes(Quantity):
    """An electric current; the smallest step is one milliampere."""

    noun, example = "a current in amperes", "63 A"
    units: ClassVar[dict[str, int]] = {"A": 1000, "kA": 1_000_000, "mA": 1}
    shown = ("A", "mA")


class Volts(Quantity):
    """An electric voltage; the smallest step is one millivolt."""

    noun, example = "a voltage in volts", "400 V"
    units: ClassVar[dict[str, int]] = {"V": 1000, "kV": 1_000_000, "mV": 1}
    shown = ("kV", "V", "mV")


class VoltAmperes(Quantity):
    """Apparent power; the smallest step is one volt-ampere."""

    noun, example = "an apparent power in volt-amperes", "2500 kVA"
    units = _scales("VA", " kMG")
    shown = ("GVA", "MVA", "kVA", "VA")


class Litres(Quantity):
    """An amount of liquid; the smallest step is one millilitre."""

    noun, example = "an amount of liquid", "40000 L"
    other_words: ClassVar[dict[str, str]] = dict.fromkeys(("litre", "litres", "liter", "liters"), "L")
    units: ClassVar[dict[str, int]] = {"L": 1000, "m3": 1_000_000, "m³": 1_000_000}
    shown = ("L",)


class LitresPerHour(Quantity):
    """A consumption of fuel; the smallest step is one millilitre an hour."""

    noun, example = "a consumption of fuel", "520 L/h"
    units: ClassVar[dict[str, int]] = {"L/h": 1000}
    shown = ("L/h",)


class Money(Quantity):
    """An amount of euro; the smallest step is one cent."""

    noun, example = "an amount of euro", "1200 EUR"
    other_words: ClassVar[dict[str, str]] = dict.fromkeys(("€", "euro", "euros"), "EUR")
    units: ClassVar[dict[str, int]] = {"EUR": 100, "kEUR": 100_000, "MEUR": 100_000_000}
    shown = ("EUR",)


class EuroPerMegawattHour(Quantity):
    """A price of electricity; the smallest step is one cent a megawatt-hour."""

    noun, example = "a price of electricity", "62.50 EUR/MWh"
    units: ClassVar[dict[str, int]] = {"EUR/MWh": 100}
    shown = ("EUR/MWh",)


class Percent(Quantity):
    """A share; the smallest step is a hundredth of a percent."""

    noun, example = "a share in percent", "80 %"
    other_words: ClassVar[dict[str, str]] = dict.fromkeys(("percent", "pct"), "%")
    units: ClassVar[dict[str, int]] = {"%": 100}
    shown = ("%",)

    def of(self, amount: int) -> Fraction:
        """Return the exact share of an amount."""
        return Fraction(amount * self.count, 10_000)


_MOST_OF_A_RATIO = 9_999
"""Each number of a ratio is at most this.

Users write the ports of a switch as they are, such as 120:8 or 72:72, and the links of a building to the few
that leave it, such as 500:1.
"""
_DECIMAL = r"\s*([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*"


def _nearest_ratio(text: str) -> str:
    """Return the nearest ratio to one of any positive numbers, 29:25 for 1.16:1; empty for other text."""
    match = re.fullmatch(f"{_DECIMAL}:{_DECIMAL}", text, re.ASCII)
    if match is None or not Fraction(match[1]) or not Fraction(match[2]):
        return ""
    down, up = Fraction(match[1]), Fraction(match[2])
    # Of a share below one neither number is more than the denominator.
    share = (min(down, up) / max(down, up)).limit_denominator(_MOST_OF_A_RATIO)
    less, more = share.as_integer_ratio() if share else (1, _MOST_OF_A_RATIO)
    return f"'{less}:{more}'" if down < up else f"'{more}:{less}'"


@frozen_dataclass
class Ratio:
    """An exact ratio of two whole numbers, such as an oversubscription of `1:1` or `3:2`.

    Attributes:
        down: the first number, such as the capacity of a switch's downlinks.
        up: the second number, such as the capacity of its uplinks; never zero.
    """

    down: int
    up: int

    example: ClassVar[str] = "1:1"

    @classmethod
    def parse(cls, text: str) -> Ratio:
        """Read text such as `4:3`.

        Raises:
            ValueError: not two whole numbers from 1 to 9999 with a colon between them.
        """
        match = re.fullmatch(r"\s*([0-9]{1,4})\s*:\s*([0-9]{1,4})\s*", text, re.ASCII)
        down, up = (int(match[1]), int(match[2])) if match else (0, 0)
        if not down or not up:
            advice = _nearest_ratio(text) or "'1:1' or '3:2'"
            message = f"{text!r} is not a ratio of whole numbers from 1 to {_MOST_OF_A_RATIO}; write {advice}"
            raise ValueError(message)
        return cls(down, up)

    @property
    def fraction(self) -> Fraction:
        """The ratio as an exact fraction."""
        return Fraction(self.down, self.up)

    def __str__(self) -> str:
        """Return the two numbers with a colon between them."""
        return f"{self.down}:{self.up}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Let models hold the ratio: text in, text out."""
        return core_schema.no_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                str, return_schema=core_schema.str_schema()
            ),
        )

    @classmethod
    def _validate(cls, value: object) -> Ratio:
        """Return the ratio of itself or of its text.

        Raises:
            ValueError: it is neither.
        """
        if isinstance(value, Ratio):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        message = f"a {type(value).__name__} is not a ratio; write '1:1' in quotation marks"
        raise ValueError(message)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        """Describe the text for editors."""
        return {
            "type": "string",
            "pattern": r"^\s*[0-9]{1,4}\s*:\s*[0-9]{1,4}\s*$",
            "examples": ["1:1"],
            "description": "a ratio of whole numbers",
        }
