"""The map of flows by jurisdiction."""

from __future__ import annotations

from sovereign_ai.attest.report.html_page import page
from tests.attest.report.reports import changed, report


def test_a_foreign_gateway_and_supplier_cross_a_border_on_the_map() -> None:
    more = "gateways:\n  - {name: out, entity: Example Abroad, seat: US, addresses: [192.0.2.0/24], zones: [open]}\nimages:"  # noqa: E501 - one literal text
    found = changed("images:", more)
    crossing = {(flow.kind, flow.origin, flow.target) for flow in found.flows if flow.crosses}
    assert ("gateway", "DE", "US") in crossing
    assert not [flow for flow in report("lab").flows if flow.crosses]
    assert "US: outside the EEA" in page(found)
