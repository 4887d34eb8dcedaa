"""Countries, the circles they belong to, and the laws that reach data from outside.

The European Union, the European Economic Area and the countries with an adequacy decision are three
different sets: Norway is in the second and not in the first, and an adequacy decision makes a
transfer lawful without making the country European. A conditional decision covers only some
recipients; it counts only when it is asked for by name.

    >>> country("CH").name, country("CH").circles
    ('Switzerland', ('ADEQUACY',))
    >>> len(members("EU")), sorted(members("EEA") - members("EU"))
    (27, ['IS', 'LI', 'NO'])
    >>> sorted(expand(["EU", "CH"]) - members("EU"))
    ['CH']
    >>> country("US").adequacy.condition
    'only recipients certified under the EU-US Data Privacy Framework'
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Row, Sourced, UnknownNameError, rows, table
from sovereign_ai.frozen_dataclass import frozen_dataclass

CIRCLES = ("EU", "EEA", "ADEQUACY", "ADEQUACY-CONDITIONAL")
"""Names that stand for sets of countries; `ADEQUACY` has only the decisions without a condition."""

_OTHER_CODES = {"UK": "GB", "EL": "GR"}
"""Codes that EU texts use and ISO 3166-1 does not assign."""
_LONGEST_NAME = 64
_SIMILARITY = 0.75
"""How similar a text must be to a country's name, of 1, for the country to be suggested."""


@frozen_dataclass(kw_only=True)
class Adequacy(Sourced):
    """One decision under Article 45 GDPR; `name` is the country's code.

    Attributes:
        condition: which recipients it covers; empty if all.
        status: `in-force`, or `under-appeal` while a court may still end it.
        decision: the number of the decision.
        expires: the day it ends by itself, `2031-12-27`; empty if it has none.
    """

    condition: str
    status: str
    decision: str
    expires: str


@frozen_dataclass
class Country:
    """One entry of ISO 3166-1: a country or territory with a code of its own.

    Attributes:
        code: alpha-2 code, `DE`.
        name: English short name.
        circles: those of `CIRCLES` that it belongs to.
        adequacy: its adequacy decision, or None.
        laws: names of the laws in `laws()` by which its authorities reach data.
    """

    code: str
    name: str
    circles: tuple[str, ...]
    adequacy: Adequacy | None
    laws: tuple[str, ...]


@frozen_dataclass(kw_only=True)
class Law(Sourced):
    """One law by which authorities reach data that others hold.

    Attributes:
        title: the law as people cite it.
        country: code of the country that made it.
        reach: `seat` if it follows a company under that country's control wherever its data are,
            `location` if it follows data or staff in the country, `both`.
        status: `in-force`, `lapsed-still-applied` (the statute ended, its orders run on), `proposal`.
        effect: what it lets authorities do, in a sentence.
    """

    title: str
    country: str
    reach: str
    status: str
    effect: str


def _adequacy(row: Row) -> Adequacy:
    """Build one adequacy decision from its row."""
    return Adequacy(
        name=row.name(),
        figures=row.figures,
        condition=row.raw["condition"],
        status=row.needed_text("status"),
        decision=row.needed_text("decision"),
        expires=row.text("expires") or "",
    )


def _law(row: Row) -> Law:
    """Build one law from its row."""
    return Law(
        name=row.name(),
        figures=row.figures,
        title=row.name("title"),
        country=row.name("country"),
        reach=row.needed_text("reach"),
        status=row.needed_text("status"),
        effect=row.name("effect"),
    )


@cache
def _laws() -> Mapping[str, Law]:
    """Read the laws once."""
    return MappingProxyType({row.name(): _law(row) for row in rows("laws.json")})


@cache
def _members() -> Mapping[str, frozenset[str]]:
    """Read the circles once."""
    circles = {row.name(): frozenset(row.raw["members"]) for row in rows("circles.json")}
    unconditional, conditional = set(), set()
    for decision in _decisions().values():
        if decision.condition:
            conditional.add(decision.name)
        else:
            unconditional.add(decision.name)
    members_of = {
        "EU": circles["EU"],
        "EEA": circles["EEA"],
        "ADEQUACY": frozenset(unconditional),
        # A set of its own: a decision that covers only some recipients must be requested by name.
        "ADEQUACY-CONDITIONAL": frozenset(conditional),
    }
    return MappingProxyType(members_of)


