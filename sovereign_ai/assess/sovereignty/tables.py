"""The package's own data files, each read once."""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import Any

import orjson


class DefectiveTableError(ValueError):
    """A data file is missing or wrong: a defect of this project, found by its tests."""


@cache
def table(file: str) -> Any:
    """Read one JSON file of the data folder, `criteria.json`; the caller must not change what it gets.

    Raises:
        DefectiveTableError: the package was built without its data.
    """
    data = pkgutil.get_data(__package__, f"data/{file}")
    if data is None:
        raise DefectiveTableError(f"the package holds no assess/sovereignty/data/{file}; install it again")
    return orjson.loads(data)
