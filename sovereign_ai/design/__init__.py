"""Complete descriptions that meet a few wishes, chosen exactly and laid side by side.

`request.py` holds the wishes and writes the base of a description, `candidates.py` enumerates compute
fabrics, `score.py` and `headroom.py` count what each costs, draws and survives by the planner's own closed
forms, `search.py` keeps those that no other dominates, `proposal.py` plans and judges the few that are
proposed, and `text.py` prints them. No solver is used: every candidate is sized, so the result is exact
within the space that `candidates.py` describes.
"""

from __future__ import annotations
