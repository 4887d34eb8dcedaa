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


FORMS = {
    "kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=7, GPU has fallen off the bus.": True,
    "kernel: NVRM: Xid (0000:3b:00): 48, pid=1896, DBE at partition 3": True,
    "kernel: NVRM: Xid (PCI:0000:3b:00.0): 119, pid=7, Timeout after 6s of waiting for RPC response": True,
    "kernel: NVRM: Xid (PCI:0008:06:00): 145, RLW_REMAP Fatal XC0 i0 Link 08 (0x0 0x80 0x0)": True,
    "kernel: NVRM: Xid (PCI:0000:3b:00): 31, pid=7, MMU Fault": False,
    "kernel: nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 20034, Fatal, Link 30 LTSSM Fault Up": True,
    "kernel: nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 12028, Non-fatal, Link 32 egress PRIV error": False,
}
"""Lines of the kernel's log, and whether each is a fault of the hardware."""


@pytest.mark.parametrize("line", FORMS)
def test_a_line_counts_in_each_form_that_drivers_write(line: str) -> None:
    log = sample("journal.txt")
    before = kernel.read(log).values
    end = next(row for row in log.splitlines() if kernel.END in row)
    after = kernel.read(log.replace(end, f"2026-11-20T10:00:00+0100 n1 {line}\n{end}")).values
    more = (after["hardware"] - before["hardware"], after["other"] - before["other"])
    assert more == ((1, 0) if FORMS[line] else (0, 1))


@pytest.mark.parametrize("line", ["burn-in begins", "burn-in ends"])
def test_a_log_without_begin_or_end_is_no_result(line: str) -> None:
    with pytest.raises(UnreadableError, match="no line"):
        kernel.read(
            "".join(row for row in sample("journal.txt").splitlines(keepends=True) if line not in row)
        )


def test_a_log_without_times_is_no_result() -> None:
    with pytest.raises(UnreadableError, match="short-iso"):
        kernel.read(sample("journal.txt").replace("2026-11-20T09:00:00+0100", "Nov 20 09:00:00"))
