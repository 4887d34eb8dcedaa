"""The log of a run, also on a disk that takes no more."""

from __future__ import annotations

import os
from pathlib import Path

from sovereign_ai.deploy.engine.run_log import RunLog


def test_lines_are_written_as_they_come_and_the_file_is_closed_with_the_log(tmp_path: Path) -> None:
    path = tmp_path / "lab.up.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    with RunLog(path, descriptor, print) as log:
        log.write("first\n")
        assert path.read_text() == "first\n"
        log.write("zweite Zeile: ü\n")
    assert path.read_text() == "first\nzweite Zeile: ü\n"
    assert not Path(f"/proc/self/fd/{descriptor}").exists()


def test_a_disk_that_takes_no_more_is_said_once_and_ends_nothing() -> None:
    said: list[str] = []
    with RunLog(Path("lab.up.log"), os.open("/dev/full", os.O_WRONLY), said.append) as log:
        for _ in range(3):
            log.write("line\n")
    assert said == ["the log lab.up.log ends here: No space left on device"]
