from __future__ import annotations

from tests.rules.deciding import messages_of
from tests.rules.test_described import body, operator, tenant


def test_staff_abroad_is_reported_with_the_permitted_areas() -> None:
    assert messages_of("STF-001") == []
    [message] = messages_of("STF-001", **operator(support=["IN"]))
    assert message == "support is given from IN; personal data may be reached from EU only (IN)"


def test_the_parent_of_a_sub_processor_reaches_the_data_of_its_subsidiary() -> None:
    assert messages_of("STF-001", **body()) == []
    [message] = messages_of("STF-001", **body(parent_seat="US"))
    assert message.startswith("sub-processor Example Analytics answers to DE, US;")
    assert messages_of("STF-001", **body(parent_seat="US", data=[])) == []


def test_many_countries_are_shortened_to_six() -> None:
    [message] = messages_of("STF-002", **operator(staff={"location": ["DE"], "citizenship": ["ADEQUACY"]}))
    countries = message.removeprefix("staff are citizens of ").split(" too")[0]
    assert countries.count(",") == 6
    assert countries.endswith(", …")


def test_a_tenant_outside_the_area_is_reported_with_the_laws_of_its_seat() -> None:
    assert messages_of("STF-004", **tenant("NO")) == []
    [message] = messages_of("STF-004", **tenant("US"))
    assert message.startswith("tenant research sits in US, outside the EEA: CLOUD Act")
