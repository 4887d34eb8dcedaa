"""The kind plane for tests: one cluster a session, with the lab deployed and its machines' GPUs served.

An engine or an image that is missing is a failure, never a skip; `make kind-tools` brings both. A
cluster of the same name that is there already is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from sovereign_ai.cluster.kind.nodes import has_network
from sovereign_ai.toolchain.engine.docker import Docker
from sovereign_ai.toolchain.node_image.build import TAG
from tests.life import Lab

if TYPE_CHECKING:
    from tests.kind.pods import Site


class KindLab(Lab):
    """The lab on a kind cluster."""

    docker = Docker()
    network_was_there = False
    """Whether another cluster's network was there before; `down` leaves such a one."""

    @property
    def machines(self) -> dict[str, str]:
        """Real machines of the plan, to their containers."""
        return {one["name"]: one["container"] for one in self.cluster("status")["components"] if one["name"] != "lab-control-plane"}

    def inside(self, container: str, *command: str) -> str:
        """Run a command in a node."""
        return self.docker.text("exec", container, *command)


def insist_on_room() -> None:
    """Fail where there is no engine, no image, or a cluster of the name."""
    docker = Docker()
    assert docker.answers(), "no container engine answers: run `make kind-tools`"
    assert docker.has_image(TAG), f"the engine has no image {TAG}: run `make kind-tools`"
    there = docker.lines("ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=lab")
    assert not there, "a kind cluster `lab` is there already: remove it first (`make kind-down`)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what ends the cluster behind everything that needs it."""
    items.sort(key=lambda item: "last_of_all" in item.name)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KindLab]:
    """The lab, deployed on a kind cluster of its own."""
    insist_on_room()
    made = KindLab(tmp_path_factory.mktemp("kind"), "kind")
    made.network_was_there = has_network(made.docker)
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


@pytest.fixture(scope="session")
def site(lab: KindLab) -> Site:
    """The lab with what it takes to run pods on its real machines."""
    from tests.kind.pods import Site

    return Site(lab)
