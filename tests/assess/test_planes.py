"""What a fabric of several planes loses with one of them."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

from sovereign_ai.assess.fabric import assess_fabrics
from sovereign_ai.assess.planes import plane_losses
from tests.fabric_twin.planar import planar
from tests.render.lab import stack


@pytest.mark.parametrize("planes", [1, 2, 4])
def test_each_of_equal_planes_leaves_the_others_share_and_no_machine_without_a_port_but_where_it_is_alone(
    planes: int,
) -> None:
    _, plan = planar(planes)
    losses = [one for one in plane_losses(plan, assess_fabrics(plan)) if one.fabric == "compute"]
    assert [one.planes for one in losses] == [planes] * planes
    assert {one.share for one in losses} == {Fraction(planes - 1, planes)}
    assert {(one.endpoints, one.nodes, one.gpus) for one in losses} == {(12, 6, 48)}
    assert {(one.dark, one.dark_gpus) for one in losses} == ({(6, 48)} if planes == 1 else {(0, 0)})


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_losses_of_planes_agree_with_the_planes_own(name: str) -> None:
    plan = stack(name)[1]
    reports = assess_fabrics(plan)
    counted = Counter((one.fabric, one.site) for one in plan.fabrics)
    for loss, report in zip(plane_losses(plan, reports), reports, strict=True):
        own = next(one for one in report.losses if one.kind == "plane")
        assert (loss.plane, loss.endpoints, loss.nodes, loss.gpus) == (
            report.plane,
            own.endpoints,
            own.nodes,
            own.gpus,
        )
        assert loss.planes == counted[loss.fabric, loss.site]
        assert loss.whole - loss.left == report.bisection
        assert loss.to_data()["share"] == str(loss.share)
