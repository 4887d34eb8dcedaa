"""Each check says which fields of the factory it reads: by that it runs where other fields are wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sovereign_ai.spec.checks.every_check import _CHECKS
from sovereign_ai.spec.factory import AIFactory
from tests.daytwo.table import described, read_data
from tests.plan.multikueue import two_sites

FACTORIES = (read_data(described("full")), read_data(described("lab")), two_sites())


class Watched:
    """A factory that notes which of its fields are read."""

    def __init__(self, factory: AIFactory) -> None:
        self._factory = factory
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name in AIFactory.model_fields:
            self.read.add(name)
        return getattr(self._factory, name)


@pytest.mark.parametrize(("run", "declared"), _CHECKS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_check_reads_no_field_that_it_does_not_declare(
    run: Callable[[Any], Any], declared: frozenset[str]
) -> None:
    for factory in FACTORIES:
        watched = Watched(factory)
        list(run(watched))
        assert watched.read <= declared
