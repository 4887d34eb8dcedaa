"""The graph's parts, all of them, in one order."""

from __future__ import annotations

from sovereign_ai.assess.sovereignty.parts.hardware import hardware
from sovereign_ai.assess.sovereignty.parts.part import Part
from sovereign_ai.assess.sovereignty.parts.services import services
from sovereign_ai.assess.sovereignty.parts.surroundings import energy, keys, law, lines, people, software
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory


def parts_of(factory: AIFactory, plan: Plan) -> tuple[Part, ...]:
    """Give every part, sorted by layer and id."""
    found = [
        *hardware(factory, plan),
        *software(),
        *services(factory),
        *keys(factory),
        *lines(factory),
        *energy(factory),
        *people(factory),
        *law(factory),
    ]
    return tuple(sorted(found, key=lambda part: (part.layer, part.id)))
