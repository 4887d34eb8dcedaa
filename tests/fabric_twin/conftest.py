"""The mark of tests that build a twin: they need root and FRR, fail without, and run by `-m twin` only."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", "twin: builds a fabric twin of namespaces and FRR; needs root; by `-m twin` only"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out unless they are asked for."""
    if "twin" in str(config.getoption("markexpr")):
        return
    out = [item for item in items if item.get_closest_marker("twin")]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]
