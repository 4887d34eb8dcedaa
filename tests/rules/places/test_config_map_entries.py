from __future__ import annotations

from sovereign_ai.rules.places.config_map_entries import entries_as_settings
from tests.rules.deciding import evaluated


def test_an_entry_that_pods_may_read_as_a_variable_names_permitted_places_only() -> None:
    assert evaluated(entries_as_settings("object.a"), {"OTEL_ENDPOINT": "otel.monitoring.svc:4317"})
    assert not evaluated(entries_as_settings("object.a"), {"OTEL_ENDPOINT": "otel.example.com"})
