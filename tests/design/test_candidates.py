"""Which fabrics are tried."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.switch import switch
from sovereign_ai.catalog.system import system
from sovereign_ai.design.candidates import SHAPES, compute_fabrics, other_fabrics
from sovereign_ai.design.request import DesignRequest
from sovereign_ai.spec.reader import read_data
from sovereign_ai.units import Ratio


@pytest.mark.parametrize("name", ["dgx-h100", "dgx-b300", "gb300-nvl72-tray", "gaudi3-oam8"])
def test_what_is_tried_is_a_valid_description_whatever_the_planner_says(name: str) -> None:
    request = DesignRequest("x", 64, system(name), "DE", Ratio(2, 1))
    shapes = set()
    for number, (shape, fabric) in enumerate(compute_fabrics(request)):
        shapes.add(shape)
        # Every hundredth: reading a description takes some milliseconds.
        if number % 100 == 0:
            read_data({**request.base(), "fabrics": [fabric, *other_fabrics(request, fabric)]}, "test")
    assert shapes == set(SHAPES)


def test_no_leaf_is_too_slow_and_none_is_of_another_kind() -> None:
    request = DesignRequest("x", 64, system("dgx-b300"), "DE", kinds=("infiniband",))
    for _, fabric in compute_fabrics(request):
        model = switch(fabric["switch"])
        assert model.kind == "infiniband"
        assert model.rate.count * fabric.get("planes", 1) >= 800 * 10**9


def test_the_users_ratio_is_tried_beside_one_to_one() -> None:
    request = DesignRequest("x", 64, system("dgx-h100"), "DE", Ratio(3, 1), ("roce",))
    assert {fabric["oversubscription"] for _, fabric in compute_fabrics(request)} == {"1:1", "3:1"}


def test_models_alike_in_all_that_is_counted_are_not_mixed() -> None:
    request = DesignRequest("x", 64, system("dgx-b300"), "DE", kinds=("roce",))
    pairs = {(fabric["switch"], fabric.get("spine_switch")) for _, fabric in compute_fabrics(request)}
    assert ("n9364e", None) in pairs
    assert ("n9364e", "qfx5240-64od") not in pairs
    # They differ in watts.
    assert ("sn5600", "n9364e") in pairs
