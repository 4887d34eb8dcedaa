"""What `up`, `preview` and `down` share: when the engine is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from sovereign_ai.cli.deployment import can_do_without_engine
from sovereign_ai.deploy.changes import Changes
from sovereign_ai.deploy.preconditions import Checked


@dataclass
class _Cluster:
    remade: bool = False


@dataclass
class _Checked:
    """The members of the real class that decide."""

    cluster: _Cluster
    takes_over: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()


def checked(remade: bool = False, **waiting: tuple[str, ...]) -> Checked:
    return cast("Checked", _Checked(_Cluster(remade), **waiting))


def test_drift_alone_needs_no_engine() -> None:
    assert can_do_without_engine(Changes(), checked())
    assert can_do_without_engine(Changes(restore=("Role/a/b",)), checked())


@pytest.mark.parametrize("kind", ["create", "adopt", "update", "delete"])
def test_every_other_change_needs_the_engine(kind: str) -> None:
    changes: dict[str, Any] = {kind: ("Role/a/b",)}
    assert not can_do_without_engine(Changes(**changes), checked())


@pytest.mark.parametrize("waiting", ["takes_over", "leaving", "left", "replaces", "strays", "unasked"])
def test_objects_that_wait_need_the_engine(waiting: str) -> None:
    assert not can_do_without_engine(Changes(), checked(**{waiting: ("Role/a/b",)}))


def test_a_cluster_that_was_made_again_needs_the_engine() -> None:
    assert not can_do_without_engine(Changes(), checked(remade=True))
