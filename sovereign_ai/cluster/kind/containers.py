"""The containers of a kind cluster, each a node of it: list them, check them, and load images into them.

Also what they need of the container engine: that it answers, and kind's network.
"""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.cluster.process import is_running, started_at
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain.container_engine import Docker
from sovereign_ai.toolchain.node_image.build import RECIPE

CLUSTER_LABEL, ROLE_LABEL = "io.x-k8s.kind.cluster", "io.x-k8s.kind.role"
NETWORK = "kind"
"""The network that kind creates for all its clusters."""
_LOOK_SECONDS = 20.0


@frozen_dataclass
class Container:
    """One node's container.

    Attributes:
        name: its name, `lab-worker`.
        identity: its full ID.
        role: `control-plane` or `worker`.
        state: as the container engine reports it, `running` or `exited`.
        recipe: label of its image with the digest of the recipe; empty for an image that this package did not
            build.
        mounts: the paths on the host that are mounted into it.
    """

    name: str
    identity: str
    role: str
    state: str
    recipe: str
    mounts: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self.state == "running"


@frozen_dataclass
class Init:
    """The first process of a container, with which the container ends.

    Attributes:
        pid: its number on the host.
        began: when the kernel started it; a later process with the same number has another time.
    """

    pid: int
    began: int

    def runs(self) -> bool:
        """Return whether it, and so the container, still runs."""
        return is_running(self.pid, self.began)


def init_of(docker: Docker, container: str) -> Init | None:
    """Return a container's first process; None while it does not run.

    Raises:
        EnvironmentLacksError: no container engine answers.
    """
    done = docker.run("inspect", "--format", "{{.State.Pid}}", container, limit=_LOOK_SECONDS)
    if done.returncode != 0:
        return None
    pid = int(done.stdout.strip() or b"0")  # 0: it does not run
    began = started_at(pid) if pid else None
    return None if began is None else Init(pid, began)


def containers(docker: Docker, cluster: str) -> tuple[Container, ...]:
    """Return the containers of a cluster, the control plane first.

    Raises:
        EnvironmentLacksError: no container engine answers.
    """
    labels = f'{{{{.Label "{RECIPE}"}}}}\t{{{{.Label "{ROLE_LABEL}"}}}}'
    template = "{{.Names}}\t{{.ID}}\t{{.State}}\t" + labels + "\t{{.Mounts}}"
    selector = f"label={CLUSTER_LABEL}={cluster}"
    listed = []
    for line in docker.lines("ps", "--all", "--no-trunc", "--filter", selector, "--format", template):
        name, identity, state, recipe, role, *mounts = line.split("\t")
        listed.append(
            Container(name, identity, role, state, recipe, tuple(filter(None, ",".join(mounts).split(","))))
        )
    # `control-plane` sorts before `worker`.
    return tuple(sorted(listed, key=lambda container: (container.role, container.name)))


def load(docker: Docker, container: str, archive: Path) -> None:
    """Load the images of an archive into a node.

    Raises:
        EnvironmentLacksError: the node does not take them.
    """
    command = ("ctr", "--namespace=k8s.io", "images", "import", "--local", "--no-unpack", "-")
    docker.text("exec", "--interactive", container, *command, source=archive, limit=300)


def server(docker: Docker, cluster: str) -> str | None:
    """Return the API server's URL on the host; None while its container does not run."""
    done = docker.run("port", f"{cluster}-control-plane", "6443/tcp")
    lines = done.stdout.decode().split()
    return f"https://{lines[0]}" if done.returncode == 0 and lines else None


def has_network(docker: Docker) -> bool:
    """Return whether kind's network exists."""
    return docker.run("network", "inspect", NETWORK).returncode == 0


def remove_network(docker: Docker) -> bool:
    """Remove kind's network if nothing uses it; False where it stays."""
    done = docker.run("network", "inspect", "--format", "{{len .Containers}}", NETWORK)
    if done.returncode != 0 or done.stdout.strip() != b"0":
        return False
    # The network counts running containers only: a stopped cluster of another user needs it too.
    if docker.lines("ps", "--all", "--quiet", "--filter", f"label={CLUSTER_LABEL}"):
        return False
    return docker.run("network", "rm", NETWORK).returncode == 0


def need_engine(docker: Docker) -> None:
    """Check that a container engine answers.

    Raises:
        EnvironmentLacksError: none does.
    """
    if not docker.answers():
        message = "a kind cluster needs a container engine, and none answers"
        error = docker.silence()
        if error:
            message += f": {error}"
        hint = (
            "start Docker, or as root on Debian: `apt-get install docker.io`, "
            "`sovereign-ai cluster engine up`"
        )
        raise EnvironmentLacksError(Problem("no-engine", message, hint=hint))
