"""A control plane of this folder's own: its machines must not be seen by tests of the lab."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.cluster.api.client import Api
from tests.sim.planes import small_plane


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    yield from small_plane(tmp_path_factory.mktemp("verify"))
