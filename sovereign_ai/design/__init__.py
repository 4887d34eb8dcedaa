"""Complete descriptions that meet a few wishes, chosen exactly and laid side by side.

`request.py` holds the wishes and writes the base of a description, `candidates.py` enumerates compute
fabrics, `score.py` and `headroom.py` count what each costs, draws and survives by the planner's own closed
forms, `search.py` keeps those that no other dominates, `proposal.py` plans and judges the few that are
proposed, and `text.py` prints them. No solver is used: every candidate is sized, so the result is exact
within the space that `candidates.py` describes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.design.proposal import Design, design
    from sovereign_ai.design.request import DesignRequest
    from sovereign_ai.design.site_file import read_site
    from sovereign_ai.design.text import lines, notes
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "proposal": ("Design", "design"),
            "request": ("DesignRequest",),
            "site_file": ("read_site",),
            "text": ("lines", "notes"),
        },
    )

__all__ = ["Design", "DesignRequest", "design", "lines", "notes", "read_site"]
