from __future__ import annotations

from sovereign_ai.rules.places.addon_conditions import cilium_own
from tests.rules.deciding import evaluated


def test_labels_of_cilium_select_pods_and_not_the_world() -> None:
    assert evaluated(cilium_own("object.a"), {"app": "x"})
    assert not evaluated(cilium_own("object.a"), {"reserved:world": ""})
