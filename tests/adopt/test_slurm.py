"""Slurm's files: trees, blocks, nodes and their GPUs, and every way in which a line is wrong."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt import slurm, standing
from sovereign_ai.adopt.standing import MACHINE, SWITCH
from tests.adopt.kit import places, problems, site

TREE = """# a tree
switchname=leaf1 Nodes=n[01-02]   # in any case
SwitchName=leaf2 \\
  Nodes=n03 LinkSpeed=100
SwitchName=spine Switches=leaf[1-2]
"""
NODES = """NodeName=DEFAULT Gres=gpu:h100:8(S:0-1),shard:8
NodeName=n[01-02] CPUs=224 Feature=ib,dgx-h100
NodeName=n03 CPUs=224
PartitionName=all Nodes=ALL Default=YES
Include other.conf
"""
GRES = """NodeName=n[01-02] Name=gpu File=/dev/nvidia[0-3]
NodeName=n[01-02] Name=gpu File=/dev/nvidia[4-7]
NodeName=n03 Name=gpu Count=8
NodeName=n03 Name=tmpdisk Count=100G
Name=gpu File=/dev/nvidia0
"""
YAML = """- topology: train
  cluster_default: true
  tree:
    switches:
    - {switch: leaf1, nodes: "n[01-02]"}
    - {switch: leaf2, nodes: n03}
    - {switch: spine, children: "leaf[1-2]"}
- topology: nvlink
  block:
    block_sizes: [2]
    blocks:
    - {block: b1, nodes: "n[01-02]"}
- topology: rest
  flat: true
