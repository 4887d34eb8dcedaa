"""Every change of the table cut short at every moment: the run that goes on tells and drains the same."""

from __future__ import annotations

import os

import pytest

from tests.daytwo.probes import Described
from tests.daytwo.table import Change, changes, part_of
from tests.support.cut_runs import insist_on_one_story


def _named() -> list[Change]:
    """Return the changes that deploy: those of a single field only where it is a name."""
    named = []
    for change in part_of(changes(), os.environ.get("PART", "")):
        if not change.refused and (not change.field or "rename" in change.edits[-1]):
            named.append(change)
    return named


@pytest.mark.daytwo
@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("change", _named(), ids=lambda change: change.name)
def test_a_run_that_goes_on_tells_and_drains_what_the_one_that_was_cut_short_did(
    change: Change, way: str
) -> None:
    old, new = Described.of(change.before), Described.of(change.after)
    if old.bundle.cluster != new.bundle.cluster:
        pytest.skip("the cluster has another name, and is another deployment")
    insist_on_one_story(*((old, new) if way == "there" else (new, old)))
