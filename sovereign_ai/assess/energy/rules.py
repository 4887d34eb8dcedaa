"""Law and pacts on energy: each limit with its date and source, compared exactly.

A number with a range holds a limit only if its whole range does, and fails it only if none of it does;
between the two the check is open, and so it is with a number that is missing. What hangs on when the
site started, on its climate or on water stress is open until the user says so: figures `site.X.started`
(as 20270131), `site.X.warm`, `site.X.water-stress` and `site.X.public` (1 or 0). No clock is read: a
check says from which day its limit holds.

    >>> compare(1.2, None, None, 1.2), compare(1.2000001, None, None, 1.2), compare(1.15, 1.1, 1.3, 1.2)
    ('holds', 'fails', 'open')
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.measure import Measure, plain
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.jurisdictions import expand
from sovereign_ai.plan.loads import limit

_COUNTRY_OF_ENEFG = "DE"


@dataclass(frozen=True, slots=True)
class Check:
    """One limit held against one number.

    Attributes:
        site: the site.
        rule: short name, such as `EnEfG § 11(2) PUE`.
        status: `holds`, `fails`, `open`, `due` (a duty that somebody must do), or `not-applicable`.
        since: the day from which the limit holds, `2027-07-01`; empty where it holds already or on a start.
        measure: the number that is compared; empty where it is a plain number of the plan.
        why: number, comparison and limit in words.
        source: where the limit stands.
        needs: what an open check waits for.
    """

    site: str
    rule: str
    status: str
    since: str
    measure: str
    why: str
    source: str
    needs: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self) | {"needs": list(self.needs)}


def compare(value: float | None, low: float | None, high: float | None, limit: float, *, least: bool = False) -> str:
    """Hold a number with its range against a limit: `holds`, `fails` or `open`. Decimals are compared as they are written.

    Args:
        value: the number, or None.
        low: lower end of its range, or None.
        high: upper end, or None.
        limit: the limit, itself allowed.
        least: whether the limit is the least allowed, not the most.
    """
    if value is None:
        return "open"
    bound = Fraction(repr(limit))
    ends = [Fraction(repr(float(end))) for end in (value if low is None else low, value if high is None else high)]
    good = [end >= bound if least else end <= bound for end in ends]
    return "holds" if all(good) else "open" if any(good) else "fails"


def add_circumstances(sheet: Sheet, here: Here) -> None:
    """Add the questions that the rules ask, and the power of the connection."""
    name = f"site.{here.site.name}"
    sheet.ask(f"{name}.started", "yyyymmdd", "When did or will the site start to operate, as 20270131?")
    sheet.ask(f"{name}.warm", "1", "Is the climate warm (1) or cool (0) as the Pact defines it?")
    sheet.ask(f"{name}.water-stress", "1", "Does the site stand where water is under stress (1) or not (0)?")
    sheet.ask(f"{name}.public", "1", "Does the public run it (1) or not (0)?")
    both = (f"{name}.it.peak", f"{name}.pue")
    sheet.derive(f"{name}.peak", "W", "IT peak x PUE", lambda it, pue: it * pue, *both)
    if here.site.contracts:
        power = sum(one.power.count for one in here.site.contracts)
        sheet.plan(f"{name}.connection", power, "W", "contracted power, all contracts together")
    else:
        sheet.derive(f"{name}.connection", "W", "IT peak x PUE", lambda it, pue: it * pue, *both, note="no contract is described")


def checks(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Give every limit that can concern a site."""
    if here.site.country in expand(["EU"]):
        yield _reporting(here, measures)
    if here.site.country == _COUNTRY_OF_ENEFG:
        yield from _enefg(sheet, here, measures)
    yield from _pact(sheet, here, measures)
    yield from _gaia(sheet, here, measures)
    yield from _own(here, measures)
    yield _against(here, measures, "CADA Annex I (a proposal): PUE, mean over the Union", "pue", "cada.pue")