"""


def test_a_tree_has_its_switches_machines_and_links() -> None:
    seen = site("slurm", topology_conf=TREE)
    kinds = {name: device.kind for name, device in seen.devices.items()}
    assert kinds == dict.fromkeys(("n01", "n02", "n03"), MACHINE) | dict.fromkeys(
        ("leaf1", "leaf2", "spine"), SWITCH
    )
    assert {(lower[0], upper[0]) for lower, upper in seen.cables} == {
        ("n01", "leaf1"),
        ("n02", "leaf1"),
        ("n03", "leaf2"),
        ("leaf1", "spine"),
        ("leaf2", "spine"),
    }
    assert seen.left_out == ("LinkSpeed, whose unit is arbitrary",)


def test_both_files_of_a_topology_are_one_tree_with_blocks() -> None:
    both = site("slurm", topology_conf=TREE, topology_yaml=YAML)
    assert set(both.cables) == set(site("slurm", topology_yaml=YAML).cables)
    assert len(both.cables) == 5
    assert [both.devices[name].domain for name in ("n01", "n02", "n03")] == ["b1", "b1", ""]
    assert "flat topology of Slurm" in both.left_out


def test_nodes_have_gpus_and_a_model_by_feature_or_by_type() -> None:
    seen = site("slurm", nodes_conf=NODES, gres_conf=GRES)
    facts = {name: (device.gpus, device.model) for name, device in seen.devices.items()}
    assert facts == {"n01": (8, "dgx-h100"), "n02": (8, "dgx-h100"), "n03": (8, "h100")}
    text = " ".join(seen.left_out)
    for noun in ("partition", "Include other.conf", "generic resource 'tmpdisk'", "without NodeName"):
        assert noun in text


def test_blocks_without_a_tree_are_machines_with_domains() -> None:
    seen = site("slurm", topology_conf="BlockName=b1 Nodes=n[1-2]\nBlockName=b2 Nodes=n[3-4]\nBlockSizes=2\n")
    assert [device.domain for device in seen.devices.values()] == ["b1", "b1", "b2", "b2"]
    assert not seen.cables


def test_clusters_of_a_site_share_a_switch_that_each_describes_in_its_own_file() -> None:
    seen = site(
        "slurm",
        a_conf="SwitchName=leaf Nodes=n1\nSwitchName=top Switches=leaf\n",
        b_conf="SwitchName=leaf Nodes=n2\nSwitchName=top Switches=leaf\n",
    )
    assert sorted(seen.devices) == ["leaf", "n1", "n2", "top"]
    assert len(seen.cables) == 3


def test_the_listing_of_scontrol_repeats_no_node_above_its_leaf() -> None:
    text = "SwitchName=leaf Level=0 LinkSpeed=1 Nodes=n1\nSwitchName=top Level=1 Nodes=n1 Switches=leaf\n"
    assert len(site("slurm", topology_conf=text).cables) == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("SwitchName=leaf1 Nodes=n04", "switch-twice"),
        ("SwitchName=leaf9 Nodes=n[1-", "bad-host-list"),
        ("SwitchName=leaf9", "empty-switch"),
        ("SwitchName=leaf9 Switches=leaf9", "own-child"),
        ("SwitchName=leaf9 Switches=leaf", "unknown-switch"),
        ("SwitchName=leaf9 Node=n01", "unknown-key"),
        ("SwitchName=leaf9 Nodes=n01 and more", "bad-line"),
        ("NodeName=n01 Name=gpu Count=many", "bad-count"),
        ("BlockName=b1 Nodes=n[1-2] Sizes=3", "unknown-key"),
    ],
)
def test_every_fault_is_reported_with_its_line(line: str, code: str) -> None:
    assert (code, 6) in places("slurm", topology_conf=TREE + line + "\n")


def test_faults_of_several_files_are_reported_at_once_with_the_nearest_name() -> None:
    wrong = NODES.replace("n[01-02]", "n[01-02],n09\nNodeName=n01")
    told = problems("slurm", topology_conf=TREE.replace("n03", "m03"), nodes_conf=wrong)
    assert {problem.code for problem in told} == {"unknown-node", "node-twice"}
    [unknown] = [problem for problem in told if problem.code == "unknown-node"]
    assert (unknown.where.file, unknown.hint) == ("topology.conf", "did you mean 'n03'?")


def test_gpus_of_two_files_that_differ_are_a_problem() -> None:
    assert places("slurm", nodes_conf=NODES, gres_conf=GRES.replace("Count=8", "Count=4")) == [
        ("two-values", 3)
    ]


def test_switches_in_a_circle_are_a_problem() -> None:
    text = TREE + "SwitchName=top Switches=spine,low\nSwitchName=low Switches=top\n"
    assert [code for code, _ in places("slurm", topology_conf=text)] == ["circle"]


def test_lines_that_repeat_a_list_are_refused_before_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "MOST_NAMES", 1_050)
    lines = [f"SwitchName=s{number} Nodes=n[0-99]" for number in range(20)]
    # Each line has a hundred nodes and a switch.
    assert ("too-many-names", 11) in places("slurm", topology_conf="\n".join(lines))


@pytest.mark.parametrize("line", ["e" * 400_000, "SwitchName=s " + "e" * 400_000, "a " * 200_000])
def test_a_long_line_is_refused(line: str) -> None:
    assert "bad-line" in [code for code, _ in places("slurm", topology_conf=TREE + line)]


def test_many_gpus_of_a_node_are_counted() -> None:
    assert slurm._gpus_of("gpu," * 100_000)[0] == 100_000


@pytest.mark.parametrize("text", ["", "# nothing\n", "ClusterName=x\n"])
def test_a_file_without_a_line_of_its_own_is_refused(text: str) -> None:
    assert [code for code, _ in places("slurm", topology_conf=text)] == ["not-slurm"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("- topology: nvlink\n", "- name: nvlink\n", "no-field"),
        ("switch: leaf2, ", "", "no-field"),
        ("nodes: n03", "nodes: 'n[3'", "bad-host-list"),
        ("nodes: n03", "nodes: [true]", "bad-field"),
        ('children: "leaf[1-2]"', "children: leaf3", "unknown-switch"),
        ("    blocks:\n    -", "    blocks:\n      a:", "bad-field"),
        ("    switches:\n", "    switches: &a\n", "yaml-feature"),
    ],
)
def test_every_fault_of_the_yaml_is_reported(old: str, new: str, code: str) -> None:
    assert old in YAML
    assert code in {problem.code for problem in problems("slurm", topology_yaml=YAML.replace(old, new))}


def test_a_yaml_that_is_no_list_is_refused() -> None:
    assert [code for code, _ in places("slurm", topology_yaml="switches: {}\n")] == ["not-slurm"]
