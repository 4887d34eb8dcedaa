"""Published fabrics by name: each is a few fields of a description, with its source.

>>> design("nvidia-superpod-gb200").fields["pod_leaves"]
8
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from sovereign_ai.catalog.figures import UnknownNameError, table
from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class Design:
    """One published fabric.

    Attributes:
        name: what a description calls it.
        fields: the fields of a fabric that the name sets; a description may change any of them.
        about: a short description.
        source: where it was read.
        read: the day it was read.
    """

    name: str
    fields: Mapping[str, Any]
    about: str
    source: str
    read: str


@cache
def _by_name() -> Mapping[str, Design]:
    """Read the table once."""
    by_name = {}
    for row in table("designs.json")["rows"]:
        name, fields = row["name"], row["fields"]
        by_name[name] = Design(name, MappingProxyType(fields), row["about"], row["source"], row["read"])
    return MappingProxyType(by_name)


def designs() -> tuple[Design, ...]:
    """Return every design, sorted by name."""
    return tuple(_by_name().values())


def design(name: str) -> Design:
    """Return one design.

    Raises:
        UnknownNameError: there is no such name.
    """
    try:
        return _by_name()[name]
    except KeyError:
        raise UnknownNameError("design", name, _by_name()) from None
