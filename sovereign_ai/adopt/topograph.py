"""Topograph's model file: switches by name with those below them, and blocks of nodes below leaves.

The form is that of its `pkg/models/model.go` after version 1.0, and of version 0.5, where nodes are listed
with their switch (both read 2026-11-27).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sovereign_ai.adopt.standing import MACHINE, SWITCH, SiteDraft, SourceText
from sovereign_ai.adopt.yaml_fields import Document, document
from sovereign_ai.files import below

_DOMAIN = "accelerator.topology.test/domain"
_SECTIONS = {"switches", "blocks", "nodes"}


def read_topograph(sources: Sequence[SourceText], draft: SiteDraft) -> None:
    """Read Topograph's model files, one for each plane, into a draft.

    Raises:
        SpecError: a file cannot be read, or has too many problems to go on.
    """
    for source in sources:
        doc = document(source, draft)
        model = doc.mapping(doc.data, "")
        if "switches" not in model and "blocks" not in model:
            message = "expected switches: and blocks:"
            draft.refuse("not-topograph", message, doc.where(""), "name a model file of Topograph")
            continue
        _read_switches(doc, doc.mapping(model.get("switches"), "switches"), draft)
        for path, entry in doc.entries(model.get("blocks"), "blocks"):
            _read_block(doc, doc.mapping(entry, path), path, draft)
        _read_nodes(doc, doc.mapping(model.get("nodes"), "nodes"), draft)
        for section in model.keys() - _SECTIONS:
            draft.left_out[f"section {section[:60]} of Topograph's model"] += 1


def _read_switches(doc: Document, switches: Mapping[str, Any], draft: SiteDraft) -> None:
    """Read the switches; one that is only named below another has no entry of its own."""
    parents: dict[str, str] = {}
    for name, entry in switches.items():
        path = below("switches", name)
        switch = doc.mapping(entry, path)
        draft.add(name, doc.where(path), kind=SWITCH)
        _note_labels(doc, switch, path, draft)
        for at, child_entry in doc.entries(switch.get("switches"), below(path, "switches")):
            child = doc.word(child_entry, at)
            if not child:
                continue
            if child in parents or child == name:
                message = f"{child[:60]!r} is below {parents.get(child, name)[:60]!r} already"
                draft.refuse("two-parents", message, doc.where(at), "a switch is below one other")
                continue
            parents[child] = name
            draft.add(child, doc.where(at), kind=SWITCH)
            draft.connect((child, ""), (name, ""))
        for node in doc.hosts(switch.get("nodes"), below(path, "nodes")):
            draft.add(node, doc.where(path), kind=MACHINE)
            draft.connect((node, ""), (name, ""))
    draft.refuse_circle({name: doc.where(below("switches", name)) for name in switches})


def _read_block(doc: Document, block: Mapping[str, Any], path: str, draft: SiteDraft) -> None:
    """Read a block: nodes below a leaf, which may share an NVLink domain."""
    leaf = doc.word(block.get("switch"), below(path, "switch"))
    where = doc.where(path)
    if leaf and (leaf not in draft.devices or draft.devices[leaf].kind != SWITCH):
        switches = [device.name for device in draft.devices.values() if device.kind == SWITCH]
        draft.unknown("switch", leaf, where, switches)
        return
    annotations = doc.mapping(block.get("annotations"), below(path, "annotations"))
    domain = doc.word(annotations.get(_DOMAIN), below(path, "annotations"))
    _note_labels(doc, block, path, draft)
    for node in doc.hosts(block.get("nodes"), below(path, "nodes")):
        draft.add(node, where, kind=MACHINE, domain=domain)
        if leaf:
            draft.connect((node, ""), (leaf, ""))


def _read_nodes(doc: Document, nodes: Mapping[str, Any], draft: SiteDraft) -> None:
    """Read the nodes of version 0.5 with their NVLink domains."""
    for name, entry in nodes.items():
        path = below("nodes", name)
        attributes = doc.mapping(doc.mapping(entry, path).get("attributes"), below(path, "attributes"))
        domain = doc.word(attributes.get("nvlink"), below(path, "attributes"))
        draft.add(name, doc.where(path), kind=MACHINE, domain=domain)


def _note_labels(doc: Document, entry: Mapping[str, Any], path: str, draft: SiteDraft) -> None:
    """Note the labels of a switch or a block, which a description has no place for."""
    for key in ("labels", "metadata"):
        for label in doc.mapping(entry.get(key), below(path, key)):
            draft.left_out[f"label {label[:60]}"] += 1
