"""The checks of a description that no field decides alone; `every_check.py` has their list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.spec.checks.hardware import great_circle_distance
    from sovereign_ai.spec.checks.heat import reused_heat
    from sovereign_ai.spec.checks.services import NEEDED
    from sovereign_ai.spec.checks.waivers import MOST_DAYS, check_waivers
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "hardware": ("great_circle_distance",),
            "heat": ("reused_heat",),
            "services": ("NEEDED",),
            "waivers": ("MOST_DAYS", "check_waivers"),
        },
    )

__all__ = ["MOST_DAYS", "NEEDED", "check_waivers", "great_circle_distance", "reused_heat"]
