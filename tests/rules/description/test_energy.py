from __future__ import annotations

from dataclasses import replace

from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.whole_check import decide
from tests.rules.deciding import messages_of
from tests.rules.test_described import FACTORY, TODAY, contract, factory_of, power, site


def test_only_training_servers_count_for_the_ramp_of_the_load() -> None:
    limit = power(ramp_limit="1 kW/s")
    [message] = messages_of("NRG-001", **limit)
    assert message.startswith("pool train can drop ")
    inference = [{**pool, "purpose": "inference"} for pool in FACTORY["pools"]]
    assert messages_of("NRG-001", pools=inference, **limit) == []


def test_a_cap_on_power_limits_how_far_the_load_can_drop() -> None:
    [message] = messages_of("NRG-001", **power(ramp_limit="20 kW/s"))
    assert message.startswith("pool train can drop ")
    assert messages_of("NRG-001", **power(ramp_limit="20 kW/s", cap={"rack": "19 kW"})) == []


def test_a_site_reports_from_half_a_megawatt_on() -> None:
    factory = factory_of()
    derived = plan(factory)
    messages = []
    for watts in (499_999, 500_000):
        sites = tuple(replace(row, it_load=watts) for row in derived.power)
        findings = decide(factory, replace(derived, power=sites), TODAY)
        messages.append([finding.resource for finding in findings if finding.rule == "NRG-003"])
    assert messages == [[], ["Site/fra1"]]


def test_two_contracts_with_the_same_seller_are_one_source() -> None:
    same = [contract(), contract(name="peak", supplier="example-energy")]
    assert len(messages_of("NRG-004", **site(contracts=same))) == 1
    other = [contract(), contract(name="peak", supplier="Other Energy")]
    assert messages_of("NRG-004", **site(contracts=other)) == []
