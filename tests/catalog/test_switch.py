"""Switches: radix, rate and power."""

from __future__ import annotations

from sovereign_ai.catalog.figures import Grade
from sovereign_ai.catalog.switch import switch, switches
from sovereign_ai.units import Watts


def test_switches_have_the_radix_and_rate_of_their_tables_and_no_power_without_a_range() -> None:
    packaged = [one for one in switches() if one.name in ("q3400", "qm9700", "sn2201", "sn4600c", "sn5600")]
    assert [(one.name, one.ports, str(one.rate)) for one in packaged] == [
        ("q3400", 144, "800 Gbps"),
        ("qm9700", 64, "400 Gbps"),
        ("sn2201", 48, "1 Gbps"),
        ("sn4600c", 64, "100 Gbps"),
        ("sn5600", 64, "800 Gbps"),
    ]
    for model in packaged:
        figure = model.source_of("power")
        assert figure is not None
        assert figure.low is not None
        assert figure.high is not None
        assert figure.low < figure.high, model.name
        assert model.worst_power == figure.worst(Watts)
    assert switch("qm9700").rack_units == 1
    for name, field in (("sn5600", "ports"), ("q3400", "rack_units")):
        figure = switch(name).source_of(field)
        assert figure is not None
        assert figure.grade is Grade.SECONDARY
