"""The page: one HTML file without a script, a font, a picture or a request from elsewhere.

Path("report.html").write_text(page(report), encoding="utf-8")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sovereign_ai import __version__
from sovereign_ai.attest.report import sections, sovereign
from sovereign_ai.attest.report.controls import certified, controls, source, waivers
from sovereign_ai.attest.report.gather import NOTICE, Report
from sovereign_ai.attest.report.markup import Markup, join, tag
from sovereign_ai.attest.report.numbers import listed
from sovereign_ai.attest.report.style import STYLE

# The browser enforces what this package promises: the page loads nothing and runs nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _controls(report: Report) -> Iterable[Markup]:
    yield tag(
        "p",
        "Every rule, the requirements that it serves, and its findings "
        "with the line of the description that they are about.",
    )
    yield controls(report)
    yield tag("h3", "Waivers", id="waivers")
    yield waivers(report)
    yield tag("h3", "Certificates, as declared; none was examined", id="certificates")
    yield certified(report)


def _source(report: Report) -> Iterable[Markup]:
    yield source(report)


SECTIONS: dict[str, tuple[str, Callable[[Report], Iterable[Markup]]]] = {
    "plan": ("The plan: racks and fabric", sections.plan),
    "racks": ("Rack elevations", sections.racks),
    "flows": ("Flows of data and control by jurisdiction", sections.flows),
    "dependencies": ("Dependencies and single points of failure", sovereign.dependencies),
    "drill": ("Disconnect drill", sovereign.drill),
    "sovereignty": ("Sovereignty: EU Cloud Sovereignty Framework and others", sovereign.verdict),
    "energy": ("Power and energy", sections.energy),
    "cost": ("Cost", sections.cost),
    "goodput": ("Goodput", sections.goodput),
    "controls": ("Controls, findings and waivers", _controls),
    "observation": ("Live observation", sections.observed),
    "questions": ("What a person must still answer", sovereign.questions),
    "source": ("The description", _source),
}
"""Fragment id to the section's title and its content, in order."""


def page(report: Report) -> str:
    """Return the report as HTML text.

    Args:
        report: the report.
    """
    title = f"{report.factory.name}: self-assessment of {report.now}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        # A policy applies to what follows it, so it comes before the style sheet.
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    body = tag(
        "body",
        _header(report),
        tag("main", sections.keys(report), _contents(), *_sections(report)),
        _footer(report),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _header(report: Report) -> Markup:
    """Return title, notice and digests."""
    codes = []
    for name, digest in report.digests().items():
        code = (name, tag("code", digest))
        codes.append(code)
    digests_title = tag("summary", "Digests (SHA-256) of what this report rests on")
    made = f"Operator {report.factory.operator.name}; assessed on {report.now} by sovereign-ai {__version__}."
    return tag(
        "header",
        tag("h1", f"AI factory {report.factory.name}"),
        tag("p", made),
        tag("p", NOTICE, class_="notice", role="note"),
        tag("details", digests_title, listed(codes)),
    )


def _contents() -> Markup:
    """Return the table of contents."""
    items: list[Markup] = []
    for name, (title, _) in SECTIONS.items():
        link = tag("a", title, href=f"#{name}")
        items.append(tag("li", link))
    return tag("nav", tag("ul", *items), aria_label="contents")


def _sections(report: Report) -> Iterable[Markup]:
    for name, (title, content) in SECTIONS.items():
        section = tag("section", tag("h2", title), *content(report), id=name)
        yield join("\n", section)


def _footer(report: Report) -> Markup:
    return tag("footer", NOTICE, f" Spec {report.factory.digest[:12]}, plan {report.plan.digest[:12]}.")
