from __future__ import annotations

from sovereign_ai.rules.addons.table import _ADDONS, ADDONS


def test_no_kind_is_in_two_tables() -> None:
    assert list(ADDONS) == [addon.key for addon in _ADDONS]


def test_a_kind_names_its_reference_and_no_field_twice() -> None:
    for addon in ADDONS.values():
        assert "." in addon.source.partition("/")[0]
        assert len(set(addon.fields)) == len(addon.fields)
