"""Topograph's model files, in the forms of its versions 1.0 and 0.5."""

from __future__ import annotations

import pytest

from tests.adopt.kit import problems, site

MODEL = """switches:
  core:
    labels: {topology.kubernetes.io/region: here}
    switches: [leaf-1, leaf-2]
blocks:
- switch: leaf-1
  nodes: ["n[01-02]", m1]
  annotations: {accelerator.topology.test/domain: nvl1}
- switch: leaf-2
  nodes: [n03]
"""
OLD = """switches:
  core:
    metadata: {region: here}
    switches: [leaf-1]
  leaf-1:
    nodes: ["n[01-02]"]
nodes:
  n01: {capacity_block: cb, attributes: {nvlink: nvl1}}
  n02: {capacity_block: cb}
capacity_blocks: {cb: {}}
"""


def test_blocks_are_machines_below_leaves_with_domains() -> None:
    seen = site("topograph", topograph_yaml=MODEL)
    below = {lower[0]: upper[0] for lower, upper in seen.cables}
    assert below == {
        "leaf-1": "core",
        "leaf-2": "core",
        "n01": "leaf-1",
        "n02": "leaf-1",
        "m1": "leaf-1",
        "n03": "leaf-2",
    }
    assert (seen.devices["m1"].domain, seen.devices["n03"].domain) == ("nvl1", "")
    assert seen.left_out == ("label topology.kubernetes.io/region",)


def test_the_older_form_has_nodes_at_their_switch() -> None:
    seen = site("topograph", topograph_yaml=OLD)
    assert len(seen.cables) == 3
    assert (seen.devices["n01"].domain, seen.devices["n02"].domain) == ("nvl1", "")


def test_planes_of_several_files_are_one_site() -> None:
    seen = site("topograph", one_topograph_yaml=MODEL, two_topograph_yaml=MODEL.replace("leaf-", "left-"))
    assert len(seen.cables) == 12
    assert {device.kind for device in seen.devices.values()} == {"machine", "switch"}


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("switch: leaf-2", "switch: leaf-3", "unknown-switch", 9),
        ("[leaf-1, leaf-2]", "[leaf-1, leaf-1, leaf-2]", "two-parents", 4),
        ("[leaf-1, leaf-2]", "[leaf-1, leaf-2, core]", "two-parents", 4),
        ("blocks:\n", "  leaf-1: {switches: [core]}\nblocks:\n", "circle", 3),
        ("[n03]", "['n[3']", "bad-host-list", 10),
        ("[n03]", "{n03: 1}", "bad-field", 10),
        ("[n03]", "[leaf-1]", "two-values", 9),
        ("annotations: {accelerator.topology.test/domain: nvl1}", "annotations: [1]", "bad-field", 8),
        ("blocks:\n", "blocks:\nblocks:\n", "duplicate-key", 6),
    ],
)
def test_every_fault_is_reported_with_its_line(old: str, new: str, code: str, line: int) -> None:
    assert old in MODEL
    told = problems("topograph", topograph_yaml=MODEL.replace(old, new))
    assert (code, line) in {(problem.code, problem.where.line) for problem in told}


def test_an_unknown_leaf_has_the_nearest_name() -> None:
    [problem] = problems("topograph", topograph_yaml=MODEL.replace("switch: leaf-2", "switch: leaf_2"))
    assert problem.hint == "did you mean 'leaf-2'?"


@pytest.mark.parametrize("text", ["", "nodes: {}\n", "[1]\n", "{\n"])
def test_another_document_is_refused(text: str) -> None:
    assert problems("topograph", topograph_yaml=text)
