"""A twin of a compute fabric of two planes beside a storage fabric: one plane is lost, and the other carries
on.

Without root, FRR and Ansible these fail and say what is missing.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from fractions import Fraction

import pytest

from sovereign_ai.deploy.hosts.runner import configure_twin
from sovereign_ai.fabric_twin import planes, queries, self_test
from sovereign_ai.fabric_twin.namespace import batch, list_namespaces, run
from sovereign_ai.fabric_twin.ping import Pinger
from sovereign_ai.fabric_twin.result import Seen
from sovereign_ai.fabric_twin.sample import Predictions, choose_sample, predict
from sovereign_ai.fabric_twin.twin import Twin, down
from sovereign_ai.render.switches.links import switch_links
from sovereign_ai.render.switches.ports import SwitchPorts
from tests.fabric_twin.planar import planar
from tests.playbooks.modules import module

pytestmark = pytest.mark.twin
PLANES = ("compute-fra1-p0", "compute-fra1-p1", "storage-fra1-p0")


@pytest.fixture(scope="module")
def foretold() -> Predictions:
    factory, derived = planar(2)
    return predict(choose_sample(factory, derived), derived)


@pytest.fixture(scope="module")
def seen(foretold: Predictions) -> Iterator[dict[str, Seen]]:
    found = choose_sample(*planar(2))
    assert found.planes == PLANES
    # A run of these tests that was killed leaves its twin.
    down(found.factory)
    with (
        Twin.up(found, lambda _line: None, configure_twin) as twin,
        Pinger(twin.prefix, found.endpoints) as pinger,
    ):
        results = {
            "cabling": queries.cabling(twin),
            "apart": queries.apart(twin, pinger),
            "way": self_test.way(twin, pinger),
        }
        results |= {part.name: planes.plane_lost(twin, part, pinger, foretold) for part in found.parts}
        _boot(twin, found.parts[0].tier("leaf")[0])
        results |= {f"after {part.name}": queries.reachability(part, pinger) for part in found.parts}
        results["paths after"] = queries.paths(twin, found.parts[0])
        yield results
    assert list_namespaces("twin-planar.") == []


def _boot(twin: Twin, leaf: SwitchPorts) -> None:
    """Take from a switch its daemons, its segments and its ports' settings, and give it what a boot does,
    without Ansible.

    That is the batch that the role keeps for `sovereign-links.service`, and the configuration that it keeps
    for FRR.
    """
    name, folder, wanted = leaf.switch.name, twin.folder / leaf.switch.name, list(switch_links(leaf))
    kept = folder.joinpath("frr.conf").read_text(encoding="utf-8")
    twin.daemons(name, signal.SIGKILL)
    made = [one["name"] for one in wanted if one["kind"] != "port"]
    ports = [one["name"] for one in wanted if one["kind"] == "port"]
    batch(
        [
            *(f"link del {one}" for one in made),
            *(f"link set {one} down mtu 1500" for one in ports),
            "addr flush dev lo",
        ],
        twin.name(name),
    )
    assert not twin.ready(twin.sample.parts[0])
    shutil.rmtree(folder)
    run(["ip", "-n", twin.name(name), "-force", "-batch", "-"], module("switch_links").from_nothing(wanted))
    twin.start(leaf)
    file = folder / "frr.conf"
    file.write_text(kept, encoding="utf-8")
    run(["vtysh", "--vty_socket", str(folder), "-f", str(file)])
    twin.converge()


def test_every_check_is_right(seen: dict[str, Seen]) -> None:
    assert {name: said for name, (passed, said, _) in seen.items() if not passed} == {}


def test_a_leaf_that_has_lost_all_comes_back_from_what_the_role_keeps_for_its_next_boot(
    seen: dict[str, Seen], foretold: Predictions
) -> None:
    assert seen["after compute-fra1-p0"][2]["answered"] == 2 * 2 * (4 * 3 + 2 * 1)
    figures = seen["paths after"][2]
    # The kernel draws the key of its flow hash at each boot of the machine: by one key in four, 64 flows miss
    # one of 16 links. Its tables say that every link is a path.
    assert figures["uplinks"] == foretold.planes["compute-fra1-p0"].cables["leaf-spine"] // 2
    assert figures["short"] == 0


def test_planes_of_one_fabric_stay_apart_as_those_of_two_do(seen: dict[str, Seen]) -> None:
    figures = seen["apart"][2]
    assert figures["pairs"] == 2 * (6 * 5 + 2 * (6 * 5 + 6 * 10))
    assert figures["leaks"] == 0


@pytest.mark.parametrize("plane", PLANES[:2])
def test_with_one_compute_plane_lost_half_of_the_bisection_and_every_machine_are_left(
    seen: dict[str, Seen], foretold: Predictions, plane: str
) -> None:
    figures, loss = seen[plane][2], foretold.lost[plane]
    assert loss.share == Fraction(1, 2) == Fraction(figures["left"], figures["whole"])
    assert (
        (figures["endpoints"], figures["nodes"], figures["gpus"])
        == (12, 6, 48)
        == (loss.endpoints, loss.nodes, loss.gpus)
    )
    assert (figures["dark"], figures["dark_gpus"]) == (0, 0) == (loss.dark, loss.dark_gpus)
    assert figures["beside_cut"] == 0
    assert figures["after"] == 12 + 12 + 32


def test_the_storage_plane_is_alone_and_its_loss_leaves_nothing_of_it_and_all_of_compute(
    seen: dict[str, Seen], foretold: Predictions
) -> None:
    figures, loss = seen[PLANES[2]][2], foretold.lost[PLANES[2]]
    assert (figures["left"], loss.left, loss.planes) == (0, 0, 1)
    assert (figures["dark"], figures["dark_gpus"]) == (16, 48) == (loss.dark, loss.dark_gpus)
    assert figures["beside_cut"] == 0
