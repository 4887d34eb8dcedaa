"""Law and pacts on energy: each limit with its date and source, compared exactly.

A number with a range holds a limit only if its whole range does, and fails it only if none of it does;
between the two the check is open, and so it is with a number that is missing. What hangs on when the
site started, on its climate or on water stress is open until the user says so: figures `site.X.started`
(as 20270131), `site.X.warm`, `site.X.water-stress` and `site.X.public` (1 or 0). No clock is read: a
check says from which day its limit holds.

Rules of the Union do not concern sites elsewhere. In Iceland, Liechtenstein and Norway a law of the Union holds once
the Agreement on the European Economic Area has taken it up, which a person must look up: there such a rule is open.

    >>> compare(1.2, None, None, 1.2), compare(1.2000001, None, None, 1.2), compare(1.15, 1.1, 1.3, 1.2)
    ('holds', 'fails', 'open')
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from sovereign_ai.assess.energy.power import Here, said_unknown, unknown_devices
from sovereign_ai.assess.measure import Measure, plain
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.jurisdictions import members
from sovereign_ai.plan.loads import limit

_COUNTRY_OF_ENEFG = "DE"
_TAKEN_UP = "whether {} is taken up in the EEA Agreement"


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
    most = (f"{name}.it.most", f"{name}.pue")
    sheet.derive(f"{name}.peak", "W", "IT peak x PUE", lambda it, pue: it * pue, *both)
    sheet.derive(f"{name}.most", "W", "the most of IT x PUE", lambda it, pue: it * pue, *most)
    if here.site.contracts:
        power = sum(one.power.count for one in here.site.contracts)
        sheet.plan(f"{name}.connection", power, "W", "contracted power, all contracts together")
        sheet.derive(f"{name}.connection-most", "W", "contracted power", lambda power: power, f"{name}.connection")
    else:
        note = "no contract is described"
        sheet.derive(f"{name}.connection", "W", "IT peak x PUE", lambda it, pue: it * pue, *both, note=note)
        sheet.derive(f"{name}.connection-most", "W", "the most of IT x PUE", lambda it, pue: it * pue, *most, note=note)


def checks(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Give every limit that can concern a site."""
    yield _reporting(sheet, here, measures)
    if here.site.country == _COUNTRY_OF_ENEFG:
        yield from _enefg(sheet, here, measures)
    if here.site.country in members("EU"):
        yield from _pact(sheet, here, measures)
    else:
        yield _outside(here, "CNDCP", figure("limits", "cndcp.it-power").source, "the Pact is of data centres in the Union")
    yield from _gaia(sheet, here, measures)
    yield from _own(sheet, here, measures)
    yield _proposal(here, measures)


