"""The text of `hosts`: its width."""

from __future__ import annotations

from sovereign_ai.deploy.hosts.events import HostChange, HostResult
from sovereign_ai.deploy.hosts.runner import HostRun


def test_what_came_of_hosts_keeps_to_80_columns_but_for_what_differs() -> None:
    from sovereign_ai.cli.hosts_text import result_lines

    long = "could not be reached over its management address " * 4
    diff = "+ " + "x" * 100 + "\n"
    result = HostResult(
        "train-001", "unreachable", (HostChange("baseline", "Packages", "", diff),), long, (long,)
    )
    lines = result_lines(HostRun(check=True, results=(result,), stopped="", seconds=1.0))
    assert [line for line in lines if len(line) > 80] == [f"      {diff.rstrip()}"]
    assert lines[0].startswith("unreachable train-001: could not")
