"""The readers of `inventory adopt` for the fuzzer: each reads one format's files, and what follows from them.

An input is the format's files one after another, each after a line that names it (`=== topology.conf`), so
that a mutation may move text from file to file.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from sovereign_ai.adopt import FORMATS, adopt, read_site
from sovereign_ai.errors import SovereignError

_HEAD = re.compile(rb"^=== ([a-z0-9.-]{1,40})\n", re.MULTILINE)
MOST_FILES = 8
"""Files of an input: more would only slow the search."""
_MODELS = {"DGX H100": "dgx-h100", "n": "dgx-h100", "h": "dgx-h100"}


def reader_of(form: str) -> Callable[[bytes], None]:
    """Return the reader of a format."""

    def read(raw: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
            folder = Path(name)
            for file, text in files_of(raw).items():
                (folder / file).write_bytes(text)
            try:
                adopt(read_site([folder], form).site, _MODELS).to_yaml()
            except SovereignError:
                return

    return read


def files_of(raw: bytes) -> dict[str, bytes]:
    """Return the files of an input, by their names; text before the first head belongs to none."""
    parts = _HEAD.split(raw)[1:]
    files = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        file = name.decode()
        if file.strip(".") and len(files) < MOST_FILES:
            files[file] = text
    return files


ADOPTED = {f"adopt-{form}": reader_of(form) for form in FORMATS}
"""Every format's reader by the name of its corpus."""

_NETBOX = b"""=== 6-devices.csv
name,device_type,site,rack,role
n1,DGX H100,a,r1,server
sw1,SN5600,a,,leaf
=== 7-interfaces.csv
device,name,type
n1,eth0,400gbase-x-osfp
sw1,1,400gbase-x-osfp
=== 8-cables.csv
side_a_device,side_a_name,side_b_device,side_b_name
n1,eth0,sw1,1
"""
_NETBOX_EXPORTED = b"""=== devices.csv
Name,Type,Site,Rack,Role
n1,"DGX H100",a,r1,Server
=== interfaces.csv
Device,Name,Type,Enabled
n1,eth0,QSFP-DD (400GE),True
=== cables.csv
ID,Label,Device A,Termination A,Device B,Termination B,Status
"""
_SLURM = b"""=== topology.conf
SwitchName=leaf1 Nodes=n[01-02]
SwitchName=leaf2 \\
  Nodes=n03
SwitchName=spine Switches=leaf[1-2]
=== nodes.conf
NodeName=DEFAULT Gres=gpu:h100:8
NodeName=n[01-02] CPUs=224 Feature=ib,dgx-h100
NodeName=n03
=== gres.conf
NodeName=n03 Name=gpu File=/dev/nvidia[0-7]
"""
_SLURM_YAML = b"""=== topology.yaml
- topology: train
  tree:
    switches:
    - {switch: leaf1, nodes: "n[01-02]"}
    - {switch: spine, children: leaf1}
- topology: nvlink
  block:
    block_sizes: [2]
    blocks:
    - {block: b1, nodes: "n[01-02]"}
"""
_TOPOGRAPH = b"""=== topograph.yaml
switches:
  core:
    labels: {topology.kubernetes.io/region: here}
    switches: [leaf-1, leaf-2]
blocks:
- switch: leaf-1
  nodes: ["n[01-02]", m1]
  annotations: {accelerator.topology.test/domain: nvl1}
- {switch: leaf-2, nodes: [n03]}
"""
_TOPOGRAPH_OLD = b"""=== topograph.yml
switches:
  core: {metadata: {region: here}, switches: [leaf-1]}
  leaf-1: {nodes: ["n[01-02]"]}
nodes:
  n01: {capacity_block: cb, attributes: {nvlink: nvl1}}
  n02: {capacity_block: cb}
capacity_blocks: {cb: {}}
"""
_SUBNET = b"""=== subnet.txt
switchguid=0x1(1)
Switch\t8 "S-0000000000000001"\t# "leaf-1" enhanced port 0 lid 1 lmc 0
[1]\t"H-0000000000000011"[1](11) \t# "n1 mlx5_0" lid 11 4xNDR
[2]\t"S-0000000000000002"[1]\t# "spine-1" lid 2 4xNDR

Ca\t1 "H-0000000000000011"\t# "n1 mlx5_0"
[1](11) \t"S-0000000000000001"[1]\t# lid 11 lmc 0 "leaf-1" lid 1 4xNDR
"""
_CONTAINERLAB = b"""=== lab.clab.yml
name: lab
topology:
  defaults: {kind: linux}
  groups: {fabric: {kind: srl}}
  nodes:
    l1: {group: leaf, labels: {sovereign.ai/rack: r1}}
    s1: {group: fabric}
    h1: {kind: linux, group: host}
  links:
  - endpoints: ["h1:eth1", "l1:swp1"]
  - endpoints: [{node: l1, interface: swp3}, {node: s1, interface: e1-1}]
"""
SEEDS = {
    "adopt-netbox": {"imports": _NETBOX, "exports": _NETBOX_EXPORTED},
    "adopt-slurm": {"conf": _SLURM, "yaml": _SLURM_YAML},
    "adopt-topograph": {"blocks": _TOPOGRAPH, "old": _TOPOGRAPH_OLD},
    "adopt-ibnetdiscover": {"subnet": _SUBNET},
    "adopt-containerlab": {"lab": _CONTAINERLAB},
}
"""Reader to the name and bytes of each of its seeds."""
