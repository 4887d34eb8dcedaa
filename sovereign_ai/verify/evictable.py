"""A workload that may have to go for another, as a value."""

from __future__ import annotations

from typing import NamedTuple

from sovereign_ai.verify.pod_requests import Object
from sovereign_ai.verify.quota_tree import QuotaNode

Kind = str
"""How a workload may be taken: `own`, `claimed`, `without-borrowing` or `while-borrowing`; under fair sharing
`own` or `shared`."""


class EvictableWorkload(NamedTuple):
    """A workload that may have to go.

    Attributes:
        workload: the workload.
        queue: the name of its queue.
        kind: how it may be taken.
        below: the cohort down to which its queue and the waiting one's part; None in the queue itself.
    """

    workload: Object
    queue: str
    kind: Kind
    below: QuotaNode | None = None
