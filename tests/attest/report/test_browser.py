"""The report of each stack in a real, headless Chromium.

`make browser` runs it and keeps the pictures in `.sovereign/screenshots`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.attest.report.html_page import SECTIONS, page
from tests.attest.report.browser import Browser
from tests.attest.report.reports import STACKS, report

ALL = ("lab", "plural", "superpod", "gigafactory")
PICTURES = STACKS.parent / ".sovereign" / "screenshots"
_TALLEST = 2_600
"""Pixels of a section that a picture shows at most."""

_DRAWN_IN = frozenset({"plan", "racks", "flows", "dependencies", "drill", "energy", "cost"})
"""Sections with pictures."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for stack in ALL:
        found[stack] = folder / f"{stack}.html"
        found[stack].write_text(page(report(stack)), encoding="utf-8")
    return found


@pytest.fixture
def quiet(browser: Browser) -> Iterator[Browser]:
    """The browser, of which nothing may be heard and which may ask for nothing but the page."""
    browser.asked.clear()
    browser.said.clear()
    yield browser
    assert not browser.said
    assert browser.asked
    assert all(address.startswith("file:///") and address.endswith(".html") for address in browser.asked)


_WIDE = """(() => {
  const width = document.documentElement.clientWidth, wide = [];
  const scrolls = one => one.closest('.scroll, .source, svg');
  for (const one of document.body.querySelectorAll('*')) {
    const box = one.getBoundingClientRect();
    if (box.width && (box.right > width + 1 || box.left < -1) && !scrolls(one)) wide.push(one.tagName + ' ' + one.className + ' ' + one.textContent.slice(0, 60));
  }
  return [document.documentElement.scrollWidth - width, wide.slice(0, 5)];
})()"""  # noqa: E501 - one literal text
_SMALL = """(() => {
  const small = new Set();
  for (const one of document.body.querySelectorAll('*')) {
    if (one.closest('svg') || !one.getClientRects().length) continue;
    if ([...one.childNodes].some(part => part.nodeType === 3 && part.textContent.trim()) && parseFloat(getComputedStyle(one).fontSize) < 12)
      small.add(one.tagName + '.' + one.className + ' ' + getComputedStyle(one).fontSize);
  }
  return [...small];
})()"""  # noqa: E501 - one literal text
_DRAWN = """[...document.querySelectorAll('svg[aria-label], .picture svg')].map(one => {
  const box = one.getBoundingClientRect();
  const shapes = one.querySelectorAll('rect, path, line, text').length;
  return [(one.getAttribute('aria-label') || one.parentElement.getAttribute('aria-label') || ''), box.width, box.height, shapes];
})"""  # noqa: E501 - one literal text
_TEXT_IN_PICTURES = """[...document.querySelectorAll('.picture svg')].map(svg => {
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width, sizes = [...svg.querySelectorAll('text')].map(one => parseFloat(getComputedStyle(one).fontSize));
  return [svg.getAttribute('aria-label') || svg.parentElement.getAttribute('aria-label'), sizes.length ? scale * Math.min(...sizes) : 99];
})"""  # noqa: E501 - one literal text
_FAINT = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
  const light = color => { const [r, g, b] = [...rgba(color)].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = one => { for (let at = one; at; at = at.parentElement) { const color = getComputedStyle(at).backgroundColor; if (rgba(color)[3] > 250) return color; } return 'white'; };
  const seen = {}, faint = new Set();
  for (const one of document.body.querySelectorAll('*')) {
    if (one.closest('svg') || !one.getClientRects().length) continue;
    if (![...one.childNodes].some(part => part.nodeType === 3 && part.textContent.trim())) continue;
    const pair = getComputedStyle(one).color + ' on ' + ground(one);
    if (!(pair in seen)) { const [a, b] = pair.split(' on ').map(light); seen[pair] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }
    if (seen[pair] < 4.5) faint.add(one.tagName + '.' + one.className + ' ' + pair + ' ' + seen[pair].toFixed(2));
  }
  return [Object.keys(seen).length, [...faint].slice(0, 8)];
})()"""  # noqa: E501 - one literal text


def _shoot(browser: Browser, stack: str, name: str) -> None:
    """Keep a picture of the page's top and of sections: the lab's all, light and dark, of other stacks those
    with pictures, light.
    """
    browser.picture(PICTURES / stack / name / "00-top.png")
    if name.endswith("dark") and stack != "lab":
        return
    boxes: list[list[Any]] = browser.run(
        "[...document.querySelectorAll('main > section')].map(one => { const b = one.getBoundingClientRect();"
        " return [one.id, b.left + scrollX, b.top + scrollY, b.width, b.height]; })"
    )
    assert [box[0] for box in boxes] == list(SECTIONS)
    for number, (section, left, top, width, height) in enumerate(boxes, start=1):
        if stack != "lab" and section not in _DRAWN_IN:
            continue
        file = browser.picture(
            PICTURES / stack / name / f"{number:02d}-{section}.png",
            (max(left - 12, 0), top, width + 24, min(height, _TALLEST)),
        )
        assert file.stat().st_size > 1_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("stack", ALL)
def test_the_page_fits_its_window_is_readable_and_has_every_picture(
    quiet: Browser, pages: dict[str, Path], stack: str, width: int, scheme: str
) -> None:
    quiet.open(pages[stack], width, scheme=scheme)
    assert quiet.run("innerWidth") == width
    assert quiet.run(_WIDE) == [0, []]
    assert quiet.run(_SMALL) == []
    pairs, faint = quiet.run(_FAINT)
    assert pairs > 4
    assert faint == []
    drawn = quiet.run(_DRAWN)
    assert all(label and wide > 300 and high > 40 and shapes > 3 for label, wide, high, shapes in drawn)
    assert len(drawn) >= 7
    assert [found for found in quiet.run(_TEXT_IN_PICTURES) if found[1] < 9] == []
    _shoot(quiet, stack, f"{width}-{scheme}")


@pytest.mark.parametrize("width", [390, 1440])
def test_with_everything_opened_the_page_still_fits(
    quiet: Browser, pages: dict[str, Path], width: int
) -> None:
    quiet.open(pages["lab"], width)
    opened = quiet.run(
        "(() => { const all = [...document.querySelectorAll('details')]; for (const one of all) one.open = true; return all.length; })()"  # noqa: E501 - one literal text
    )
    assert opened > 300
    assert quiet.run(_WIDE) == [0, []]


def test_a_number_opens_to_its_source_and_leads_to_its_inputs(quiet: Browser, pages: dict[str, Path]) -> None:
    quiet.open(pages["lab"], 1440)
    opened = """(() => {
      const one = document.getElementById('m-energy-site.fra1.pue');
      one.querySelector('summary').click();
      const list = one.querySelector('dl');
      return [one.open, list.getBoundingClientRect().height > 20, list.textContent.includes('formula'), list.querySelectorAll('a').length];
    })()"""  # noqa: E501 - one literal text
    is_open, shown, formula, inputs = quiet.run(opened)
    assert (is_open, shown, formula) == (True, True, True)
    assert inputs >= 5
    jumped = """(() => {
      const link = document.getElementById('m-energy-site.fra1.pue').querySelector('dl a');
      link.click();
      const target = document.querySelector(':target');
      return [target.id, target.getBoundingClientRect().top >= -1 && target.getBoundingClientRect().top < innerHeight];
    })()"""  # noqa: E501 - one literal text
    target, visible = quiet.run(jumped)
    assert target.startswith("m-energy-")
    assert visible
    bare = """[...document.querySelectorAll('.number')].filter(one => {
      const text = one.querySelector('dl').textContent;
      return !(text.includes('source') || text.includes('formula')) || !text.includes('basis');
    }).map(one => one.id)"""
    assert quiet.run(bare) == []


@pytest.mark.parametrize("stack", ALL)
def test_the_page_prints_on_a4_without_losing_its_edges(
    quiet: Browser, pages: dict[str, Path], stack: str
) -> None:
    quiet.open(pages[stack], 794, height=1123, scheme="dark", media="print")
    assert quiet.run(
        "[scrollX, document.documentElement.scrollWidth - document.documentElement.clientWidth]"
    ) == [0, 0]
    assert quiet.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    PICTURES.mkdir(parents=True, exist_ok=True)
    file = quiet.printed(PICTURES / f"{stack}.pdf")
    assert file.read_bytes().startswith(b"%PDF-")
    assert file.read_bytes().count(b"/Type /Page\n") + file.read_bytes().count(b"/Type /Page ") > 3


def test_the_largest_page_is_below_five_megabytes(pages: dict[str, Path]) -> None:
    assert max(file.stat().st_size for file in pages.values()) < 5_000_000
