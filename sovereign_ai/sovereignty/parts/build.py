"""All parts of a factory, in one order."""

from __future__ import annotations

from sovereign_ai.plan import Plan
from sovereign_ai.sovereignty.parts.hardware import hardware
from sovereign_ai.sovereignty.parts.part import Dependency
from sovereign_ai.sovereignty.parts.platform import described_functions, platform_parts
from sovereign_ai.sovereignty.parts.services import services
from sovereign_ai.sovereignty.parts.surroundings import energy, keys, law, lines, people, software
from sovereign_ai.spec import AIFactory


def parts_of(factory: AIFactory, plan: Plan) -> tuple[Dependency, ...]:
    """Return every part, sorted by layer and id."""
    parts = [
        *hardware(factory, plan),
        *software(described_functions(plan)),
        *platform_parts(plan),
        *services(factory),
        *keys(factory),
        *lines(factory),
        *energy(factory),
        *people(factory),
        *law(factory),
    ]
    return tuple(sorted(parts, key=lambda part: (part.layer, part.id)))
