"""A twin of the lab's whole compute and storage fabrics, configured by the playbook that switches have, and
that nothing of it stays.

Without root, FRR and Ansible these fail and say what is missing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from sovereign_ai.deploy.hosts.runner import configure_twin
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.fabric_twin import neighbours, queries, self_test
from sovereign_ai.fabric_twin.checks import run_checks
from sovereign_ai.fabric_twin.namespace import batch, list_namespaces, processes
from sovereign_ai.fabric_twin.ping import Pinger
from sovereign_ai.fabric_twin.result import Result
from sovereign_ai.fabric_twin.sample import Predictions, Sample, choose_sample
from sovereign_ai.fabric_twin.sample import predict as foretell
from sovereign_ai.fabric_twin.twin import STATE, Configure, Progress, Twin, down
from sovereign_ai.render.switches.ports import SwitchPorts
from sovereign_ai.toolchain import wait_until
from tests.render.lab import stack

pytestmark = pytest.mark.twin
COMPUTE, STORAGE = "compute-fra1-p0", "storage-fra1-p0"
STANDS = ("paths", "one hop within a rail", "reachability", "separation")
BROKEN = (
    "a leaked port is found",
    "a miswire is found",
    "a link lost",
    "a link flaps",
    "a spine lost",
    "a machine's cable lost",
    "a leaf lost",
)
CHECKS = (
    "cabling",
    *(f"{name} ({plane})" for plane in (COMPUTE, STORAGE) for name in STANDS),
    "planes apart",
    "a way between planes is found",
    *(f"{name} ({COMPUTE})" for name in BROKEN),
    *(f"the plane lost ({plane})" for plane in (COMPUTE, STORAGE)),
)


@pytest.fixture(scope="module")
def lab() -> Sample:
    return choose_sample(*stack("lab"))


@dataclass(frozen=True)
class Standing:
    """A twin that stood, and what was found on it."""

    results: dict[str, Result]
    blind: dict[str, bool]
    drift: list[str]
    lines: list[str]


class Fallen:
    """Configures a twin whose first spine loses bgpd before it is configured the first time."""

    def __init__(self, configure: Configure) -> None:
        self.configure = configure
        self.calls = 0

    def __call__(
        self, switches: Sequence[SwitchPorts], prefix: str, folder: Path, progress: Progress
    ) -> None:
        self.calls += 1
        if self.calls == 1:
            spine = next(switch.switch.name for switch in switches if switch.switch.tier == "spine")
            pid = int((folder / spine / "bgpd.pid").read_text(encoding="ascii"))
            os.kill(pid, signal.SIGSEGV)
            wait_until(lambda: pid not in processes(prefix + spine), seconds=10)
        self.configure(switches, prefix, folder, progress)


@pytest.fixture(scope="module")
def predicted(lab: Sample) -> Predictions:
    return foretell(lab, stack("lab")[1])


@pytest.fixture(scope="module")
def stood(lab: Sample, predicted: Predictions) -> Iterator[Standing]:
    lines: list[str] = []
    # A run of these tests that was killed leaves its twin.
    down(lab.factory)
    with Twin.up(lab, lines.append, Fallen(configure_twin)) as twin:
        with pytest.raises(EnvironmentLacksError, match="exists already"):
            Twin.up(lab, _quiet, configure_twin)
        blind = _blind(twin)
        results = {str(one): one for one in run_checks(twin, predicted)}
        yield Standing(results, blind, _drift_with_a_leak(twin), lines)
    assert list_namespaces("twin-lab.") == []


@pytest.fixture(scope="module")
def results(stood: Standing) -> dict[str, Result]:
    return stood.results


def _quiet(_line: str) -> None:
    """Say nothing."""


def _drift_with_a_leak(twin: Twin) -> list[str]:
    """Put a port into another zone's segment, and give the switches that the playbook would change."""
    leaf = twin.sample.parts[0].tier("leaf")[2]
    port = next(one for one in leaf.ports if one.host)
    own = leaf.partition(port)
    other = next(one for one in leaf.zones if own is not None and one.number != own.number)
    batch([f"link set {port.interface} master br{other.number}"], twin.name(leaf.switch.name))
    return [
        one.host
        for one in configure_twin(twin.sample.switches, twin.prefix, twin.folder, _quiet, check=True).changed
    ]


