"""Storage grades: exact values, and their order."""

from __future__ import annotations

from sovereign_ai.catalog.storage import grade, grades
from sovereign_ai.units import BytesPerSecond


def test_four_units_of_storage_are_four_times_one_although_two_cells_are_cut_off() -> None:
    for one in grades():
        assert one.cluster_read(4) == one.four_units_read, one.name
        assert one.cluster_write(4) == one.four_units_write, one.name
        assert one.unit_write.count // 10**9 == one.printed_unit_write, one.name
    cut = {one.name for one in grades() if one.unit_write.count % 10**9}
    assert cut == {"good", "best"}
    assert grade("good").unit_write == BytesPerSecond.parse("7.5 GB/s")
    assert grade("best").unit_write == BytesPerSecond.parse("62.5 GB/s")


def test_grades_rise() -> None:
    assert [one.name for one in grades()] == ["good", "better", "best"]
    assert [one.rank for one in grades()] == [1, 2, 3]
    for field in ("node_read", "node_write", "unit_read", "unit_write"):
        values = [getattr(one, field) for one in grades()]
        assert values == sorted(values)
        assert len(set(values)) == 3
