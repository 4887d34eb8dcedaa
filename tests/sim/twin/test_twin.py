"""A twin of the whole lab compute fabric, and that nothing of it stays. Without root and FRR these fail and say what is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.assess.fabric import check as foretell
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.render.switches.ports import SwitchPorts
from sovereign_ai.sim.twin.checks import Result, check
from sovereign_ai.sim.twin.namespace import standing
from sovereign_ai.sim.twin.sample import Sample, sample
from sovereign_ai.sim.twin.twin import STATE, Twin, down
from tests.render.lab import stack

pytestmark = pytest.mark.twin
CHECKS = (
    "cabling",
    "paths",
    "one hop within a rail",
    "reachability",
    "separation",
    "a leaked port is found",
    "a miswire is found",
    "a link lost",
    "a spine lost",
    "a leaf lost",
)


@pytest.fixture(scope="module")
def lab() -> Sample:
    return sample(*stack("lab"))


@pytest.fixture(scope="module")
def results(lab: Sample) -> Iterator[dict[str, Result]]:
    predicted = next(one for one in foretell(stack("lab")[1]) if one.plane == lab.plane.name)
    with Twin.up(lab, lambda _line: None) as twin:
        with pytest.raises(EnvironmentLacksError, match="stands already"):
            Twin.up(lab, lambda _line: None)
        yield {one.name: one for one in check(twin, predicted)}
    assert standing("twin-lab.") == []


def test_every_check_was_made(results: dict[str, Result]) -> None:
    assert tuple(results) == CHECKS


@pytest.mark.parametrize("name", CHECKS)
def test_the_twin_shows_what_the_plan_says(results: dict[str, Result], name: str) -> None:
    assert results[name].passed, results[name].said


def test_it_is_the_whole_compute_fabric(lab: Sample, results: dict[str, Result]) -> None:
    assert (len(lab.tier("leaf")), len(lab.tier("spine")), len(lab.hosts), len(lab.plane.cables)) == (8, 4, 16, 256)
    assert results["reachability"].figures["pairs"] == 2 * 8 * (12 * 11 + 4 * 3)
    assert results["separation"].figures["pairs"] == 8 * 2 * 12 * 4


def test_a_twin_that_cannot_be_built_leaves_nothing(lab: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    down(lab.factory)
    whole = Twin.start

    def broken(self: Twin, one: SwitchPorts) -> None:
        whole(self, one)
        if one.switch.tier == "spine":
            message = "a spine does not start"
            raise RuntimeError(message)

    monkeypatch.setattr(Twin, "start", broken)
    with pytest.raises(RuntimeError, match="does not start"):
        Twin.up(lab, lambda _line: None)
    assert standing("twin-lab.") == []
    assert not (STATE / "lab").exists()
    assert down(lab.factory) == {"namespaces": 0, "processes": 0, "files": 0}
