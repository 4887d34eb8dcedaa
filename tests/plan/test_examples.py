"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

ROOMS = ("addresses", "power.cooling", "nodes", "power.loads", "quotas", "spares", "storage")


@pytest.mark.parametrize("name", ROOMS)
def test_the_examples_of_a_module_run(name: str) -> None:
    found = doctest.testmod(import_module(f"sovereign_ai.plan.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
