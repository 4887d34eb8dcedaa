"""A twin of the whole lab compute fabric, configured by the playbook that switches have, and that nothing of it stays.

Without root, FRR and Ansible these fail and say what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sovereign_ai.assess.fabric import FabricReport
from sovereign_ai.deploy.hosts import configure_twin
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.render.switches.ports import SwitchPorts
from sovereign_ai.sim.twin import asked, injected, neighbours
from sovereign_ai.sim.twin.checks import check
from sovereign_ai.sim.twin.namespace import batch, standing
from sovereign_ai.sim.twin.ping import Pinger
from sovereign_ai.sim.twin.result import Result
from sovereign_ai.sim.twin.sample import Sample, sample
from sovereign_ai.sim.twin.sample import predicted as foretell
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
    "a link flaps",
    "a spine lost",
    "a machine's cable lost",
    "a leaf lost",
    "the plane lost",
)


@pytest.fixture(scope="module")
def lab() -> Sample:
    return sample(*stack("lab"))


@dataclass(frozen=True)
class Standing:
    """A twin that stood, and what was found on it."""

    results: dict[str, Result]
    blind: dict[str, bool]
    drift: dict[str, list[str]]


@pytest.fixture(scope="module")
def predicted(lab: Sample) -> FabricReport:
    return foretell(lab, stack("lab")[1])


@pytest.fixture(scope="module")
def stood(lab: Sample, predicted: FabricReport) -> Iterator[Standing]:
    with Twin.up(lab, _quiet, configure_twin) as twin:
        with pytest.raises(EnvironmentLacksError, match="stands already"):
            Twin.up(lab, _quiet, configure_twin)
        drift = {"as built": _drift(twin)}
        blind = _blind(twin)
        results = {one.name: one for one in check(twin, predicted)}
        drift["with a leaked port"] = _drift_with_a_leak(twin)
        yield Standing(results, blind, drift)
    assert standing("twin-lab.") == []


@pytest.fixture(scope="module")
def results(stood: Standing) -> dict[str, Result]:
    return stood.results


def _quiet(_line: str) -> None:
    """Say nothing."""


def _drift(twin: Twin) -> list[str]:
    """Give the switches that the playbook would change."""
    return [one.host for one in configure_twin(twin.sample.switches, twin.prefix, twin.folder, _quiet, check=True).changed]


def _drift_with_a_leak(twin: Twin) -> list[str]:
    """Put a port into another zone's segment, and give the switches that the playbook would change."""
    leaf = twin.sample.tier("leaf")[2]
    port = next(one for one in leaf.ports if one.host)
    own = leaf.partition(port)
    other = next(one for one in leaf.zones if own is not None and one.number != own.number)
    batch([f"link set {port.interface} master br{other.number}"], twin.name(leaf.switch.name))
    return _drift(twin)


def _blind(twin: Twin) -> dict[str, bool]:
    """Take the finders out and tell whether the checks that hang on them still pass."""
    with pytest.MonkeyPatch.context() as patch, Pinger(twin.prefix, twin.sample.endpoints) as pinger:
        patch.setattr(asked, "separation", lambda _twin, _pinger: (True, "none of 768 pairs of two zones reach each other", {}))
        patch.setattr(neighbours, "miswires", lambda _sample, _prefix: [])
        return {"leak": injected.leak(twin, pinger)[0], "miswire": injected.miswire(twin)[0]}


def test_every_check_was_made(results: dict[str, Result]) -> None:
    assert tuple(results) == CHECKS


@pytest.mark.parametrize("name", CHECKS)
def test_the_twin_shows_what_the_plan_says(results: dict[str, Result], name: str) -> None:
    assert results[name].passed, results[name].said


def test_the_playbook_finds_nothing_to_change_on_what_it_built_and_the_leaf_with_the_leak(stood: Standing, lab: Sample) -> None:
    assert stood.drift == {"as built": [], "with a leaked port": [lab.tier("leaf")[2].switch.name]}


def test_without_their_finders_an_injected_leak_and_a_miswire_go_unseen_and_the_checks_fail(stood: Standing) -> None:
    assert stood.blind == {"leak": False, "miswire": False}


def test_what_the_plan_foretold_is_what_the_twin_showed(results: dict[str, Result], predicted: FabricReport) -> None:
    for kind, name in (("link to a machine", "a machine's cable lost"), ("leaf", "a leaf lost"), ("plane", "the plane lost")):
        loss = next(one for one in predicted.losses if one.kind == kind)
        figures = results[name].figures
        assert (figures["cut"], figures["machines"], figures["gpus"]) == (loss.endpoints, loss.nodes, loss.gpus)
    assert results["a spine lost"].figures["paths"] * 4 == results["a spine lost"].figures["of"] * 3


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
        Twin.up(lab, _quiet, configure_twin)
    assert standing("twin-lab.") == []
    assert not (STATE / "lab").exists()
    assert down(lab.factory) == {"namespaces": 0, "processes": 0, "files": 0}
