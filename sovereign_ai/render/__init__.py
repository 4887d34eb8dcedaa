"""What the world is told, as plain text and mappings; nothing here speaks to anything.

* `kubernetes/` holds the objects of each cluster, `picture.py` draws the plan, `folder.py` writes a folder again and again.
* A renderer is a pure function of description and plan: sorted, without time, the same bytes everywhere.
* What a rule forbids is not known here twice: admission policies are made from `sovereign_ai.rules`.
"""

from __future__ import annotations
