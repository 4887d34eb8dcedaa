"""Fair sharing of idle quota: with Kueue, of quota that is lent, and weights that something uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory
    from sovereign_ai.spec.platform import Platform

_STRATEGIES = ("LessThanOrEqualToFinalShare", "LessThanInitialShare")
"""The only order of both that Kueue takes (0.17, pkg/config/validation.go)."""
_EVERY_STRATEGY = f"[{', '.join(_STRATEGIES)}]"


def check_fair_sharing(factory: AIFactory) -> Iterator[Problem]:
    """Refuse fair sharing where nothing is shared, in an order that Kueue refuses, and weights without it."""
    zones = {zone.name for zone in factory.zones if zone.idle_quota == "lent"}
    strategies = factory.fair_sharing
    if factory.platform is not None and strategies:
        yield from _check_strategies(factory.platform, is_lent=bool(zones))
    sharing = set()
    for zone in factory.zones:
        if zone.name in zones:
            sharing |= set(zone.tenants)
    for index, tenant in enumerate(factory.tenants):
        where = Where(field=f"tenants[{index}].weight")
        if tenant.weight is None:
            continue
        if not strategies:
            message = f"{tenant.name!r} has a weight, and idle quota is not shared by weights"
            hint = f"write 'platform.fair_sharing: {_EVERY_STRATEGY}', or remove 'weight'"
            yield Problem("contradiction", message, where, hint)
        elif tenant.name not in sharing:
            message = f"{tenant.name!r} has a weight, and no zone of it lends idle quota"
            yield Problem("contradiction", message, where, "write 'idle_quota: lent', or remove 'weight'")


def _check_strategies(platform: Platform, *, is_lent: bool) -> Iterator[Problem]:
    """Refuse fair sharing without Kueue, without lent quota, or by strategies in an order of no use."""
    where = Where(field="platform.fair_sharing")
    if "kueue" not in platform.queueing:
        message = "idle quota is to be shared fairly, and Kueue, which does it, is not run"
        yield Problem("missing-controller", message, where, "write 'queueing: kueue' under 'platform'")
    elif not is_lent:
        message = "idle quota is to be shared fairly, and no zone lends any"
        hint = "write 'idle_quota: lent' in a zone, or remove 'fair_sharing'"
        yield Problem("contradiction", message, where, hint)
    given = platform.fair_sharing
    # That one stands twice is said by itself.
    if len(given) > 1 and len(given) == len(set(given)) and given != _STRATEGIES:
        message = f"Kueue takes one strategy, or both in one order, and not {', '.join(given)}"
        yield Problem("bad-value", message, where, f"write {_EVERY_STRATEGY}")
