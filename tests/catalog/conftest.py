"""What tests of the catalogue share: no rows but those of the package."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.catalog.figures import clear_description_rows


@pytest.fixture(autouse=True)
def only_rows_of_the_package() -> Iterator[None]:
    """Remove rows that descriptions brought, here or in an earlier test of this process: they are global."""
    clear_description_rows()
    yield
    clear_description_rows()
