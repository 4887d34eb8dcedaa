"""What keeps a workload out of its ClusterQueue, as a value."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from sovereign_ai.frozen_dataclass import frozen_dataclass

ObstacleCode = Literal[
    "other-namespace",
    "not-covered",
    "untolerated",
    "wrong-label",
    "over-quota",
    "waits-for-quota",
    "topology",
    "no-node",
]


@frozen_dataclass
class Obstacle:
    """Why a workload does not get into its queue.

    Attributes:
        code: this program's word.
        message: what decides, with the figures.
        flavor: the flavor that is nearest to admitting it; empty where the queue itself does not.
        resource: the resource that lacks, where one does.
        missing: how much of it.
        level: the level of a topology that has no room; empty for all of it.
        brief: the same in few words, beside the obstacle of another flavor.
    """

    code: ObstacleCode
    message: str
    flavor: str = ""
    resource: str = ""
    missing: Fraction = Fraction(0)
    level: str = ""
    brief: str = ""
