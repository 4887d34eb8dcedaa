"""Numbers and tables of the page: each number opens to its formula, its inputs and its source.

>>> listed([("unit", "kW"), ("note", "")])
'<dl><dt>unit</dt><dd>kW</dd></dl>'
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sovereign_ai.assess import Basis, Measure
from sovereign_ai.attest.report.markup import Markup, anchor, join, tag

_NAMED = frozenset({"site", "job", "pool", "service", "contract"})
"""First words of names whose second word is the name of a site, a job, and so on."""
_GROUPS = _NAMED | {"capex", "year", "system", "device"}
"""First words of names that have a group of their own."""
_WORDS = {
    Basis.SOURCE: "published",
    Basis.PLAN: "from the plan",
    Basis.USER: "given by the user",
    Basis.ESTIMATE: "estimate",
    Basis.OPEN: "open",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """Return a table whose rows become cards on a narrow screen."""
    titles = []
    for name in head:
        title = tag("th", name, scope="col")
        titles.append(title)
    body: list[Markup] = []
    for row in rows:
        # A card shows the column's name before each cell, which the style sheet reads from the attribute.
        cells = [tag("td", cell, data_head=name) for name, cell in zip(head, row, strict=True)]
        body.append(tag("tr", *cells))
    if not body:
        return tag("p", "None.", class_="soft")
    return tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *body), class_="wide")


def listed(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Return a list of terms; those without a text are left out."""
    entries: list[Markup] = []
    for name, value in pairs:
        if value != "":
            entries.append(tag("dt", name))
            entries.append(tag("dd", value))
    return tag("dl", *entries)


def why(summary: object, pairs: Iterable[tuple[str, object]]) -> Markup:
    """Return a summary that opens to the reasons behind it."""
    return tag("details", tag("summary", summary), listed(pairs), class_="why")


def mark(word: str, kind: str) -> Markup:
    """Return a word with a colour behind it; the word has the meaning without the colour, too."""
    return tag("span", word, class_=f"mark {kind}")


def numbers(area: str, measures: Sequence[Measure]) -> Markup:
    """Return every number of an assessment, grouped by subject, each one click from its source."""
    by_name = {}
    for measure in measures:
        by_name[measure.id] = measure
    groups: defaultdict[str, list[Measure]] = defaultdict(list)
    for measure in measures:
        groups[_group(measure.id)].append(measure)
    shown: list[Markup] = []
    for name in sorted(groups):
        entries = []
        for measure in groups[name]:
            entry = _number(area, measure, by_name)
            entries.append(entry)
        shown.append(tag("h4", name))
        shown.append(tag("div", *entries, class_="numbers"))
    return tag("div", *shown)


def _group(name: str) -> str:
    """Return the group that a number belongs to.

    >>> _group("site.fra1.pue"), _group("utilisation")
    ('site fra1', 'figures')
    """
    first, _, rest = name.partition(".")
    if first not in _GROUPS or not rest:
        return "figures"
    if first not in _NAMED:
        return first
    return f"{first} {rest.partition('.')[0]}"


def _number(area: str, measure: Measure, by_name: Mapping[str, Measure]) -> Markup:
    """Return one number that opens to its reasons."""
    name = tag("span", measure.id, class_="code")
    head = tag("summary", name, tag("span", str(measure)))
    id_ = anchor("m", area, measure.id)
    return tag("details", head, reasons(area, measure, by_name), class_="number", id=id_)


def reasons(area: str, measure: Measure, by_name: Mapping[str, Measure]) -> Markup:
    """Return the reasons behind a number: formula, inputs, basis and source."""
    inputs: list[Markup] = []
    for name in measure.inputs:
        # An input of another assessment has no number on this part of the page.
        if name in by_name:
            link = tag("a", name, href=f"#{anchor('m', area, name)}")
            inputs.append(tag("div", link, f" = {by_name[name]}"))
    exact = "" if measure.value is None else f"{measure.value:,.9g} {measure.unit}"
    return listed(
        [
            ("value", exact),
            ("formula", measure.formula),
            ("inputs", join(*inputs)),
            ("basis", _WORDS[measure.basis]),
            ("source", measure.source),
            ("waits for", ", ".join(measure.needs)),
            ("note", measure.note),
        ]
    )


def key(label: str, area: str, measure: Measure, measures: Sequence[Measure]) -> Markup:
    """Return a key figure that opens to its reasons."""
    by_name = {}
    for other in measures:
        by_name[other.id] = other
    more = tag("a", "among all numbers", href=f"#{anchor('m', area, measure.id)}")
    return tag(
        "details",
        _key_head(label, str(measure)),
        reasons(area, measure, by_name),
        tag("p", more),
        class_="why",
    )


def fact(label: str, value: object, pairs: Iterable[tuple[str, object]]) -> Markup:
    """Return a key figure that is no measure, with its source."""
    return tag("details", _key_head(label, value), listed(pairs), class_="why")


def _key_head(label: str, value: object) -> Markup:
    """Return the visible part of a key figure."""
    return tag("summary", tag("span", label, class_="soft"), tag("b", value))
