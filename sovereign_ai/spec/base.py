"""The base of every part of a description: frozen, no unknown fields, and it remembers the call that made it.

A part made in Python keeps the file and line of the call that made it, so that a later problem points there.
The place is not part of the value: it counts neither in a comparison nor in a digest. A part read from YAML
has its places in the loader's map instead.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    StringConstraints,
    ValidationError,
)

from sovereign_ai.errors import SpecError, Where
from sovereign_ai.files import clean_text, shown
from sovereign_ai.names import DNS_LABEL
from sovereign_ai.spec.field_location import TextForm
from sovereign_ai.spec.problems import from_validation

# Frames of this package and of pydantic are skipped when the calling line is looked up.
_OURS = tuple(
    str(Path(sys.modules[name].__file__ or "").resolve().parent) + os.sep
    for name in ("sovereign_ai", BaseModel.__module__)
)


def _as_name(text: str) -> str | None:
    """Return the nearest name: lower case, with hyphens; None if nothing is left."""
    near = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32].rstrip("-")
    return near if re.fullmatch(DNS_LABEL, near) else None


def _system_hint(text: str) -> str:
    """Return the systems of the catalogue that a text may mean."""
    # Not the nearest valid name: a name that is no system would be refused in turn.
    from sovereign_ai.catalog.system import system_hint  # noqa: PLC0415 - only a wrong description needs it

    return system_hint(text)


def _switch_hint(text: str) -> str:
    """Return the switches of the catalogue that a text may mean."""
    from sovereign_ai.catalog.switch import switch_hint  # noqa: PLC0415 - only a wrong description needs it

    return switch_hint(text)


def _as_country(text: str) -> str | None:
    """Return the nearest code of one country."""
    from sovereign_ai.catalog import meant_code  # noqa: PLC0415 - as above

    return meant_code(text, circles=False) or None


def _as_area(text: str) -> str | None:
    """Return the nearest code of a country or of a set of countries."""
    from sovereign_ai.catalog import meant_code  # noqa: PLC0415 - as above

    return meant_code(text) or None


def _as_day(value: Any) -> date:
    """Read a day, written `2026-12-31`; a number of seconds or a time of day is refused."""
    # A `datetime` is a `date` as well.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no day of the calendar") from None
    message = f"{shown(value)} is no date"
    raise ValueError(message)


Name = Annotated[
    str,
    StringConstraints(pattern=DNS_LABEL, max_length=32),
    TextForm(
        "bad-name",
        "a name: at most 32 lower-case letters, digits and hyphens, starting with a letter",
        _as_name,
    ),
]
"""A name: an RFC 1035 DNS label of at most 32 characters, so that names built from it stay DNS labels."""

SystemName = Annotated[
    str,
    StringConstraints(pattern=DNS_LABEL, max_length=32),
    TextForm("bad-name", "a system of the catalogue, such as dgx-h100", hint=_system_hint),
]
"""The catalogue's name of a server."""

SwitchName = Annotated[
    str,
    StringConstraints(pattern=DNS_LABEL, max_length=32),
    TextForm("bad-name", "a switch of the catalogue, such as sn5600", hint=_switch_hint),
]
"""The catalogue's name of a switch."""

Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    TextForm("bad-country", "a country code of two capital letters, such as DE", _as_country),
]
"""An ISO 3166-1 alpha-2 country code."""

Area = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Z]{2}|EEA|ADEQUACY(-CONDITIONAL)?)$"),
    TextForm("bad-area", "a country code such as DE, or one of the sets EU, EEA and ADEQUACY", _as_area),
]
"""A country code, or one of the sets `EU`, `EEA`, `ADEQUACY` and `ADEQUACY-CONDITIONAL` (four different
sets)."""

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500),
    AfterValidator(clean_text),
    TextForm("bad-text", "text of 1 to 500 characters", digits=True),
]
"""Free text of one to 500 characters, none of them hidden."""

Flag = Annotated[bool, Strict()]
"""`true` or `false`, and no other word for them."""

Day = Annotated[date, BeforeValidator(_as_day), TextForm("bad-date", "a date, such as 2026-12-31")]
"""A day of the calendar, written `2026-12-31`."""

Count = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
"""A whole number from one to a million."""


class Model(BaseModel):
    """The base of every part of a description."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        str_strip_whitespace=False,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
    )

    _made_at: Where | None = PrivateAttr(default=None)

    def __init__(self, /, **data: Any) -> None:
        """Make the part.

        Raises:
            SpecError: every problem of this part at once, each at the calling line.
        """
        caller = _caller()

        def place(path: str) -> Where:
            return Where(caller.file, caller.line, None, path)

        try:
            super().__init__(**data)
        except ValidationError as error:
            raise SpecError(from_validation(error, type(self), where=place, by_alias=False)) from None
        self._made_at = caller

    # Tells pydantic's core that nested parts need not be made through this method.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # pydantic's own mark

    @property
    def made_at(self) -> Where | None:
        """The line of the Python call that made this part; None if it was read from a file."""
        return self._made_at

    def __eq__(self, other: object) -> bool:
        """Return whether both parts have the same type and fields, wherever they were made."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        """Hash by type and fields."""
        return hash((type(self), tuple(self.__dict__.values())))


def added_later(default: tuple[()] | str | None = None) -> Any:
    """Return a field that was added after descriptions had been signed.

    Left out, it is not in the canonical text either, so that the digests of these descriptions stay.
    """
    return Field(default=default, exclude_if=lambda value: value == default)


def all_defaults() -> Any:
    """Return a field for a part whose fields all have defaults; it is made together with the whole."""
    # An empty mapping is validated into the part: a part made here would keep this file's line.
    return Field(default_factory=dict, validate_default=True)


class Frozen(dict[str, Any]):
    """A mapping that cannot be changed after it was made, so that a part's digest cannot change either."""

    # A dict cannot be hashed because it can change; this one cannot.
    def __hash__(self) -> int:  # type: ignore[override]
        """Hash by entries, in any order."""
        return hash(frozenset(self.items()))

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        """Refuse every change."""
        message = "a part of a description cannot be changed; make a new one"
        raise TypeError(message)

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


def frozen(value: Any) -> Any:
    """Return plain data that cannot be changed: mappings frozen, lists as tuples."""
    if isinstance(value, Mapping):
        return Frozen({str(name): frozen(inner) for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return tuple(frozen(inner) for inner in value)
    return value


def _as_row(value: Any) -> Any:
    """Read a row of a catalogue.

    The reader of a description replaces the name of a file by its rows first, so a name here is a mistake.
    """
    # pydantic turns a ValueError into a problem, and no TypeError.
    if isinstance(value, str):
        message = f"{shown(value)} names a file, and only the file of a description has files beside it"
        raise ValueError(message)  # noqa: TRY004 - see above
    if not isinstance(value, Mapping):
        message = f"{shown(value)} is no row of a catalogue"
        raise ValueError(message)  # noqa: TRY004 - see above
    return frozen(value)


CatalogRow = Annotated[
    dict[str, Any],
    BeforeValidator(_as_row, json_schema_input_type=str | dict[str, Any]),
    AfterValidator(frozen),
    TextForm(
        "bad-row",
        "a row of kind, name, vendor and figures, or in a file of YAML the name of a file beside it",
    ),
]
"""A row of hardware that a description brings, in the form of `catalog.own`."""


def _caller() -> Where:
    """Return file and line of the nearest frame outside this package and pydantic."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to look up the caller
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    if frame is None:
        return Where()
    return Where(frame.f_code.co_filename, frame.f_lineno)
