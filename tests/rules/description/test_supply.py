from __future__ import annotations

from tests.rules.deciding import messages_of
from tests.rules.test_described import MIXED, asked, certificate, part


def test_a_licence_from_outside_the_union_needs_ninety_days_or_an_alternative() -> None:
    assert len(messages_of("SUP-001", **part(control_channel="licence"))) == 1
    assert messages_of("SUP-001", **part(control_channel="licence", grace="90 d")) == []
    [message] = messages_of("SUP-001", **part(control_channel="licence", grace="89 d"))
    assert "it runs on for 89 d without that; at least 90 d" in message
    assert messages_of("SUP-001", **part(control_channel="licence", jurisdiction="FR")) == []


def test_an_external_service_of_no_known_country_counts_as_foreign() -> None:
    [message] = messages_of("SUP-001", **asked(jurisdiction=None))
    assert message.startswith("Example Login (of no named country) answers as the identity service")
    assert messages_of("SUP-001", **asked(jurisdiction="FR")) == []


def test_accelerators_of_one_maker_have_the_highest_index_of_concentration() -> None:
    [message] = messages_of("SUP-006")
    assert message.endswith("an index of concentration of 10,000 of 10,000")
    assert messages_of("SUP-006", **MIXED) == []


def test_a_certificate_counts_on_its_last_day() -> None:
    assert messages_of("CRT-001", **certificate("2026-11-24")) == []
    assert len(messages_of("CRT-001", **certificate("2026-11-23"))) == 1
    assert messages_of("CRT-002", **certificate("2026-11-24"))[0].endswith("in 0 days")
