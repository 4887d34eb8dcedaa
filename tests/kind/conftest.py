"""What the tests on a kind cluster share: the lab that `tests/conftest.py` makes once, and pods on it."""

from __future__ import annotations

import pytest

from tests.kind.lab import KindLab
from tests.kind.pods import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what ends the cluster behind everything that needs it."""
    items.sort(key=lambda item: "last_of_all" in item.name and item.get_closest_marker("kind") is not None)


@pytest.fixture(scope="session")
def lab(kind_lab: KindLab) -> KindLab:
    """The lab, deployed on a kind cluster."""
    return kind_lab


@pytest.fixture(scope="session")
def site(lab: KindLab) -> Site:
    """The lab with what it takes to run pods on its real machines."""
    return Site(lab)
