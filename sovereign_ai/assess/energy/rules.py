"""Legal limits and industry pacts on energy: each limit with its date and source, compared exactly.

A number with a range holds a limit only if its whole range does, and fails it only if none of it does.
Between the two the check is open, and so it is for a missing number. Rules that depend on when the site
started, on its climate or on water stress are open until the user answers with the figures `site.X.started`
(as 20270131), `site.X.warm`, `site.X.water-stress` and `site.X.public` (1 or 0). No clock is read: a check
states from which day its limit holds.

Rules of the European Union do not concern sites elsewhere. In Iceland, Liechtenstein and Norway a law of the
Union holds once it is incorporated into the Agreement on the European Economic Area, which a person must look
up: there such a rule is open.

    >>> compare(1.2, None, None, 1.2), compare(1.2000001, None, None, 1.2), compare(1.15, 1.1, 1.3, 1.2)
    ('holds', 'fails', 'open')
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.measure import Measure, plain
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog import members
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.power import feed_limit

_COUNTRY_OF_ENEFG = "DE"
_TAKEN_UP = "whether {} is taken up in the EEA Agreement"


@frozen_dataclass
class EnergyCheck:
    """One limit compared with one number.

    Attributes:
        site: the site.
        rule: short name, such as `EnEfG § 11(2) PUE`.
        status: `holds`, `fails`, `open`, `due` (a duty that somebody must do), or `not-applicable`.
        since: the day from which the limit holds, `2027-07-01`; empty where it holds already or on a start.
        measure: the number that is compared; empty where it is a plain number of the plan.
        why: number, comparison and limit in words.
        source: the text that sets the limit.
        needs: the figures or answers that would settle an open check.
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
        """Return plain data."""
        data = asdict(self)
        data["needs"] = list(self.needs)
        return data


def compare(
    value: float | None, low: float | None, high: float | None, limit: float, *, least: bool = False
) -> str:
    """Compare a number and its range with a limit.

    Args:
        value: the number, or None.
        low: lower end of its range, or None.
        high: upper end, or None.
        limit: the limit, itself allowed.
        least: whether the limit is the least allowed, not the most.

    Returns:
        `holds`, `fails` or `open`.
    """
    if value is None:
        return "open"
    # Compared as the decimals that a reader sees, not as the binary fractions nearest to them.
    bound = Fraction(repr(limit))
    within: list[bool] = []
    for end in (low, high):
        exact = Fraction(repr(float(value if end is None else end)))
        within.append(exact >= bound if least else exact <= bound)
    if all(within):
        return "holds"
    return "open" if any(within) else "fails"


def add_circumstances(sheet: Sheet, equipment: SiteEquipment) -> None:
    """Add the questions that the rules ask, and the power of the connection."""
    name = f"site.{equipment.name}"
    sheet.ask(f"{name}.started", "yyyymmdd", "When did or will the site start to operate, as 20270131?")
    sheet.ask(f"{name}.warm", "1", "Is the climate warm (1) or cool (0) as the Pact defines it?")
    sheet.ask(f"{name}.water-stress", "1", "Does the site stand where water is under stress (1) or not (0)?")
    sheet.ask(f"{name}.public", "1", "Does the public run it (1) or not (0)?")
    peak = (f"{name}.it.peak", f"{name}.pue")
    sheet.derive(f"{name}.peak", "W", "IT peak x PUE", _product, *peak)
    connection = f"{name}.connection"
    if equipment.site.contracts:
        power = sum(contract.power.count for contract in equipment.site.contracts)
        sheet.plan(connection, power, "W", "contracted power, all contracts together")
    else:
        # Without a contract the connection is as large as the site at its peak.
        note = "no contract is described"
        sheet.derive(connection, "W", "IT peak x PUE", _product, *peak, note=note)


def _product(it: float, pue: float) -> float:
    """Return the power of a site from that of its IT."""
    return it * pue


def checks(sheet: Sheet, equipment: SiteEquipment, measures: dict[str, Measure]) -> Iterator[EnergyCheck]:
    """Yield every limit that can concern a site."""
    yield _reporting(equipment, measures)
    if equipment.site.country == _COUNTRY_OF_ENEFG:
        yield from _enefg(sheet, equipment, measures)
    if equipment.site.country in members("EU"):
        yield from _pact(sheet, equipment, measures)
    else:
        source = figure("limits", "cndcp.it-power").source
        yield _outside(equipment, "CNDCP", source, "the Pact is of data centres in the Union")
    yield from _gaia(sheet, equipment, measures)
    yield from _description(equipment, measures)
    yield _proposal(equipment, measures)


