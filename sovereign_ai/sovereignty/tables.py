"""Reader for the data files of the sovereignty assessment."""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import Any

import orjson


class DefectiveTableError(ValueError):
    """A data file is missing or wrong: a defect of this project."""


@cache
def table(file: str) -> Any:
    """Return one JSON file of the data folder, such as `criteria.json`; the caller must not change it.

    Raises:
        DefectiveTableError: the package was built without its data.
    """
    # Read once a process and shared by every caller.
    data = pkgutil.get_data(__package__, f"data/{file}")
    if data is None:
        raise DefectiveTableError(f"the package holds no sovereignty/data/{file}; install it again")
    return orjson.loads(data)
