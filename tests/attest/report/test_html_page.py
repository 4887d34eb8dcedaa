from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from sovereign_ai.attest.report.gather import NOTICE
from sovereign_ai.attest.report.html_page import SECTIONS, page
from tests.attest.report.reports import STACKS, changed, report

_VOID = {"meta", "br", "hr", "col"}
_LOADS = {
    "src",
    "srcset",
    "href",
    "xlink:href",
    "data",
    "action",
    "formaction",
    "poster",
    "background",
    "ping",
    "manifest",
}


class _Reader(HTMLParser):
    """Keeps what stands open, every id, every link and every attribute that could load something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[tuple[str, str, str]] = []
        self.tags: dict[str, int] = {}
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag not in _VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in _LOADS:
                (self.links if (value or "").startswith("#") else self.loads).append(value or "")  # type: ignore[arg-type]
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}")
            if tag == "svg" and name == "aria-label":
                self.pictures.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f"</{tag}> closes {self.open[-1:]}")
            return
        self.open.pop()


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader


@pytest.mark.parametrize("stack", ["lab", "plural", "superpod", "gigafactory"])
def test_every_stack_has_a_page_that_is_balanced_loads_nothing_and_links_only_within_itself(
    stack: str,
) -> None:
    text = page(report(stack))
    found = _read(text)
    assert not found.wrong
    assert not found.open
    assert not found.loads
    assert not {"script", "link", "iframe", "img", "object", "embed", "base", "form", "image", "use"} & set(
        found.tags
    )
    assert "url(" not in text
    assert "@import" not in text
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links} <= set(found.ids)
    assert len(text.encode()) < 5_000_000


@pytest.mark.parametrize("stack", ["lab", "gigafactory"])
def test_every_section_and_picture_is_there_and_the_page_says_that_it_is_a_self_assessment(
    stack: str,
) -> None:
    text = page(report(stack))
    found = _read(text)
    assert set(SECTIONS) <= set(found.ids)
    assert text.count(NOTICE) >= 2
    labels = " ".join(found.pictures)
    for picture in (
        "Plan of",
        "distinct racks",
        "by jurisdiction",
        "Dependencies",
        "Disconnect drill",
        "Power by feed",
        "Cost with ranges",
        "moves the cost",
    ):
        assert picture in labels


def test_a_page_grows_with_what_differs_and_not_with_the_machines() -> None:
    large, small = report("gigafactory"), report("lab")
    assert sum(pool.nodes for pool in large.factory.pools) > 500 * sum(
        pool.nodes for pool in small.factory.pools
    )
    assert len(page(large)) < 3 * len(page(small))


def test_the_same_description_and_day_give_the_same_page() -> None:
    assert page(report("lab")) == page(changed("name: lab", "name: lab"))


def test_every_number_opens_to_its_inputs_and_its_source() -> None:
    found = report("lab")
    text = page(found)
    ids = set(_read(text).ids)
    for area, assessment in (("energy", found.energy), ("cost", found.cost), ("goodput", found.goodput)):
        for measure in assessment.measures:
            start = text.index(f'id="m-{area}-{re.sub(r"[^A-Za-z0-9.]+", "-", measure.id)}"')
            block = text[start : text.index("</details>", start)]
            assert "<dt>basis</dt>" in block
            assert measure.formula == "" or "<dt>formula</dt>" in block
            assert measure.source == "" or "<dt>source</dt>" in block
            for name in measure.inputs:
                assert f"m-{area}-{re.sub(r'[^A-Za-z0-9.]+', '-', name)}" in ids


def test_words_of_a_description_never_become_markup() -> None:
    found = changed("name: Example Compute", 'name: "<script>alert(1)</script>&<b x=\'"')
    text = page(found)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not _read(text).wrong


def test_a_factory_without_storage_has_a_page() -> None:
    text = (STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8")
    tiers = text[text.index("\nstorage:") : text.index("\nkeys:")]
    shown = page(changed(tiers, ""))
    assert "to build: machines" in shown
    assert "to build: storage" not in shown
