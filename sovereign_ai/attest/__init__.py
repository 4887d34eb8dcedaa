"""What a reviewer reads: a verdict in the formats that reviewers' tools take.

Rules of this room:

- Every function is pure: a verdict and the registry in, plain data or text out. Nothing is decided
  here, nothing is left out: waived and undecidable findings and notices are told as such.
- The same verdict gives the same bytes. Names that must be unique are UUIDs of version 5, made from
  what they name; a time is an argument.
- A control counts as satisfied only where every rule that serves it was decided and none was
  violated, waived or not: a waiver never hides.

    from sovereign_ai.attest.sarif import sarif

    document = sarif(verdict, base=Path.cwd())
"""

from __future__ import annotations
