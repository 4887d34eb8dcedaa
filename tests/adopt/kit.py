"""Texts of one format read into a site, and the codes of their problems."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt.formats import FORMATS, site_of
from sovereign_ai.adopt.standing import SourceText, StandingSite
from sovereign_ai.errors import Problem, SpecError


def site(form: str, **texts: str) -> StandingSite:
    """Read texts of a format; in the names of files `_` stands for a point."""
    sources = [SourceText(name.replace("_", "."), text) for name, text in texts.items()]
    return site_of(FORMATS[form], sources)


def problems(form: str, **texts: str) -> list[Problem]:
    """Return the problems of texts that cannot be read."""
    with pytest.raises(SpecError) as caught:
        site(form, **texts)
    return list(caught.value.problems)


def places(form: str, **texts: str) -> list[tuple[str, int | None]]:
    """Return code and line of each problem."""
    return [(problem.code, problem.where.line) for problem in problems(form, **texts)]
