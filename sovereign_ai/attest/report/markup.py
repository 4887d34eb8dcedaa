"""Markup built from plain functions that escape every text.

>>> tag("p", "a < b", tag("b", "c"), class_="x")
'<p class="x">a &lt; b<b>c</b></p>'
>>> tag("rect", x=1.5, y=2, stroke_width=1)
'<rect x="1.5" y="2" stroke-width="1"></rect>'
"""

from __future__ import annotations

import re
from html import escape

_VOID = frozenset({"meta", "br", "hr", "col"})
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*")


class Markup(str):
    """Text that is markup already; only `tag` and `join` make it."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return one element; children that are no `Markup` are escaped.

    Args:
        name: the element's name.
        children: text or markup.
        attributes: a trailing underscore is dropped and others become hyphens; None and False leave an
            attribute out.

    Raises:
        ValueError: a name could not be one.
    """
    if not _NAME.fullmatch(name):
        message = f"{name!r} is no element's name"
        raise ValueError(message)
    start = f"<{name}"
    for key, value in attributes.items():
        if value is not None and value is not False:
            start += _attribute(key, value)
    if name in _VOID:
        return Markup(f"{start}>")
    return Markup(f"{start}>{join(*children)}</{name}>")


def join(*children: object) -> Markup:
    """Return children one after the other, escaped where they are no markup."""
    texts: list[str] = []
    for child in children:
        text = child if isinstance(child, Markup) else escape(str(child))
        texts.append(text)
    return Markup("".join(texts))


def _attribute(key: str, value: object) -> str:
    """Return one attribute, with a blank before it."""
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f" {name}"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f' {name}="{escape(text)}"'


def anchor(*parts: str) -> str:
    """Return a fragment id of letters, digits, hyphens and dots.

    >>> anchor("m", "energy", "site.fra1/x")
    'm-energy-site.fra1-x'
    """
    return "-".join(re.sub(r"[^A-Za-z0-9.]+", "-", part) for part in parts)


def svg(width: float, height: float, label: str, *shapes: object, kind: str = "") -> Markup:
    """Return a picture that scales with the page, and scrolls where the page is too narrow to read it."""
    picture = tag(
        "svg",
        *shapes,
        viewBox=f"0 0 {width:g} {height:g}",
        width=float(width),
        height=float(height),
        role="img",
        aria_label=label,
    )
    class_ = f"scroll picture {kind}".strip()
    # What scrolls must be reachable by keyboard (WCAG 2.1.1).
    return tag("div", picture, class_=class_, tabindex="0", role="group", aria_label=label)


def words(x: float, y: float, text: object, kind: str = "", end: str = "start", title: str = "") -> Markup:
    """Return a line of text in a picture."""
    more = [tag("title", title)] if title else []
    return tag(
        "text",
        *more,
        text,
        x=float(x),
        y=float(y),
        class_=kind or None,
        text_anchor=end if end != "start" else None,
    )


def box(x: float, y: float, width: float, height: float, kind: str = "", title: str = "") -> Markup:
    """Return a rectangle in a picture, with the title that a pointer over it shows."""
    more = [tag("title", title)] if title else []
    return tag(
        "rect",
        *more,
        x=float(x),
        y=float(y),
        width=float(max(width, 0)),
        height=float(height),
        rx=2,
        class_=kind or None,
    )


def clipped(text: str, most: int) -> str:
    """Return a text, cut to so many letters.

    >>> clipped("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