def _own(here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Hold transients against the feeds, and the peak with its building against the contracts."""
    name = f"site.{here.site.name}"
    feeds = float(sum(limit(here.site, feed) for feed in here.site.power.feeds))
    found = measures[f"{name}.transient"]
    why = f"{found}, and the feeds together may carry {plain(feeds / 1000, 6)} kW"
    status = compare(found.value, found.low, found.high, feeds)
    yield Check(here.site.name, "transients within the feeds", status, "", found.id, why, "the description", _waits(found, status))
    if here.site.contracts:
        found, contract = measures[f"{name}.peak"], measures[f"{name}.connection"]
        why = f"{found} with its building, and {plain((contract.value or 0) / 1000, 6)} kW are contracted"
        status = compare(found.value, found.low, found.high, contract.value or 0.0)
        yield Check(here.site.name, "peak within the contracts", status, "", found.id, why, "the description", _waits(found, status))


def _limit(name: str) -> float:
    """Give a limit's number."""
    return float(figure("limits", name).value or 0)


def _against(
    here: Here, measures: dict[str, Measure], rule: str, suffix: str, row_name: str, since: str = "", *, least: bool = False
) -> Check:
    """Hold one measure of the site against a limit."""
    found = measures[f"site.{here.site.name}.{suffix}"]
    row = figure("limits", row_name)
    bound = _limit(row_name)
    status = compare(found.value, found.low, found.high, bound, least=least)
    sign = "at least" if least else "at most"
    why = f"{found}, and {sign} {plain(bound)}{'' if row.unit == '1' else f' {row.unit}'} is asked"
    return Check(here.site.name, rule, status, since, found.id, why, row.source, _waits(found, status))


def _waits(found: Measure, status: str) -> tuple[str, ...]:
    """Give what an open check waits for: what the number lacks, or the number itself where its range holds the limit."""
    return (found.needs or (found.id,)) if status == "open" else ()


def _open(here: Here, rule: str, source: str, *needs: str, since: str = "") -> Check:
    """Say that a rule waits for an answer."""
    return Check(here.site.name, rule, "open", since, "", "it hangs on an answer that is not given", source, needs)


def _none(here: Here, rule: str, source: str, why: str) -> Check:
    """Say that a rule does not concern the site."""
    return Check(here.site.name, rule, "not-applicable", "", "", why, source)


def _reporting(here: Here, measures: dict[str, Measure]) -> Check:
    """Say whether the site must report to the European database: installed IT power of at least 500 kW."""
    rule, row = "EED Art. 12, Del. Reg. 2024/1364: duty to report", figure("limits", "eed.reporting.it-power")
    watts = measures[f"site.{here.site.name}.it.peak"]
    due = (watts.value or 0) >= _limit("eed.reporting.it-power") * 1000
    why = f"{plain((watts.value or 0) / 1000, 6)} kW of installed IT power, counted from 500 kW on; yearly by 15 May"
    if due:
        return Check(
            here.site.name,
            rule,
            "due",
            "2024-09-15",
            watts.id,
            why + ": due, see the KPI file",
            row.source,
            ("the KPI file's open fields",),
        )
    return Check(here.site.name, rule, "not-applicable", "2024-09-15", watts.id, why, row.source)


def _enefg(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Hold a German site against §§ 11 and 12 EnEfG."""
    name = f"site.{here.site.name}"
    source = figure("limits", "enefg.connection").source
    connection = measures[f"{name}.connection"]
    concerned = compare(connection.value, connection.low, connection.high, 300_000.0, least=True)
    kilowatts = plain((connection.value or 0) / 1000, 6)
    if concerned == "fails":
        yield _none(here, "EnEfG", source, f"{kilowatts} kW of connection, and the law counts from 300 kW on")
        return
    if concerned == "open":
        yield _open(here, "EnEfG: connection from 300 kW on", source, connection.id)
    started = sheet.value(f"{name}.started")
    law = figure("limits", "enefg.new.pue").source
    if started is None:
        yield _open(here, "EnEfG § 11 PUE and reused energy", law, f"{name}.started")
    elif started >= 20260701:
        later = _later(started)
        yield _against(here, measures, "EnEfG § 11(2) PUE", "pue", "enefg.new.pue", later)
        step = "2028-07-01" if started >= 20280701 else "2027-07-01" if started >= 20270701 else "2026-07-01"
        yield _against(here, measures, "EnEfG § 11(2) reused energy", "erf", f"enefg.new.erf.{step}", later, least=True)
    else:
        for since in ("2027-07-01", "2030-07-01"):
            yield _against(here, measures, "EnEfG § 11(1) PUE", "pue", f"enefg.old.pue.{since}", since)
    for since in ("2024-01-01", "2027-01-01"):
        yield _against(here, measures, "EnEfG § 11(5) renewable electricity", "ref", f"enefg.renewable.{since}", since, least=True)
    yield _management(sheet, here, connection)


def _later(started: float) -> str:
    """Give the day two years after a start, from which a new site's limits hold."""
    text = f"{int(started):08d}"
    return f"{int(text[:4]) + 2}-{text[4:6]}-{text[6:]}"


def _management(sheet: Sheet, here: Here, connection: Measure) -> Check:
    """Say whether an energy management system must be certified: from 1 MW, from 300 kW where the public runs it."""
    rule, source = "EnEfG § 12 certified energy management", figure("limits", "enefg.certified-management").source
    public = sheet.value(f"site.{here.site.name}.public")
    watts = connection.value or 0
    if watts >= 1_000_000 or public == 1:
        why = f"{plain(watts / 1000, 6)} kW of connection: due; whether there is one is a question to a person"
        return Check(here.site.name, rule, "due", "2026-01-01", connection.id, why, source, ("a certificate of ISO 50001 or EMAS",))
    if public is None:
        return _open(here, rule, source, f"site.{here.site.name}.public", since="2026-01-01")
    return _none(here, rule, source, f"{plain(watts / 1000, 6)} kW of connection, below 1,000 kW")


def _climate(sheet: Sheet, here: Here) -> str | None:
    """Give `warm` or `cool`, or None."""
    warm = sheet.value(f"site.{here.site.name}.warm")
    return None if warm is None else "warm" if warm else "cool"


def _pact(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Hold a site against the Climate Neutral Data Centre Pact."""
    name = f"site.{here.site.name}"
    source = figure("limits", "cndcp.pue.cool").source
    if (measures[f"{name}.it.peak"].value or 0) <= 50_000:
        yield _none(here, "CNDCP", source, "the Pact counts from above 50 kW of IT power")
        return
    started, climate = sheet.value(f"{name}.started"), _climate(sheet, here)
    since = "" if started is None else "2025-01-01" if started >= 20250101 else "2030-01-01"
    if climate is None:
        yield _open(here, "CNDCP PUE", source, f"{name}.warm", since=since)
    else:
        yield _against(here, measures, f"CNDCP PUE, {climate}", "pue", f"cndcp.pue.{climate}", since)
    yield _water(sheet, here, measures, "CNDCP WUE", "cndcp.wue")
    for day in ("2025-12-31", "2030-12-31"):
        yield _against(here, measures, "CNDCP renewable or carbon-free energy", "carbon-free", f"cndcp.renewable.{day}", day, least=True)


def _water(sheet: Sheet, here: Here, measures: dict[str, Measure], rule: str, row_name: str) -> Check:
    """Hold a site under water stress against a limit of water."""
    name = f"site.{here.site.name}.water-stress"
    stress = sheet.value(name)
    if stress is None:
        return _open(here, rule, figure("limits", row_name).source, name)
    if not stress:
        return _none(here, rule, figure("limits", row_name).source, "water is not under stress there, as the user says")
    return _against(here, measures, rule, "wue", row_name)


def _gaia(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Hold a site against Gaia-X P6.1.2 to P6.1.4."""
    climate = _climate(sheet, here)
    if climate is None:
        yield _open(here, "Gaia-X P6.1.2 PUE", figure("limits", "gaiax.pue.cool").source, f"site.{here.site.name}.warm")
    else:
        yield _against(here, measures, f"Gaia-X P6.1.2 PUE, {climate}", "pue", f"gaiax.pue.{climate}")
    for day in ("2025-12-31", "2030-12-31"):
        rule = "Gaia-X P6.1.3 renewable or carbon-free energy"
        yield _against(here, measures, rule, "carbon-free", f"gaiax.renewable.{day}", day, least=True)
    yield _water(sheet, here, measures, "Gaia-X P6.1.4 WUE", "gaiax.wue")
