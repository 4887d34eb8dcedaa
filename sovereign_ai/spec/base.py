"""What every part of a description shares: frozen, nothing unknown, and it remembers who made it.

A part made in Python keeps the file and line of the call that made it, so that a problem found
later points there; the place is no part of the value: it neither counts in a comparison nor in a
digest. A part read from YAML has its places in the loader's map instead.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import date, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, Strict, StringConstraints, ValidationError

from sovereign_ai.errors import SpecError, Where
from sovereign_ai.names import DNS_LABEL
from sovereign_ai.spec.letters import clean_text
from sovereign_ai.spec.problems import from_validation
from sovereign_ai.spec.secrets import shown
from sovereign_ai.spec.spots import Form

_OURS = tuple(str(Path(sys.modules[name].__file__ or "").resolve().parent) + os.sep for name in ("sovereign_ai", BaseModel.__module__))


def _as_name(text: str) -> str | None:
    """Give the nearest name: lower case, with hyphens; None if nothing is left."""
    near = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:32].rstrip("-")
    return near if re.fullmatch(DNS_LABEL, near) else None


def _as_country(text: str) -> str | None:
    """Give the nearest code of one country."""
    from sovereign_ai.catalog.jurisdictions import meant_code  # noqa: PLC0415 - only a wrong description needs the table

    return meant_code(text, circles=False) or None


def _as_area(text: str) -> str | None:
    """Give the nearest code of a country or of a set of them."""
    from sovereign_ai.catalog.jurisdictions import meant_code  # noqa: PLC0415 - only a wrong description needs the table

    return meant_code(text) or None


def _as_day(value: Any) -> date:
    """Read a day, written `2026-12-31`; neither a number of seconds nor a time of day is one."""
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
    Form("bad-name", "a name: at most 32 lower-case letters, digits and hyphens, starting with a letter", _as_name),
]
"""A name: an RFC 1035 DNS label of at most 32 characters, so that names built from it stay DNS labels."""

Country = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), Form("bad-country", "a country code of two capital letters, such as DE", _as_country)
]
"""An ISO 3166-1 alpha-2 country code."""

Area = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Z]{2}|EEA|ADEQUACY(-CONDITIONAL)?)$"),
    Form("bad-area", "a country code such as DE, or one of the sets EU, EEA and ADEQUACY", _as_area),
]
"""A country code, or one of the sets `EU`, `EEA`, `ADEQUACY` and `ADEQUACY-CONDITIONAL` (four different sets)."""

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500),
    AfterValidator(clean_text),
    Form("bad-text", "text of 1 to 500 characters", digits=True),
]
"""Free text of one to 500 characters, none of them hidden."""

Flag = Annotated[bool, Strict()]
"""`true` or `false`, and no other word for them."""

Day = Annotated[date, BeforeValidator(_as_day), Form("bad-date", "a date, such as 2026-12-31")]
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
        """Make the part; wrong values raise `SpecError` that points at the calling line.

        Raises:
            SpecError: every problem of this part at once.
        """
        here = _caller()
        try:
            super().__init__(**data)
        except ValidationError as error:
            problems = from_validation(error, type(self), where=lambda path: Where(here.file, here.line, None, path), by_alias=False)
            raise SpecError(problems) from None
        self._made_at = here

    # Tells pydantic's core that nested parts need not be made through this method.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # pydantic's own mark

    @property
    def made_at(self) -> Where | None:
        """The place of the Python call that made this part; None if it was read from a file."""
        return self._made_at

    def __eq__(self, other: object) -> bool:
        """Two parts are equal when their fields are, wherever they were made."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        """Hash by type and fields."""
        return hash((type(self), tuple(self.__dict__.values())))


def later(default: tuple[()] | None = None) -> Any:
    """Give a field that came after descriptions were signed: left out, it is in no canonical text, so that their digests stay."""
    return Field(default=default, exclude_if=lambda value: value == default)


def all_defaults() -> Any:
    """Give a field a part whose every field has its default; it is made with the whole, so it has no line of its own."""
    return Field(default_factory=dict, validate_default=True)


class Frozen(dict[str, Any]):
    """A mapping that cannot be changed after it was made, so that a part's digest cannot either."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict forbids hashing because it changes; this one does not
        """Hash by entries, in any order."""
        return hash(frozenset(self.items()))

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        """Refuse every change."""
        message = "a part of a description cannot be changed; make a new one"
        raise TypeError(message)

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse


def _caller() -> Where:
    """Give file and line of the nearest frame outside this package and pydantic."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the documented way to ask who called
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    if frame is None:
        return Where()
    return Where(frame.f_code.co_filename, frame.f_lineno)
