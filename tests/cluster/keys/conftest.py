"""A token in SoftHSM, and a plane of two trust levels whose keys are in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import EmbeddedCluster, down, up
from sovereign_ai.cluster.keys.control import create_keys
from sovereign_ai.cluster.keys.custody import ModuleLocation
from sovereign_ai.cluster.state import ClusterDir
from tests.support.softhsm import token

LEVELS = {"research": "high", "startups": "low"}


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleLocation:
    """A token in SoftHSM."""
    return token(tmp_path_factory)


@dataclass(frozen=True)
class Plane:
    """A running plane with keys."""

    where: ClusterDir
    cluster: EmbeddedCluster
    api: Api


@pytest.fixture(scope="module")
def plane(
    module: ModuleLocation, tmp_path_factory: pytest.TempPathFactory, components: dict[str, Path] | None
) -> Iterator[Plane]:
    """One plane for a test module, with a namespace of each level and one of none."""
    root = tmp_path_factory.mktemp("planes")
    where = ClusterDir("keyed", root / "keyed")
    create_keys(where, module, LEVELS)
    cluster = up("keyed", components=components, root=root)
    api = open_cluster(cluster.kubeconfig)
    for name in (*LEVELS, "elsewhere"):
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield Plane(where, cluster, api)
    down("keyed", root=root)
