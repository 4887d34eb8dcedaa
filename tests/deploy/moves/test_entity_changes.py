"""A tenant's name that passes to another legal entity is told, with what passes along."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.moves.component_move import Usage
from sovereign_ai.deploy.moves.renames import moves
from tests.daytwo.edits import edited
from tests.daytwo.probes import Described
from tests.daytwo.table import described
from tests.support.memory_cluster import obj

ENTITY = "tenants[startups].entity"
CLAIM = obj("PersistentVolumeClaim", "data", "startups") | {
    "spec": {"resources": {"requests": {"storage": "1Gi"}}}
}
USAGE = Usage(pods=(obj("Pod", "p", "startups") | {"spec": {}}, obj("Pod", "q", "research") | {"spec": {}}))


def told(edits: list[dict[str, Any]], first: list[dict[str, Any]], usage: Usage) -> list[str]:
    """Return what is reported of a change of the full description, a line each."""
    before = edited(described("full"), first)
    old, new = Described.of(before), Described.of(edited(before, edits))
    bundle = new.bundle
    found = moves(old.bundle.objects, bundle.objects, usage, new.factory, new.plan, bundle.cluster)
    return [str(move) for move in found]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (
            "Example Startup",
            "Rival",
            [
                (
                    "tenant startups changes its entity from Example Startup to Rival: "
                    "1 running pod passes to it; 1 volume claim (1.073741824 GB) passes to it; "
                    "everything else in namespace startups passes to it"
                )
            ],
        ),
        ("Example Startup", None, ["tenant startups has no entity Example Startup any more"]),
        (None, "Rival", []),
    ],
)
def test_another_entity_of_a_tenant_is_told_with_what_passes_to_it(
    before: str | None, after: str | None, lines: list[str]
) -> None:
    first = [] if before == "Example Startup" else [{"set": ENTITY, "to": before}]
    usage = Usage(pods=USAGE.pods, claims=(CLAIM,))
    assert told([{"set": ENTITY, "to": after}], first, usage) == lines


def test_tenants_that_exchange_their_names_are_told_with_whose_they_are_then() -> None:
    lines = told([{"exchange": "tenant", "names": ["research", "startups"]}], [], USAGE)
    changed = [line for line in lines if "entity" in line]
    assert len(changed) == 2
    assert changed[1].startswith(
        "tenant startups changes its entity from Example Startup to Example University: 1 running pod passes"
    )
