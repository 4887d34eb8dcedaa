from __future__ import annotations

from sovereign_ai.rules.cel.bindings import in_zone
from tests.rules.deciding import evaluated


def test_an_object_outside_namespaces_is_judged_in_the_zone_that_it_serves() -> None:
    condition = in_zone('variables.zone == "restricted" && size(variables.own_domains) == 0', "object.a")
    assert evaluated(condition, "restricted", zone="open")
    assert not evaluated(condition, "open", zone="restricted")


def test_what_is_outside_is_that_of_the_same_zone() -> None:
    condition = in_zone("size(variables.outside) > 0", "object.a")
    assert evaluated(condition, "open")
    assert not evaluated(condition, "nowhere")
