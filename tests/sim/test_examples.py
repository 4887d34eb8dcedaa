from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import sovereign_ai.sim
import sovereign_ai.verify

MODULES = sorted(
    module.name
    for room in (sovereign_ai.sim, sovereign_ai.verify)
    for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
