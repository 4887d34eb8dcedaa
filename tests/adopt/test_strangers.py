"""Files as others have them, with what ours never have, are read; each damage is named by its line."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from sovereign_ai.adopt.formats import FORMATS, site_of
from sovereign_ai.adopt.standing import MACHINE, SourceText, StandingSite
from sovereign_ai.errors import SpecError


@dataclass(frozen=True, slots=True)
class Stranger:
    """A file of somebody else: its format, name and text, and what it shows."""

    form: str
    file: str
    text: str
    machines: int
    cables: int
    left_out: tuple[str, ...] = ()


TREE = """# Leaves with steps, a comment behind a line, and a list over two lines
SwitchName=l0 Nodes=cpu[0-5]
SwitchName=l1 Nodes=cpu-[6-11],gpu[01-04]   # mixed
switchname=l2 \\
  Nodes=big[12,14,16-17] LinkSpeed=900
SwitchName=top Switches=l[0-2]
"""
BLOCKS = "BlockName=b1 Nodes=n[01-18]\nBlockName=b2 Nodes=n[19-36]\nBlockSizes=16,32\n"
SLURM_YAML = """---
- topology: default
  cluster_default: true
  tree:
    switches:
      - switch: root
        children: l[1-2]
      - switch: l1
        nodes: n[01-02]
      - switch: l2
        nodes: n[03-04]
- topology: racks
  cluster_default: false
  block:
    block_sizes:
      - 2
    blocks:
      - block: b1
        nodes: n[01-02]
- topology: rest
  cluster_default: false
  flat: true
"""
CONF = """ClusterName=c
SlurmctldHost=head(10.0.0.1)
GresTypes=gpu
NodeName=DEFAULT State=UNKNOWN
NodeName=n[1-4] NodeAddr=10.0.0.[1-4] CPUs=192 RealMemory=2000000 Gres=gpu:h100:8,shard:8 Feature=ib,ndr
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
OLD_MODEL = """switches:
  core:
    switches: [spine]
  spine:
    metadata:
      availability_zone: a
    switches: [tor1, tor2]
  tor1:
    nodes: ["n[10-12]"]
  tor2:
    nodes: [n21]
capacity_blocks:
- name: c1
  nvlink: d1
"""
CLAB = """name: lab
topology:
  defaults:
    env: {A: b}
  kinds:
    nokia_srlinux:
      image: registry.example.com/srlinux
  nodes:
    srl1:
      kind: nokia_srlinux
    srl2:
      kind: nokia_srlinux
    br1:
      kind: bridge
  links:
    - endpoints: ["srl1:e1-1", "srl2:e1-1"]
    - endpoints: ['srl1:ethernet-1/2', 'br1:eth1']
      mtu: 9000
    - endpoints: ["srl1:mgmt0", "host:srl1-e"]
    - type: veth
      endpoints:
        - node: srl1
          interface: e1-5
        - node: srl2
          interface: e1-5
    - type: macvlan
      endpoint: {node: srl1, interface: e1-7}
      host-interface: enp0s3
"""
SUBNET = """#
# Topology file: generated on Tue Jan 10 10:00:00 2026
#
# Initiated from node 02c0ffee00000001 port 02c0ffee00000001

vendid=0x2c9
devid=0xd2f0
sysimgguid=0x2c0ffee00000100
switchguid=0x2c0ffee00000100(2c0ffee00000100)
Switch\t41 "S-02c0ffee00000100"\t\t# "MF0;leaf1:MQM8700/U1" enhanced port 0 lid 2 lmc 0
[1]\t"H-02c0ffee00000001"[1](2c0ffee00000001) \t\t# "gpu01 mlx5_0" lid 5 4xHDR
[2]\t"H-02c0ffee00000002"[1](2c0ffee00000002) \t\t# "gpu02 HCA-1" lid 6 2xHDR
[41]\t"H-02c0ffee00000108"[1](2c0ffee00000108) \t\t# "Mellanox Technologies Aggregation Node" lid 9 4xHDR

vendid=0x2c9
caguid=0x2c0ffee00000001
Ca\t1 "H-02c0ffee00000001"\t\t# "gpu01 mlx5_0"
[1](2c0ffee00000001) \t"S-02c0ffee00000100"[1]\t\t# lid 5 lmc 0 "MF0;leaf1:MQM8700/U1" lid 2 4xHDR

Ca\t1 "H-02c0ffee00000002"\t\t# "gpu02 HCA-1"
[1](2c0ffee00000002) \t"S-02c0ffee00000100"[2]\t\t# lid 6 lmc 0 "MF0;leaf1:MQM8700/U1" lid 2 2xHDR

Ca\t1 "H-02c0ffee00000108"\t\t# "Mellanox Technologies Aggregation Node"
[1](2c0ffee00000108) \t"S-02c0ffee00000100"[41]\t\t# lid 9 lmc 0 "MF0;leaf1:MQM8700/U1" lid 2 4xHDR
"""
STRANGERS = {
    "tree": Stranger("slurm", "topology.conf", TREE, 20, 23, ("LinkSpeed, whose unit is arbitrary",)),
    "blocks": Stranger("slurm", "topology.conf", BLOCKS, 36, 0),
    "yaml": Stranger("slurm", "topology.yaml", SLURM_YAML, 4, 6, ("flat topology of Slurm",)),
    "slurm.conf": Stranger("slurm", "slurm.conf", CONF, 4, 0, ("partition of Slurm",)),
    "old model": Stranger("topograph", "topograph.yaml", OLD_MODEL, 4, 7, ("section capacity_blocks",)),
    "clab": Stranger(
        "containerlab", "x.clab.yml", CLAB, 0, 2, ("node of kind bridge", "link of type macvlan")
    ),
    "subnet": Stranger("ibnetdiscover", "net.txt", SUBNET, 2, 2, ("aggregation node",)),
}


def read(name: str, text: str) -> StandingSite:
    stranger = STRANGERS[name]
    return site_of(FORMATS[stranger.form], [SourceText(stranger.file, text)])


@pytest.mark.parametrize("name", STRANGERS)
def test_a_file_of_somebody_else_shows_its_machines_and_cables(name: str) -> None:
    stranger = STRANGERS[name]
    site = read(name, stranger.text)
    machines = [device for device in site.devices.values() if device.kind == MACHINE]
    assert (len(machines), len(site.cables)) == (stranger.machines, stranger.cables)
    for text in stranger.left_out:
        assert any(text in entry for entry in site.left_out), site.left_out


@pytest.mark.parametrize(
    ("name", "changes", "lines"),
    [
        ("tree", {"cpu[0-5]": "cpu[0-", "Switches=l[0-2]": "Switchs=l0"}, {2, 6}),
        ("tree", {"SwitchName=l1": "SwitchName=l0", "SwitchName=top": "SwitchName=top Colour=red"}, {3, 6}),
        ("yaml", {"switch: l2": "switch: l1", "block: b1": "blok: b1"}, {10, 18}),
        ("slurm.conf", {"n[1-4] NodeAddr": "n[4-1] NodeAddr"}, {5}),
        ("old model", {"switches: [tor1, tor2]": "switches: [tor1, core]"}, {3}),
        ("clab", {'"srl2:e1-1"]': '"srl2"]', '"srl1:mgmt0"': '"srl9:mgmt0"'}, {16, 19}),
    ],
)
def test_each_damage_is_a_problem_with_its_line(name: str, changes: dict[str, str], lines: set[int]) -> None:
    text = STRANGERS[name].text
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    with pytest.raises(SpecError) as caught:
        read(name, text)
    assert lines <= {problem.where.line for problem in caught.value.problems}, caught.value.problems
