"""Outputs of every stack, loaded into the programs of Debian that they are meant for.

A missing program fails, it is never skipped.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outputs.designs import design
from tests.outputs.judging import written as output
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack

pytestmark = pytest.mark.loads


def run(*words: str, env: dict[str, str] | None = None, text: str = "", cwd: Path | None = None) -> str:
    done = subprocess.run(
        words,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        # Seconds on an idle machine; a busy one may take minutes.
        timeout=600,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    return done.stdout + done.stderr + f"\nexit {done.returncode}"


def put(folder: Path, name: str, prefix: str) -> Iterator[tuple[Path, str]]:
    """Write the files of a stack, or of a design such as `edge three tiers`, below a prefix."""
    texts = output(*design(name)).files if " " in name else written(name)
    for file, text in texts.items():
        if file.startswith(prefix):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            yield path, text


@pytest.mark.parametrize("name", SMALL)
def test_kea_takes_every_dhcp_configuration(name: str, tmp_path: Path) -> None:
    files = [path for path, _ in put(tmp_path, name, "") if path.name == "kea-dhcp4.json"]
    assert files
    for file in files:
        assert run("/usr/sbin/kea-dhcp4", "-t", str(file)).endswith("exit 0"), file
    broken = tmp_path / "broken.json"
    broken.write_text(files[0].read_text().replace('"circuit-id"', '"circuit"', 1))
    assert not run("/usr/sbin/kea-dhcp4", "-t", str(broken)).endswith("exit 0")


@pytest.mark.parametrize("name", ["superpod", "plural"])
def test_ibdm_builds_every_switch_and_adapter_of_the_topology_file(name: str, tmp_path: Path) -> None:
    for plane in (one for one in stack(name)[1].fabrics if one.kind == "infiniband"):
        list(put(tmp_path, name, f"{plane.name}/"))
        folder = tmp_path / plane.name
        script = 'set f [new_IBFabric]\nputs [IBFabric_parseTopology $f topology.topo]\nputs "nodes [llength [IBFabric_NodeByName_get $f]]"\nexit\n'  # noqa: E501 - one literal text
        told = run("ibdmsh", env={"IBDM_IBNL_PATH": str(folder / "ibnl")}, text=script, cwd=folder)
        assert f"nodes {len(plane.switches) + len(plane.host_links)}" in told
        assert "nodes 0" in run("ibdmsh", env={"IBDM_IBNL_PATH": str(tmp_path)}, text=script, cwd=folder)
