"""Services that running parts use."""

from __future__ import annotations

from sovereign_ai.sovereignty.drill import Trigger
from tests.sovereignty.described import Data, report
from tests.sovereignty.test_drill import drill


def test_a_service_is_switched_off_by_the_legal_entity_that_runs_it(rich: Data) -> None:
    found = report(rich)
    assert drill(found, "holder", "Example Entity 5").first_stop("training") == 0
    assert not any(one.trigger == Trigger("holder", "Example Service 5") for one in found.drills)


def test_a_service_of_a_company_that_the_catalogue_knows_falls_with_its_chips(rich: Data) -> None:
    rich["services"][5] |= {"entity": "NVIDIA Corporation", "jurisdiction": "US"}
    found = drill(report(rich), "holder", "NVIDIA")
    assert {"service:licence-service", "accelerator:h100-sxm"} <= set(found.reached)


def test_a_service_that_is_not_used_stops_nothing_and_is_told_as_the_operators_word(rich: Data) -> None:
    rich["services"][6] = {"name": "heartbeat-service", "kind": "heartbeat", "used": False}
    found = report(rich)
    part = found.graph.part("service:heartbeat-service")
    assert (part.effect, part.what) == ("runs", "heartbeat to a vendor: not used, on the operator's word")
    assert not any("service:heartbeat-service" in one for sets in found.sets.values() for one in sets.parts)
    assert all(one.certain for one in found.drills)


def test_a_supplier_whose_words_name_a_service_is_no_entry_and_says_that_one_is_missing(rich: Data) -> None:
    rich["services"].pop(1)
    rich["suppliers"].append(
        {"name": "names", "component": "DNS", "vendor": "Example Names", "jurisdiction": "DE"}
    )
    part = report(rich).graph.part("dns:")
    assert not part.known
    assert part.what == "name service (supplier names names one, and 'services' has no entry of kind dns)"
