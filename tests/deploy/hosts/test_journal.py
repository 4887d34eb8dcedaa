"""The journal of a run over hosts."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.deploy.hosts.events import HostResult
from sovereign_ai.deploy.hosts.journal import Journal


def test_the_journal_keeps_what_went_well_for_the_same_inventory_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "below" / "lab.json", "one")
    journal.add([HostResult("a", "changed"), HostResult("b", "failed"), HostResult("c", "cancelled")])
    journal.add([HostResult("d", "ok")])
    assert journal.done() == {"a", "d"}
    assert Journal(journal.file, "another").done() == frozenset()
    assert journal.file.stat().st_mode & 0o777 == 0o600
    journal.forget()
    assert journal.done() == frozenset()


def test_a_journal_that_was_cut_off_counts_for_nothing(tmp_path: Path) -> None:
    file = tmp_path / "lab.json"
    file.write_text('{"digest": "one", "do', encoding="utf-8")
    assert Journal(file, "one").done() == frozenset()
