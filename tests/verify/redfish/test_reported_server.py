from __future__ import annotations

from dataclasses import fields

from sovereign_ai.verify.redfish.reported_server import Gpu, NicPort, ReportedServer, Unreachable


def test_the_plain_data_of_a_server_has_all_of_its_fields() -> None:
    server = ReportedServer("a", "https://a", "DGX", gpus=(Gpu("g", "H100", "OK"),), ports=(NicPort("p", 4),))
    data = server.to_data()
    assert set(data) == {field.name for field in fields(ReportedServer)}
    assert data["gpus"] == [{"name": "g", "model": "H100", "health": "OK"}]
    assert data["ports"] == [{"name": "p", "rate": 4}]


def test_the_plain_data_of_a_silent_controller_has_its_reason() -> None:
    data = Unreachable("https://a", "", "closed").to_data()
    assert data == {"endpoint": "https://a", "machine": "", "reason": "closed"}