def _description(equipment: SiteEquipment, measures: dict[str, Measure]) -> Iterator[EnergyCheck]:
    """Compare transients with the described feeds, and the peak of the whole site with its contracts."""
    name, source = f"site.{equipment.name}", "the description"
    feeds = float(sum(feed_limit(equipment.site, feed) for feed in equipment.site.power.feeds))
    transient = measures[f"{name}.transient"]
    status, needs = _bounded(transient, feeds)
    why = f"{transient}, and the feeds together may carry {plain(feeds / 1000, 6)} kW"
    rule = "transients within the feeds"
    yield EnergyCheck(equipment.name, rule, status, "", transient.id, why, source, needs)
    if equipment.site.contracts:
        peak = measures[f"{name}.peak"]
        contracted = measures[f"{name}.connection"].value or 0.0
        status, needs = _bounded(peak, contracted)
        why = f"{peak} with its building, and {plain(contracted / 1000, 6)} kW are contracted"
        yield EnergyCheck(
            equipment.name, "peak within the contracts", status, "", peak.id, why, source, needs
        )


def _kilowatts(measure: Measure) -> str:
    """Return a power as a plain number of kilowatts."""
    return plain((measure.value or 0) / 1000, 6)


def _bounded(power: Measure, bound: float, *, least: bool = False) -> tuple[str, tuple[str, ...]]:
    """Compare power with a limit.

    Args:
        power: the power, with the ends of its range.
        bound: the limit, itself allowed.
        least: whether the limit is the least that counts, not the most.

    Returns:
        The status, and the figures that would settle an open one.
    """
    status = compare(power.value, power.low, power.high, bound, least=least)
    return status, _waits(power, status)


def _limit(name: str) -> float:
    """Return the number of a limit."""
    return float(figure("limits", name).value or 0)


def _against(
    equipment: SiteEquipment,
    measures: dict[str, Measure],
    rule: str,
    suffix: str,
    row_name: str,
    since: str = "",
    *,
    least: bool = False,
) -> EnergyCheck:
    """Compare one measure of the site with a limit.

    Args:
        equipment: the site.
        measures: every number by name.
        rule: the rule's short name.
        suffix: the measure's name after `site.<name>.`.
        row_name: the limit's name in the data file.
        since: the day from which it holds.
        least: whether the limit is the least allowed, not the most.
    """
    measure = measures[f"site.{equipment.name}.{suffix}"]
    row = figure("limits", row_name)
    bound = _limit(row_name)
    status = compare(measure.value, measure.low, measure.high, bound, least=least)
    sign = "at least" if least else "at most"
    unit = "" if row.unit == "1" else f" {row.unit}"
    why = f"{measure}, and {sign} {plain(bound)}{unit} is asked"
    needs = _waits(measure, status)
    return EnergyCheck(equipment.name, rule, status, since, measure.id, why, row.source, needs)


def _waits(measure: Measure, status: str) -> tuple[str, ...]:
    """Return the figures that would settle an open check.

    They are those that the number lacks, or the number itself where its range contains the limit.
    """
    return (measure.needs or (measure.id,)) if status == "open" else ()


def _open(equipment: SiteEquipment, rule: str, source: str, *needs: str, since: str = "") -> EnergyCheck:
    """Return an open check: it depends on an answer that the user did not give."""
    why = "it hangs on an answer that is not given"
    return EnergyCheck(equipment.name, rule, "open", since, "", why, source, needs)


def _none(equipment: SiteEquipment, rule: str, source: str, why: str) -> EnergyCheck:
    """Return the check of a rule that does not concern the site."""
    return EnergyCheck(equipment.name, rule, "not-applicable", "", "", why, source)


def _outside(equipment: SiteEquipment, rule: str, source: str, why: str) -> EnergyCheck:
    """Return the check of a rule of the Union for a site elsewhere."""
    return _none(equipment, rule, source, f"{why}, and {equipment.site.country} is not in it")


def _in_efta(equipment: SiteEquipment) -> bool:
    """Return whether a site is in the European Economic Area and not in the Union.

    A law of the Union holds there once it is incorporated into the EEA Agreement.
    """
    return equipment.site.country in members("EEA") - members("EU")


def _proposal(equipment: SiteEquipment, measures: dict[str, Measure]) -> EnergyCheck:
    """Compare a site of the Union with the proposed mean over the Union."""
    rule = "CADA Annex I (a proposal): PUE, mean over the Union"
    source = figure("limits", "cada.pue").source
    country = equipment.site.country
    if country in members("EU"):
        return _against(equipment, measures, rule, "pue", "cada.pue")
    if _in_efta(equipment):
        why = (
            f"{country} is in the EEA and not in the Union: "
            "it would count once the regulation were taken up there"
        )
        needs = (_TAKEN_UP.format("the regulation"),)
        return EnergyCheck(equipment.name, rule, "open", "", "", why, source, needs)
    return _outside(equipment, rule, source, "it is a mean over the Union")


