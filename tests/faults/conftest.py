"""A control plane of its own for a module of fault tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, down, up

pytest.register_assert_rewrite("tests.faults.kills")


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A root of clusters; whatever still runs there is ended with the module."""
    root = tmp_path_factory.mktemp("planes")
    yield root
    for folder in root.iterdir():
        if folder.is_dir():
            down(folder.name, root=root)


@pytest.fixture(scope="module")
def cluster(clusters: Path) -> EmbeddedCluster:
    """One running control plane."""
    return up("lab", root=clusters)
