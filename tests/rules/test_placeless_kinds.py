from __future__ import annotations

from sovereign_ai.rules.addons.table import ADDONS
from sovereign_ai.rules.kinds import OTHER, find_kind
from sovereign_ai.rules.placeless_kinds import HARMLESS


def test_each_kind_is_listed_once_and_in_no_other_table() -> None:
    keys = [f"{kind.api_group}/{kind.kind}" for kind in HARMLESS]
    assert len(set(keys)) == len(keys)
    assert set(keys).isdisjoint(ADDONS)
    for kind in HARMLESS:
        assert find_kind(f"{kind.api_group}/v1", kind.kind) is OTHER


def test_a_kind_of_the_api_server_has_its_resource_and_an_added_kind_has_none() -> None:
    resources = {(kind.api_group, kind.kind): kind.resource for kind in HARMLESS}
    assert resources["coordination.k8s.io", "Lease"] == "leases"
    assert resources["", "Event"] == "events"
    assert resources["cilium.io", "CiliumIdentity"] == ""