def _own(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Hold transients against the feeds, and the peak with its building against the contracts."""
    name, who = f"site.{here.site.name}", here.site.name
    feeds = float(sum(limit(here.site, feed) for feed in here.site.power.feeds))
    found, peak, whole = (measures[f"{name}.{one}"] for one in ("transient", "it.peak", "it.most"))
    unknown = _high(whole) - _high(peak)
    status, needs, more = _bounded(sheet, here, found, _high(found) + unknown, feeds)
    why = f"{found}, and the feeds together may carry {plain(feeds / 1000, 6)} kW{more}"
    yield Check(who, "transients within the feeds", status, "", found.id, why, "the description", needs)
    if here.site.contracts:
        found, contract = measures[f"{name}.peak"], measures[f"{name}.connection"]
        status, needs, more = _bounded(sheet, here, found, _high(measures[f"{name}.most"]), contract.value or 0.0)
        why = f"{found} with its building, and {plain((contract.value or 0) / 1000, 6)} kW are contracted{more}"
        yield Check(who, "peak within the contracts", status, "", found.id, why, "the description", needs)


def _high(found: Measure) -> float:
    """Give the upper end of a number's range."""
    return (found.value if found.high is None else found.high) or 0.0


def _bounded(
    sheet: Sheet, here: Here, found: Measure, most: float, bound: float, *, least: bool = False
) -> tuple[str, tuple[str, ...], str]:
    """Hold power against a limit, devices of unknown power at nothing and at the most that they can draw.

    Args:
        sheet: says whose power is known.
        here: the site.
        found: the power as far as it is known.
        most: the upper end of it, with the devices whose power is not known.
        bound: the limit, itself allowed.
        least: whether the limit is the least that counts, not the most.

    Returns:
        The status, what would settle one that is open, and that in words behind the comparison.
    """
    status = compare(found.value, found.low, most, bound, least=least)
    if status != "open":
        return status, (), ""
    alone = compare(found.value, found.low, found.high, bound, least=least)
    missing = unknown_devices(sheet, here)
    if not missing:
        return status, _waits(found, alone), ""
    words = f"; {said_unknown(sheet, here)} can carry it over: {', '.join(missing)} would settle it"
    return status, (*_waits(found, alone), *missing), words


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


def _outside(here: Here, rule: str, source: str, why: str) -> Check:
    """Say that a rule of the Union does not concern a site elsewhere."""
    return _none(here, rule, source, f"{why}, and {here.site.country} is not in it")


def _in_efta(here: Here) -> bool:
    """Tell whether a site is in the European Economic Area and not in the Union: a law of the Union holds there once it is taken up."""
    return here.site.country in members("EEA") - members("EU")


def _proposal(here: Here, measures: dict[str, Measure]) -> Check:
    """Hold a site of the Union against what is proposed as a mean over the Union."""
    rule, source = "CADA Annex I (a proposal): PUE, mean over the Union", figure("limits", "cada.pue").source
    if here.site.country in members("EU"):
        return _against(here, measures, rule, "pue", "cada.pue")
    if _in_efta(here):
        why = f"{here.site.country} is in the EEA and not in the Union: it would count once the regulation were taken up there"
        return Check(here.site.name, rule, "open", "", "", why, source, (_TAKEN_UP.format("the regulation"),))
    return _outside(here, rule, source, "it is a mean over the Union")


def _reporting(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Check:
    """Say whether the site must report to the European database: installed IT power of at least 500 kW."""
    rule, source, since = (
        "EED Art. 12, Del. Reg. 2024/1364: duty to report",
        figure("limits", "eed.reporting.it-power").source,
        "2024-09-15",
    )
    if here.site.country not in members("EEA"):
        return _outside(here, rule, source, "the directive holds in the Union")
    watts, most = (measures[f"site.{here.site.name}.it.{one}"] for one in ("peak", "most"))
    counted, needs, more = _bounded(sheet, here, watts, _high(most), _limit("eed.reporting.it-power") * 1000, least=True)
    why = f"{plain((watts.value or 0) / 1000, 6)} kW of installed IT power, counted from 500 kW on; yearly by 15 May{more}"
    if counted != "fails" and _in_efta(here):
        why += f"; {here.site.country} is in the EEA and not in the Union: the duty holds once the directive is taken up there"
        needs = (*needs, _TAKEN_UP.format("Directive (EU) 2023/1791"))
        return Check(here.site.name, rule, "open", since, watts.id, why, source, needs)
    if counted == "holds":
        return Check(here.site.name, rule, "due", since, watts.id, why + ": due, see the KPI file", source, ("the KPI file's open fields",))
    return Check(here.site.name, rule, "open" if counted == "open" else "not-applicable", since, watts.id, why, source, needs)


def _enefg(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Hold a German site against §§ 11 and 12 EnEfG."""
    name = f"site.{here.site.name}"
    source = figure("limits", "enefg.connection").source
    connection, most = measures[f"{name}.connection"], _high(measures[f"{name}.connection-most"])
    concerned, needs, more = _bounded(sheet, here, connection, most, 300_000.0, least=True)
    why = f"{plain((connection.value or 0) / 1000, 6)} kW of connection, and the law counts from 300 kW on"
    if concerned == "fails":
        yield _none(here, "EnEfG", source, why)
        return
    if concerned == "open":
        why = f"{connection} of connection, and the law counts from 300 kW on{more}"
        yield Check(here.site.name, "EnEfG: connection from 300 kW on", "open", "", connection.id, why, source, needs)
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
    yield _management(sheet, here, connection, most)


def _later(started: float) -> str:
    """Give the day two years after a start, from which a new site's limits hold."""
    text = f"{int(started):08d}"
    return f"{int(text[:4]) + 2}-{text[4:6]}-{text[6:]}"


def _management(sheet: Sheet, here: Here, connection: Measure, most: float) -> Check:
    """Say whether an energy management system must be certified: from 1 MW, from 300 kW where the public runs it."""
    rule, source, since = "EnEfG § 12 certified energy management", figure("limits", "enefg.certified-management").source, "2026-01-01"
    public = sheet.value(f"site.{here.site.name}.public")
    bound = 300_000.0 if public else 1_000_000.0
    counted, needs, more = _bounded(sheet, here, connection, most, bound, least=True)
    kilowatts = f"{plain((connection.value or 0) / 1000, 6)} kW of connection"
    if counted == "holds":
        why = f"{kilowatts}: due; whether there is one is a question to a person"
        return Check(here.site.name, rule, "due", since, connection.id, why, source, ("a certificate of ISO 50001 or EMAS",))
    if public is None:
        return _open(here, rule, source, f"site.{here.site.name}.public", since=since)
    why = f"{kilowatts}, counted from {plain(bound / 1000, 6)} kW on{more}"
    if counted == "open":
        return Check(here.site.name, rule, "open", since, connection.id, why, source, needs)
    return _none(here, rule, source, why)


def _climate(sheet: Sheet, here: Here) -> str | None:
    """Give `warm` or `cool`, or None."""
    warm = sheet.value(f"site.{here.site.name}.warm")
    return None if warm is None else "warm" if warm else "cool"


def _pact(sheet: Sheet, here: Here, measures: dict[str, Measure]) -> Iterator[Check]:
    """Hold a site against the Climate Neutral Data Centre Pact."""
    name = f"site.{here.site.name}"
    source = figure("limits", "cndcp.pue.cool").source
    peak, most = (measures[f"{name}.it.{one}"] for one in ("peak", "most"))
    small, needs, more = _bounded(sheet, here, peak, _high(most), 50_000.0)
    why = f"{plain((peak.value or 0) / 1000, 6)} kW of IT power, and the Pact counts from above 50 kW"
    if small == "holds":
        yield _none(here, "CNDCP", source, why)
        return
    if small == "open":
        yield Check(here.site.name, "CNDCP: IT power above 50 kW", "open", "", peak.id, why + more, source, needs)
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
