"""Starts a real control plane for tests that bring a small factory to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.flags import COMPONENTS
from sovereign_ai.cluster.embedded.lifecycle import down, up


def small_plane(root: Path) -> Iterator[Api]:
    """A running embedded control plane; SOVEREIGN_AI_TEST_COMPONENTS may name a folder with its programs."""
    folder = os.environ.get("SOVEREIGN_AI_TEST_COMPONENTS")
    programs = {name: Path(folder) / name for name in COMPONENTS} if folder else None
    cluster = up("small", components=programs, root=root)
    api = open_cluster(cluster.kubeconfig)
    try:
        yield api
    finally:
        api.close()
        down("small", root=root)
