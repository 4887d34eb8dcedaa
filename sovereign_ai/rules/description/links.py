"""Rules for lines between sites: what two of them share, and under whose law all of them are.

Both are decided where an uplink names the site `to` which it leads. Without one, no line between sites is
described, and nothing is known about them. A line is described at one of its two sites.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from sovereign_ai.catalog import members
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import normal_name
from sovereign_ai.plan import Plan
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.duties import C3A_LINES, DORA_CONCENTRATION, NIS2_CONTINUITY
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, Site, Uplink


@frozen_dataclass
class _JoinedSites:
    """Two sites that a line joins, or that keep copies of each other's data.

    Attributes:
        first: the earlier site of the description.
        second: the later one.
        lines: the lines between them, at whichever site they are described.
        field: the field of the first line; without lines that of the second site's uplinks.
    """

    first: Site
    second: Site
    lines: tuple[Uplink, ...]
    field: str

    @property
    def resource(self) -> str:
        """Both sites."""
        return f"Site/{self.first.name}/{self.second.name}"


def _joined_sites(factory: AIFactory) -> Iterator[_JoinedSites]:
    """Yield the pairs of sites between which lines or copies of data are described."""
    lines: dict[frozenset[str], list[Uplink]] = {}
    fields: dict[frozenset[str], str] = {}
    for site_number, site in enumerate(factory.sites):
        for number, line in enumerate(site.uplinks):
            if line.to is not None:
                ends = frozenset((site.name, line.to))
                lines.setdefault(ends, []).append(line)
                fields.setdefault(ends, f"sites[{site_number}].uplinks[{number}]")
    if not lines:
        return
    copies = _copying_sites(factory)
    for (_, first), (number, second) in combinations(enumerate(factory.sites), 2):
        ends = frozenset((first.name, second.name))
        if ends in lines or ends in copies:
            field = fields.get(ends, f"sites[{number}].uplinks")
            yield _JoinedSites(first, second, tuple(lines.get(ends, ())), field)


def _copying_sites(factory: AIFactory) -> set[frozenset[str]]:
    """Return the pairs of sites of which one keeps the backups of the other."""
    pairs: set[frozenset[str]] = set()
    for tier in factory.storage:
        for site in tier.sites or [site.name for site in factory.sites]:
            if tier.backup is not None and tier.backup.site != site:
                pairs.add(frozenset((site, tier.backup.site)))
    return pairs


def _find_shared_risks(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites between which no two lines are free of a shared risk."""
    for pair in _joined_sites(factory):
        if len(pair.lines) < 2:
            count = "1 line is" if pair.lines else "no line is"
            message = f"{count} described between them; two are wanted that share nothing"
            yield make_finding(rule, pair.resource, pair.field, message)
            continue
        best: list[str] | None = None
        for first, second in combinations(pair.lines, 2):
            shared = [f"{first.name} and {second.name} {risk}" for risk in _shared_risks(pair, first, second)]
            if best is None or len(shared) < len(best):
                best = shared
        if best:
            message = f"no two lines are free of a shared risk; the best two: {'; '.join(best)}"
            yield make_finding(rule, pair.resource, pair.field, message)


def _shared_risks(pair: _JoinedSites, first: Uplink, second: Uplink) -> Iterator[str]:
    """Yield what two lines share, or of which that is not known."""
    if normal_name(first.carrier) == normal_name(second.carrier):
        yield f"are both of {first.carrier}"
    if not first.entries or not second.entries:
        yield "do not both say where they enter the sites (`entries`)"
    for entry in _common(first.entries, second.entries):
        yield f"both enter at {entry}"
    if not first.ducts or not second.ducts:
        yield "do not both say which ducts and cables they follow (`ducts`)"
    for duct in _common(first.ducts, second.ducts):
        yield f"both follow {duct}"
    # The countries of the two sites cannot be avoided.
    ends = {pair.first.country, pair.second.country}
    for country in sorted((set(first.route) & set(second.route)) - ends):
        yield f"both pass {country}"
    if first.carrier_seat == second.carrier_seat and first.carrier_seat not in ends | members("EU"):
        yield f"are both under the law of {first.carrier_seat}"


def _common(first: Sequence[str], second: Sequence[str]) -> list[str]:
    """Return the names that two lists share, spelling aside."""
    names = {normal_name(name) for name in second}
    return [name for name in first if normal_name(name) in names]


def _find_foreign_lines(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites that third countries can part: every line has such a carrier, or passes such a country."""
    for pair in _joined_sites(factory):
        # The Union's law, and that of the two sites, binds the factory in any case.
        home = members("EU") | {pair.first.country, pair.second.country}
        reasons: list[str] = []
        for line in pair.lines:
            passed = sorted(set(line.route) - home)
            if line.carrier_seat not in home:
                reasons.append(f"{line.name} is of {line.carrier}, under the law of {line.carrier_seat}")
            elif passed:
                reasons.append(f"{line.name} passes {', '.join(passed)}")
        if pair.lines and len(reasons) == len(pair.lines):
            message = f"third countries can cut every line between them: {'; '.join(reasons)}"
            yield make_finding(rule, pair.resource, pair.field, message)


DIVERSE = Rule(
    id="LNK-004",
    title="Sites are joined by two lines that share no operator, entry, duct or country on the way",
    severity="warning",
    rationale=(
        "Two lines in one duct are one line to an excavator, and two lines of one operator are one to its "
        "mistakes."
    ),
    remediation=(
        "order a second line by another carrier, entry and route; write `entries` and `ducts` of both, with "
        "the same name for the same thing"
    ),
    controls=(C3A_LINES, NIS2_CONTINUITY, DORA_CONCENTRATION),
    places=PLAN,
    decide=_find_shared_risks,
)
FOREIGN = Rule(
    id="LNK-005",
    title="Sites stay joined when carriers and countries outside the Union stop",
    severity="warning",
    rationale="An order to a carrier, or at a border on the way, parts what the line joined.",
    remediation="add a line by a carrier of the Union, on a route within it and the sites' own countries",
    controls=(C3A_LINES, NIS2_CONTINUITY),
    places=PLAN,
    decide=_find_foreign_lines,
)

RULES = (DIVERSE, FOREIGN)
