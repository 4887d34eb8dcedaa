"""Losses of a planned power chain at a part of its load, for the energy assessment.

The plan states losses at full load. Over a year a site works below it, where a UPS loses another share.
"""

from __future__ import annotations

from fractions import Fraction

from sovereign_ai.plan.power.chain import transformer_losses, ups_loss
from sovereign_ai.plan.power.chain_elements import ChainElement
from sovereign_ai.plan.power.sites import SitePower
from sovereign_ai.spec import PowerChain, Site


def _element(power: SitePower, name: str) -> ChainElement | None:
    """Return the elements of one name in a site's chain; None where there are none."""
    for element in power.chain:
        if element.element == name:
            return element
    return None


def ups_loss_share(site: Site, power: SitePower, part: Fraction) -> Fraction | None:
    """Return the losses of a site's UPS over its IT load, at a part of the planned load.

    The mechanical load on the UPS is taken as full, since pumps and fans hardly follow the servers.

    Args:
        site: the site.
        power: its planned power.
        part: IT load over the plan's.

    Returns:
        The share; None where no UPS is described or there is no load.
    """
    chain = site.power.chain
    if chain is None or not power.it_load:
        return None
    watts = _ups_watts(chain, power, part)
    return None if watts is None else watts / (power.it_load * part)


def _ups_watts(chain: PowerChain, power: SitePower, part: Fraction) -> Fraction | None:
    """Return what all UPS systems lose at a part of the planned load; None where no UPS is described."""
    if chain.ups is None:
        return None
    on_ups = chain.mechanical.on_ups.count
    modules = _element(power, "UPS module")
    if modules is not None:
        rating = modules.rating * modules.installed
        return ups_loss(chain.ups.efficiency, power.it_load * part + on_ups, rating)
    systems = _element(power, "UPS system")
    if systems is None:
        return None
    total = Fraction(0)
    for watts in power.feeds.values():
        output = watts * part + Fraction(on_ups, len(power.feeds))
        total += ups_loss(chain.ups.efficiency, output, systems.rating)
    idle = systems.installed - len(power.feeds)
    return total + idle * ups_loss(chain.ups.efficiency, Fraction(0), systems.rating)


def transformer_loss_share(site: Site, power: SitePower, part: Fraction) -> Fraction | None:
    """Return the losses of a site's transformers over its IT load, at a part of the planned load.

    Args:
        site: the site.
        power: its planned power.
        part: IT load over the plan's.

    Returns:
        The share; None where no transformers are described or there is no load.
    """
    chain, element = site.power.chain, _element(power, "transformer")
    if chain is None or chain.transformers is None or element is None or not power.it_load:
        return None
    it_load = power.it_load * part
    boards = it_load + (_ups_watts(chain, power, part) or 0) + chain.mechanical.power.count
    apparent = boards * 10_000 / chain.power_factor.count
    return Fraction(transformer_losses(chain.transformers, element.installed, apparent)) / it_load
