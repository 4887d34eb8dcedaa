"""What the sovereignty tests share."""

from __future__ import annotations

import orjson
import pytest

from tests.sovereignty.described import Data, rich_bytes


@pytest.fixture
def rich() -> Data:
    """A fresh copy of the rich lab's data."""
    data: Data = orjson.loads(rich_bytes())
    return data
