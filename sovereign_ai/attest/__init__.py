"""A verdict in the formats of reviewers' tools, the report, signed evidence, and the log of all runs.

Rules of this room:

- Every renderer is pure: a verdict and the registry in, plain data or text out. It decides nothing and leaves
  nothing out: waived and undecidable findings and notices are marked as such.
- The same verdict gives the same bytes. Names that must be unique are UUIDs of version 5, made from what they
  name; a time is an argument.
- A control counts as satisfied only where every rule that serves it was decided and none was violated, waived
  or not: a waiver never hides a violation.

    from sovereign_ai.attest.sarif import sarif

    document = sarif(verdict, base=Path.cwd())
"""

from __future__ import annotations