def _blind(twin: Twin) -> dict[str, bool]:
    """Take the finders out and tell whether the checks that hang on them still pass."""
    with pytest.MonkeyPatch.context() as patch, Pinger(twin.prefix, twin.sample.endpoints) as pinger:
        patch.setattr(
            queries,
            "separation",
            lambda _part, _pinger: (True, "none of 768 pairs of two zones reach each other", {}),
        )
        patch.setattr(
            queries,
            "apart",
            lambda _twin, _pinger: (True, "none of 800 pairs of two planes reach each other", {}),
        )
        patch.setattr(neighbours, "miswires", lambda _sample, _prefix: [])
        first = twin.sample.parts[0]
        return {
            "leak": self_test.leak(twin, first, pinger)[0],
            "miswire": self_test.miswire(twin, first)[0],
            "way": self_test.way(twin, pinger)[0],
        }


def test_every_check_was_made(results: dict[str, Result]) -> None:
    assert tuple(results) == CHECKS


@pytest.mark.parametrize("name", CHECKS)
def test_the_twin_shows_what_the_plan_says(results: dict[str, Result], name: str) -> None:
    assert results[name].passed, results[name].message


def test_the_playbook_finds_nothing_to_change_on_what_it_built_but_the_leaf_with_the_leak(
    stood: Standing, lab: Sample
) -> None:
    assert stood.drift == [lab.parts[0].tier("leaf")[2].switch.name]


def test_a_daemon_that_ends_while_it_is_configured_is_started_again_and_told(stood: Standing) -> None:
    told = [line for line in stood.lines if "ended by itself" in line]
    assert told == [f"bgpd of {COMPUTE}-spine-001 had ended by itself; started again, as watchfrr would"]


def test_without_their_finders_injected_faults_go_unseen_and_the_self_tests_fail(
    stood: Standing,
) -> None:
    assert stood.blind == {"leak": False, "miswire": False, "way": False}


def test_what_the_plan_foretold_is_what_the_twin_showed(
    results: dict[str, Result], predicted: Predictions
) -> None:
    for kind, name in (("link to a machine", "a machine's cable lost"), ("leaf", "a leaf lost")):
        loss = next(one for one in predicted.planes[COMPUTE].losses if one.kind == kind)
        figures = results[f"{name} ({COMPUTE})"].figures
        assert (figures["cut"], figures["machines"], figures["gpus"]) == (
            loss.endpoints,
            loss.nodes,
            loss.gpus,
        )
    spine = results[f"a spine lost ({COMPUTE})"].figures
    assert spine["paths"] * 4 == spine["of"] * 3


@pytest.mark.parametrize(
    ("plane", "ports", "hosts", "beside"), [(COMPUTE, 128, 16, 52), (STORAGE, 52, 26, 128)]
)
def test_a_lost_plane_takes_its_own_ports_and_none_of_the_other_and_comes_back(
    results: dict[str, Result], predicted: Predictions, plane: str, ports: int, hosts: int, beside: int
) -> None:
    figures = results[f"the plane lost ({plane})"].figures
    loss = predicted.lost[plane]
    assert (
        (figures["endpoints"], figures["nodes"], figures["gpus"])
        == (ports, hosts, 128)
        == (loss.endpoints, loss.nodes, loss.gpus)
    )
    assert (figures["dark"], figures["left"], loss.dark, loss.left) == (hosts, 0, hosts, 0)
    assert (figures["beside_flows"], figures["beside_cut"], figures["after"]) == (16, 0, ports + beside)


def test_no_pair_of_compute_and_storage_reaches_the_other_not_even_by_the_wrong_port(
    results: dict[str, Result],
) -> None:
    figures = results["planes apart"].figures
    assert figures["pairs"] == 2 * (16 * 15 + 16 * 10)
    assert figures["forced"] > 2 * (50 + 120)
    assert figures["leaks"] == 0


def test_it_is_the_whole_compute_and_storage_fabric(lab: Sample, results: dict[str, Result]) -> None:
    shapes = [
        (len(one.tier("leaf")), len(one.tier("spine")), len(one.hosts), len(one.plane.cables))
        for one in lab.parts
    ]
    assert shapes == [(8, 4, 16, 256), (4, 2, 26, 116)]
    assert results[f"reachability ({COMPUTE})"].figures["pairs"] == 2 * 8 * (12 * 11 + 4 * 3)
    assert results[f"separation ({COMPUTE})"].figures["pairs"] == 8 * 2 * 12 * 4
    assert results[f"reachability ({STORAGE})"].figures["pairs"] == 2 * 2 * (17 * 16 + 9 * 8)
    assert results[f"separation ({STORAGE})"].figures["pairs"] == 2 * 2 * 17 * 9


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
    assert list_namespaces("twin-lab.") == []
    assert not (STATE / "lab").exists()
    assert down(lab.factory) == {"namespaces": 0, "processes": 0, "files": 0}
