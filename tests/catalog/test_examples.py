"""The examples in the docstrings are run."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "",
    ".accelerator",
    ".figures",
    ".jurisdictions",
    ".published",
    ".storage",
    ".supplier",
    ".switch",
    ".system",
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    result = doctest.testmod(
        importlib.import_module(f"sovereign_ai.catalog{name}"), optionflags=doctest.ELLIPSIS
    )
    assert result.attempted > 0
    assert result.failed == 0
