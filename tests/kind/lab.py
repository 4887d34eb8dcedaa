"""The lab on a kind cluster: made once for all tests that need one, whichever folder they lie in.

An engine or an image that is missing is a failure, never a skip; `make kind-tools` brings both. A
cluster of the same name that is there already is never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from sovereign_ai.cluster.kind.containers import has_network
from sovereign_ai.toolchain.container_engine.docker import Docker
from sovereign_ai.toolchain.node_image.build import TAG
from tests.life import Lab


class KindLab(Lab):
    """The lab on a kind cluster."""

    docker = Docker()
    network_was_there = False
    """Whether another cluster's network was there before; `down` leaves such a one."""

    @cached_property
    def machines(self) -> dict[str, str]:
        """Real machines of the plan, to their containers."""
        return {
            one["name"]: one["container"]
            for one in self.cluster("status")["components"]
            if one["name"] != "lab-control-plane"
        }

    def inside(self, container: str, *command: str) -> str:
        """Run a command in a node."""
        return self.docker.text("exec", container, *command)


def require_room() -> None:
    """Fail where there is no engine, no image, or a cluster of the name."""
    docker = Docker()
    assert docker.answers(), "no container engine answers: run `make kind-tools`"
    assert docker.has_image(TAG), f"the container engine has no image {TAG}: run `make kind-tools`"
    there = docker.lines("ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster=lab")
    assert not there, "a kind cluster `lab` is there already: remove it first (`make kind-down`)"


def deployed(folder: Path) -> Iterator[KindLab]:
    """Deploy the lab on a kind cluster of its own, and remove it in the end."""
    require_room()
    made = KindLab(folder, "kind")
    made.network_was_there = has_network(made.docker)
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()
