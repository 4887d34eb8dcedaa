from __future__ import annotations

import doctest
import importlib
import pkgutil
from itertools import chain

import pytest

import sovereign_ai.render.kubernetes
import sovereign_ai.rules

MODULES = [
    module.name
    for module in chain(
        pkgutil.walk_packages(sovereign_ai.rules.__path__, "sovereign_ai.rules."),
        pkgutil.walk_packages(sovereign_ai.render.kubernetes.__path__, "sovereign_ai.render.kubernetes."),
    )
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_a_modules_prose_are_true(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
