"""The platform's controllers as parts: who supplies each, what it has to reach, and what a cut does to it.

A controller whose heartbeat is used stops when nobody answers. One that installs packages when it runs goes
on where it runs, and is not started anew. Every other one ages without updates. What the catalogue says of a
contact holds until the description switches it off.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.plan import Plan, PlatformController
from sovereign_ai.sovereignty.parts.part import Dependency, Effect

_FIELDS = ("platform.controllers", "platform")
_CHANNELS = (("heartbeat", "licence"), ("telemetry", "telemetry"))
"""Kind of a used contact to the hold that it means, the strongest first."""


def platform_parts(plan: Plan) -> Iterator[Dependency]:
    """Yield a part for each controller of the platform."""
    for controller in plan.platform:
        yield _part(controller)


def described_functions(plan: Plan) -> frozenset[str]:
    """Return the functions for which the description names controllers."""
    functions: set[str] = set()
    for controller in plan.platform:
        functions.add(controller.function)
    return frozenset(functions)


def _part(controller: PlatformController) -> Dependency:
    """Return one controller as a part."""
    kinds: set[str] = set()
    countries: set[str] = set()
    for contact in controller.contacts:
        if contact.used:
            kinds.add(contact.kind)
            countries.add(contact.jurisdiction)
    others = countries - {"", controller.jurisdiction}
    is_open = _is_open(controller.licence)
    return Dependency(
        id=f"software:{controller.function}/{controller.name}",
        layer="software",
        what=f"{controller.title}, {controller.function}",
        vendor=controller.vendor,
        holder=controller.holder,
        law=controller.jurisdiction,
        also=tuple(sorted(others)),
        channel=_channel(kinds),
        effect=_effect(kinds),
        alternative="the source is open and may be kept and changed" if is_open else "",
        # Without a monitor or a repairer work goes on; without a queue or a driver none begins.
        critical=controller.function not in ("monitoring", "health"),
        fields=_FIELDS,
        licence=controller.licence,
        source=f"catalogue, controller {controller.name} ({controller.facts})",
    )


_OPEN = ("Apache-", "MIT", "BSD-", "GPL-", "LGPL-", "AGPL-", "MPL-")
"""Beginnings of the SPDX identifiers of licences under which a copy of the source can be kept for ever."""


def _is_open(licence: str) -> bool:
    """Return whether a licence cannot be withdrawn from a copy that one has."""
    return licence.startswith(_OPEN)


def _channel(kinds: set[str]) -> str:
    """Return the strongest hold over a running controller, given the kinds of its used contacts."""
    for kind, channel in _CHANNELS:
        if kind in kinds:
            return channel
    return "updates"


def _effect(kinds: set[str]) -> Effect:
    """Return the effect of a cut, given the kinds of the contacts that are used."""
    if "heartbeat" in kinds:
        return "stops"
    return "shrinks" if "packages" in kinds else "ages"
