"""Where a design is for: a country's code, a file with one site, or a description of one site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from sovereign_ai.catalog import UnknownNameError, country, country_hint
from sovereign_ai.errors import Problem, SpecError, UsageError, Where, with_more
from sovereign_ai.files import DESCRIPTION, decode, parse, read, shown
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.spec import AIFactory, Site, load, validated
from sovereign_ai.text import counted

_KEPT = ("operator", "images", "suppliers", "services", "approvers", "network", "catalog")
"""Sections of a user's description that a design keeps; the others follow from the design."""


@frozen_dataclass
class SiteSource:
    """Where a design is for.

    Attributes:
        country: the site's country.
        site: the site as described; None where only its country is given.
        context: other sections of the description that the site is from.
    """

    country: str
    site: Mapping[str, Any] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)


def read_site(text: str) -> SiteSource:
    """Read what `--site` names.

    Raises:
        UsageError: it is neither a country nor a file.
        SpecError: every problem of the file.
    """
    path = Path(text)
    try:
        path.exists()
    except OSError:
        # Longer than any path may be.
        raise UsageError(_no_place(text)) from None
    if not text:
        raise UsageError(_no_place(text))
    if path.is_dir() or path.suffix == ".py":
        return _of_description(load(path))
    if path.suffix in (".yaml", ".yml", ".json") or path.is_file():
        return _of_file(path)
    try:
        return SiteSource(country(text.upper()).code)
    except UnknownNameError:
        raise UsageError(_no_place(text)) from None


def _no_place(text: str) -> Problem:
    """Return the problem of a text that is neither a country nor a file."""
    message = f"--site: {shown(text)} is neither a country's code nor a file"
    hint = with_more(country_hint(text), "or name a file with a site as under 'sites:'")
    return Problem("unknown-site", message, hint=hint)


def _of_file(path: Path) -> SiteSource:
    """Read a file that holds one site, or a whole description."""
    parsed = parse(decode(read(path, DESCRIPTION), str(path)), str(path))
    data = parsed.data
    if isinstance(data, dict) and "sites" in data:
        return _of_description(load(path))
    if not isinstance(data, dict):
        message = "a site is a mapping of fields, as an entry of 'sites:'"
        problem = Problem("wrong-type", message, Where(str(path), 1, 1), "start with 'name:'")
        raise SpecError([*parsed.problems, problem])
    site = validated(Site, parsed)
    return SiteSource(str(site.country), data)


def _of_description(factory: AIFactory) -> SiteSource:
    """Return the only site of a description, with the sections that a design keeps."""
    if len(factory.sites) > 1:
        names = ", ".join(map(_name, factory.sites))
        message = f"the description has {counted(len(factory.sites), 'site')} ({names}); a design is for one"
        raise UsageError(Problem("several-sites", message, hint="write the one site into a file of its own"))
    data = factory.model_dump(mode="json", by_alias=True, exclude_unset=True)
    context: dict[str, Any] = {}
    for name in _KEPT:
        # Sections with defaults alone stay left out, as in the user's file.
        if name in data:
            context[name] = data[name]
    return SiteSource(str(factory.sites[0].country), data["sites"][0], context)


def _name(site: Site) -> str:
    """Return the name of a site."""
    return site.name
