"""Hardware, its firmware and its drivers."""

from __future__ import annotations

from tests.sovereignty.test_drill import drill, stack


def test_an_export_rule_reaches_chips_machines_and_driver_together() -> None:
    found = drill(stack("lab"), "export-rule", "3A090.a")
    assert found.foreign
    assert found.reached == ("accelerator:h100-sxm", "system:dgx-h100", "driver:nvidia")
