"""Devices in the units of their racks, and the front view of a rack."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from sovereign_ai.render.interop.racks import models, mounted_devices
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack


@pytest.mark.parametrize("name", SMALL)
def test_devices_stand_one_above_the_other_and_within_their_rack(name: str) -> None:
    factory, plan = stack(name)
    known = models(factory, plan)
    for rack in plan.racks:
        top = 0
        for one in mounted_devices(rack, known):
            if one.unit is None or one.top is None:
                continue
            assert one.unit == top + 1
            top = one.top
        assert top <= 48
        assert top <= rack.rack_units


@pytest.mark.parametrize("name", SMALL)
def test_every_rack_has_a_front_view_that_names_each_device_or_says_that_it_has_no_place(name: str) -> None:
    factory, plan = stack(name)
    known = models(factory, plan)
    for rack in plan.racks:
        root = ET.fromstring(written(name)[f"racks/{rack.site}/{rack.name}.svg"])  # noqa: S314 - of our own making
        texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
        lost = [one.device for one in mounted_devices(rack, known) if one.top is None]
        assert set(rack.devices) - set(lost) <= texts
        assert any("without a known place" in str(text) for text in texts) is bool(lost)