def _reporting(equipment: SiteEquipment, measures: dict[str, Measure]) -> EnergyCheck:
    """Return whether the site must report to the European database: installed IT power of at least 500 kW."""
    rule = "EED Art. 12, Del. Reg. 2024/1364: duty to report"
    source = figure("limits", "eed.reporting.it-power").source
    since = "2024-09-15"
    country = equipment.site.country
    if country not in members("EEA"):
        return _outside(equipment, rule, source, "the directive holds in the Union")
    name = f"site.{equipment.name}"
    peak = measures[f"{name}.it.peak"]
    # The data file states the limit in kilowatts.
    bound = _limit("eed.reporting.it-power") * 1000
    counted, needs = _bounded(peak, bound, least=True)
    why = f"{_kilowatts(peak)} kW of installed IT power, counted from 500 kW on; yearly by 15 May"
    if counted != "fails" and _in_efta(equipment):
        why += (
            f"; {country} is in the EEA and not in the Union: "
            "the duty holds once the directive is taken up there"
        )
        needs = (*needs, _TAKEN_UP.format("Directive (EU) 2023/1791"))
        return EnergyCheck(equipment.name, rule, "open", since, peak.id, why, source, needs)
    if counted == "holds":
        why += ": due, see the KPI file"
        return EnergyCheck(
            equipment.name, rule, "due", since, peak.id, why, source, ("the KPI file's open fields",)
        )
    status = "open" if counted == "open" else "not-applicable"
    return EnergyCheck(equipment.name, rule, status, since, peak.id, why, source, needs)


def _enefg(sheet: Sheet, equipment: SiteEquipment, measures: dict[str, Measure]) -> Iterator[EnergyCheck]:
    """Compare a German site with §§ 11 and 12 EnEfG."""
    name = f"site.{equipment.name}"
    source = figure("limits", "enefg.connection").source
    connection = measures[f"{name}.connection"]
    concerned, needs = _bounded(connection, 300_000.0, least=True)
    if concerned == "fails":
        why = f"{_kilowatts(connection)} kW of connection, and the law counts from 300 kW on"
        yield _none(equipment, "EnEfG", source, why)
        return
    if concerned == "open":
        # The limits below are compared all the same: they hold if the connection turns out to be large
        # enough.
        rule = "EnEfG: connection from 300 kW on"
        why = f"{connection} of connection, and the law counts from 300 kW on"
        yield EnergyCheck(equipment.name, rule, "open", "", connection.id, why, source, needs)
    yield from _enefg_efficiency(sheet, equipment, measures)
    rule = "EnEfG § 11(5) renewable electricity"
    for since in ("2024-01-01", "2027-01-01"):
        yield _against(equipment, measures, rule, "ref", f"enefg.renewable.{since}", since, least=True)
    yield _management(sheet, equipment, connection)


def _enefg_efficiency(
    sheet: Sheet, equipment: SiteEquipment, measures: dict[str, Measure]
) -> Iterator[EnergyCheck]:
    """Compare PUE and reused energy with the limits for the day on which the site starts."""
    answer = f"site.{equipment.name}.started"
    started = sheet.value(answer)
    if started is None:
        source = figure("limits", "enefg.new.pue").source
        yield _open(equipment, "EnEfG § 11 PUE and reused energy", source, answer)
    elif started >= 20260701:
        since = _two_years_after(started)
        yield _against(equipment, measures, "EnEfG § 11(2) PUE", "pue", "enefg.new.pue", since)
        # The share of reused energy rises with the year of the start: 10, 15 and 20 %.
        step = "2026-07-01"
        if started >= 20280701:
            step = "2028-07-01"
        elif started >= 20270701:
            step = "2027-07-01"
        rule = "EnEfG § 11(2) reused energy"
        yield _against(equipment, measures, rule, "erf", f"enefg.new.erf.{step}", since, least=True)
    else:
        for since in ("2027-07-01", "2030-07-01"):
            rule = "EnEfG § 11(1) PUE"
            yield _against(equipment, measures, rule, "pue", f"enefg.old.pue.{since}", since)


def _two_years_after(started: float) -> str:
    """Return the day two years after a start, from which a new site's limits hold."""
    text = f"{int(started):08d}"
    return f"{int(text[:4]) + 2}-{text[4:6]}-{text[6:]}"


