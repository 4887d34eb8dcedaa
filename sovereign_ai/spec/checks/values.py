"""Values that a field's type cannot check: country codes of ISO 3166-1, and zero or excessive amounts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import below, shown
from sovereign_ai.spec.base import Model
from sovereign_ai.spec.field_location import locate_field
from sovereign_ai.spec.partial import Missing
from sovereign_ai.units import Bytes, BytesPerSecond, Celsius, Percent, Quantity, Watts

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

# Amounts of nothing that are meaningful: no battery, immediate effect, the first site itself, nothing behind
# the UPS, losses that are in another figure, no further length of cables and no spare ones.
_MAY_BE_ZERO = frozenset(
    {"ups", "revocation", "lead_time", "grace", "distance", "on_ups", "recharge", "no_load_loss", "load_loss"}
    | {"slack", "spares"}
)
_COOLS = "cools no machine"
_SERVES = "is the rate of no storage server"
# Field to the least and the most that can be meant, and what a value beyond them is.
#
# Air and coolant: the limits between which they cool a server at all. Drives and storage servers: wide around
# what is sold (drives of 240 GB to 245.76 TB, servers of one tape drive's rate to some hundred GB/s; our
# estimate), so that a wrong unit is reported before servers are counted with it.
_RANGES: Mapping[str, tuple[Quantity, Quantity, str]] = {
    "supply": (Celsius(0), Celsius(600), _COOLS),
    "temperature_rise": (Celsius(10), Celsius(600), _COOLS),
    "back": (Celsius(0), Celsius(950), _COOLS),
    "drive": (Bytes(100 * 10**9), Bytes(10**15), "is the size of no drive"),
    "server_read": (BytesPerSecond(100 * 10**6), BytesPerSecond(10 * 10**12), _SERVES),
    "server_write": (BytesPerSecond(100 * 10**6), BytesPerSecond(10 * 10**12), _SERVES),
}
MOST_POWER = Watts(10**12)
"""1,000 GW, which only the grids of the largest countries carry as a whole (our estimate). Far beyond it sums
would exceed 63 bits."""


def check_values(factory: AIFactory, fields: Collection[str]) -> Iterator[Problem]:
    """Yield wrong country codes and senseless amounts, anywhere in some fields of the factory."""
    for name in type(factory).model_fields:
        if name in fields:
            yield from _walk(getattr(factory, name), name)


def check_alone(value: object, name: str) -> Iterator[Problem]:
    """Yield wrong codes and amounts in the correct half of a field that is partly wrong.

    Args:
        value: the field's value, with `Missing` where something is wrong.
        name: the field.
    """
    yield from _walk(value, name)


def _walk(value: object, path: str) -> Iterator[Problem]:
    """Check every part below a value."""
    if isinstance(value, Model):
        yield from _check_part(value, path)
    elif isinstance(value, tuple) and any(isinstance(item, Model) for item in value):
        for index, item in enumerate(value):
            yield from _walk(item, below(path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _walk(item, below(path, name))


def _check_part(part: Model, path: str) -> Iterator[Problem]:
    """Check the fields of one part."""
    model = type(part)
    for name, info in model.model_fields.items():
        value, at = getattr(part, name), below(path, info.alias or name)
        if isinstance(value, Quantity):
            yield from _check_amount(value, at, name)
            continue
        # Only a text or a list has codes; to look every other field up takes longer than all checks.
        area = _area_of(model, name) if isinstance(value, str | tuple) else ""
        if area:
            yield from _check_codes(value, at, circles=area == "bad-area")
        else:
            yield from _walk(value, at)


@cache
def _area_of(model: type[Model], name: str) -> str:
    """Return the code of a field of country codes, "" for every other one.

    It is `bad-area` where sets of countries such as `EU` are allowed, else `bad-country`.
    """
    # A field has one code, or a list of them: the form is at the field or at its first entry.
    for loc in ((name,), (name, 0)):
        form = locate_field(model, loc).form
        if form is not None and form.code in ("bad-country", "bad-area"):
            return form.code
    return ""


def _check_codes(value: Any, path: str, *, circles: bool) -> Iterator[Problem]:
    """Check one code, or each of a list, against ISO 3166-1."""
    if value is None or isinstance(value, Missing):
        return
    if isinstance(value, str):
        yield from _check_code(value, path, circles=circles)
        return
    for index, code in enumerate(value):
        if not isinstance(code, Missing):
            yield from _check_code(code, below(path, index), circles=circles)


def _check_code(code: str, path: str, *, circles: bool) -> Iterator[Problem]:
    """Check one code against ISO 3166-1; with `circles` sets of countries are allowed."""
    from sovereign_ai.catalog import (  # noqa: PLC0415
        CIRCLES,
        UnknownNameError,
        country,
        country_hint,
    )

    if code in CIRCLES:
        if not circles:
            message = f"{code} is a set of countries; one country is expected here"
            yield Problem("bad-country", message, Where(field=path), "write a country code such as DE")
        return
    try:
        country(code)
    except UnknownNameError as error:
        message = f"{shown(code)} is no country code of ISO 3166-1"
        hint = error.hint if circles else country_hint(code)
        yield Problem("bad-country", message, Where(field=path), hint)


def _check_amount(value: Quantity, path: str, name: str) -> Iterator[Problem]:
    """Refuse an amount of nothing, a share of more than the whole, and an amount that cannot be meant."""
    where = Where(field=path)
    # 0 degrees Celsius is a temperature like any other.
    if value.count == 0 and name not in _MAY_BE_ZERO and not isinstance(value, Celsius):
        message = f"{value} is nothing; {value.noun} greater than zero is expected"
        yield Problem("out-of-range", message, where, f"write {value.example!r}")
        return
    if isinstance(value, Percent) and value > Percent(10_000):
        yield Problem("out-of-range", f"{value} is more than the whole", where, "write at most '100 %'")
    if isinstance(value, Watts) and value > MOST_POWER:
        message = f"{value} is more than any site is supplied with"
        yield Problem("out-of-range", message, where, f"write at most {str(MOST_POWER)!r}")
    least, most, why = _RANGES.get(name, (value, value, ""))
    if type(value) is type(least) and not least <= value <= most:
        yield Problem("out-of-range", f"{value} {why}", where, f"write {least} to {most}")


def check_shares(factory: AIFactory) -> Iterator[Problem]:
    """Refuse shareholders that own more than the whole."""
    whole, total = Percent(10_000), Percent(0)
    for holder in factory.operator.shareholders:
        if holder.share > whole:
            return  # reported by itself
        total += holder.share
    if total > whole:
        message = f"the shares add up to {total}"
        hint = "write shares of the votes that are at most 100 % together"
        yield Problem("out-of-range", message, Where(field="operator.shareholders"), hint)
