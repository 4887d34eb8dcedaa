"""A run that was cut short and goes on takes for renamed what the first one took, wherever it was cut."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.moves.noted_renames import Renames
from tests.daytwo.probes import Described
from tests.daytwo.table import Change, changes
from tests.deploy.moves.test_departures import real_nodes
from tests.support.cut_runs import Run, require_one_story, require_what_is_there

CHOSEN = frozenset(
    {
        "a tenant is renamed",
        "a tier is renamed",
        "a pool is renamed",
        "a zone of high trust is renamed",
        "a tenant takes the name that another gives up",
        "a zone takes the name that another gives up",
        "a pool and its tenant move to a new zone",
        "the first site is given up for the second",
        "everything has another name",
        "every label is another",
        "two keys become one with another name",
        "a gateway is closed as the only tenant of the zone of another is renamed",
    }
)
"""Changes that stand for the others, all of which `tests/daytwo/test_cut_runs.py` tries."""


def _chosen() -> list[Change]:
    return [change for change in changes() if change.name in CHOSEN]


@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("change", _chosen(), ids=lambda change: change.name)
def test_wherever_a_run_is_cut_short_the_next_one_tells_and_drains_what_the_first_one_did(
    change: Change, way: str
) -> None:
    old, new = Described.of(change.before), Described.of(change.after)
    require_one_story(*((old, new) if way == "there" else (new, old)))


@pytest.mark.parametrize("change", _chosen()[::3], ids=lambda change: change.name)
def test_wherever_a_run_is_cut_short_another_description_is_told_of_what_is_there(change: Change) -> None:
    """A run that ended before its first write had noted what it would bring, and preview looked for it."""
    old, new = Described.of(change.before), Described.of(change.after)
    [third] = [change for change in changes() if change.name == "zones and tenants all exchange their names"]
    for wanted in (old, Described.of(third.after)):
        require_what_is_there(old, new, wanted)


def test_once_a_run_has_come_to_its_end_nothing_is_told_of_what_it_renamed() -> None:
    for change in _chosen():
        old, new = Described.of(change.before), Described.of(change.after)
        run = Run(old, new)
        run.nodes = real_nodes(new)
        assert run.told(list(new.bundle.objects), run.noted) == set()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"components": [], "places": "?"},
        {"components": {"a": 3}, "places": {"site": {"a": None}, "b": 1}},
    ],
)
def test_what_is_no_note_is_none(data: dict[str, Any]) -> None:
    assert Renames.from_data(data) == Renames()
