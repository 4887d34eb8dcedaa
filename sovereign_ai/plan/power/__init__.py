"""Power and cooling: what racks draw through each feed, what survives its loss, where the heat goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sovereign_ai.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from sovereign_ai.plan.power.chain_elements import ChainElement, load_text, needed_for
    from sovereign_ai.plan.power.chain_losses import transformer_loss_share, ups_loss_share
    from sovereign_ai.plan.power.cooling import GRAMS_OF_WATER, HEAT_OF_AIR, HEAT_OF_WATER, airflow
    from sovereign_ai.plan.power.feeds import MOST_FEEDS, fewest_left
    from sovereign_ai.plan.power.loads import (
        RackGroup,
        feed_limit,
        planned_watts,
        rack_groups,
        rack_watts,
        site_load,
    )
    from sovereign_ai.plan.power.sites import SitePower
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "chain_elements": ("ChainElement", "load_text", "needed_for"),
            "chain_losses": ("transformer_loss_share", "ups_loss_share"),
            "cooling": ("GRAMS_OF_WATER", "HEAT_OF_AIR", "HEAT_OF_WATER", "airflow"),
            "feeds": ("MOST_FEEDS", "fewest_left"),
            "loads": ("RackGroup", "feed_limit", "planned_watts", "rack_groups", "rack_watts", "site_load"),
            "sites": ("SitePower",),
        },
    )

__all__ = [
    "GRAMS_OF_WATER",
    "HEAT_OF_AIR",
    "HEAT_OF_WATER",
    "MOST_FEEDS",
    "ChainElement",
    "RackGroup",
    "SitePower",
    "airflow",
    "feed_limit",
    "fewest_left",
    "load_text",
    "needed_for",
    "planned_watts",
    "rack_groups",
    "rack_watts",
    "site_load",
    "transformer_loss_share",
    "ups_loss_share",
]
