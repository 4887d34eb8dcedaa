"""One part of the changes of a standing lab, for a run of bounded time: `make daytwo PART=1/8`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.daytwo.table import part_of

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave every n-th test of this folder, in its order, where the variable PART says so."""
    # The hook is called once, for the tests of all folders.
    ours = [item for item in items if _HERE in item.path.parents]
    try:
        chosen = set(part_of(ours, os.environ.get("PART", "")))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    others = [item for item in ours if item not in chosen]
    if others:
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)
