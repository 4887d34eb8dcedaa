"""What the tests of the cluster room stand on: a TLS server of their own, and real control planes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sovereign_ai.cluster.embedded.flags import COMPONENTS
from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, down, up
from sovereign_ai.cluster.state import ClusterDir
from tests.cluster.tls_server import Handler, Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Handler], Server]]:
    """Start servers, and stop them when the test is over."""
    servers: list[Server] = []

    def start(answer: Handler) -> Server:
        servers.append(Server(ClusterDir("served", tmp_path / f"served{len(servers)}"), answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def components() -> dict[str, Path] | None:
    """The programs of the control plane: from the folder that SOVEREIGN_AI_TEST_COMPONENTS names, else the
    toolchain's.
    """
    folder = os.environ.get("SOVEREIGN_AI_TEST_COMPONENTS")
    return {name: Path(folder) / name for name in COMPONENTS} if folder else None


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root of clusters of their own for a test module; whatever still runs there is ended with it."""
    root = tmp_path_factory.mktemp("clusters")
    yield root
    for folder in root.iterdir():
        if folder.is_dir():
            down(folder.name, root=root)


@pytest.fixture(scope="module")
def cluster(clusters: Path, components: dict[str, Path] | None) -> EmbeddedCluster:
    """One running cluster for a test module."""
    return up("shared", components=components, root=clusters)
