"""The containers that are nodes: which there are, whether they run, and what can be put into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sovereign_ai.cluster.process import is_running, started_at
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.toolchain.engine.docker import Docker
from sovereign_ai.toolchain.node_image.build import RECIPE

CLUSTER_LABEL, ROLE_LABEL = "io.x-k8s.kind.cluster", "io.x-k8s.kind.role"
NETWORK = "kind"
"""The network that kind makes for all its clusters."""
_LOOK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Container:
    """One node's container.

    Attributes:
        name: its name, `lab-worker`.
        identity: its full ID.
        role: `control-plane` or `worker`.
        state: the engine's word, `running` or `exited`.
        recipe: what its image says of its making; empty where the image is none of ours.
    """

    name: str
    identity: str
    role: str
    state: str
    recipe: str

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class Init:
    """The first process of a container, with which the container ends.

    Attributes:
        pid: its number on this machine.
        began: when the kernel started it, which tells it from a later one of that number.
    """

    pid: int
    began: int

    def runs(self) -> bool:
        """Tell whether it, and so the container, still runs."""
        return is_running(self.pid, self.began)


def init_of(docker: Docker, container: str) -> Init | None:
    """Give a container's first process; None while it does not run.

    Raises:
        EnvironmentLacksError: no engine answers.
    """
    done = docker.run("inspect", "--format", "{{.State.Pid}}", container, limit=_LOOK_SECONDS)
    pid = int(done.stdout.strip() or b"0") if done.returncode == 0 else 0
    began = started_at(pid) if pid else None
    return None if began is None else Init(pid, began)


def containers(docker: Docker, cluster: str) -> tuple[Container, ...]:
    """Give the containers of a cluster, the control plane first.

    Raises:
        EnvironmentLacksError: no engine answers.
    """
    shape = "{{.Names}}\t{{.ID}}\t{{.State}}\t{{.Label " + f'"{RECIPE}"' + "}}\t{{.Label " + f'"{ROLE_LABEL}"' + "}}"
    lines = docker.lines("ps", "--all", "--no-trunc", "--filter", f"label={CLUSTER_LABEL}={cluster}", "--format", shape)
    found = []
    for line in lines:
        name, identity, state, recipe, role = line.split("\t")
        found.append(Container(name, identity, role, state, recipe))
    return tuple(sorted(found, key=lambda one: (one.role, one.name)))


def load(docker: Docker, container: str, archive: Path) -> None:
    """Put the images of an archive into a node.

    Raises:
        EnvironmentLacksError: the node does not take them.
    """
    command = ("ctr", "--namespace=k8s.io", "images", "import", "--local", "--no-unpack", "-")
    docker.text("exec", "--interactive", container, *command, source=archive, limit=300)


def server(docker: Docker, cluster: str) -> str | None:
    """Give the API server's URL on this machine; None while its container does not run."""
    done = docker.run("port", f"{cluster}-control-plane", "6443/tcp")
    lines = done.stdout.decode().split()
    return f"https://{lines[0]}" if done.returncode == 0 and lines else None


def has_network(docker: Docker) -> bool:
    """Tell whether kind's network is there."""
    return docker.run("network", "inspect", NETWORK).returncode == 0


def remove_network(docker: Docker) -> bool:
    """Remove kind's network if nothing uses it; False where it stays."""
    done = docker.run("network", "inspect", "--format", "{{len .Containers}}", NETWORK)
    if done.returncode != 0 or done.stdout.strip() != b"0" or docker.lines("ps", "--all", "--quiet", "--filter", f"label={CLUSTER_LABEL}"):
        return False
    return docker.run("network", "rm", NETWORK).returncode == 0


def need_engine(docker: Docker) -> None:
    """Insist on an engine that answers.

    Raises:
        EnvironmentLacksError: none does.
    """
    if not docker.answers():
        hint = "start Docker, or as root on Debian: `apt-get install docker.io`, `sovereign-ai cluster engine up`"
        said = docker.silence()
        what = f"the kind plane needs a container engine, and none answers{f': {said}' if said else ''}"
        raise EnvironmentLacksError(Problem("no-engine", what, hint=hint))