def _management(sheet: Sheet, equipment: SiteEquipment, connection: Measure) -> EnergyCheck:
    """Return whether an energy management system must be certified.

    The limit is 1 MW, and 300 kW where the public runs the site.
    """
    rule = "EnEfG § 12 certified energy management"
    source = figure("limits", "enefg.certified-management").source
    since = "2026-01-01"
    answer = f"site.{equipment.name}.public"
    public = sheet.value(answer)
    bound = 300_000.0 if public else 1_000_000.0
    counted, needs = _bounded(connection, bound, least=True)
    kilowatts = f"{_kilowatts(connection)} kW of connection"
    if counted == "holds":
        why = f"{kilowatts}: due; whether there is one is a question to a person"
        needs = ("a certificate of ISO 50001 or EMAS",)
        return EnergyCheck(equipment.name, rule, "due", since, connection.id, why, source, needs)
    # Below 1 MW the answer decides, because the limit for public sites is lower.
    if public is None:
        return _open(equipment, rule, source, answer, since=since)
    why = f"{kilowatts}, counted from {plain(bound / 1000, 6)} kW on"
    if counted == "open":
        return EnergyCheck(equipment.name, rule, "open", since, connection.id, why, source, needs)
    return _none(equipment, rule, source, why)


def _climate(sheet: Sheet, equipment: SiteEquipment) -> str | None:
    """Return `warm` or `cool`, or None where the user did not answer."""
    warm = sheet.value(f"site.{equipment.name}.warm")
    if warm is None:
        return None
    return "warm" if warm else "cool"


def _pact(sheet: Sheet, equipment: SiteEquipment, measures: dict[str, Measure]) -> Iterator[EnergyCheck]:
    """Compare a site with the Climate Neutral Data Centre Pact."""
    name = f"site.{equipment.name}"
    source = figure("limits", "cndcp.pue.cool").source
    peak = measures[f"{name}.it.peak"]
    small, needs = _bounded(peak, 50_000.0)
    why = f"{_kilowatts(peak)} kW of IT power, and the Pact counts from above 50 kW"
    if small == "holds":
        yield _none(equipment, "CNDCP", source, why)
        return
    if small == "open":
        rule = "CNDCP: IT power above 50 kW"
        yield EnergyCheck(equipment.name, rule, "open", "", peak.id, why, source, needs)
    started, climate = sheet.value(f"{name}.started"), _climate(sheet, equipment)
    since = ""
    if started is not None:
        since = "2025-01-01" if started >= 20250101 else "2030-01-01"
    if climate is None:
        yield _open(equipment, "CNDCP PUE", source, f"{name}.warm", since=since)
    else:
        rule = f"CNDCP PUE, {climate}"
        yield _against(equipment, measures, rule, "pue", f"cndcp.pue.{climate}", since)
    yield _water(sheet, equipment, measures, "CNDCP WUE", "cndcp.wue")
    rule = "CNDCP renewable or carbon-free energy"
    for day in ("2025-12-31", "2030-12-31"):
        yield _against(equipment, measures, rule, "carbon-free", f"cndcp.renewable.{day}", day, least=True)


def _water(
    sheet: Sheet, equipment: SiteEquipment, measures: dict[str, Measure], rule: str, row_name: str
) -> EnergyCheck:
    """Compare a site under water stress with a limit of water."""
    source = figure("limits", row_name).source
    answer = f"site.{equipment.name}.water-stress"
    stress = sheet.value(answer)
    if stress is None:
        return _open(equipment, rule, source, answer)
    if not stress:
        return _none(equipment, rule, source, "water is not under stress there, as the user says")
    return _against(equipment, measures, rule, "wue", row_name)


def _gaia(sheet: Sheet, equipment: SiteEquipment, measures: dict[str, Measure]) -> Iterator[EnergyCheck]:
    """Compare a site with Gaia-X P6.1.2 to P6.1.4."""
    climate = _climate(sheet, equipment)
    if climate is None:
        source = figure("limits", "gaiax.pue.cool").source
        yield _open(equipment, "Gaia-X P6.1.2 PUE", source, f"site.{equipment.name}.warm")
    else:
        rule = f"Gaia-X P6.1.2 PUE, {climate}"
        yield _against(equipment, measures, rule, "pue", f"gaiax.pue.{climate}")
    rule = "Gaia-X P6.1.3 renewable or carbon-free energy"
    for day in ("2025-12-31", "2030-12-31"):
        yield _against(equipment, measures, rule, "carbon-free", f"gaiax.renewable.{day}", day, least=True)
    yield _water(sheet, equipment, measures, "Gaia-X P6.1.4 WUE", "gaiax.wue")
