"""By which connection a run has come, as the processes above it know.

Whether it stays open is shown on booted machines (`tests/host`).
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from tests.playbooks.modules import LIBRARY

CODE = f"import sys; sys.path.insert(0, {str(LIBRARY.parents[1])!r}); from tests.playbooks.modules import module; print(module('way_in').way())"  # noqa: E501 - one literal text


def way(command: list[str], **said: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "SSH_CONNECTION"}
    return subprocess.run(
        command, env=clean | said, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    "hidden", [False, True], ids=["as it is", "with an environment emptied on the way, as sudo does"]
)
def test_the_connection_is_what_the_nearest_process_that_knows_says(hidden: bool) -> None:
    shell = ["/bin/sh", "-c", ("env -i " if hidden else "") + '"$@"; true', "sh", sys.executable, "-c", CODE]
    assert way(shell, SSH_CONNECTION="192.0.2.1 50000 10.0.0.1 22") == "('192.0.2.1', '10.0.0.1', 22)"


def test_the_way_in_is_looked_at_before_any_file_of_the_filter_is_written() -> None:
    tasks = yaml.safe_load(
        (LIBRARY.parent / "roles" / "baseline" / "tasks" / "main.yml").read_text(encoding="utf-8")
    )
    order = [task["name"] for task in tasks]
    writers = [task["name"] for task in tasks if "firewall" in str(task) and task["name"] != "Way in"]
    assert {"Files", "Packet filter"} <= set(writers)
    assert all(order.index("Packages") < order.index("Way in") < order.index(name) for name in writers)
