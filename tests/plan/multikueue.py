"""A factory of two sites in two countries that sends work of one zone from the first to the second."""

from __future__ import annotations

from typing import Any

from sovereign_ai.spec.factory import AIFactory

from .factories import factory, pool, site

MANAGER, WORKER = "wish", "wish-b-1"
OPEN = {"name": "z", "trust": "low", "tenants": ["t", "u"]}
CLOSED = {"name": "s", "trust": "high", "tenants": ["v"]}
RESIDENCY = (
    {"data": "weights", "in": ["EU"], "keys": ["EU"], "staff_access": ["EU"], "zones": ["z"]},
    {"data": "personal", "in": ["DE"], "keys": ["DE"], "staff_access": ["DE"], "zones": ["s"]},
)


def worker(**more: Any) -> dict[str, Any]:
    """The second site's cluster as a worker for the zone whose data may be there."""
    return {"cluster": WORKER, "zones": ["z"], **more}


def two_sites(*workers: dict[str, Any], **more: Any) -> AIFactory:
    """Sites in Germany and France; the data of one zone may be in both, that of the other only in Germany."""
    base = {
        "sites": [site("a"), site("b", country="FR")],
        "pools": [
            pool("here", nodes=1),
            pool("mine", zone="s", nodes=1),
            pool("there", site="b", nodes=2),
        ],
        "zones": [OPEN, CLOSED],
        "tenants": [{"name": name, "seat": "DE"} for name in "tuv"],
        "residency": RESIDENCY,
        "clusters": {"home": "a"},
        "platform": {"queueing": "kueue", "multikueue": list(workers or (worker(),))},
    }
    return factory(**{**base, **more})
