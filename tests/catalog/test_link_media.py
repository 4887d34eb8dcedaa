"""Link media: what is sold reaches as far as it says, in lengths that exist."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.figures import Grade
from sovereign_ai.catalog.link_media import FIXED, OPTICAL, LinkMedium, link_media, link_medium


@pytest.mark.parametrize("medium", link_media(), ids=lambda medium: medium.name)
def test_a_medium_is_stocked_up_to_its_reach_and_no_further(medium: LinkMedium) -> None:
    for split in (False, True):
        stock = medium.stock(split=split)
        assert list(stock) == sorted(set(stock))
        assert (stock[-1] if stock else 0) == medium.reach_of(split=split)


@pytest.mark.parametrize("medium", link_media(), ids=lambda medium: medium.name)
def test_fixed_cables_have_no_connector_and_fibres_have_one_with_its_polish(medium: LinkMedium) -> None:
    if medium.medium in FIXED:
        assert (medium.connector, medium.polish, medium.fibre) == (None, None, None)
    elif medium.medium in OPTICAL:
        assert medium.fibre
        assert (medium.connector == "MPO-12") == (medium.polish in ("APC", "UPC"))
        # Faces of 100 Gbps a lane and of all single-mode parallel fibres are angled.
        if medium.connector == "MPO-12" and (medium.lane.count >= 100 * 10**9 or "OS2" in medium.fibre):
            assert medium.polish == "APC"


def test_what_nvidia_sells_for_400_gbps_is_official() -> None:
    for name in ("dac", "acc", "sr", "dr", "fr"):
        medium = link_medium(name, 100)
        assert medium is not None
        field = "split_reach" if name == "acc" else "reach"
        figure = medium.source_of(field)
        assert figure is not None
        assert figure.grade is Grade.OFFICIAL, name
    assert link_medium("aoc", 100) is None
