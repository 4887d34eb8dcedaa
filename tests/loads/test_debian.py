"""Outputs of every stack, loaded into the programs of Debian that they are meant for.

A missing program fails, it is never skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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
        timeout=120,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    return done.stdout + done.stderr + f"\nexit {done.returncode}"


def put(folder: Path, name: str, prefix: str) -> Iterator[tuple[Path, str]]:
    """Write a stack's files below a prefix."""
    for file, text in written(name).items():
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


@pytest.mark.parametrize(("name", "fabric"), [("superpod", "compute-lyon-p0"), ("lab", "compute-fra1-p0")])
def test_slurmctld_knows_every_machine_its_gpus_and_its_leaf(name: str, fabric: str, tmp_path: Path) -> None:
    plan = stack(name)[1]
    cluster = plan.clusters[0].name
    for file in (
        f"{fabric}/slurm/topology.conf",
        f"slurm/{cluster}/nodes.conf",
        f"slurm/{cluster}/gres.conf",
    ):
        (tmp_path / Path(file).name).write_text(written(name)[file])
    (tmp_path / "state").mkdir()
    conf = tmp_path / "slurm.conf"
    own = {
        "StateSaveLocation": tmp_path / "state",
        "SlurmctldPidFile": tmp_path / "pid",
        "SlurmctldLogFile": tmp_path / "log",
    }
    settings = "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort=56818\nAuthType=auth/none\nCryptoType=crypto/none\nSlurmUser=root\n"  # noqa: E501 - one literal text
    settings += "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nTopologyPlugin=topology/tree\nMpiDefault=none\n"  # noqa: E501 - one literal text
    conf.write_text(
        settings
        + "".join(f"{key}={value}\n" for key, value in own.items())
        + f"Include {tmp_path / 'nodes.conf'}\n"
    )
    daemon = subprocess.Popen(
        ["slurmctld", "-D", "-f", str(conf)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        env = {"SLURM_CONF": str(conf)}
        deadline = time.monotonic() + 60
        while "SwitchName" not in (told := run("timeout", "5", "scontrol", "show", "topology", env=env)):
            assert daemon.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, told
            time.sleep(0.5)
        nodes = run("timeout", "10", "sinfo", "-h", "-N", "-o", "%N %G", env=env)
        expected = {f"{node.name} gpu:{node.gpus}" for node in plan.nodes_of(cluster)}
        assert set(nodes.splitlines()) >= expected
        leaves = {
            node
            for line in re.findall(r"Level=0 \S+ Nodes=(\S+)", told)
            for node in run("scontrol", "show", "hostnames", line, env=env).split()
        }
        assert {node.name for node in plan.nodes_of(cluster)} <= leaves
    finally:
        daemon.terminate()
        daemon.wait(20)