@cache
def _decisions() -> Mapping[str, Adequacy]:
    """Read the adequacy decisions once."""
    return MappingProxyType({row.name(): _adequacy(row) for row in rows("adequacy.json")})


@cache
def _countries() -> Mapping[str, Country]:
    """Read the countries once and join them with circles, decisions and laws."""
    by_code: dict[str, Country] = {}
    for code, name in sorted(table("countries.json")["countries"].items()):
        circles = [circle for circle in CIRCLES if code in _members()[circle]]
        reaching = [law.name for law in _laws().values() if law.country == code]
        by_code[code] = Country(code, name, tuple(circles), _decisions().get(code), tuple(reaching))
    return MappingProxyType(by_code)


def countries() -> tuple[Country, ...]:
    """Return every country, sorted by code."""
    return tuple(_countries().values())


def country(code: str) -> Country:
    """Return the country with an ISO 3166-1 alpha-2 code.

    Raises:
        UnknownNameError: no such code; for a name or another list's code (`Germany`, `UK`), its hint is the
            right code.
    """
    try:
        return _countries()[code]
    except KeyError:
        raise _unknown(code) from None


def members(circle: str) -> frozenset[str]:
    """Return the codes of a circle: `EU`, `EEA`, `ADEQUACY` or `ADEQUACY-CONDITIONAL`.

    Raises:
        UnknownNameError: no such circle.
    """
    try:
        return _members()[circle]
    except KeyError:
        raise _unknown(circle) from None


def expand(names: Iterable[str]) -> frozenset[str]:
    """Return the codes of codes and circles: 28 of them for `["EU", "CH"]`.

    Raises:
        UnknownNameError: a name is neither a code nor a circle.
    """
    codes: set[str] = set()
    for name in names:
        if name in CIRCLES:
            codes |= members(name)
        else:
            codes.add(country(name).code)
    return frozenset(codes)


def laws() -> tuple[Law, ...]:
    """Return every law that reaches data, sorted by name."""
    return tuple(_laws().values())


def law(name: str) -> Law:
    """Return one law.

    Raises:
        UnknownNameError: there is no such name.
    """
    try:
        return _laws()[name]
    except KeyError:
        raise UnknownNameError("law", name, _laws()) from None


def _unknown(code: str) -> UnknownNameError:
    """Return the error of an unknown code or circle, with the code that was probably meant."""
    error = UnknownNameError("country or circle", code, (*_countries(), *CIRCLES))
    # The hint of the class names the most similar code; of two letters no code is similar enough to be a
    # guess.
    if meant := meant_code(code):
        error.hint = f"did you mean {meant!r}?"
    else:
        error.hint = f"{_CODE_HINT}, or a set: {', '.join(CIRCLES)}"
    error.args = (f"no country or circle is called {code!r}; {error.hint}",)
    return error


_CODE_HINT = "write a country's code of two letters, such as DE"


def country_hint(code: str) -> str:
    """Return what to write in place of a text that is no country's code, where a single country is expected.

    >>> country_hint("UK"), country_hint("XX")
    ("did you mean 'GB'?", "write a country's code of two letters, such as DE")
    """
    meant = meant_code(code, circles=False)
    return f"did you mean {meant!r}?" if meant else _CODE_HINT


def meant_code(text: str, *, circles: bool = True) -> str:
    """Return the code that was probably meant; empty if there is none.

    A text may be another list's code, a code in other letters, or a country's name or one that is similar.

    Args:
        text: the user's text.
        circles: whether a set of countries may be meant.

    >>> meant_code("Germany"), meant_code("Frnace"), meant_code("UK"), meant_code("EN")
    ('DE', 'FR', 'GB', '')
    >>> meant_code("eea"), meant_code("eea", circles=False)
    ('EEA', '')
    """
    text = text.strip()
    upper = text.upper()
    code = _OTHER_CODES.get(upper, upper)
    if code in _countries() or (circles and code in CIRCLES):
        return code
    by_name = {country.name.casefold(): country.code for country in countries()}
    # Bounded: the time of the comparison grows with the square of the length.
    start = text.casefold()[:_LONGEST_NAME]
    similar = difflib.get_close_matches(start, by_name, n=1, cutoff=_SIMILARITY)
    return by_name[similar[0]] if similar else ""
