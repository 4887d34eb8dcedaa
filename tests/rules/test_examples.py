from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import sovereign_ai.render.kubernetes
import sovereign_ai.rules

MODULES = [
    f"{package.__name__}.{found.name}"
    for package in (sovereign_ai.rules, sovereign_ai.render.kubernetes)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_a_modules_prose_are_true(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
