"""Every change of the table: all that is done is told, and the run that goes on after one that was cut short,
at whatever moment, tells and drains the same.
"""

from __future__ import annotations

import pytest

from tests.daytwo.probes import Described
from tests.daytwo.table import Change, changes
from tests.daytwo.test_pairs import Way, require_truth
from tests.support.cut_runs import require_one_story, require_what_is_there


def _named() -> list[Change]:
    """Return the changes that deploy: those of a single field only where it is a name."""
    named = []
    for change in changes():
        if not change.refused and (not change.field or "rename" in change.edits[-1]):
            named.append(change)
    return named


@pytest.mark.daytwo
@pytest.mark.parametrize("way", ["there", "back"])
@pytest.mark.parametrize("change", _named(), ids=lambda change: change.name)
def test_what_is_told_is_done_and_a_run_that_goes_on_tells_what_the_one_that_was_cut_short_did(
    change: Change, way: str
) -> None:
    old, new = Described.of(change.before), Described.of(change.after)
    if old.bundle.cluster != new.bundle.cluster:
        pytest.skip("the cluster has another name, and is another deployment")
    ends = (old, new) if way == "there" else (new, old)
    require_truth(Way(*ends))
    require_one_story(*ends)
    require_what_is_there(*ends, ends[0])
