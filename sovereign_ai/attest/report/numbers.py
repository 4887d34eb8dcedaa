"""Numbers and tables of the page: each number opens to its formula, its inputs and its source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sovereign_ai.assess.measure import Basis, Measure
from sovereign_ai.attest.report.markup import Markup, anchor, join, tag

_OWN = frozenset({"site", "job", "pool", "service", "contract", "capex", "year", "system", "device"})
"""First words of names under which the second word names a thing of its own."""
_WORDS = {
    Basis.SOURCE: "published",
    Basis.PLAN: "from the plan",
    Basis.USER: "given by the user",
    Basis.ESTIMATE: "estimate",
    Basis.OPEN: "open",
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """Give a table whose rows become cards on a narrow screen."""
    titles = tag("thead", tag("tr", *(tag("th", one, scope="col") for one in head)))
    body = [tag("tr", *(tag("td", cell, data_head=name) for name, cell in zip(head, row, strict=True))) for row in rows]
    if not body:
        return tag("p", "None.", class_="soft")
    return tag("table", titles, tag("tbody", *body), class_="wide")


def listed(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Give a list of terms, those without a text left out."""
    return tag("dl", *(join(tag("dt", name), tag("dd", value)) for name, value in pairs if value != ""))


def why(summary: object, pairs: Iterable[tuple[str, object]]) -> Markup:
    """Give what opens to the reasons behind it."""
    return tag("details", tag("summary", summary), listed(pairs), class_="why")


def mark(word: str, kind: str) -> Markup:
    """Give a word with a colour behind it; the word alone says it too."""
    return tag("span", word, class_=f"mark {kind}")


def numbers(area: str, measures: Sequence[Measure]) -> Markup:
    """Give every number of an assessment, by what it is about, each one click from its source."""
    by_name = {measure.id: measure for measure in measures}
    groups: defaultdict[str, list[Measure]] = defaultdict(list)
    for measure in measures:
        groups[_group(measure.id)].append(measure)
    shown = (
        join(tag("h4", name), tag("div", *(_number(area, one, by_name) for one in groups[name]), class_="numbers"))
        for name in sorted(groups)
    )
    return tag("div", *shown)


def _group(name: str) -> str:
    """Say what a number is about.

    >>> _group("site.fra1.pue"), _group("utilisation")
    ('site fra1', 'figures')
    """
    first, _, rest = name.partition(".")
    if first not in _OWN or not rest:
        return "figures"
    return f"{first} {rest.partition('.')[0]}" if first in {"site", "job", "pool", "service", "contract"} else first


def _number(area: str, measure: Measure, by_name: Mapping[str, Measure]) -> Markup:
    """Give one number."""
    head = tag("summary", tag("span", measure.id, class_="code"), tag("span", str(measure)))
    return tag("details", head, reasons(area, measure, by_name), class_="number", id=anchor("m", area, measure.id))


def reasons(area: str, measure: Measure, by_name: Mapping[str, Measure]) -> Markup:
    """Give what stands behind a number."""
    inputs = [join(tag("a", one, href=f"#{anchor('m', area, one)}"), f" = {by_name[one]}") for one in measure.inputs if one in by_name]
    exact = "" if measure.value is None else f"{measure.value:,.9g} {measure.unit}"
    return listed(
        [
            ("value", exact),
            ("formula", measure.formula),
            ("inputs", join(*(tag("div", one) for one in inputs))),
            ("what stands behind it", _WORDS[measure.basis]),
            ("source", measure.source),
            ("waits for", ", ".join(measure.needs)),
            ("note", measure.note),
        ]
    )


def key(label: str, area: str, measure: Measure, measures: Sequence[Measure]) -> Markup:
    """Give a key figure that opens to its reasons."""
    by_name = {one.id: one for one in measures}
    head = tag("summary", tag("span", label, class_="soft"), tag("b", str(measure)))
    more = tag("a", "among all numbers", href=f"#{anchor('m', area, measure.id)}")
    return tag("details", head, reasons(area, measure, by_name), tag("p", more), class_="why")


def fact(label: str, value: object, pairs: Iterable[tuple[str, object]]) -> Markup:
    """Give a key figure that is no measure, with where it comes from."""
    return tag("details", tag("summary", tag("span", label, class_="soft"), tag("b", value)), listed(pairs), class_="why")
