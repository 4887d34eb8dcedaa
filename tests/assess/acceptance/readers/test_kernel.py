"""The reader of the kernel's log."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.acceptance.readers import kernel
from sovereign_ai.assess.acceptance.readers.reading import UnreadableError
from tests.assess.acceptance.test_readers import sample


def test_a_burn_in_counts_between_its_own_lines_and_hardware_alone() -> None:
    found = kernel.read(sample("journal.txt"))
    assert found.values == {"hours": 73.5, "hardware": 1, "other": 1}
    assert found.details == ("Xid 79 on 0000:5d:00",)


@pytest.mark.parametrize("line", ["burn-in begins", "burn-in ends"])
def test_a_log_without_begin_or_end_is_no_result(line: str) -> None:
    with pytest.raises(UnreadableError, match="no line"):
        kernel.read(
            "".join(row for row in sample("journal.txt").splitlines(keepends=True) if line not in row)
        )


def test_a_log_without_times_is_no_result() -> None:
    with pytest.raises(UnreadableError, match="short-iso"):
        kernel.read(sample("journal.txt").replace("2026-11-20T09:00:00+0100", "Nov 20 09:00:00"))
