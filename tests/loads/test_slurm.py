"""Debian's slurmctld and slurmd, started with the rendered files of a cluster.

Everything runs in namespaces of its own (network, mounts, processes) that end with the test: nothing is
reached beyond them, and no daemon is left. Nodes have their planned addresses there, all on one loopback
interface, so each slurmd has a port of its own. /dev has files named as a GPU's are. Without root and Slurm
this fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.loads.test_debian import run
from tests.render.interop.slurm_text import expand, fields
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack

pytestmark = pytest.mark.loads

# What a site decides, and what a test needs: no munge, no cgroups, and more CPUs than this machine has.
SITE = """ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
AuthType=auth/none
CredType=cred/none
SlurmUser=root
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
Include {folder}/nodes.conf
"""
# glibc resolves no address where loopback is the only interface; a pair of virtual links is another one.
INSIDE = """set -e
ip link set lo up
ip link add site0 type veth peer name site1
ip link set site0 up
ip address add 198.18.0.1/32 dev site0
ip route add local 10.0.0.0/8 dev lo
mkdir dev state
mount -t tmpfs tmpfs dev
for name in null zero full random urandom tty; do cp -a /dev/$name dev/; done
mkdir dev/shm dev/pts dev/dri
for number in 0 1 2 3 4 5 6 7; do mknod dev/nvidia$number c 1 3; done
mount --rbind dev /dev
export SLURM_CONF=$PWD/slurm.conf
slurmctld -D >/dev/null 2>&1 &
for node in $NODES; do mkdir $node; slurmd -D -N $node >/dev/null 2>&1 & done
for second in $(seq 60); do
  [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l)" -ge "$IDLE" ] && break
  sleep 1
done
"""
JOB = """#!/bin/sh
srun --mpi=none sh -c 'echo task $SLURMD_NODENAME $SLURM_JOB_GPUS $SLURM_STEP_GPUS'
echo end
"""


def inside(folder: Path, name: str, commands: str, nodes: tuple[str, ...] = (), topology: str = "") -> str:
    """Start slurmctld and some nodes' slurmd with a stack's files, and return what commands print.

    A topology takes the place of the rendered one.
    """
    cluster = stack(name)[1].clusters[0].name
    for file, text in written(name).items():
        if file.startswith(f"slurm/{cluster}/") and file.endswith(".conf"):
            (folder / Path(file).name).write_text(with_ports(text) if file.endswith("nodes.conf") else text)
    if topology:
        (folder / "topology.conf").write_text(topology)
    (folder / "slurm.conf").write_text(SITE.format(folder=folder))
    (folder / "job").write_text(JOB)
    environment = {"NODES": " ".join(nodes), "IDLE": str(len(nodes))}
    own = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
    return run(*own, "sh", "-c", INSIDE + commands, env=environment, cwd=folder)


def with_ports(text: str) -> str:
    """Give each node of a node list a port of its own, since all are on one interface here."""
    lines = []
    first = 20000
    for line in text.splitlines():
        if line.startswith("NodeName="):
            count = len(expand(fields(line)["NodeName"]))
            lines.append(f"{line} Port=[{first}-{first + count - 1}]")
            first += count
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def tasks(text: str) -> dict[str, str]:
    """Return node to the GPUs of its task, as a job prints them."""
    return dict(re.findall(r"^task (\S+) (\S+)", text, re.MULTILINE))


def switch_of(topology: str) -> Mapping[str, str]:
    """Return node to its leaf, as slurmctld prints the topology."""
    leaves = {}
    for switch, names in re.findall(r"^SwitchName=(\S+) Level=0 .* Nodes=(\S+)", topology, re.MULTILINE):
        leaves.update(dict.fromkeys(expand(names), switch))
    return leaves


@pytest.mark.parametrize("name", SMALL)
def test_slurmctld_knows_every_node_its_gpus_its_partition_and_its_leaf(name: str, tmp_path: Path) -> None:
    plan = stack(name)[1]
    nodes = plan.nodes_of(plan.clusters[0].name)
    commands = "for second in $(seq 60); do scontrol ping >/dev/null 2>&1 && break; sleep 1; done\n"
    commands += "scontrol show topology\nsinfo -h -N -o 'node %N %P %G'\n"
    text = inside(tmp_path, name, commands)
    listed = set(re.findall(r"^node (\S+) (\S+?)\*? (\S+)", text, re.MULTILINE))
    assert listed == {(node.name, node.zone, f"gpu:{node.gpus}") for node in nodes}, text
    assert switch_of(text).keys() == {node.name for node in nodes}
    log = (tmp_path / "slurmctld.log").read_text()
    assert not re.search("fatal|lack access|Multiple leaf|nvalid", log.replace("MailProg is invalid", "")), (
        log
    )


def test_a_job_that_wants_one_switch_runs_inside_a_scalable_unit_or_waits(tmp_path: Path) -> None:
    # Two nodes of the first unit are idle and four of the second: three nodes are all of the second, though
    # those of the first come first; all six are no unit, so that job waits.
    idle = ("dgx-031", "dgx-032", "dgx-033", "dgx-034", "dgx-035", "dgx-036")
    commands = """
options='--ntasks-per-node=1 --gres=gpu:8 --switches=1'
sbatch -N3 $options -o small.txt job
sbatch -N6 $options -o large.txt job
for second in $(seq 60); do grep -q end small.txt 2>/dev/null && break; sleep 1; done
sleep 4
squeue -h -o 'queue %i %T %r'
scontrol show topology
"""
    text = inside(tmp_path, "superpod", commands, idle)
    placed = tasks((tmp_path / "small.txt").read_text())
    assert len(placed) == 3, text
    assert set(placed.values()) == {"0,1,2,3,4,5,6,7"}
    units = {node.name: node.scalable_unit for node in stack("superpod")[1].nodes}
    assert {units[node] for node in placed} == {units["dgx-033"]}
    assert {switch_of(text)[node] for node in placed} == {switch_of(text)["dgx-033"]}
    assert re.findall(r"^queue (\S+) (\S+)", text, re.MULTILINE) == [("2", "PENDING")]


def test_a_job_without_such_a_request_crosses_units(tmp_path: Path) -> None:
    idle = ("dgx-031", "dgx-032", "dgx-033", "dgx-034")
    commands = "sbatch -N4 --ntasks-per-node=1 --gres=gpu:8 -o wide.txt job\n"
    commands += "for second in $(seq 60); do grep -q end wide.txt 2>/dev/null && break; sleep 1; done\n"
    text = inside(tmp_path, "superpod", commands, idle)
    assert tasks((tmp_path / "wide.txt").read_text()).keys() == set(idle), text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("leaf-r0-002 Nodes", "leaf-r0-001 Nodes", "fatal: Switch .* has already been defined"),
        ("leaf-r0-[001-004]", "leaf-r0-[001-005]", "fatal: .* has invalid child"),
        ("Nodes=dgx-[033-064]", "Nodes=dgx-[001-064]", "Multiple leaf switches contain nodes"),
        ("Nodes=dgx-[033-064]", "Nodes=dgx-[034-064]", "switches lack access to 1 nodes"),
    ],
)
def test_slurmctld_complains_of_a_damaged_topology(old: str, new: str, message: str, tmp_path: Path) -> None:
    # The checks above would be worth nothing if slurmctld took every file.
    text = written("superpod")["slurm/superpod/topology.conf"]
    assert text.count(old) == 1
    inside(tmp_path, "superpod", "sleep 3\n", topology=text.replace(old, new))
    assert re.search(message, (tmp_path / "slurmctld.log").read_text())
