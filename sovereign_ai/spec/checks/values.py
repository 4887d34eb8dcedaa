"""Values that no single field can judge: country codes against ISO 3166-1, and amounts that may not be zero or too much."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec.base import Model
from sovereign_ai.spec.secrets import shown
from sovereign_ai.spec.source import below
from sovereign_ai.spec.spots import locate
from sovereign_ai.units import Bytes, BytesPerSecond, Celsius, Percent, Quantity, Watts

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

_MAY_BE_ZERO = frozenset({"ups", "revocation", "lead_time", "grace", "distance"})
_COOLS = "cools no machine"
_SERVES = "is the rate of no storage server"
_RANGES: Mapping[str, tuple[Quantity, Quantity, str]] = {
    "supply": (Celsius(0), Celsius(600), _COOLS),
    "temperature_rise": (Celsius(10), Celsius(600), _COOLS),
    "back": (Celsius(0), Celsius(950), _COOLS),
    "drive": (Bytes(100 * 10**9), Bytes(10**15), "is the size of no drive"),
    "server_read": (BytesPerSecond(100 * 10**6), BytesPerSecond(10 * 10**12), _SERVES),
    "server_write": (BytesPerSecond(100 * 10**6), BytesPerSecond(10 * 10**12), _SERVES),
}
"""Field to the least and the most that can be meant, and what a value beyond them is.

Air and coolant: between what limits they cool a machine at all. Drives and storage servers: wide around what is sold (drives of 240 GB to
245.76 TB, servers of one tape drive's rate to some hundred GB/s; our estimate), so that a wrong unit is told before servers are counted by it.
"""
MOST_POWER = Watts(10**12)
"""1,000 GW, what only the grids of the largest countries carry as a whole (our estimate); far beyond it sums would leave 63 bits."""


def check_values(factory: AIFactory, fields: Collection[str]) -> Iterator[Problem]:
    """Give wrong country codes and senseless amounts, wherever they stand in some fields of the factory."""
    for name in type(factory).model_fields:
        if name in fields:
            yield from _walk(getattr(factory, name), name)


def _walk(value: object, path: str) -> Iterator[Problem]:
    """Go through every part below a value."""
    if isinstance(value, Model):
        yield from _part(value, path)
    elif isinstance(value, tuple) and value and isinstance(value[0], Model):
        for index, item in enumerate(value):
            yield from _walk(item, below(path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, below(path, name))


def _part(part: Model, path: str) -> Iterator[Problem]:
    """Check the fields of one part."""
    areas = _areas(type(part))
    for name, info in type(part).model_fields.items():
        value, at = getattr(part, name), below(path, info.alias or name)
        if name in areas:
            yield from _codes(value, at, circles=areas[name])
        elif isinstance(value, Quantity):
            yield from _amount(value, at, name)
        else:
            yield from _walk(value, at)


@cache
def _areas(model: type[Model]) -> dict[str, bool]:
    """Give the fields of a part that hold country codes; true where `EU` and other circles may stand."""
    found: dict[str, bool] = {}
    for name in model.model_fields:
        for loc in ((name,), (name, 0)):
            form = locate(model, loc).form
            if form is not None and form.code in ("bad-country", "bad-area"):
                found[name] = form.code == "bad-area"
    return found


def _codes(value: Any, path: str, *, circles: bool) -> Iterator[Problem]:
    """Hold one code, or each of a list, against ISO 3166-1."""
    from sovereign_ai.catalog.figures import UnknownNameError  # noqa: PLC0415 - read when a description is checked, not when it is written
    from sovereign_ai.catalog.jurisdictions import CIRCLES, country, country_hint  # noqa: PLC0415

    if value is None:
        return
    for at, code in [(path, value)] if isinstance(value, str) else [(below(path, index), item) for index, item in enumerate(value)]:
        if code in CIRCLES:
            if not circles:
                yield Problem(
                    "bad-country",
                    f"{code} is a set of countries; one country is expected here",
                    Where(field=at),
                    "write a country code such as DE",
                )
            continue
        try:
            country(code)
        except UnknownNameError as error:
            yield Problem(
                "bad-country",
                f"{shown(code)} is no country code of ISO 3166-1",
                Where(field=at),
                error.hint if circles else country_hint(code),
            )


def _amount(value: Quantity, path: str, name: str) -> Iterator[Problem]:
    """Refuse nothing of what must be something, and a share of more than the whole."""
    if value.count == 0 and name not in _MAY_BE_ZERO and not isinstance(value, Celsius):
        yield Problem(
            "out-of-range", f"{value} is nothing; {value.noun} greater than zero is expected", Where(field=path), f"write {value.example!r}"
        )
        return
    if isinstance(value, Percent) and value > Percent(10_000):
        yield Problem("out-of-range", f"{value} is more than the whole", Where(field=path), "write at most '100 %'")
    if isinstance(value, Watts) and value > MOST_POWER:
        message = f"{value} is more than any site is supplied with"
        yield Problem("out-of-range", message, Where(field=path), f"write at most {str(MOST_POWER)!r}")
    least, most, why = _RANGES.get(name, (value, value, ""))
    if type(value) is type(least) and not least <= value <= most:
        yield Problem("out-of-range", f"{value} {why}", Where(field=path), f"write {least} to {most}")


def check_shares(factory: AIFactory) -> Iterator[Problem]:
    """Refuse shareholders that own more than the whole."""
    if any(holder.share > Percent(10_000) for holder in factory.operator.shareholders):
        return  # told by itself
    total = sum((holder.share for holder in factory.operator.shareholders), Percent(0))
    if total > Percent(10_000):
        where = Where(field="operator.shareholders")
        yield Problem("out-of-range", f"the shares add up to {total}", where, "write shares of the votes that are at most 100 % together")
